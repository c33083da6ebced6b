/** Followers of labeling jobs that never end, the product's workflow code for them, and what each was told. */
import type { Client } from '@temporalio/client';
import { NativeConnection, Worker, type WorkflowBundle } from '@temporalio/worker';
import { inProgress } from '../../bench/open-jobs.ts';
import { DAY_MS } from '../../decisions/durations.ts';
import type { Observation } from '../../decisions/ending.ts';
import { describeTaskQueue, labelingJobWorkflowId } from '../../decisions/names.ts';
import { resolvePolicy } from '../../decisions/policy-schema.ts';
import { LOCAL_ACCOUNT, LOCAL_REGION } from '../../local/child-environment.ts';
import type { labelingJob } from '../../workflows/labeling-job.ts';

const TASK_QUEUE = 'bursts';
const PLACE = { account: LOCAL_ACCOUNT, region: LOCAL_REGION };

/** SageMaker that answers of every job that it goes on. */
const describeLabelingJob = async ({ name }: { name: string }): Promise<Observation> => {
  const nowMs = Date.now();
  return inProgress(name, nowMs - DAY_MS, nowMs);
};

/** A worker of the product's workflows; resolves with what stops it. */
export const startFollowing = async (address: string, workflowBundle: WorkflowBundle): Promise<() => Promise<void>> => {
  const connection = await NativeConnection.connect({ address });
  const workers = [
    await Worker.create({ connection, taskQueue: TASK_QUEUE, workflowBundle }),
    await Worker.create({
      connection,
      taskQueue: describeTaskQueue(TASK_QUEUE, PLACE),
      activities: { describeLabelingJob },
    }),
  ];
  const running = workers.map((worker) => worker.run());
  return async () => {
    for (const worker of workers) worker.shutdown();
    await Promise.all(running);
    await connection.close();
  };
};

/** The workflow that follows a job. */
export const followerOf = (client: Client, jobName: string, runId?: string) =>
  client.workflow.getHandle<typeof labelingJob>(labelingJobWorkflowId({ ...PLACE, jobName }), runId);

/** Starts the workflow that follows a labeling job which is there already. */
export const follow = async (client: Client, jobName: string): Promise<void> => {
  await client.workflow.start('labelingJob', {
    taskQueue: TASK_QUEUE,
    workflowId: followerOf(client, jobName).workflowId,
    args: [
      {
        chain: jobName,
        generation: 1,
        region: LOCAL_REGION,
        request: { LabelingJobName: jobName },
        policy: resolvePolicy({}, { taskType: null, hasAlgorithms: false }),
        streaming: false,
        sentObjects: 1_000,
        begin: 'follow-only',
        stop: null,
        stopAskedFor: null,
      },
    ],
  });
};

/** The statuses that one run was told, one for each signal in its history. */
export const toldTo = async (client: Client, jobName: string, runId?: string): Promise<string[]> => {
  const { events } = await followerOf(client, jobName, runId).fetchHistory();
  return (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signaled }) => {
    const data = signaled?.input?.payloads?.[0]?.data;
    if (signaled?.signalName !== 'stateChange' || data === null || data === undefined) return [];
    return [(JSON.parse(Buffer.from(data).toString()) as { status: string }).status];
  });
};
