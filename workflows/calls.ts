/**
 * The activities as the workflows call them: every time-out and retry policy in one place, in three grades.
 * Retries are unlimited on purpose: an outage of hours must not end a chain of months (and under time skipping back-off
 * passes at once). What a retry cannot mend comes back as a value.
 */
import { proxyActivities, type ActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';

const retry = { initialInterval: '2s', backoffCoefficient: 2, maximumInterval: '2m' } as const;

/** One read or write of AWS's control plane. */
const quick: ActivityOptions = { startToCloseTimeout: '1m', retry };

/** Never abandoned half-way: when it is cancelled, an attempt that is under way is awaited (I5). */
const create: ActivityOptions = { ...quick, cancellationType: 'WAIT_CANCELLATION_COMPLETED' };

/** Streams of manifests: may take long for a million lines; a dead worker is noticed by the missing heartbeat. */
const heavy: ActivityOptions = { startToCloseTimeout: '6h', heartbeatTimeout: '1m', retry };

type Calls = { [Name in keyof Activities]: ActivityOptions };
const gradeOf: Calls = {
  createLabelingJob: create,
  describeLabelingJob: quick,
  stopLabelingJob: quick,
  lookUpLabelingJob: { ...quick, retry: { ...retry, maximumAttempts: 5 } },
  claimLabelingJob: quick,
  readRecord: quick,
  writeRecord: quick,
  // Nobody waits for it (notifications.ts); after a day it is no news.
  notify: { ...quick, scheduleToCloseTimeout: '1d', retry: { ...retry, maximumInterval: '1h' } },
  openDataset: heavy,
  copyAssets: quick,
  adoptJobInput: heavy,
  writeJobInput: heavy,
  settleAndMerge: heavy,
  mergeLateLabels: heavy,
  addObjects: heavy,
  retrySetAside: heavy,
  writeFinal: heavy,
  summarizeObjects: { ...heavy, startToCloseTimeout: '30m', retry: { ...retry, maximumAttempts: 3 } },
  // A person waits for it: a worker that died with it is noticed soon.
  checkSpec: { startToCloseTimeout: '10m', heartbeatTimeout: '30s', retry: { ...retry, maximumAttempts: 3 } },
};

const proxied = proxyActivities<Activities>(quick);

/** Calls an activity with its grade and a sentence for the Web UI. */
export const call = <Name extends keyof Activities>(
  name: Name,
  summary: string,
  ...args: Parameters<Activities[Name]>
): Promise<Awaited<ReturnType<Activities[Name]>>> => {
  const activity = proxied[name] as {
    executeWithOptions(
      options: ActivityOptions,
      args: Parameters<Activities[Name]>,
    ): Promise<Awaited<ReturnType<Activities[Name]>>>;
  };
  return activity.executeWithOptions({ ...gradeOf[name], summary }, args);
};
