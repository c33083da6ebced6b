/** Describes on task queues of their own: one rate for an account and region, whoever polls; and what goes first. On a real server. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { NativeConnection, Worker, type ActivityInterceptorsFactory, type WorkerOptions } from '@temporalio/worker';
import type { temporal } from '@temporalio/proto';
import type { CreateResult, DescribeResult, StopResult } from '../../activities/labeling-jobs.ts';
import { NO_COUNTERS, type Observation } from '../../decisions/ending.ts';
import { labelingJobWorkflowId } from '../../decisions/names.ts';
import { pollPlacesOfJobs, startDescribeQueues, type DescribeQueues } from '../../worker/describe-queues.ts';
import type { LabelingJobInput, labelingJob } from '../../workflows/labeling-job.ts';
import { labelingJobView, stateChange, stopLabelingJob } from '../../workflows/messages.ts';
import type { TemporalServer } from '../../local/temporal-server.ts';
import { stopAfterTests, temporalDevServer } from '../support/servers.ts';
import { workflowBundle } from './support/bundle.ts';
import { ACCOUNT, REGION, specOf } from './support/spec.ts';

const NAMESPACE = 'default';

let env: TestWorkflowEnvironment;
let server: TemporalServer;
beforeAll(async () => {
  ({ env, server } = await temporalDevServer());
}, 90_000);

const seen = (name: string): Observation => ({
  kind: 'observed',
  name,
  arn: `arn:aws:sagemaker:${REGION}:${ACCOUNT}:labeling-job/${name}`,
  status: 'InProgress',
  counters: { ...NO_COUNTERS, unlabeled: 10 },
  failureReason: null,
  createdAtMs: Date.now(),
  lastModifiedAtMs: Date.now(),
  serviceNowMs: Date.now(),
  outputManifestUri: null,
  finalModelArn: null,
});

type Looks = { atMs: number; region: string; by: string }[];

/** What one worker process does, by a connection of its own; what it describes is written down. */
const pollAs = async (
  by: string,
  taskQueue: string,
  perSecond: number,
  regions: string[],
  looks: Looks,
): Promise<DescribeQueues> => {
  const connection = await NativeConnection.connect({ address: server.address });
  const queues = startDescribeQueues({
    connection,
    namespace: NAMESPACE,
    taskQueue,
    perSecond,
    places: regions.map((region) => ({ account: ACCOUNT, region })),
    activities: {
      describeLabelingJob: ({ name, region }: { name: string; region: string }): Promise<DescribeResult> => {
        looks.push({ atMs: Date.now(), region, by });
        return Promise.resolve(seen(name));
      },
    },
    shared: {},
  });
  stopAfterTests(async () => {
    queues.shutdown();
    await queues.finished;
    await connection.close();
  });
  return queues;
};

/** The worker of the task queue itself. */
const runMain = async (
  taskQueue: string,
  activities: object,
  activity: ActivityInterceptorsFactory[] = [],
  options: Partial<WorkerOptions> = {},
): Promise<void> => {
  const worker = await Worker.create({
    connection: env.nativeConnection,
    taskQueue,
    workflowBundle: await workflowBundle(),
    activities,
    interceptors: { activity },
    ...options,
  });
  const running = worker.run();
  stopAfterTests(async () => {
    worker.shutdown();
    await running;
  });
};

const startJob = async (taskQueue: string, jobName: string, region: string, begin: LabelingJobInput['begin']) => {
  const spec = specOf('queues');
  const workflowId = labelingJobWorkflowId({ account: ACCOUNT, region, jobName });
  const input: LabelingJobInput = {
    chain: 'queues',
    generation: 1,
    region,
    request: { ...spec.job, LabelingJobName: jobName },
    policy: spec.policy,
    streaming: false,
    sentObjects: 10,
    begin,
    stop: null,
    stopAskedFor: null,
  };
  const handle = await env.client.workflow.start<typeof labelingJob>('labelingJob', {
    taskQueue,
    workflowId,
    args: [input],
  });
  stopAfterTests(() => handle.terminate().then(() => undefined));
  return handle;
};

/** Waits at real speed, for a condition only. */
const until = async (isSo: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  for (let left = 600; left > 0; left -= 1) {
    if (await isSo()) return;
    await sleep(100);
  }
  throw new Error(`${what} did not happen in a minute`);
};

/** The activities that a workflow asked for, with their task queues and priorities. */
const scheduled = async (handle: { fetchHistory: () => Promise<temporal.api.history.v1.IHistory> }) =>
  ((await handle.fetchHistory()).events ?? []).flatMap(({ activityTaskScheduledEventAttributes: attributes }) =>
    attributes
      ? [
          {
            type: attributes.activityType?.name,
            taskQueue: attributes.taskQueue?.name,
            priority: attributes.priority?.priorityKey ?? 0,
          },
        ]
      : [],
  );

const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, number) => `${prefix}-${number}`);

test('two processes share the rate of an account and region, and another region has a rate of its own', async () => {
  const taskQueue = 'shared-rate';
  const looks: Looks = [];
  await runMain(taskQueue, {});
  for (const by of ['one', 'two']) await pollAs(by, taskQueue, 5, [REGION, 'eu-west-1'], looks);
  const inRegion = (region: string): Looks => looks.filter((look) => look.region === region);
  const jobs = names('rate', 12);
  await Promise.all(jobs.map((name) => startJob(taskQueue, name, REGION, 'follow-only')));
  await startJob(taskQueue, 'elsewhere', 'eu-west-1', 'follow-only');
  // Each looks whether its job is there, and then how it is.
  await until(() => inRegion('eu-west-1').length >= 2, 'the look in the other region');
  expect(inRegion(REGION).length).toBeLessThan(2 * jobs.length);
  await until(() => inRegion(REGION).length >= 2 * jobs.length, 'the look at every job');
  expect(new Set(looks.map(({ by }) => by))).toEqual(new Set(['one', 'two']));
  // 24 looks at 5 a second take 5 s, less the first 8 or so that the server lets pass at once. A rate for each process would let 16
  // pass at once and the rest in 1 s.
  const times = inRegion(REGION).map(({ atMs }) => atMs);
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(2_000);
}, 120_000);

test('a create overtakes 50 Describes that wait for their rate, and a job of a region that nobody named is looked at (I7)', async () => {
  const taskQueue = 'overtaken';
  const looks: Looks = [];
  const created: string[] = [];
  const queues = await pollAs('one', taskQueue, 0.5, [REGION], looks);
  await runMain(
    taskQueue,
    {
      createLabelingJob: ({ request }: { request: { LabelingJobName: string } }): Promise<CreateResult> => {
        created.push(request.LabelingJobName);
        return Promise.resolve({ kind: 'created', arn: seen(request.LabelingJobName).arn });
      },
    },
    [pollPlacesOfJobs(() => queues)],
  );
  const waiting = await Promise.all(names('waits', 50).map((name) => startJob(taskQueue, name, REGION, 'follow-only')));
  const last = waiting.at(-1);
  if (last === undefined) throw new Error('no job waits');
  await until(async () => (await scheduled(last)).length > 0, 'the last Describe asked for');
  const fresh = await startJob(taskQueue, 'fresh', REGION, 'create');
  await until(() => created.includes('fresh'), 'the create');
  expect(looks.length).toBeLessThan(50);
  await until(async () => (await scheduled(fresh)).length > 1, 'the Describe after it');
  expect(await scheduled(fresh)).toEqual([
    { type: 'createLabelingJob', taskQueue, priority: 1 },
    { type: 'describeLabelingJob', taskQueue: `${taskQueue}:describe:${ACCOUNT}:${REGION}`, priority: 2 },
  ]);
  await startJob(taskQueue, 'far', 'ap-south-1', 'create');
  await until(() => looks.some(({ region }) => region === 'ap-south-1'), 'the look at a job in another region');
}, 120_000);

test('the queue of an open job is polled by a process that starts after it (I7)', async () => {
  const taskQueue = 'found-again';
  const looks: Looks = [];
  await runMain(taskQueue, {});
  const handle = await startJob(taskQueue, 'orphan', 'eu-central-1', 'follow-only');
  const isListed = async (): Promise<boolean> =>
    (await env.client.workflow.count(`WorkflowId = '${handle.workflowId}'`)).count > 0;
  await until(isListed, 'the job in the list of workflows');
  await pollAs('later', taskQueue, 10, [], looks);
  await until(() => looks.length > 0, 'the look');
  expect(looks[0]).toMatchObject({ region: 'eu-central-1', by: 'later' });
}, 60_000);

test('among tasks that wait for a worker with one place, a stop goes before what is not about money', async () => {
  const taskQueue = 'one-place';
  const order: string[] = [];
  let release = (): void => undefined;
  const isReleased = new Promise<void>((resolve) => (release = resolve));
  const summarize = async ({ chain }: { chain: string }): Promise<unknown> => {
    order.push(chain);
    await isReleased;
    return { byAttempts: [] };
  };
  const stop = (): Promise<StopResult> => {
    order.push('stop');
    return Promise.resolve({ kind: 'accepted', serviceNowMs: Date.now() });
  };
  await pollAs('one', taskQueue, 100, [REGION], []);
  const activities = { summarizeObjects: summarize, stopLabelingJob: stop };
  await runMain(taskQueue, activities, [], {
    maxConcurrentActivityTaskExecutions: 1,
    maxConcurrentActivityTaskPolls: 1,
  });
  const reports = await Promise.all(
    names('report', 60).map((chain) =>
      env.client.workflow.start('labelingReport', { taskQueue, workflowId: chain, args: [{ chain }] }),
    ),
  );
  for (const report of reports) await until(async () => (await scheduled(report)).length > 0, 'every report asked for');
  const job = await startJob(taskQueue, 'to-stop', REGION, 'follow-only');
  await until(async () => (await scheduled(job)).length > 1, 'the look at the job');
  await job.signal(stopLabelingJob, { reason: 'enough' });
  await until(async () => (await scheduled(job)).length > 2, 'the stop asked for');
  expect((await scheduled(job)).at(2)).toEqual({ type: 'stopLabelingJob', taskQueue, priority: 1 });
  release();
  await until(() => order.includes('stop'), 'the stop');
  // A task queue has four partitions, each with an order of its own, and the worker asks one of them at random: the stop is the first of
  // its own. That it is not asked for so often in a row happens once in 30,000 times.
  expect(order.indexOf('stop')).toBeLessThan(36);
  await until(() => order.length > 60, 'the reports');
}, 120_000);

test('a look again after an event is one for news, since no reconcile found what the event told; after our stop it is none (law 1)', async () => {
  const taskQueue = 'looks-again';
  const stop = (): Promise<StopResult> => Promise.resolve({ kind: 'accepted', serviceNowMs: Date.now() });
  await runMain(taskQueue, { stopLabelingJob: stop });
  await pollAs('one', taskQueue, 100, [REGION], []);
  const told = await startJob(taskQueue, 'told', REGION, 'follow-only');
  const stopped = await startJob(taskQueue, 'stopped', REGION, 'follow-only');
  // An event that comes while a look is under way wakes nobody.
  for (const job of [told, stopped])
    await until(async () => (await job.query(labelingJobView)).observation !== null, 'the look at the job');
  await told.signal(stateChange, { status: 'Completed', eventId: 'event-1' });
  await stopped.signal(stopLabelingJob, { reason: 'enough' });
  const prioritiesOf = async (job: typeof told): Promise<number[]> =>
    (await scheduled(job)).map(({ priority }) => priority);
  // At most one look in 10 s, and then the first of those after an event that was not confirmed.
  await until(async () => (await prioritiesOf(told)).length === 4, 'the looks after the event');
  expect(await prioritiesOf(told)).toEqual([2, 2, 2, 2]);
  // The third is the stop itself.
  expect(await prioritiesOf(stopped)).toEqual([2, 2, 1, 4]);
}, 60_000);
