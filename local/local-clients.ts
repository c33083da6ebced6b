/**
 * How this process reaches the servers of a local stack: by explicit settings only, whatever the shell or the user's
 * files say about profiles, endpoints, FIPS, retries and proxies.
 */
import { Connection } from '@temporalio/client';
import { LOCAL_CREDENTIALS, LOCAL_REGION } from './child-environment.ts';

/** The configuration of any AWS SDK client of a local stack. */
export const localAwsConfig = (endpoint: string) => ({
  endpoint,
  region: LOCAL_REGION,
  credentials: LOCAL_CREDENTIALS,
  useFipsEndpoint: false,
  useDualstackEndpoint: false,
  maxAttempts: 3,
  retryMode: 'standard',
});

/** Connects to the Temporal server of a local stack. gRPC would otherwise go through the proxy of `http_proxy`, even to loopback. */
export const connectToLocalTemporal = (address: string, connectTimeoutMs = 10_000): Promise<Connection> =>
  Connection.connect({
    address,
    tls: false,
    connectTimeout: connectTimeoutMs,
    channelArgs: { 'grpc.enable_http_proxy': 0 },
  });
