/** Connecting a client to Temporal, with errors that a person can act on. */
import { Client, Connection, isGrpcServiceError, type WorkflowClientInterceptor } from '@temporalio/client';
import type { Config } from './config.ts';
import { SEARCH_ATTRIBUTES } from './decisions/search-attributes.ts';
import { InputError, messageOf } from './errors.ts';
import { encryptionOf } from './payload-encryption.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** Where we connect, for messages. */
export const temporalAddress = (config: Pick<Config, 'temporal'>): string =>
  config.temporal.connectionOptions.address ?? 'localhost:7233';

/** What the libraries say of a failed connection, in words; theirs are the insides of two different transports. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/connection refused/i, 'nothing listens there'],
  // A deadline that passed is told with the time that "name resolution" took.
  [/dns error|ENOTFOUND|EAI_AGAIN|name resolution failed/i, 'the host name is not known'],
  [/invalid address/i, 'that is no address'],
  [/authenticat|permission ?denied|unauthorized/i, 'the API key or certificate was refused'],
  [/UnknownIssuer|certificate|handshake|\btls\b|\bssl\b/i, 'the TLS connection was refused'],
  [
    /broken ?pipe|connection ?(reset|aborted|closed)|stream closed/i,
    'the connection was closed at once: TLS is not as expected',
  ],
  [
    /deadline|timed? ?out/i,
    `there was no connection within ${CONNECT_TIMEOUT_MS / 1000} s (nothing listens there, or TLS is not as expected)`,
  ],
];

/** Everything that an error and its causes say. */
const wholeMessage = (thrown: unknown): string =>
  thrown instanceof Error && thrown.cause !== undefined && thrown.cause !== thrown
    ? `${thrown.message}: ${wholeMessage(thrown.cause)}`
    : messageOf(thrown);

/** This very machine. gRPC goes through the proxy of `http_proxy` even there, where no proxy can reach it. */
const isLoopback = (address: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(address);

const isTlsOn = ({ tls, apiKey }: Config['temporal']['connectionOptions']): boolean =>
  (tls !== undefined && tls !== null && tls !== false) || apiKey !== undefined;

/** For a person: where, why, what is accepted and what to do. */
export const unreachable = (config: Pick<Config, 'temporal'>, cause: unknown): InputError => {
  const raw = wholeMessage(cause);
  const why = REASONS.find(([pattern]) => pattern.test(raw))?.[1] ?? raw.slice(0, 200);
  const tls = isTlsOn(config.temporal.connectionOptions) ? 'with TLS' : 'without TLS';
  return new InputError(
    `no Temporal server answers at ${temporalAddress(config)} (${tls}): ${why}. Set TEMPORAL_ADDRESS to host:port, and for TLS TEMPORAL_TLS, TEMPORAL_API_KEY or a client certificate; or start a server with: label-relay local`,
    { cause },
  );
};

export type Connected = { client: Client; connection: Connection };

/** A connected client; the caller closes the connection. Throws InputError if nothing answers. */
export const connect = async (
  config: Pick<Config, 'temporal' | 'payloadKeys'>,
  workflow: WorkflowClientInterceptor[] = [],
): Promise<Connected> => {
  const { connectionOptions, namespace } = config.temporal;
  try {
    const { address, tls, apiKey, metadata } = connectionOptions;
    const connection = await Connection.connect({
      connectTimeout: CONNECT_TIMEOUT_MS,
      ...(address === undefined ? {} : { address }),
      ...(tls === undefined || tls === null ? {} : { tls }),
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(metadata === undefined ? {} : { metadata }),
      ...(isLoopback(temporalAddress(config)) ? { channelArgs: { 'grpc.enable_http_proxy': 0 } } : {}),
    });
    const converting = encryptionOf(config.payloadKeys);
    return { connection, client: new Client({ connection, namespace, ...converting, interceptors: { workflow } }) };
  } catch (thrown) {
    throw unreachable(config, thrown);
  }
};

/** gRPC's numbers for PermissionDenied and Unimplemented: the service does not let us, whatever we ask. */
const NOT_FOR_US: readonly number[] = [7, 12];

/** Temporal Cloud, and many a self-hosted service with roles, keep the operator's calls to operators. */
export const isOperatorsOnly = (thrown: unknown): boolean =>
  isGrpcServiceError(thrown) && NOT_FOR_US.includes(thrown.code);

/** What to do where our own `setup` may not register search attributes. */
export const registerElsewhere = (namespace: string): string => {
  const all = Object.entries(SEARCH_ATTRIBUTES);
  const forCloud = all.map(([name, type]) => `--sa ${name}=${type}`).join(' ');
  const forOperator = all.map(([name, type]) => `--name ${name} --type ${type}`).join(' ');
  return `on Temporal Cloud: tcld namespace search-attributes add --namespace ${namespace} ${forCloud}; elsewhere have an operator run: temporal operator search-attribute create --namespace ${namespace} ${forOperator}`;
};
