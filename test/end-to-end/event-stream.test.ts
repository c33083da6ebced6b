/**
 * The event stream under every trouble that EventBridge promises: lost, repeated, unordered, late, early, forged. Each
 * chain has one of them; all run side by side on one stack with two consumers, and each is held against the ledger.
 */
import { HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import type { LedgerRecord } from '../../simulator/ledger.ts';
import { archiveOf, eventually, openStreamStack, stateChange, type StreamStack } from './event-stream-stack.ts';
import { runCli } from './run-cli.ts';

let world: StreamStack;
let secondConsumer: Awaited<ReturnType<StreamStack['startWorkerProcess']>>;

/** Statuses that the documentation does not promise events for, too. */
const EVERY_STATUS = ['Initializing', 'InProgress', 'Stopping', 'Completed', 'Failed', 'Stopped'] as const;

/** How long after each job's end the next one was created, by the service's clock. Milliseconds. */
const reactionsOf = (ledger: readonly LedgerRecord[]): number[] => {
  const reactions: number[] = [];
  let endedMs: number | null = null;
  for (const record of ledger) {
    if (record.kind === 'status' && ['Completed', 'Failed', 'Stopped'].includes(record.to)) endedMs = record.atMs;
    if (record.kind === 'created' && endedMs !== null) reactions.push(record.atMs - endedMs);
  }
  return reactions;
};

const sendArchive = (events: readonly object[]) =>
  runCli(
    ['events', 'send', '-', '--json'],
    world.facts.env,
    events.map((event) => `${JSON.stringify(event)}\n`).join(''),
  );

const liveJobOf = async (chain: string): Promise<string> => (await world.relay.get(chain)).jobs.at(-1)?.name ?? '';

const labeledInThreeJobs = {
  document: {
    status: 'labeled',
    objects: { total: 24, labeled: 24, remaining: 0, setAside: 0, doubled: 0 },
    jobs: [{ outcome: 'stopping-condition' }, { outcome: 'stopping-condition' }, { outcome: 'labeled' }],
    attention: null,
  },
  violations: [],
};

beforeAll(async () => {
  world = await openStreamStack();
  secondConsumer = await world.startWorkerProcess();
  await world.script({
    plain: {},
    repeated: { events: { statuses: [...EVERY_STATUS], repeat: 4 } },
    late: { events: { delay: '90m' } },
    lagging: { events: { beforeDescribe: '2m' } },
    reversed: { events: { statuses: [...EVERY_STATUS], drop: 1 } },
    forged: { workers: { ratePerHour: 2 } },
  });
  for (const chain of ['plain', 'repeated', 'late', 'lagging', 'reversed', 'forged']) await world.startChain(chain);
}, 180_000);

test('while a job is live, a forged Completed makes the chain look and changes nothing (law 1)', async () => {
  await world.advance(6 * MINUTE_MS, MINUTE_MS);
  const job = await liveJobOf('forged');
  const before = await world.relay.detail('forged');
  expect(before.live?.observation?.status).toBe('InProgress');
  for (const status of ['Completed', 'Failed', 'Stopped']) await world.send([stateChange(job, status, world.facts)]);
  const sent = await sendArchive([stateChange(job, 'Completed', world.facts)]);
  expect(sent).toMatchObject({ code: 0 });
  expect(JSON.parse(sent.stdout)).toMatchObject({ counts: { delivered: 1 }, complete: true });
  await eventually(async () => (await world.arrived(job)).length >= 4);
  await world.advance(7 * MINUTE_MS, MINUTE_MS);
  const after = await world.relay.detail('forged');
  expect(after.live?.observation?.status).toBe('InProgress');
  expect(after.document).toMatchObject({ status: 'running', generation: 1, attention: null });
  expect(after.live?.describes).toBeGreaterThan(before.live?.describes ?? 0);
});

test('two consumers side by side lose nothing: each of 60 different events reaches the workflow (I4)', async () => {
  const job = await liveJobOf('forged');
  const statuses = Array.from({ length: 60 }, (_, n) => `Forged-${n}`);
  const { describes = 0 } = (await world.relay.detail('forged')).live ?? {};
  await world.send(statuses.map((status) => stateChange(job, status, world.facts)));
  // At least once: a repeat is allowed, a loss is not. The server keeps signals that come during a workflow task out of
  // the history until that task is done, so that an empty queue does not yet mean that they can be read there.
  const missing = async (): Promise<string[]> => {
    const arrived = new Set(await world.arrived(job));
    return statuses.filter((status) => !arrived.has(status));
  };
  await eventually(async () => (await missing()).length === 0);
  expect(await missing()).toEqual([]);
  // A flood costs at most one Describe in 10 s; it took less than 30 s.
  await world.advance(MINUTE_MS, MINUTE_MS);
  const after = (await world.relay.detail('forged')).live?.describes ?? 0;
  expect(after - describes).toBeLessThanOrEqual(4);
});

test('with every event lost, and the archive sent five times over and in reverse, nothing changes (I1, I2, I3, I4)', async () => {
  for (let hour = 0; hour < 3; hour += 1) {
    await world.advance(20 * MINUTE_MS, 2 * MINUTE_MS);
    const soFar = archiveOf(await world.ledgerOf('reversed'), world.facts).toReversed();
    const report = await sendArchive(soFar.flatMap((event) => [event, event, event, event, event]));
    expect(report).toMatchObject({ code: 0 });
    await world.advance(10 * MINUTE_MS, 2 * MINUTE_MS);
  }
  expect(await world.held('reversed')).toMatchObject(labeledInThreeJobs);
});

test('with every event of every status delivered five times, nothing changes (I1, I2, I3, I4)', async () => {
  expect(await world.held('repeated')).toMatchObject(labeledInThreeJobs);
  const sent = (await world.ledgerOf('repeated')).filter(({ kind }) => kind === 'event');
  expect(sent.length % 5).toBe(0);
  expect(sent.length).toBeGreaterThanOrEqual(3 * 2 * 5);
});

test('an event on time is reacted to within four minutes', async () => {
  expect(await world.held('plain')).toMatchObject(labeledInThreeJobs);
  const reactions = reactionsOf(await world.ledgerOf('plain'));
  expect(reactions).toHaveLength(2);
  expect(Math.max(...reactions)).toBeLessThanOrEqual(4 * MINUTE_MS);
});

test('with Describe two minutes behind the event the reaction still comes within minutes (law 1: 10 s, 1 min, 5 min)', async () => {
  expect(await world.held('lagging')).toMatchObject(labeledInThreeJobs);
  const reactions = reactionsOf(await world.ledgerOf('lagging'));
  expect(reactions).toHaveLength(2);
  expect(Math.min(...reactions)).toBeGreaterThanOrEqual(2 * MINUTE_MS);
  expect(Math.max(...reactions)).toBeLessThanOrEqual(10 * MINUTE_MS);
});

test('with events an hour and a half late the chain has long gone on by itself, and they change nothing (I2, I3, I7)', async () => {
  await world.advance(12 * HOUR_MS, HOUR_MS);
  expect(await world.held('late')).toMatchObject(labeledInThreeJobs);
});

test('with the rule removed entirely a chain still finishes by reconciling (I2, I3, I7)', async () => {
  const putBack = await world.removeRule();
  await world.script({ unheard: {} });
  await world.startChain('unheard');
  await world.advance(10 * HOUR_MS, HOUR_MS);
  expect(await world.held('unheard')).toMatchObject(labeledInThreeJobs);
  const { jobs } = await world.relay.get('unheard');
  for (const { name } of jobs) expect(await world.arrived(name)).toEqual([]);
  await putBack();
});

test('the chain that was sent forged events ends like the others (I1, I2, I3)', async () => {
  await world.advance(24 * HOUR_MS, HOUR_MS);
  expect(await world.held('forged')).toMatchObject(labeledInThreeJobs);
});

test('an archive replayed over finished chains changes nothing: no workflow wakes, no job is created (I3, I4)', async () => {
  const chains = ['plain', 'repeated', 'late', 'lagging', 'reversed', 'unheard', 'forged'];
  const ledgers = await Promise.all(chains.map((chain) => world.ledgerOf(chain)));
  const before = await Promise.all(chains.map((chain) => world.relay.get(chain)));
  const archive = archiveOf(ledgers.flat(), world.facts);
  const report = await sendArchive(archive);
  expect(report).toMatchObject({ code: 0 });
  expect(JSON.parse(report.stdout)).toMatchObject({ counts: { closed: archive.length }, problems: [], complete: true });
  await world.send(archive);
  await eventually(async () => (await world.depth()).waiting + (await world.depth()).taken === 0);
  await world.advance(12 * HOUR_MS, 6 * HOUR_MS);
  expect(await Promise.all(chains.map((chain) => world.relay.get(chain)))).toEqual(before);
  expect(await Promise.all(chains.map((chain) => world.ledgerOf(chain)))).toEqual(ledgers);
  const deadLetters = world.facts.queueUrl.replace(/[^/]+$/, 'label-relay-events-dead-letters');
  expect(await world.depth(deadLetters)).toEqual({ waiting: 0, taken: 0 });
});

test('both consumers took their part, and the one that is asked to stop says how much', async () => {
  secondConsumer.child.kill('SIGTERM');
  expect(await secondConsumer.exited).toBe(0);
  const { received = 0, delivered = 0, poison } = secondConsumer.counts();
  expect(delivered).toBeGreaterThan(0);
  expect(received).toBeGreaterThanOrEqual(delivered);
  expect(poison).toBeUndefined();
});
