/**
 * Many open chains at once: what a worker needs for those that wait, what it asks of the server meanwhile, and how long it takes after
 * it was killed until an event for each is handled by the next one. The baseline of that is the rate at which such a worker rebuilds the same
 * workflows from the server's histories when all that it is asked for is a query of each.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { HOUR_MS } from '../../decisions/durations.ts';
import { MIN_BETWEEN_LOOKS_MS } from '../../decisions/follow.ts';
import { SEARCH_ATTRIBUTES } from '../../decisions/search-attributes.ts';
import { forEachLimited } from '../../local/for-each-limited.ts';
import { connectToLocalTemporal } from '../../local/local-clients.ts';
import { startTemporalServer } from '../../local/temporal-server.ts';
import { labelingJobView, stateChange } from '../../workflows/messages.ts';
import { atMost, figure, type Figure, type Part } from '../figures.ts';
import { kill, startOpenChainsWorker, writeWorkflowBundle, type RunningWorker } from '../open-chains.ts';
import { openJobId, startOpenJob } from '../open-jobs.ts';

const SIDE_BY_SIDE = 40;
const TASK_QUEUE = 'open-chains';
/** As a job takes in about two days. */
const OLDER_BY_LOOKS = 8;
/** Longer than an answer of Describe needs to its workflow. */
const APPLIED_MS = 2_000;
/** An event that comes sooner after a look waits, and makes a history longer than a job's own looks do. */
const BETWEEN_LOOKS_MS = MIN_BETWEEN_LOOKS_MS + APPLIED_MS;
/** The server forgets after ten seconds that a worker which is gone had workflows in memory. */
const FORGOTTEN_MS = 11_000;
/** A poll that gets nothing ends within a minute, so that each is counted. */
const IDLE_MS = 65_000;

type Stage = { client: Client; address: string; bundle: string };

const startWorker = ({ address, bundle }: Stage): Promise<RunningWorker> =>
  startOpenChainsWorker({ address, taskQueue: TASK_QUEUE, bundle });

const until = async (isSo: () => boolean, what: string): Promise<void> => {
  for (let look = 0; look < 24_000; look += 1) {
    if (isSo()) return;
    await sleep(25);
  }
  throw new Error(`${what} did not happen within ten minutes`);
};

const forEach = (from: number, to: number, work: (number: number) => Promise<unknown>): Promise<void> =>
  forEachLimited(
    Array.from({ length: to - from }, (_, index) => from + index),
    work,
    SIDE_BY_SIDE,
  );

/** Calls to the server so far, long polls among them. */
const callsOf = async ({ metricsUrl }: RunningWorker): Promise<number> => {
  const text = await (await fetch(metricsUrl)).text();
  const calls = text.matchAll(/^temporal_(?:long_)?request(?:_total)?\{.*\} (\d+)$/gm);
  return [...calls].reduce((sum, [, count]) => sum + Number(count), 0);
};

const callsPerHour = async (worker: RunningWorker, idleMs: number): Promise<number> => {
  const before = await callsOf(worker);
  await sleep(idleMs);
  return ((await callsOf(worker)) - before) * (HOUR_MS / idleMs);
};

const eventsOf = async ({ client }: Stage, number: number): Promise<number> =>
  (await client.workflow.getHandle(openJobId(number)).query(labelingJobView)).events;

/** Starts so many, and waits until each has looked whether its job is there, and then how it is. */
const startJobs = async ({ client }: Stage, worker: RunningWorker, from: number, to: number): Promise<void> => {
  await forEach(from, to, (number) => startOpenJob(client, TASK_QUEUE, number));
  await until(() => worker.report().describes >= 2 * (to - from), 'the first look of every job');
};

/** Seconds that a new worker takes to rebuild one of the workflows before a number, with many under way. All wait, and nobody has a worker. */
const rebuildSeconds = async (stage: Stage, before: number, sample: number): Promise<number> => {
  await sleep(FORGOTTEN_MS);
  const worker = await startWorker(stage);
  const from = before - sample;
  await eventsOf(stage, from - 1);
  const startMs = performance.now();
  await forEach(from, before, (number) => eventsOf(stage, number));
  const seconds = (performance.now() - startMs) / 1e3 / sample;
  await kill(worker);
  return seconds;
};

/** Each job looks once for it, and then waits as before: what the event says is what Describe shows. */
const signalAll = async ({ client }: Stage, count: number, eventId: string): Promise<void> =>
  forEach(0, count, (number) =>
    client.workflow.getHandle(openJobId(number)).signal(stateChange, { status: 'InProgress', eventId }),
  );

type Handled = { seconds: number; memoryMb: number };

/** Seconds from the start of so many workers until the event of each job is handled: the job is looked at. And the memory of the largest. */
const handleAll = async (stage: Stage, count: number, workers: number): Promise<Handled> => {
  await signalAll(stage, count, crypto.randomUUID());
  const startMs = performance.now();
  const running = await Promise.all(Array.from({ length: workers }, () => startWorker(stage)));
  await until(() => running.reduce((sum, { report }) => sum + report().jobs, 0) >= count, 'an event for each job');
  const seconds = (performance.now() - startMs) / 1e3;
  const memoryMb = Math.max(...running.map(({ report }) => report().memoryMb));
  // An event that comes while a job looks starts no look of its own.
  await sleep(APPLIED_MS);
  await Promise.all(running.map(kill));
  return { seconds, memoryMb };
};

/** Lets each job look so often more, as it does in some days; the length of their histories then. */
const growOlder = async (stage: Stage, count: number): Promise<number> => {
  // All stay in its memory.
  const worker = await startOpenChainsWorker({ ...stage, taskQueue: TASK_QUEUE, cachedWorkflows: count + 100 });
  for (let look = 1; look <= OLDER_BY_LOOKS; look += 1) {
    await sleep(BETWEEN_LOOKS_MS);
    await signalAll(stage, count, crypto.randomUUID());
    await until(() => worker.report().describes >= look * count, 'another look at every job');
  }
  await sleep(APPLIED_MS);
  await kill(worker);
  return (await stage.client.workflow.getHandle(openJobId(count - 1)).describe()).historyLength;
};

/** The time until an event of each is handled after a kill, against that for rebuilding all. */
const measureKilled = async (
  stage: Stage,
  { name, count, sample, note = '' }: { name: string; count: number; sample: number; note?: string },
): Promise<{ one: Handled; compared: Figure }> => {
  const replay = count * (await rebuildSeconds(stage, count, sample));
  const one = await handleAll(stage, count, 1);
  const compared = figure(`${name}, killed: until one event for each is handled`, one.seconds / replay, '×', {
    baseline: { what: `${count} rebuilt at ${(count / replay).toFixed(0)} a second`, value: replay, unit: 's' },
    bar: atMost(1.3),
    note: `${one.seconds.toFixed(1)} s, the start of the process included${note}`,
  });
  return { one, compared };
};

/** Events that are in no workflow. */
const countLost = async (stage: Stage, count: number, eventsEach: number): Promise<number> => {
  let lost = 0;
  await forEach(0, count, async (number) => {
    lost += eventsEach - (await eventsOf(stage, number));
  });
  return lost;
};

type Sizes = { counts: readonly number[]; sample: number; idleMs: number; quick: boolean };

/** Two workers instead of one; and that nothing was lost. Every job has had one event before. */
const measureTwo = async (stage: Stage, name: string, count: number, oneSeconds: number): Promise<Figure[]> => {
  await sleep(FORGOTTEN_MS);
  const two = await handleAll(stage, count, 2);
  const asked = await startWorker(stage);
  const lost = await countLost(stage, count, 2);
  await kill(asked);
  return [
    figure(`${name}, killed: two workers against one`, oneSeconds / two.seconds, '×', {
      note: 'on one machine with one server, of which they share what there is',
    }),
    figure(`${name}, events lost`, lost, 'events', { bar: atMost(0) }),
  ];
};

const measure = async (stage: Stage, { counts, sample, idleMs, quick }: Sizes): Promise<Figure[]> => {
  const figures: Figure[] = [];
  const smallest = counts[0] ?? 0;
  let smallestMb = 0;
  let started = 0;
  for (const count of counts) {
    const name = `open-chains: ${count.toLocaleString('en')}`;
    const worker = await startWorker(stage);
    await startJobs(stage, worker, started, count);
    started = count;
    const calls = await callsPerHour(worker, idleMs);
    const waitingMb = worker.report().memoryMb;
    await kill(worker);
    const { one, compared } = await measureKilled(stage, { name: `${name} just begun`, count, sample });
    smallestMb ||= one.memoryMb;
    figures.push(
      figure(`${name}, memory of the worker that has handled an event of each`, one.memoryMb / smallestMb, '×', {
        baseline: { what: `${smallest} open`, value: smallestMb, unit: 'MB' },
        bar: count === smallest ? null : atMost(1.2),
        note: `${one.memoryMb.toFixed(0)} MB; of the worker that started them ${waitingMb.toFixed(0)} MB`,
      }),
      figure(`${name}, calls of the worker to the server while all wait`, calls, '/h', {
        note: 'its polls; what a job does at its looks is counted in the part cost',
      }),
      compared,
    );
    if (count === smallest && !quick) figures.push(...(await measureTwo(stage, name, count, one.seconds)));
  }
  if (quick) return figures;
  const events = await growOlder(stage, smallest);
  const { compared } = await measureKilled(stage, {
    name: `open-chains: ${smallest.toLocaleString('en')} of some days`,
    count: smallest,
    sample,
    note: `; histories of ${events} events`,
  });
  return [...figures, compared];
};

/** See the head of this file. */
export const run: Part = async ({ quick, directory }) => {
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  const bundle = await writeWorkflowBundle(directory);
  const server = await startTemporalServer({
    logFile: join(directory, 'temporal.log'),
    searchAttributes: SEARCH_ATTRIBUTES,
  });
  const connection = await connectToLocalTemporal(server.address);
  const stage = { client: new Client({ connection }), address: server.address, bundle };
  try {
    return await measure(
      stage,
      quick
        ? { counts: [50], sample: 40, idleMs: 2_000, quick }
        : { counts: [1_000, 10_000], sample: 500, idleMs: IDLE_MS, quick },
    );
  } finally {
    await connection.close();
    await server.stop();
  }
};
