/**
 * How soon a message on the queue has its effect, through the whole system on a local stack: the consumer, the job's workflow,
 * Describe, its ending; then the chain, the merge, the record, the next labeling job. The baseline is a bare Temporal workflow
 * on the same server that gets a signal, runs one activity and returns. All times are the server's own, of history events.
 *
 * The server keeps its database in a file, and nobody looks meanwhile: in memory a write that meets a read waits for 50 ms, which is more than
 * all that is measured. And SQS and S3 are the emulator for load, since the one of the local stack thinks for 4 ms about each call.
 */
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { LabelRelay } from '../../client.ts';
import { DAY_MS } from '../../decisions/durations.ts';
import { labelingJobWorkflowId } from '../../decisions/names.ts';
import { STATE_CHANGE_DETAIL_TYPE } from '../../events/state-change-pattern.ts';
import { localAwsConfig } from '../../local/local-clients.ts';
import { simulatorClock } from '../../local/simulator-clock.ts';
import { startStack, type StackFacts } from '../../local/stack.ts';
import { makeSpec, setScript } from '../chains.ts';
import { startLoadQueue } from '../queue.ts';
import { atMost, figure, percentile, type Figure, type Part } from '../figures.ts';
import { poke, signalThenActivity } from '../workflows/raw.ts';

const RAW_QUEUE = 'raw';
/** Code that is new to a process is slow: so many reactions of each kind are left out. */
const WARM_UP = 5;
const COMPLETED = 2;
const ACTIVITY_COMPLETED = 12;
/** To the chain; the last one carries the ending. */
const SIGNAL_SENT = 37;

type Stage = { facts: StackFacts; client: Client; sqs: SQSClient };

type Which = 'first' | 'last';

/** When the first or last event of a type was written, in milliseconds since the epoch; null if it was not. */
const eventTimeMs = async (handle: WorkflowHandle, type: number, which: Which): Promise<number | null> => {
  const { events } = await handle.fetchHistory().catch(() => ({ events: null }));
  const ofType = events?.filter(({ eventType }) => eventType === type) ?? [];
  const time = ofType.at(which === 'first' ? 0 : -1)?.eventTime;
  return time === null || time === undefined ? null : Number(time.seconds ?? 0) * 1e3 + (time.nanos ?? 0) / 1e6;
};

/** Longer than any reaction, mostly: whoever looks earlier is in its way. */
const UNSEEN_MS = { raw: 150, ours: 400 } as const;

const waitForEvent = async (
  handle: WorkflowHandle,
  type: number,
  which: Which,
  whose: keyof typeof UNSEEN_MS,
): Promise<number> => {
  for (let look = 0; look < 100; look += 1) {
    await sleep(UNSEEN_MS[whose]);
    const time = await eventTimeMs(handle, type, which);
    if (time !== null) return time;
  }
  throw new Error(`${handle.workflowId} has no event ${type} after 100 looks`);
};

const rawReaction = async ({ client }: Stage, number: number): Promise<number> => {
  const handle = await client.workflow.start(signalThenActivity, { taskQueue: RAW_QUEUE, workflowId: `raw-${number}` });
  await sleep(150);
  const startMs = Date.now();
  await handle.signal(poke, { status: 'Completed', eventId: '1' });
  return (await waitForEvent(handle, COMPLETED, 'first', 'raw')) - startMs;
};

const jobHandle = ({ client, facts }: Stage, jobName: string): WorkflowHandle =>
  client.workflow.getHandle(labelingJobWorkflowId({ account: facts.account, region: facts.region, jobName }));

const sendEvent = async ({ sqs, facts }: Stage, jobName: string): Promise<void> => {
  const body = {
    version: '0',
    id: crypto.randomUUID(),
    'detail-type': STATE_CHANGE_DETAIL_TYPE,
    source: 'aws.sagemaker',
    account: facts.account,
    time: new Date().toISOString(),
    region: facts.region,
    resources: [`arn:aws:sagemaker:${facts.region}:${facts.account}:labeling-job/${jobName}`],
    detail: { LabelingJobStatus: 'Completed' },
  };
  await sqs.send(new SendMessageCommand({ QueueUrl: facts.queueUrl, MessageBody: JSON.stringify(body) }));
};

type Reaction = { toldMs: number; closedMs: number; nextMs: number };

/** From when the message is on the queue: until the workflow has its ending and tells the chain, until it is closed, until the next job exists. */
const reaction = async (stage: Stage, jobName: string): Promise<Reaction> => {
  const job = jobHandle(stage, jobName);
  await sendEvent(stage, jobName);
  const startMs = Date.now();
  const next = jobHandle(stage, jobName.replace(/001$/, '002'));
  const nextMs = (await waitForEvent(next, ACTIVITY_COMPLETED, 'first', 'ours')) - startMs;
  const [closed, told] = [await eventTimeMs(job, COMPLETED, 'first'), await eventTimeMs(job, SIGNAL_SENT, 'last')];
  if (closed === null || told === null) throw new Error(`${jobName} has not ended, and the next job exists`);
  return { toldMs: told - startMs, closedMs: closed - startMs, nextMs };
};

const startChains = async (stage: Stage, count: number): Promise<string[]> => {
  const relay = new LabelRelay({ client: stage.client });
  const names: string[] = [];
  for (let number = 1; number <= count; number += 1) {
    const chain = `reaction-${number}`;
    const spec = await makeSpec(stage.facts, {
      chain,
      objects: 3,
      job: { StoppingConditions: { MaxHumanLabeledObjectCount: 1 } },
      policy: { stoppingConditions: 'per-job' },
    });
    await relay.startChain(spec);
    names.push(chain);
  }
  return Promise.all(
    names.map(async (chain) => {
      for (;;) {
        const job = (await relay.get(chain)).jobs.at(0);
        if (job !== undefined && job.arn !== null) return job.name;
        await sleep(100);
      }
    }),
  );
};

const measure = async (stage: Stage, count: number) => {
  // No event comes by itself; the output is there before the job's end is.
  await setScript(stage.facts, { jobs: [{ match: {}, events: { drop: 1 }, output: { late: '0s' } }] });
  const jobs = await startChains(stage, count);
  await simulatorClock(stage.facts.sagemakerEndpoint).advance(DAY_MS);
  await sleep(1_000);
  const raw: number[] = [];
  const reactions: Reaction[] = [];
  for (const [index, job] of jobs.entries()) {
    const bare = await rawReaction(stage, index);
    const ours = await reaction(stage, job);
    if (index < WARM_UP) continue;
    raw.push(bare);
    reactions.push(ours);
  }
  return { raw, reactions };
};

/** The figures on a stack that runs already, with its simulator's clock stopped; its chains must be new. */
export const measureReaction = async (facts: StackFacts, quick: boolean): Promise<Figure[]> => {
  Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: [] });
  const connection = await Connection.connect({ address: facts.temporalAddress });
  const native = await NativeConnection.connect({ address: facts.temporalAddress });
  const sqs = new SQSClient(localAwsConfig(facts.awsEndpoint));
  try {
    const worker = await Worker.create({
      connection: native,
      taskQueue: RAW_QUEUE,
      workflowsPath: fileURLToPath(new URL('../workflows/raw.ts', import.meta.url)),
      activities: { answer: () => Promise.resolve('answer') },
    });
    const stage = { facts, client: new Client({ connection }), sqs };
    const { raw, reactions } = await worker.runUntil(measure(stage, WARM_UP + (quick ? 5 : 100)));
    const compare = (name: string, what: keyof Reaction, share: number, bar: number | null): Figure => {
      const ours = percentile(
        reactions.map((each) => each[what]),
        share,
      );
      const bare = percentile(raw, share);
      return figure(`reaction: ${name}, p${share * 100}`, ours / bare, '×', {
        baseline: { what: 'bare signal, workflow, one activity, result', value: bare, unit: 'ms' },
        bar: bar === null ? null : atMost(bar),
        note: `${ours.toFixed(0)} ms`,
      });
    };
    return [0.5, 0.95].flatMap((share) => [
      compare('message to ending', 'toldMs', share, 1.5),
      compare('message to the closed workflow of the job', 'closedMs', share, null),
      compare('message to the next labeling job', 'nextMs', share, 8),
    ]);
  } finally {
    sqs.destroy();
    await connection.close();
    await native.close().catch(() => undefined);
  }
};

/** See the head of this file. */
export const run: Part = async ({ quick }): Promise<Figure[]> => {
  const storage = await startLoadQueue();
  const stack = await startStack({ clock: 'stopped', storage, durable: true });
  try {
    return await measureReaction({ ...stack.facts, awsEndpoint: storage.endpoint }, quick);
  } finally {
    await stack.stop();
    storage.close();
  }
};
