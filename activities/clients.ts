/** AWS clients as the activities use them, and the service's clock: the Date header of its answers. */
import { IAMClient } from '@aws-sdk/client-iam';
import { S3Client } from '@aws-sdk/client-s3';
import { SageMakerClient, type SageMakerClientConfig } from '@aws-sdk/client-sagemaker';
import { SNSClient } from '@aws-sdk/client-sns';
import { CONTROL_MS, STORAGE_MS, timeouts } from '../aws-timeouts.ts';
import { watched, type CallWatch } from './watch-calls.ts';

const serviceDate = Symbol('serviceDate');

/** When the service answered, by its own clock, in milliseconds since the epoch (resolution 1 s); null without the header. */
export const serviceDateOf = (output: object): number | null => {
  const date: unknown = Reflect.get(output, serviceDate);
  return typeof date === 'number' ? date : null;
};

const dateHeaderOf = (response: unknown): number | null => {
  if (typeof response !== 'object' || response === null || !('headers' in response)) return null;
  const { headers } = response;
  if (typeof headers !== 'object' || headers === null || !('date' in headers)) return null;
  const ms = typeof headers.date === 'string' ? Date.parse(headers.date) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
};

/** A SageMaker client whose answers carry {@link serviceDateOf}. */
export const sageMakerClient = (config: SageMakerClientConfig): SageMakerClient => {
  const client = new SageMakerClient(config);
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      if (typeof result.output === 'object' && result.output !== null) {
        Reflect.set(result.output, serviceDate, dateHeaderOf(result.response));
      }
      return result;
    },
    { step: 'deserialize', priority: 'high', name: 'serviceDate' },
  );
  return client;
};

/** One client per region, made when first asked for. */
export const perRegion = <Client>(make: (region: string) => Client): ((region: string) => Client) => {
  const clients = new Map<string, Client>();
  return (region) => {
    const known = clients.get(region);
    if (known !== undefined) return known;
    const made = make(region);
    clients.set(region, made);
    return made;
  };
};

const once = <Client>(make: () => Client): (() => Client) => {
  let made: Client | null = null;
  return () => (made ??= make());
};

const CONTROL = { maxAttempts: 3, ...timeouts(CONTROL_MS) } as const;
const STORAGE = { maxAttempts: 5, ...timeouts(STORAGE_MS) } as const;

export type AwsClients = {
  /** Only asked whether a role may read and write; without it that check is skipped. IAM is global. */
  iam?: () => IAMClient;
  sagemaker: (region: string) => SageMakerClient;
  s3: (region: string) => S3Client;
  sns: (region: string) => SNSClient;
};

/** Clients by the SDK's standard chain: environment, profiles, roles, endpoints. `watch` sees every call. */
export const standardClients = (watch: CallWatch): AwsClients => ({
  sagemaker: perRegion((region) => watched(sageMakerClient({ region, ...CONTROL }), watch)),
  // Path style works on AWS and on every emulator; virtual hosts need DNS that an emulator lacks.
  s3: perRegion((region) => watched(new S3Client({ region, ...STORAGE, forcePathStyle: true }), watch)),
  sns: perRegion((region) => watched(new SNSClient({ region, ...CONTROL }), watch)),
  iam: once(() => watched(new IAMClient({ region: 'us-east-1', ...CONTROL, maxAttempts: 1 }), watch)),
});
