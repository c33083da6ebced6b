/**
 * How soon a message on the queue has its effect, through the whole system on a local stack: the consumer, the job's workflow,
 * Describe, its ending; then the chain, the merge, the record, the next labeling job. The baseline is a bare Temporal workflow
 * on the same server that gets a signal, runs one activity and returns. All times are the server's own, of history events.
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
import { atMost, figure, percentile, type Figure, type Part } from '../figures.ts';
import { poke, signalThenActivity } from '../workflows/raw.ts';

const RAW_QUEUE = 'raw';
const COMPLETED = 2;
const ACTIVITY_COMPLETED = 12;

type Stage = { facts: StackFacts; client: Client; sqs: SQSClient };

/** When the first event of a type was written, in milliseconds since the epoch; null if it was not. */
const eventTimeMs = async (handle: WorkflowHandle, type: number): Promise<number | null> => {
  const { events } = await handle.fetchHistory().catch(() => ({ events: null }));
  const time = events?.find(({ eventType }) => eventType === type)?.eventTime;
  return time === null || time === undefined ? null : Number(time.seconds ?? 0) * 1e3 + (time.nanos ?? 0) / 1e6;
};

const waitForEvent = async (handle: WorkflowHandle, type: number): Promise<number> => {
  for (let look = 0; look < 600; look += 1) {
    const time = await eventTimeMs(handle, type);
    if (time !== null) return time;
    await sleep(50);
  }
  throw new Error(`${handle.workflowId} has no event ${type} after 30 s`);
};

const rawReaction = async ({ client }: Stage, number: number): Promise<number> => {
  const handle = await client.workflow.start(signalThenActivity, { taskQueue: RAW_QUEUE, workflowId: `raw-${number}` });
  await sleep(150);
  const startMs = Date.now();
  await handle.signal(poke, { status: 'Completed', eventId: '1' });
  return (await waitForEvent(handle, COMPLETED)) - startMs;
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

/** From the sending of the message: until the job's workflow is over, and until the next job exists. */
const reaction = async (stage: Stage, jobName: string): Promise<{ endedMs: number; nextMs: number }> => {
  const startMs = Date.now();
  await sendEvent(stage, jobName);
  const endedMs = (await waitForEvent(jobHandle(stage, jobName), COMPLETED)) - startMs;
  const next = jobHandle(stage, jobName.replace(/001$/, '002'));
  return { endedMs, nextMs: (await waitForEvent(next, ACTIVITY_COMPLETED)) - startMs };
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
  const ended: number[] = [];
  const next: number[] = [];
  for (const [index, job] of jobs.entries()) {
    raw.push(await rawReaction(stage, index));
    const { endedMs, nextMs } = await reaction(stage, job);
    // The first of each warms up.
    if (index === 0) {
      raw.pop();
      continue;
    }
    ended.push(endedMs);
    next.push(nextMs);
  }
  return { raw, ended, next };
};

/** See the head of this file. */
export const run: Part = async ({ quick }): Promise<Figure[]> => {
  const stack = await startStack({ clock: 'stopped' });
  Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: [] });
  const connection = await Connection.connect({ address: stack.facts.temporalAddress });
  const native = await NativeConnection.connect({ address: stack.facts.temporalAddress });
  const sqs = new SQSClient(localAwsConfig(stack.facts.awsEndpoint));
  try {
    const worker = await Worker.create({
      connection: native,
      taskQueue: RAW_QUEUE,
      workflowsPath: fileURLToPath(new URL('../workflows/raw.ts', import.meta.url)),
      activities: { answer: () => Promise.resolve('answer') },
    });
    const stage = { facts: stack.facts, client: new Client({ connection }), sqs };
    const { raw, ended, next } = await worker.runUntil(measure(stage, quick ? 8 : 40));
    const of = (values: readonly number[], share: number): number => percentile(values, share);
    const compare = (name: string, values: readonly number[], share: number, bar: number): Figure =>
      figure(`reaction: ${name}, p${share * 100}`, of(values, share) / of(raw, share), '×', {
        baseline: { what: 'bare signal, workflow, one activity, result', value: of(raw, share), unit: 'ms' },
        bar: atMost(bar),
        note: `${of(values, share).toFixed(0)} ms`,
      });
    return [
      compare('message to ending', ended, 0.5, 1.5),
      compare('message to ending', ended, 0.95, 1.5),
      compare('message to the next labeling job', next, 0.5, 8),
      compare('message to the next labeling job', next, 0.95, 8),
    ];
  } finally {
    sqs.destroy();
    await connection.close();
    await native.close().catch(() => undefined);
    await stack.stop();
  }
};
