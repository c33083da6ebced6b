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
import { forEachLimited } from '../../local/for-each-limited.ts';
import { connectToLocalTemporal } from '../../local/local-clients.ts';
import { startTemporalServer } from '../../local/temporal-server.ts';
import { stateChange } from '../../workflows/messages.ts';
import { atLeast, atMost, figure, median, type Figure, type Part } from '../figures.ts';
import { startLoadQueue, type LoadQueue } from '../queue.ts';

const ACCOUNT = '123456789012';
const REGION = 'us-east-1';
const SIGNALED = 26;
/** In which the backlog is taken, with the baseline between them. */
const TURNS = 5;

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

const signalAll = async (client: Client, events: readonly Event[]): Promise<number> => {
  const startMs = performance.now();
  let number = 0;
  await forEachLimited(
    events,
    async ({ jobName, status }) => {
      number += 1;
      await client.workflow.getHandle(`raw-${jobName}`).signal(stateChange, { status, eventId: `event-${number}` });
    },
    SIGNALS_AT_ONCE,
  );
  return events.length / ((performance.now() - startMs) / 1e3);
};

type Taken = { messages: number; perSecond: number };

/** Consumers take at least so many messages, and finish what they have taken. */
const take = async (client: Client, queue: LoadQueue, atLeastTaken: number, consumers: number): Promise<Taken> => {
  let messages = 0;
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
        if (metric === 'delivered') messages += count;
      },
    }),
  );
  while (messages < atLeastTaken) await sleep(2);
  const perSecond = messages / ((performance.now() - startMs) / 1e3);
  await Promise.all(running.map((consumer) => consumer.stop()));
  return { messages, perSecond };
};

/** Distinct events that are in no history. */
const countLost = async (client: Client, events: readonly Event[]): Promise<number> => {
  const expected = new Map<string, Set<string>>();
  for (const { jobName, status } of events) {
    expected.set(jobName, (expected.get(jobName) ?? new Set()).add(status));
  }
  let lost = 0;
  await forEachLimited(
    expected,
    async ([jobName, statuses]) => {
      const { events: history } = await client.workflow.getHandle(workflowIdOf(jobName)).fetchHistory();
      for (const { eventType, workflowExecutionSignaledEventAttributes: signal } of history ?? []) {
        if (eventType !== SIGNALED) continue;
        const payload = signal?.input?.payloads?.[0]?.data;
        const text = payload === null || payload === undefined ? '' : Buffer.from(payload).toString('utf8');
        for (const status of statuses) if (text.includes(`"${status}"`)) statuses.delete(status);
      }
      lost += statuses.size;
    },
    SIGNALS_AT_ONCE,
  );
  return lost;
};

const startTargets = async (client: Client, jobs: number): Promise<void> => {
  const names = Array.from({ length: jobs }, (_, index) => `job-${index}`);
  const ids = names.flatMap((name) => [workflowIdOf(name), `raw-${name}`]);
  await forEachLimited(
    ids,
    async (workflowId) => {
      await client.workflow.start('nobody-runs-this', { taskQueue: 'no-worker', workflowId });
    },
    SIGNALS_AT_ONCE,
  );
};

type Rates = { raw: number; one: number };

/** Turn by turn, so that a busy minute hits both alike. The queue holds all messages from the start. */
const inTurns = async (client: Client, queue: LoadQueue, events: readonly Event[]): Promise<Rates[]> => {
  const rounds: Rates[] = [];
  const turn = Math.ceil(events.length / TURNS);
  for (let taken = 0; taken < events.length;) {
    const wanted = Math.min(turn, events.length - taken);
    const raw = await signalAll(client, events.slice(0, turn));
    const one = await take(client, queue, wanted, 1);
    taken += one.messages;
    // A small rest is taken too, but says little.
    if (wanted >= turn / 2) rounds.push({ raw, one: one.perSecond });
  }
  return rounds;
};

/** How much faster two consumers are, turn by turn, until the queue is empty. */
const oneAgainstTwo = async (client: Client, queue: LoadQueue, messages: number): Promise<number[]> => {
  const ratios: number[] = [];
  const turn = Math.ceil(messages / (2 * TURNS));
  let left = messages;
  const some = async (consumers: number): Promise<number> => {
    const taken = await take(client, queue, Math.min(turn, left), consumers);
    left -= taken.messages;
    return taken.perSecond;
  };
  while (left >= 2 * turn) {
    const one = await some(1);
    ratios.push((await some(2)) / one);
  }
  while (left > 0) await some(2);
  return ratios;
};

const measure = async (connection: Connection, queue: LoadQueue, quick: boolean): Promise<Figure[]> => {
  const [jobs, messages, further] = quick ? [100, 1_500, 600] : [1_000, 10_000, 5_000];
  const client = new Client({ connection });
  await startTargets(client, jobs);
  const events = eventsFor(jobs, messages);
  const bodies = events.map(bodyOf);
  await queue.send(bodies);
  const rounds = await inTurns(client, queue, events);
  const lost = await countLost(client, events);
  const left = await queue.left();
  const second = eventsFor(jobs, further).map((event) => ({ ...event, status: `Second${event.status}` }));
  await queue.send(second.map(bodyOf));
  const pairs = await oneAgainstTwo(client, queue, further);
  const lostByTwo = await countLost(client, second);
  const baseline = {
    what: `bare signal() calls, ${SIGNALS_AT_ONCE} at once`,
    value: median(rounds.map(({ raw }) => raw)),
    unit: '/s',
  };
  return [
    figure('intake: rate of messages', median(rounds.map(({ raw, one }) => one / raw)), '×', {
      baseline,
      bar: atLeast(0.8),
      note: `${median(rounds.map(({ one }) => one)).toFixed(0)} messages per second; the median of ${rounds.length} turns`,
    }),
    figure('intake: events lost', lost, 'events', { bar: atMost(0) }),
    figure('intake: messages left in the queue', left, 'messages', { bar: atMost(0) }),
    figure('intake: two consumers against one', median(pairs), '×', {
      note: 'on one machine with one server, of which they share what there is',
    }),
    figure('intake: events lost by two consumers', lostByTwo, 'events', { bar: atMost(0) }),
  ];
};

/** The figures on a Temporal server that runs already; no worker may poll there for `no-worker`. */
export const measureIntake = async (address: string, quick: boolean): Promise<Figure[]> => {
  const queue = await startLoadQueue();
  const connection = await connectToLocalTemporal(address);
  try {
    return await measure(connection, queue, quick);
  } finally {
    await connection.close();
    queue.close();
  }
};

/** See the head of this file. */
export const run: Part = async ({ quick, directory }) => {
  const server = await startTemporalServer({
    logFile: join(directory, 'temporal.log'),
    searchAttributes: SEARCH_ATTRIBUTES,
  });
  try {
    return await measureIntake(server.address, quick);
  } finally {
    await server.stop();
  }
};
