/**
 * S3 objects as byte streams. Whatever we write is new: If-None-Match, never over something; if the key is taken, the
 * hash of what is there decides (the same bytes: it is our own earlier try).
 */
import { createHash } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { messageOf } from '../errors.ts';
import type { ByteSink, ByteSource } from '../manifests/byte-streams.ts';
import {
  awsErrorName,
  bucketRegionOf,
  isAbsent,
  isPreconditionFailed,
  storageCall,
  storageRefused,
  unusable,
} from './aws-failures.ts';
import { beat } from './heartbeat.ts';

export type Place = { Bucket: string; Key: string };

export const parseS3Uri = (uri: string): Place => {
  const [, Bucket, Key] = /^s3:\/\/([^/]+)\/?(.*)$/s.exec(uri) ?? [];
  if (Bucket === undefined || Key === undefined) throw unusable(`${uri} is not an s3:// URI`);
  return { Bucket, Key };
};

/** Joins a path and the rest with exactly one slash. */
export const under = (uri: string, ...parts: string[]): string => [uri.replace(/\/+$/, ''), ...parts].join('/');

/** The region of the bucket if a call failed because that is not the client's; null if something else failed, of which S3 tells the region too. */
export const otherRegionOf = async (s3: S3Client, thrown: unknown): Promise<string | null> => {
  const region = bucketRegionOf(thrown);
  return region === (await s3.config.region()) ? null : region;
};

/** The ETag of an object; null if it is not there. */
export const etagOf = async (s3: S3Client, uri: string): Promise<string | null> => {
  try {
    const head = await s3.send(new HeadObjectCommand(parseS3Uri(uri)));
    return head.ETag ?? null;
  } catch (thrown) {
    if (isAbsent(thrown)) return null;
    const elsewhere = await otherRegionOf(s3, thrown);
    if (elsewhere !== null) {
      const here = await s3.config.region();
      throw storageRefused(`${uri} is in ${elsewhere}, the work team in ${here}; both must be in the same region`);
    }
    return storageCall(`cannot look at ${uri}`, () => Promise.reject(thrown));
  }
};

/** Reads an object as often as needed, always the same bytes: with an ETag a change in between is an error. */
export const objectSource = (s3: S3Client, uri: string, etag: string | null, onBytes?: () => void): ByteSource =>
  async function* () {
    const { Body } = await storageCall(`cannot read ${uri}`, () =>
      s3.send(new GetObjectCommand({ ...parseS3Uri(uri), ...(etag === null ? {} : { IfMatch: etag }) })),
    );
    if (Body === undefined) return;
    for await (const chunk of Body as AsyncIterable<Uint8Array>) {
      onBytes?.();
      yield chunk;
    }
  };

/** Up to this size an object is kept in memory while it is worked with. */
const SMALL_BYTES = 1024 * 1024;

const wholeIfSmall = async (source: ByteSource): Promise<Uint8Array[] | null> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of source()) {
    bytes += chunk.length;
    if (bytes > SMALL_BYTES) return null;
    chunks.push(chunk);
  }
  return chunks;
};

/**
 * Begins to read at once, so that several objects are on their way side by side. A small one stays in memory, and further passes over it
 * cost no call; a large one is read by each pass. What goes wrong here is left to the pass that meets it again.
 */
export const readAhead = (source: ByteSource): ByteSource => {
  const kept = wholeIfSmall(source).catch(() => null);
  return async function* () {
    yield* (await kept) ?? source();
  };
};

export const readObjectText = async (s3: S3Client, uri: string): Promise<string> => {
  const { Body } = await storageCall(`cannot read ${uri}`, () => s3.send(new GetObjectCommand(parseS3Uri(uri))));
  return Body === undefined ? '' : Body.transformToString('utf-8');
};

export const readObjectBytes = async (s3: S3Client, uri: string): Promise<Uint8Array> => {
  const { Body } = await storageCall(`cannot read ${uri}`, () => s3.send(new GetObjectCommand(parseS3Uri(uri))));
  return Body === undefined ? new Uint8Array() : Body.transformToByteArray();
};

/** Keys under a prefix, sorted as S3 sorts them (by bytes). */
export const listKeys = async (s3: S3Client, prefixUri: string): Promise<string[]> => {
  const { Bucket, Key: Prefix } = parseS3Uri(prefixUri);
  const keys: string[] = [];
  for (let token: string | undefined; ;) {
    const page = await storageCall(`cannot list ${prefixUri}`, () =>
      s3.send(
        new ListObjectsV2Command({ Bucket, Prefix, ...(token === undefined ? {} : { ContinuationToken: token }) }),
      ),
    );
    keys.push(...(page.Contents ?? []).flatMap((item) => (item.Key === undefined ? [] : [item.Key])));
    token = page.NextContinuationToken;
    if (page.IsTruncated !== true || token === undefined) return keys;
  }
};

/** Thrown where a key is taken by other bytes. */
export class TakenError extends Error {
  override readonly name = 'TakenError';
  readonly uri: string;

  constructor(uri: string) {
    super(`${uri} exists already with other content; nothing is ever overwritten`);
    this.uri = uri;
  }
}

/** Two parts of 8 MiB in flight for each object: memory stays flat, and 10,000 parts are 80 GB. */
export const UPLOAD = { queueSize: 2, partSize: 8 * 1024 * 1024 };

/** An object that is being written, once. Ends with {@link complete} or {@link discard}. */
export class NewObject implements ByteSink {
  readonly uri: string;
  readonly #s3: S3Client;
  readonly #body = new PassThrough({ highWaterMark: 1024 * 1024 });
  readonly #hash = createHash('sha256');
  readonly #upload: Upload;
  readonly #done: Promise<{ error: unknown } | null>;

  constructor(s3: S3Client, uri: string, kmsKeyId: string | undefined) {
    this.#s3 = s3;
    this.uri = uri;
    this.#upload = new Upload({
      client: s3,
      ...UPLOAD,
      params: {
        ...parseS3Uri(uri),
        Body: this.#body,
        IfNoneMatch: '*',
        ...(kmsKeyId === undefined ? {} : { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKeyId }),
      },
    });
    this.#done = this.#upload.done().then(
      () => null,
      (error: unknown) => {
        this.#body.destroy();
        return { error };
      },
    );
    this.#body.on('error', () => undefined);
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    if (this.#body.destroyed) return;
    if (!this.#body.write(chunk)) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#body.off('drain', done).off('close', done);
          resolve();
        };
        this.#body.on('drain', done).on('close', done);
      });
    }
  }

  /** Resolves once the object is there, ours or our own earlier try's. */
  async complete(): Promise<void> {
    if (!this.#body.destroyed) this.#body.end();
    const failed = await this.#done;
    if (failed === null) return;
    // The SDK repeats the call that completes an upload; after a lost answer the upload is no longer there, but the object is.
    const mayBeThere = isPreconditionFailed(failed.error) || awsErrorName(failed.error) === 'NoSuchUpload';
    if (!mayBeThere) {
      return storageCall(`cannot write ${this.uri}`, () => Promise.reject(failed.error));
    }
    // In conflict with a write that is under way still (API PutObject: 409, to be tried again), or the upload was given up by the bucket.
    if ((await etagOf(this.#s3, this.uri)) === null) throw failed.error;
    const existing = createHash('sha256');
    for await (const chunk of objectSource(this.#s3, this.uri, null, beat)()) existing.update(chunk);
    if (existing.digest('hex') !== this.#hash.digest('hex')) throw new TakenError(this.uri);
  }

  async discard(): Promise<void> {
    await this.#upload.abort().catch((thrown: unknown) => messageOf(thrown));
    this.#body.destroy();
    await this.#done;
  }
}

/** Writes several objects together; if the work fails, none of them is completed. */
export const writeNewObjects = async <Name extends string, Result>(
  s3: S3Client,
  uris: Record<Name, string>,
  kmsKeyId: string | undefined,
  work: (sinks: Record<Name, ByteSink>) => Promise<Result>,
): Promise<Result> => {
  const objects = new Map<string, NewObject>();
  const sinkFor = (name: Name): ByteSink => {
    const object = new NewObject(s3, uris[name], kmsKeyId);
    objects.set(name, object);
    return object;
  };
  const sinks: Partial<Record<Name, ByteSink>> = {};
  for (const name of Object.keys(uris) as Name[]) sinks[name] = sinkFor(name);
  try {
    const result = await work(sinks as Record<Name, ByteSink>);
    await Promise.all([...objects.values()].map((object) => object.complete()));
    return result;
  } catch (thrown) {
    await Promise.all([...objects.values()].map((object) => object.discard()));
    throw thrown;
  }
};

/** Writes one small object, once. */
export const writeNewText = (
  s3: S3Client,
  uri: string,
  kmsKeyId: string | undefined,
  text: string | Uint8Array,
): Promise<void> =>
  writeNewObjects(s3, { object: uri }, kmsKeyId, (sinks) =>
    sinks.object.write(typeof text === 'string' ? Buffer.from(text) : text),
  );
