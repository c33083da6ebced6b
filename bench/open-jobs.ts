/** Labeling jobs that are open, and workflows that follow them without a chain: targets for workers that are measured. */
import type { Client, WorkflowHandle } from '@temporalio/client';
import { NO_COUNTERS, type Observation } from '../decisions/ending.ts';
import { labelingJobWorkflowId } from '../decisions/names.ts';
import { resolvePolicy } from '../decisions/policy-schema.ts';

const nameOf = (number: number): string => `open-abcde-${String(number).padStart(5, '0')}`;

/** The id of the workflow of an open job. */
export const openJobId = (number: number): string =>
  labelingJobWorkflowId({ account: '123456789012', region: 'us-east-1', jobName: nameOf(number) });

/** Starts a workflow that looks how its job is, and then waits. */
export const startOpenJob = (client: Client, taskQueue: string, number: number): Promise<WorkflowHandle> =>
  client.workflow.start('labelingJob', {
    taskQueue,
    workflowId: openJobId(number),
    args: [
      {
        chain: `open-${number}`,
        generation: 1,
        region: 'us-east-1',
        request: { LabelingJobName: nameOf(number) },
        policy: resolvePolicy({}, { taskType: null, hasAlgorithms: false }),
        streaming: false,
        sentObjects: 1_000,
        begin: 'follow-only',
        stop: null,
        stopAskedFor: null,
      },
    ],
  });

/** A job of 1,000 objects in progress, none of them labeled yet, as Describe shows it. */
export const inProgress = (name: string, createdAtMs: number, nowMs: number): Observation => ({
  kind: 'observed',
  name,
  arn: `arn:aws:sagemaker:us-east-1:123456789012:labeling-job/${name}`,
  status: 'InProgress',
  counters: { ...NO_COUNTERS, unlabeled: 1_000 },
  failureReason: null,
  createdAtMs,
  lastModifiedAtMs: nowMs,
  serviceNowMs: nowMs,
  outputManifestUri: null,
  finalModelArn: null,
});
