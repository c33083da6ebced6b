/**
 * What an error of the AWS SDK means for us. Throttling, outages and anything not known here is thrown on, and Temporal
 * tries again; what no retry can mend becomes a value or a failure with a type of its own.
 */
import { ApplicationFailure } from '@temporalio/common';
import { messageOf } from '../errors.ts';

/** The SDK's name of an error, such as `ResourceInUse`; empty for anything else. */
export const awsErrorName = (thrown: unknown): string => (thrown instanceof Error ? thrown.name : '');

/** A member of what may be anything. */
const memberOf = (of: unknown, name: string): unknown =>
  typeof of === 'object' && of !== null ? Reflect.get(of, name) : undefined;

const statusOf = (thrown: unknown): number | null => {
  const status = memberOf(memberOf(thrown, '$metadata'), 'httpStatusCode');
  return typeof status === 'number' ? status : null;
};

/** How often the SDK made the call that failed so; null if it does not say. */
export const attemptsOf = (thrown: unknown): number | null => {
  const attempts = memberOf(memberOf(thrown, '$metadata'), 'attempts');
  return typeof attempts === 'number' ? attempts : null;
};

const throttles = [
  'ThrottlingException',
  'ThrottledException',
  'Throttling',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'SlowDown',
];

/** AWS wants fewer calls. */
export const isThrottle = (thrown: unknown): boolean =>
  statusOf(thrown) === 429 || throttles.includes(awsErrorName(thrown));

/** With status 400, though it speaks of the connection and not of the call (the SDK counts it as transient). */
const timeouts = ['RequestTimeout', 'RequestTimeoutException'];

/** A 4xx that is no throttle and no time-out: the same call would be refused again. */
export const isRefusal = (thrown: unknown): boolean => {
  const status = statusOf(thrown);
  const isTimeout = timeouts.includes(awsErrorName(thrown));
  return status !== null && status >= 400 && status < 500 && !isThrottle(thrown) && !isTimeout;
};

/** S3 and HTTP say "not there" in several ways. */
export const isAbsent = (thrown: unknown): boolean =>
  ['NoSuchKey', 'NotFound', 'NoSuchBucket'].includes(awsErrorName(thrown)) || statusOf(thrown) === 404;

/** S3 answers so where a bucket is in another region than the client's, to a HEAD without a word (S3 user guide, "Request redirection"). */
const redirections = [301, 307, 400];

/** The region of the bucket that S3 names with such an answer; null for another one. */
export const bucketRegionOf = (thrown: unknown): string | null => {
  if (!redirections.includes(statusOf(thrown) ?? 0)) return null;
  const region = memberOf(memberOf(memberOf(thrown, '$response'), 'headers'), 'x-amz-bucket-region');
  return typeof region === 'string' ? region : null;
};

/** Someone else wrote the object first, or it changed since we looked. */
export const isPreconditionFailed = (thrown: unknown): boolean => {
  const status = statusOf(thrown);
  return status === 412 || status === 409;
};

/** A HEAD is answered without a body: 403 is then all there is to know. */
export const isForbidden = (thrown: unknown): boolean => statusOf(thrown) === 403;

const refusalName = (thrown: unknown): string => (isForbidden(thrown) ? 'AccessDenied' : awsErrorName(thrown));

/** Runs a call to S3; a refusal becomes the failure `storage-refused`, which the chain shows to a person. */
export const storageCall = async <Result>(what: string, run: () => Promise<Result>): Promise<Result> => {
  try {
    return await run();
  } catch (thrown) {
    if (thrown instanceof ApplicationFailure || !isRefusal(thrown) || isPreconditionFailed(thrown)) throw thrown;
    throw storageRefused(`${what}: ${refusalName(thrown)}: ${messageOf(thrown)}`);
  }
};

/** A failure about which the chain asks a person; once it is mended, the same is tried again. */
export const storageRefused = (message: string): ApplicationFailure =>
  ApplicationFailure.create({ type: 'storage-refused', message, nonRetryable: true });

/** A failure that ends the chain with a sentence: what was given cannot be used. */
export const unusable = (message: string): ApplicationFailure =>
  ApplicationFailure.create({ type: 'unusable', message, nonRetryable: true });
