/** The context of a trace on its way through workflows, on a real server: whatever a header holds, the workflow goes on. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type WorkflowClientInterceptor } from '@temporalio/client';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import type { DescribeResult } from '../../activities/labeling-jobs.ts';
import { NO_COUNTERS } from '../../decisions/ending.ts';
import { describeTaskQueue, labelingJobWorkflowId } from '../../decisions/names.ts';
import { traceSinks } from '../../telemetry/tracing.ts';
import { TRACE_HEADER, type WorkflowSpan } from '../../workflows/causes.ts';
import type { LabelingJobInput, labelingJob } from '../../workflows/labeling-job.ts';
import { stateChange } from '../../workflows/messages.ts';
import { stopAfterTests, temporalDevServer } from '../support/servers.ts';
import { workflowBundle } from './support/bundle.ts';
import { ACCOUNT, REGION, specOf } from './support/spec.ts';

const TASK_QUEUE = 'causes';
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

const describeLabelingJob = ({ name }: { name: string }): Promise<DescribeResult> =>
  Promise.resolve({
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

let env: TestWorkflowEnvironment;
const spans: (WorkflowSpan & { workflowId: string })[] = [];

beforeAll(async () => {
  ({ env } = await temporalDevServer());
  const connection = env.nativeConnection;
  const workers = [
    await Worker.create({
      connection,
      taskQueue: TASK_QUEUE,
      workflowBundle: await workflowBundle(),
      sinks: traceSinks((span, workflowId) => spans.push({ ...span, workflowId })),
    }),
    await Worker.create({
      connection,
      taskQueue: describeTaskQueue(TASK_QUEUE, { account: ACCOUNT, region: REGION }),
      activities: { describeLabelingJob },
    }),
  ];
  const running = workers.map((worker) => worker.run());
  stopAfterTests(async () => {
    for (const worker of workers) worker.shutdown();
    await Promise.all(running);
  });
}, 90_000);

/** A client that sends this header with whatever it starts or signals. */
const clientWith = (payload: Payload | null): Client => {
  const headers = payload === null ? {} : { [TRACE_HEADER]: payload };
  const interceptor: WorkflowClientInterceptor = {
    startWithDetails: (input, next) => next({ ...input, headers }),
    signal: (input, next) => next({ ...input, headers }),
  };
  return new Client({ connection: env.connection, interceptors: { workflow: [interceptor] } });
};

const contextOf = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);
const TRACED = contextOf({ traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` });

const startJob = async (client: Client, jobName: string) => {
  const spec = specOf('causes');
  const input: LabelingJobInput = {
    chain: 'causes',
    generation: 1,
    region: REGION,
    request: { ...spec.job, LabelingJobName: jobName },
    policy: spec.policy,
    streaming: false,
    sentObjects: 10,
    begin: 'follow-only',
    stop: null,
    stopAskedFor: null,
  };
  const workflowId = labelingJobWorkflowId({ account: ACCOUNT, region: REGION, jobName });
  const handle = await client.workflow.start<typeof labelingJob>('labelingJob', {
    taskQueue: TASK_QUEUE,
    workflowId,
    args: [input],
  });
  stopAfterTests(() => handle.terminate().then(() => undefined));
  return handle;
};

/** What each Describe of the workflow was told of a trace; null for nothing. Waits until there are so many. */
const toldTo = async (workflowId: string, count: number): Promise<(string | null)[]> => {
  for (let left = 600; left > 0; left -= 1) {
    const { events } = await env.client.workflow.getHandle(workflowId).fetchHistory();
    const told = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: attributes }) => {
      if (!attributes) return [];
      const payload = attributes.header?.fields?.[TRACE_HEADER];
      return [
        payload ? String(defaultPayloadConverter.fromPayload<{ traceparent: string }>(payload).traceparent) : null,
      ];
    });
    if (told.length >= count) return told;
    await sleep(100);
  }
  throw new Error(`${workflowId} did not ask for ${count} Describes`);
};

/** Until the job waits for its next look: an event that comes while it looks starts none of its own. */
const untilWaiting = async (workflowId: string): Promise<void> => {
  for (let left = 600; left > 0; left -= 1) {
    const { events } = await env.client.workflow.getHandle(workflowId).fetchHistory();
    if (events?.some(({ timerStartedEventAttributes: timer }) => (timer ?? null) !== null) === true) return;
    await sleep(100);
  }
  throw new Error(`${workflowId} does not wait for its next look`);
};

test('what a traced start or event causes carries its trace on; a workflow beside it that nobody traces has none', async () => {
  const plain = await startJob(clientWith(null), 'plain');
  const traced = await startJob(clientWith(TRACED), 'traced');
  const told = await toldTo(traced.workflowId, 2);
  expect(told.every((one) => one?.startsWith(`00-${TRACE_ID}-`) && one.endsWith('-01'))).toBe(true);
  expect(new Set(await toldTo(plain.workflowId, 2))).toEqual(new Set([null]));
  // The activities stand below the span of the start, and that below the caller's.
  const [span] = spans.filter(({ workflowId }) => workflowId === traced.workflowId);
  expect(span).toMatchObject({ name: 'labelingJob starts', traceId: TRACE_ID, parentSpanId: 'b7ad6b7169203331' });
  expect(told[0]).toBe(`00-${TRACE_ID}-${span?.spanId}-01`);
  expect(spans.filter(({ workflowId }) => workflowId === plain.workflowId)).toEqual([]);
}, 90_000);

test.each([
  ['no map', contextOf('junk')],
  ['no traceparent', contextOf({ traceparent: 7 })],
  ['a malformed traceparent', contextOf({ traceparent: '00-xyz' })],
  [
    'bytes of no encoding',
    { metadata: { encoding: new TextEncoder().encode('unheard/of') }, data: new Uint8Array([1]) },
  ],
])(
  'a header with %s is as none: the event is taken',
  async (what, payload) => {
    const handle = await startJob(clientWith(null), `junk-${what.replaceAll(' ', '-')}`);
    await untilWaiting(handle.workflowId);
    await clientWith(payload)
      .workflow.getHandle(handle.workflowId)
      .signal(stateChange, { status: 'InProgress', eventId: 'e-1' });
    expect(new Set(await toldTo(handle.workflowId, 3))).toEqual(new Set([null]));
  },
  90_000,
);

test('a trace that is not recorded is carried on without a span of ours', async () => {
  const unsampled = contextOf({ traceparent: `00-${TRACE_ID}-b7ad6b7169203331-00` });
  const handle = await startJob(clientWith(unsampled), 'unsampled');
  for (const one of await toldTo(handle.workflowId, 2)) expect(one).toMatch(new RegExp(`^00-${TRACE_ID}-.*-00$`));
  expect(spans.filter(({ workflowId }) => workflowId === handle.workflowId)).toEqual([]);
}, 60_000);
