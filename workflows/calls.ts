/**
 * The activities as the workflows call them: every time-out, retry policy and priority in one place, in three grades.
 * Retries are unlimited on purpose: an outage of hours must not end a chain of months (and under time skipping back-off
 * passes at once). What a retry cannot mend comes back as a value.
 */
import { proxyActivities, workflowInfo, type ActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { DescribeResult } from '../activities/labeling-jobs.ts';
import { describeTaskQueue, placeOfWorkflowId } from '../decisions/names.ts';
import { PRIORITY } from '../decisions/priorities.ts';

const retry = { initialInterval: '2s', backoffCoefficient: 2, maximumInterval: '2m' } as const;

const money = { priority: { priorityKey: PRIORITY.money } };

/** One read or write of AWS's control plane. */
const quick: ActivityOptions = { startToCloseTimeout: '1m', retry };

/** Never abandoned half-way: when it is cancelled, an attempt that is under way is awaited (I5). */
const create: ActivityOptions = { ...quick, ...money, cancellationType: 'WAIT_CANCELLATION_COMPLETED' };

/** Streams of manifests: may take long for a million lines; a dead worker is noticed by the missing heartbeat. */
const heavy: ActivityOptions = { startToCloseTimeout: '6h', heartbeatTimeout: '1m', retry };

type Calls = { [Name in keyof Activities]: ActivityOptions };
const gradeOf: Calls = {
  createLabelingJob: create,
  describeLabelingJob: quick,
  stopLabelingJob: { ...quick, ...money },
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
  writeInputAndRecord: heavy,
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
): Promise<Awaited<ReturnType<Activities[Name]>>> => callWith(name, { summary }, ...args);

const callWith = <Name extends keyof Activities>(
  name: Name,
  options: ActivityOptions,
  ...args: Parameters<Activities[Name]>
): Promise<Awaited<ReturnType<Activities[Name]>>> => {
  const activity = proxied[name] as {
    executeWithOptions(
      options: ActivityOptions,
      args: Parameters<Activities[Name]>,
    ): Promise<Awaited<ReturnType<Activities[Name]>>>;
  };
  return activity.executeWithOptions({ ...gradeOf[name], ...options }, args);
};

/**
 * Describes a labeling job from the job's workflow, on the task queue of its account and region: all workers share that
 * queue's rate. `because`: news of the job is looked at before jobs of which nothing was heard.
 */
export const describeJob = (
  because: 'news' | 'reconcile',
  summary: string,
  job: { region: string; name: string },
): Promise<DescribeResult> => {
  const { workflowId, taskQueue } = workflowInfo();
  const place = placeOfWorkflowId(workflowId);
  const options = {
    summary,
    priority: { priorityKey: PRIORITY[because] },
    ...(place === null ? {} : { taskQueue: describeTaskQueue(taskQueue, place) }),
  };
  return callWith('describeLabelingJob', options, job);
};
