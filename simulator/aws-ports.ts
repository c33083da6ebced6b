/**
 * The ports over the real AWS SDK, against endpoints that are always given. Credentials are dummies passed explicitly, so
 * that no variable or profile of the shell can lead these clients anywhere else.
 */
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { BusEvent, EventBus, ObjectStore } from './ports.ts';

const dummyCredentials = { accessKeyId: 'simulator', secretAccessKey: 'simulator' };

/** `s3://bucket/key` in its two parts; null if the text is not that. */
export const parseS3Uri = (uri: string): { bucket: string; key: string } | null => {
  const match = /^s3:\/\/([^/]+)\/(.+)$/.exec(uri);
  return match?.[1] !== undefined && match[2] !== undefined ? { bucket: match[1], key: match[2] } : null;
};

/** Errors that mean "not there or not allowed": an outcome for a labeling job, not an outage. */
const refusals = new Set(['NoSuchKey', 'NoSuchBucket', 'AccessDenied', 'NotFound', 'InvalidBucketName']);

const isRefusal = (thrown: unknown): boolean => thrown instanceof S3ServiceException && refusals.has(thrown.name);

/** S3 at an endpoint. A write to a bucket that does not exist or refuses is reported to `log` and dropped. */
export const createS3Store = (endpoint: string, region: string, log: (line: string) => void): ObjectStore => {
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: dummyCredentials });
  return {
    async get(uri) {
      const place = parseS3Uri(uri);
      if (place === null) return null;
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: place.bucket, Key: place.key }));
        return Body === undefined ? new Uint8Array() : await Body.transformToByteArray();
      } catch (error) {
        if (isRefusal(error)) return null;
        throw error;
      }
    },
    async put(uri, body) {
      const place = parseS3Uri(uri);
      if (place === null) return log(`not written, ${uri} is not an S3 object`);
      try {
        await new Upload({ client, params: { Bucket: place.bucket, Key: place.key, Body: body } }).done();
      } catch (error) {
        if (!isRefusal(error)) throw error;
        log(`not written, S3 refuses ${uri}: ${String(error)}`);
      }
    },
  };
};

/** EventBridge, API PutEvents: at most 10 entries in one request. */
const ENTRIES_PER_REQUEST = 10;

/** EventBridge's default bus at an endpoint. It gives each event an id of its own. */
export const createEventBridgeBus = (endpoint: string, region: string): EventBus => {
  const client = new EventBridgeClient({ endpoint, region, credentials: dummyCredentials });
  return {
    async put(events: readonly BusEvent[]) {
      for (let first = 0; first < events.length; first += ENTRIES_PER_REQUEST) {
        const entries = events.slice(first, first + ENTRIES_PER_REQUEST).map((event) => ({
          Source: event.source,
          DetailType: event['detail-type'],
          Detail: JSON.stringify(event.detail),
          Resources: [...event.resources],
          Time: new Date(event.time),
        }));
        const { FailedEntryCount } = await client.send(new PutEventsCommand({ Entries: entries }));
        if (FailedEntryCount) throw new Error(`EventBridge at ${endpoint} did not take ${FailedEntryCount} events`);
      }
    },
  };
};
