/**
 * How fast a backlog of events is taken in: 10,000 messages for 1,000 labeling jobs, a third of them repeats, while no
 * worker runs. The baseline is as many bare `signal()` calls with as many under way at once. Afterwards every event must be in its
 * workflow's history.
 */
import { Client, type Connection } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { SEARCH_ATTRIBUTES } from '../../decisions/search-attributes.ts';
import { labelingJobWorkflowId } from '../../decisions/names.ts';
import { SIGNALS_AT_ONCE, startConsumer } from '../../events/consumer.ts';
import { STATE_CHANGE_DETAIL_TYPE } from '../../events/state-change-pattern.ts';
import { connectToLocalTemporal } from '../../local/local-clients.ts';
import { startTemporalServer } from '../../local/temporal-server.ts';
import { stateChange } from '../../workflows/messages.ts';
import { atLeast, atMost, figure, type Figure, type Part } from '../figures.ts';
import { startLoadQueue, type LoadQueue } from '../queue.ts';

const ACCOUNT = '123456789012';
const REGION = 'us-east-1';
const SIGNALED = 26;

type Event = { jobName: string; status: string };

/** Two of three are new, the third repeats one of them; then in an order that looks like chance. */
const eventsFor = (jobs: number, messages: number): Event[] => {
  const events: Event[] = [];
  for (let number = 0; number < messages; number += 1) {
    const distinct = number % 3 === 2 ? number - 1 : number;
    const index = Math.floor((distinct * 2_654_435_761) % 4_294_967_296) % jobs;
    events.push({ jobName: `job-${index}`, status: `Status${distinct}` });
  }
  // Repeats come far from what they repeat, as after an outage.
  return events.filter((_, number) => number % 3 < 2).concat(events.filter((_, number) => number % 3 === 2));
};

const bodyOf = ({ jobName, status }: Event, number: number): string =>
  JSON.stringify({
    version: '0',
    id: `0b1e0000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    'detail-type': STATE_CHANGE_DETAIL_TYPE,
    source: 'aws.sagemaker',
    account: ACCOUNT,
    time: '2026-03-01T12:00:00Z',
    region: REGION,
    resources: [`arn:aws:sagemaker:${REGION}:${ACCOUNT}:labeling-job/${jobName}`],
    detail: { LabelingJobStatus: status },
  });

const workflowIdOf = (jobName: string): string => labelingJobWorkflowId({ account: ACCOUNT, region: REGION, jobName });

const sideBySide = async <T>(items: readonly T[], many: number, work: (item: T) => Promise<void>): Promise<void> => {
  const left = items.values();
  await Promise.all(
    Array.from({ length: many }, async () => {
      for (const item of left) await work(item);
    }),
  );
};

const signalAll = async (client: Client, events: readonly Event[]): Promise<number> => {
  const startMs = performance.now();
  let number = 0;
  await sideBySide(events, SIGNALS_AT_ONCE, async ({ jobName, status }) => {
    number += 1;
    await client.workflow.getHandle(`raw-${jobName}`).signal(stateChange, { status, eventId: `event-${number}` });
  });
  return (performance.now() - startMs) / 1e3;
};

const consumeAll = async (client: Client, queue: LoadQueue, messages: number, consumers: number): Promise<number> => {
  let taken = 0;
  const startMs = performance.now();
  const silent = { info: () => undefined, warn: console.error, error: console.error };
  const running = Array.from({ length: consumers }, () =>
    startConsumer({
      client,
      sqs: queue.sqs,
      queueUrl: queue.queueUrl,
      accounts: [ACCOUNT],
      regions: [REGION],
      logger: silent,
      waitTimeS: 1,
      onMetric: (metric, count) => {
        if (metric === 'delivered') taken += count;
      },
    }),
  );
  while (taken < messages) await sleep(5);
  const seconds = (performance.now() - startMs) / 1e3;
  await Promise.all(running.map((consumer) => consumer.stop()));
  return seconds;
};

/** Distinct events that are in no history. */
const countLost = async (client: Client, events: readonly Event[]): Promise<number> => {
  const expected = new Map<string, Set<string>>();
  for (const { jobName, status } of events) {
    expected.set(jobName, (expected.get(jobName) ?? new Set()).add(status));
  }
  let lost = 0;
  await sideBySide([...expected], SIGNALS_AT_ONCE, async ([jobName, statuses]) => {
    const { events: history } = await client.workflow.getHandle(workflowIdOf(jobName)).fetchHistory();
    for (const { eventType, workflowExecutionSignaledEventAttributes: signal } of history ?? []) {
      if (eventType !== SIGNALED) continue;
      const payload = signal?.input?.payloads?.[0]?.data;
      const text = payload === null || payload === undefined ? '' : Buffer.from(payload).toString('utf8');
      for (const status of statuses) if (text.includes(`"${status}"`)) statuses.delete(status);
    }
    lost += statuses.size;
  });
  return lost;
};

const startTargets = async (client: Client, jobs: number): Promise<void> => {
  const names = Array.from({ length: jobs }, (_, index) => `job-${index}`);
  const ids = names.flatMap((name) => [workflowIdOf(name), `raw-${name}`]);
  await sideBySide(ids, SIGNALS_AT_ONCE, async (workflowId) => {
    await client.workflow.start('nobody-runs-this', { taskQueue: 'no-worker', workflowId });
  });
};

const measure = async (connection: Connection, queue: LoadQueue, quick: boolean): Promise<Figure[]> => {
  const [jobs, messages] = quick ? [100, 1_500] : [1_000, 10_000];
  const client = new Client({ connection });
  await startTargets(client, jobs);
  const events = eventsFor(jobs, messages);
  const bodies = events.map(bodyOf);
  // Half of the baseline before and half after, so that a busy minute hits both.
  const half = Math.floor(events.length / 2);
  let rawSeconds = await signalAll(client, events.slice(0, half));
  await queue.send(bodies);
  const seconds = await consumeAll(client, queue, messages, 1);
  rawSeconds += await signalAll(client, events.slice(half));
  const lost = await countLost(client, events);
  const left = await queue.left();
  await queue.send(bodies);
  const secondsOfTwo = await consumeAll(client, queue, messages, 2);
  const baseline = {
    what: `bare signal() calls, ${SIGNALS_AT_ONCE} at once`,
    value: messages / rawSeconds,
    unit: '/s',
  };
  return [
    figure('intake: rate of messages', rawSeconds / seconds, '×', {
      baseline,
      bar: atLeast(0.8),
      note: `${(messages / seconds).toFixed(0)} messages per second`,
    }),
    figure('intake: events lost', lost, 'events', { bar: atMost(0) }),
    figure('intake: messages left in the queue', left, 'messages', { bar: atMost(0) }),
    figure('intake: two consumers against one', seconds / secondsOfTwo, '×'),
  ];
};

/** See the head of this file. */
export const run: Part = async ({ quick, directory }) => {
  const server = await startTemporalServer({
    logFile: join(directory, 'temporal.log'),
    searchAttributes: SEARCH_ATTRIBUTES,
  });
  const queue = await startLoadQueue();
  const connection = await connectToLocalTemporal(server.address);
  try {
    return await measure(connection, queue, quick);
  } finally {
    await connection.close();
    queue.close();
    await server.stop();
  }
};
