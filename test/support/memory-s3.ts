/**
 * S3 in memory behind HTTP, for tests with many small objects: the part of the API that we use, with the conditions of
 * If-Match and If-None-Match. Shares its objects with the simulator.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { S3Client } from '@aws-sdk/client-s3';
import { MemoryStore } from '../../simulator/ports.ts';

/** A request that a test lets fail: the error's code, or null to let it through. */
export type S3Fault = (method: string, uri: string) => 'AccessDenied' | 'InternalError' | null;

export type MemoryS3 = {
  endpoint: string;
  store: MemoryStore;
  client: S3Client;
  /** Runs before each request: time passes for S3 too. */
  before: (() => Promise<void>) | null;
  /** Null: nothing fails. */
  fault: S3Fault | null;
  close: () => Promise<void>;
};

const readBody = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (chunk instanceof Buffer) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const etagOf = (body: Uint8Array): string => `"${createHash('md5').update(body).digest('hex')}"`;

const statuses = {
  AccessDenied: 403,
  NoSuchKey: 404,
  PreconditionFailed: 412,
  InternalError: 500,
  NotImplemented: 501,
};

/** Starts a store of its own; any bucket is there. */
export const startMemoryS3 = async (): Promise<MemoryS3> => {
  const store = new MemoryStore();
  const refuse = (response: ServerResponse, code: keyof typeof statuses): void => {
    response.writeHead(statuses[code], { 'content-type': 'application/xml' });
    response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code} (test)</Message></Error>`);
  };
  const list = (response: ServerResponse, bucket: string, prefix: string): void => {
    const start = `s3://${bucket}/`;
    const keys = [...store.objects.keys()].filter((uri) => uri.startsWith(start + prefix)).toSorted();
    const contents = keys.map((uri) => `<Contents><Key>${uri.slice(start.length)}</Key></Contents>`).join('');
    response.writeHead(200, { 'content-type': 'application/xml' });
    response.end(
      `<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>${contents}</ListBucketResult>`,
    );
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', headers } = request;
    const url = new URL(request.url ?? '/', 'http://s3');
    const [, bucket = '', key = ''] = /^\/([^/]+)\/?(.*)$/s.exec(decodeURIComponent(url.pathname)) ?? [];
    const uri = `s3://${bucket}/${key}`;
    const body = method === 'PUT' ? await readBody(request) : Buffer.alloc(0);
    await s3.before?.();
    const fault = s3.fault?.(method, uri) ?? null;
    if (fault !== null) return refuse(response, fault);
    if (url.searchParams.has('list-type')) return list(response, bucket, url.searchParams.get('prefix') ?? '');
    if (key === '') return method === 'HEAD' ? void response.writeHead(200).end() : refuse(response, 'NotImplemented');
    const known = store.objects.get(uri);
    if (method === 'PUT') {
      if (headers['if-none-match'] === '*' && known !== undefined) return refuse(response, 'PreconditionFailed');
      store.objects.set(uri, body);
      response.writeHead(200, { etag: etagOf(body) });
      return void response.end();
    }
    if (method !== 'GET' && method !== 'HEAD') return refuse(response, 'NotImplemented');
    if (known === undefined) return refuse(response, 'NoSuchKey');
    if (headers['if-match'] !== undefined && headers['if-match'] !== etagOf(known)) {
      return refuse(response, 'PreconditionFailed');
    }
    response.writeHead(200, { etag: etagOf(known), 'content-length': known.byteLength });
    response.end(method === 'GET' ? known : undefined);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const endpoint = `http://127.0.0.1:${address.port}`;
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const s3: MemoryS3 = {
    endpoint,
    store,
    client,
    before: null,
    fault: null,
    close: async () => {
      client.destroy();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
  return s3;
};
