/** Writing to S3 when it answers as it seldom does: what may succeed is tried again, and what did succeed is no failure. */
import { createServer } from 'node:http';
import { S3Client } from '@aws-sdk/client-s3';
import { ApplicationFailure } from '@temporalio/common';
import { NewObject, etagOf, readObjectText, writeNewText } from '../../activities/s3-objects.ts';
import { LOOPBACK } from '../../local/ports.ts';
import { stopAfterTests } from '../support/servers.ts';

type Answer = { status: number; code?: string; body?: string | Buffer; etag?: string; bucketRegion?: string };
type Call = { method: string; url: string; body: Buffer };

/** A bucket that answers as it is told, to the SDK as the worker has it. */
const bucketThatAnswers = async (answer: (call: Call) => Answer): Promise<S3Client> => {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        const { method = '', url = '' } = request;
        const { status, code, body, etag, bucketRegion } = answer({ method, url, body: Buffer.concat(chunks) });
        response.writeHead(status, {
          'content-type': 'application/xml',
          ...(etag === undefined ? {} : { etag }),
          ...(bucketRegion === undefined ? {} : { 'x-amz-bucket-region': bucketRegion }),
        });
        response.end(code === undefined ? body : `<Error><Code>${code}</Code><Message>as told</Message></Error>`);
      });
  });
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const s3 = new S3Client({
    endpoint: `http://${LOOPBACK}:${port}`,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 2,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  stopAfterTests(async () => {
    s3.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return s3;
};

/** Whether Temporal tries a failure again; null: there is none. */
const isTriedAgain = (work: Promise<unknown>): Promise<boolean | null> =>
  work.then(
    () => null,
    (error: unknown) => !(error instanceof ApplicationFailure && error.nonRetryable === true),
  );

test('a conflict with a write that is under way (409) is tried again while nothing is there', async () => {
  const s3 = await bucketThatAnswers(({ method }) =>
    method === 'PUT' ? { status: 409, code: 'ConditionalRequestConflict' } : { status: 404, code: 'NoSuchKey' },
  );
  expect(await isTriedAgain(writeNewText(s3, 's3://data/key', undefined, 'text'))).toBe(true);
});

test.each([301, 400])(
  'an object in another region is told as what it is (%s, to a HEAD without a word)',
  async (status) => {
    const s3 = await bucketThatAnswers(() => ({ status, bucketRegion: 'eu-west-1' }));
    const look = etagOf(s3, 's3://data/key');
    await expect(look).rejects.toThrow(
      's3://data/key is in eu-west-1, the work team in us-east-1; both must be in the same region',
    );
    expect(await isTriedAgain(look)).toBe(false);
  },
);

test('a refusal for which S3 names the region too is told as what it is', async () => {
  const s3 = await bucketThatAnswers(() => ({ status: 400, bucketRegion: 'us-east-1' }));
  await expect(etagOf(s3, 's3://data/key')).rejects.toThrow(/^cannot look at s3:\/\/data\/key: /);
});

test('a time-out that S3 tells as a bad request is tried again, in reads and writes', async () => {
  const s3 = await bucketThatAnswers(() => ({ status: 400, code: 'RequestTimeout' }));
  expect(await isTriedAgain(readObjectText(s3, 's3://data/key'))).toBe(true);
  expect(await isTriedAgain(writeNewText(s3, 's3://data/key', undefined, 'text'))).toBe(true);
});

test('a refusal is not tried again', async () => {
  const s3 = await bucketThatAnswers(() => ({ status: 403, code: 'AccessDenied' }));
  expect(await isTriedAgain(writeNewText(s3, 's3://data/key', undefined, 'text'))).toBe(false);
});

describe('an upload in parts whose last answer was lost', () => {
  const MB = 1024 * 1024;
  /** Takes ten parts of 1 MB; the call that completes them is answered by an error, and then: there is no such upload. */
  const uploadTo = async (there: (parts: readonly Buffer[]) => Buffer | null): Promise<boolean | null> => {
    const parts: Buffer[] = [];
    let completions = 0;
    const s3 = await bucketThatAnswers(({ method, url, body }) => {
      if (method === 'POST' && url.includes('uploads'))
        return {
          status: 200,
          body: '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>',
        };
      if (method === 'PUT') {
        const number = Number(/partNumber=(\d+)/.exec(url)?.[1]);
        parts[number - 1] = body;
        return { status: 200, etag: `"${number}"` };
      }
      if (method === 'POST') {
        completions += 1;
        return completions === 1 ? { status: 500, code: 'InternalError' } : { status: 404, code: 'NoSuchUpload' };
      }
      const object = there(parts);
      if (method === 'DELETE' || object === null) return { status: 404, code: 'NoSuchKey' };
      return { status: 200, etag: '"whole"', body: object };
    });
    const object = new NewObject(s3, 's3://data/large', undefined);
    for (let part = 0; part < 10; part += 1) await object.write(Buffer.alloc(MB, part));
    return isTriedAgain(object.complete());
  };

  test('is no failure if the object is there', async () => {
    expect(await uploadTo((parts) => Buffer.concat(parts))).toBeNull();
  });

  test('is tried again if it is not', async () => {
    expect(await uploadTo(() => null)).toBe(true);
  });
});
