/**
 * AWS for the activities, in process: the SDK's SageMaker client in front of the simulator's core, and an S3 over the
 * objects in memory that the simulator shares. Calls can fail before or after their effect, and time passes between them.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { IAMClient } from '@aws-sdk/client-iam';
import { SNSClient } from '@aws-sdk/client-sns';
import { sageMakerClient, type AwsClients } from '../../activities/clients.ts';
import type { ApiAnswer } from '../../simulator/ground-truth.ts';
import type { MemoryStore } from '../../simulator/ports.ts';

/** What becomes of one call to AWS. `afterTimeout`: it happened, and the caller is told otherwise. */
export type CallFault = 'none' | 'throttled' | 'outage' | 'timeout' | 'afterTimeout' | 'refused';

/** The world behind the clients. */
export type AwsBackend = {
  store: MemoryStore;
  nowMs: () => number;
  call: (operation: string, input: unknown) => Promise<ApiAnswer>;
  /** Asked before each call; may let time pass, and throws when the worker is to crash here. */
  before: (service: 's3' | 'sagemaker' | 'sns', operation: string) => Promise<CallFault>;
  /** Told after each call that had its effect; `unheard`: its caller is told of a time-out. Throws when the worker is to crash here. */
  after: (operation: string, unheard: boolean) => void;
};

const fail = (name: string, httpStatusCode: number | null, message = name): Error =>
  Object.assign(new Error(message), { name, ...(httpStatusCode === null ? {} : { $metadata: { httpStatusCode } }) });

const timeout = (): Error => fail('TimeoutError', null, 'socket hang up');

export const etagOf = (body: Uint8Array): string => `"${createHash('md5').update(body).digest('hex')}"`;

const faultBefore = (fault: CallFault): Error | null => {
  switch (fault) {
    case 'none':
    case 'afterTimeout':
      return null;
    case 'throttled':
      return fail('SlowDown', 503);
    case 'outage':
      return fail('InternalError', 500);
    case 'timeout':
      return timeout();
    case 'refused':
      return fail('AccessDenied', 403);
  }
};

type Keyed = { Bucket?: string | undefined; Key?: string | undefined };
const uriOf = ({ Bucket, Key }: Keyed): string => `s3://${Bucket}/${Key}`;

const bytesOf = async (body: unknown): Promise<Uint8Array> => {
  if (body instanceof Uint8Array) return body;
  if (typeof body === 'string') return Buffer.from(body);
  const chunks: Uint8Array[] = [];
  if (body instanceof Readable) for await (const chunk of body) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const bodyStream = (body: Uint8Array): object =>
  Object.assign(Readable.from([body]), {
    transformToString: () => Promise.resolve(Buffer.from(body).toString('utf8')),
    transformToByteArray: () => Promise.resolve(body),
  });

const answerS3 = async (store: MemoryStore, command: unknown): Promise<object> => {
  if (command instanceof HeadObjectCommand || command instanceof GetObjectCommand) {
    const { input } = command;
    const body = store.objects.get(uriOf(input));
    if (body === undefined) throw fail(command instanceof HeadObjectCommand ? 'NotFound' : 'NoSuchKey', 404);
    if (input.IfMatch !== undefined && input.IfMatch !== etagOf(body)) throw fail('PreconditionFailed', 412);
    const described = { ETag: etagOf(body), ContentLength: body.byteLength, $metadata: {} };
    return command instanceof HeadObjectCommand ? described : { ...described, Body: bodyStream(body) };
  }
  if (command instanceof PutObjectCommand) {
    const { input } = command;
    const uri = uriOf(input);
    const body = await bytesOf(input.Body);
    if (input.IfNoneMatch === '*' && store.objects.has(uri)) throw fail('PreconditionFailed', 412);
    store.objects.set(uri, body);
    return { ETag: etagOf(body), $metadata: {} };
  }
  if (command instanceof ListObjectsV2Command) {
    const start = `s3://${command.input.Bucket}/`;
    const keys = [...store.objects.keys()]
      .filter((uri) => uri.startsWith(start + (command.input.Prefix ?? '')))
      .map((uri) => uri.slice(start.length));
    return { Contents: keys.toSorted().map((Key) => ({ Key })), IsTruncated: false, $metadata: {} };
  }
  throw new Error(`S3 command not simulated: ${command?.constructor.name}`);
};

const dateHeader = (ms: number): string => new Date(ms).toUTCString();

const textOf = (body: unknown): string =>
  body instanceof Uint8Array ? Buffer.from(body).toString('utf8') : typeof body === 'string' ? body : '{}';

type HttpRequest = { headers: Record<string, string>; body?: unknown };

const answerSageMaker = async (backend: AwsBackend, request: HttpRequest): Promise<object> => {
  const operation = (request.headers['x-amz-target'] ?? '').replace('SageMaker.', '');
  const fault = await backend.before('sagemaker', operation);
  const reply = (statusCode: number, body: object): object => ({
    response: {
      statusCode,
      reason: '',
      headers: { 'content-type': 'application/x-amz-json-1.1', date: dateHeader(backend.nowMs()) },
      body: Readable.from([Buffer.from(JSON.stringify(body))]),
    },
  });
  if (fault === 'timeout') throw timeout();
  if (fault === 'throttled') return reply(400, { __type: 'ThrottlingException', message: 'Rate exceeded' });
  if (fault === 'outage') return reply(500, { __type: 'InternalFailure', message: 'try again' });
  const answer = await backend.call(operation, JSON.parse(textOf(request.body)));
  backend.after(operation, fault === 'afterTimeout' && answer.kind === 'ok');
  if (fault === 'afterTimeout' || answer.kind === 'dropped') throw timeout();
  if (answer.kind === 'ok') return reply(200, answer.body);
  const { error } = answer;
  return reply(error.httpStatus, { __type: error.name, message: error.message });
};

const credentials = { accessKeyId: 'simulation', secretAccessKey: 'simulation' };

/** The clients, once for all runs, and the switch that puts another world behind them. */
export const openAws = (): { clients: AwsClients; use: (backend: AwsBackend) => void } => {
  let backend: AwsBackend | null = null;
  const current = (): AwsBackend => {
    if (backend === null) throw new Error('no world');
    return backend;
  };
  const requestHandler = {
    metadata: { handlerProtocol: 'http/1.1' },
    handle: (request: HttpRequest) => answerSageMaker(current(), request),
    destroy: () => undefined,
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
  };
  const region = 'us-east-1';
  const sagemaker = sageMakerClient({ region, credentials, maxAttempts: 1, requestHandler: requestHandler as never });
  const s3 = new S3Client({ region, credentials, endpoint: 'http://s3.test', forcePathStyle: true });
  const sendTo =
    (service: 's3' | 'sns', answerOf: (world: AwsBackend, command: object) => Promise<object>) =>
    async (command: object): Promise<object> => {
      const world = current();
      const operation = command.constructor.name.replace(/Command\d*$/, '');
      const fault = await world.before(service, operation);
      const refusal = faultBefore(fault);
      if (refusal !== null) throw refusal;
      const answer = await answerOf(world, command);
      const unheard = fault === 'afterTimeout';
      world.after(operation, unheard);
      if (unheard) throw timeout();
      return answer;
    };
  Object.defineProperty(s3, 'send', { value: sendTo('s3', ({ store }, command) => answerS3(store, command)) });
  const sns = new SNSClient({ region, credentials });
  Object.defineProperty(sns, 'send', { value: sendTo('sns', () => Promise.resolve({ $metadata: {} })) });
  const iam = new IAMClient({ region, credentials });
  return {
    clients: { sagemaker: () => sagemaker, s3: () => s3, sns: () => sns, iam: () => iam },
    use: (next) => {
      backend = next;
    },
  };
};
