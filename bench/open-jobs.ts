/** Workflows that follow a labeling job which is open, without a chain: targets for workers that are measured. */
import type { Client, WorkflowHandle } from '@temporalio/client';
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
