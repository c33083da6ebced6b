/**
 * Many open jobs on a server of their own, and workers of theirs that are killed: they begin, grow older, and after a kill each has one
 * event. The baseline of the time until all are handled is the rate at which such a worker rebuilds the same workflows from the server's
 * histories when all that it is asked for is a query of each.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { MIN_BETWEEN_LOOKS_MS } from '../decisions/follow.ts';
import { SEARCH_ATTRIBUTES } from '../decisions/search-attributes.ts';
import { forEachLimited } from '../local/for-each-limited.ts';
import { connectToLocalTemporal } from '../local/local-clients.ts';
import { startTemporalServer } from '../local/temporal-server.ts';
import { labelingJobView, stateChange } from '../workflows/messages.ts';
import { atMost, figure, type Figure } from './figures.ts';
import { kill, startOpenChainsWorker, writeWorkflowBundle, type RunningWorker } from './open-chains.ts';
import { openJobId, startOpenJob } from './open-jobs.ts';

const SIDE_BY_SIDE = 40;
const TASK_QUEUE = 'open-chains';
/** As a job takes in about a day and a half. */
const OLDER_BY_LOOKS = 6;
/** So many grow older together: their looks take about as long as there must be between two of one job. */
const GROWN_TOGETHER = 2_000;
/** Longer than an answer of Describe needs to its workflow. */
const APPLIED_MS = 2_000;
/** An event that comes sooner after a look waits, and makes a history longer than a job's own looks do. */
const BETWEEN_LOOKS_MS = MIN_BETWEEN_LOOKS_MS + APPLIED_MS;
/** The server forgets after ten seconds that a worker which is gone had workflows in memory. */
export const FORGOTTEN_MS = 11_000;
export type Stage = { client: Client; address: string; bundle: string };

export const startWorker = ({ address, bundle }: Stage): Promise<RunningWorker> =>
  startOpenChainsWorker({ address, taskQueue: TASK_QUEUE, bundle });

/** A worker that keeps so many workflows in memory. */
export const startKeepingWorker = ({ address, bundle }: Stage, count: number): Promise<RunningWorker> =>
  startOpenChainsWorker({ address, bundle, taskQueue: TASK_QUEUE, cachedWorkflows: count + 100 });

const until = async (isSo: () => boolean, what: string): Promise<void> => {
  for (let look = 0; look < 72_000; look += 1) {
    if (isSo()) return;
    await sleep(25);
  }
  throw new Error(`${what} did not happen within half an hour`);
};

export const forEach = (from: number, to: number, work: (number: number) => Promise<unknown>): Promise<void> =>
  forEachLimited(
    Array.from({ length: to - from }, (_, index) => from + index),
    work,
    SIDE_BY_SIDE,
  );

export const eventsOf = async ({ client }: Stage, number: number): Promise<number> =>
  (await client.workflow.getHandle(openJobId(number)).query(labelingJobView)).events;

/** Starts so many, and waits until each has looked whether its job is there, and then how it is. */
export const startJobs = async ({ client }: Stage, worker: RunningWorker, from: number, to: number): Promise<void> => {
  await forEach(from, to, (number) => startOpenJob(client, TASK_QUEUE, number));
  await until(() => worker.report().describes >= 2 * (to - from), 'the first look of every job');
};

/** Seconds that a new worker takes to rebuild one of so many workflows, with many under way. All wait, and nobody has a worker. */
const rebuildSeconds = async (stage: Stage, count: number, sample: number): Promise<number> => {
  await sleep(FORGOTTEN_MS);
  const worker = await startWorker(stage);
  // One is rebuilt before, so that the worker is ready; the others are of every age.
  await eventsOf(stage, count - 1);
  const startMs = performance.now();
  await forEach(0, sample, (number) => eventsOf(stage, Math.floor((number * count) / sample)));
  const seconds = (performance.now() - startMs) / 1e3 / sample;
  await kill(worker);
  return seconds;
};

/** Each job looks once for it, and then waits as before: what the event says is what Describe shows. They are sent within `overMs`, or as fast as it goes. */
const signalAll = async ({ client }: Stage, from: number, to: number, overMs = 0): Promise<void> => {
  const eventId = crypto.randomUUID();
  const startMs = performance.now();
  await forEach(from, to, async (number) => {
    const dueMs = startMs + (overMs * (number - from)) / (to - from);
    await sleep(Math.max(0, dueMs - performance.now()));
    await client.workflow.getHandle(openJobId(number)).signal(stateChange, { status: 'InProgress', eventId });
  });
};

export type Handled = { seconds: number; memoryMb: number };

/** Seconds from the start of so many workers until the event of each job is handled: the job is looked at. And the memory of the largest. */
export const handleAll = async (stage: Stage, count: number, workers: number): Promise<Handled> => {
  await signalAll(stage, 0, count);
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

/** Lets each job look so often more, as it does in some days; `looks`: those that the worker has answered before. */
export const growOlder = async (
  stage: Stage,
  worker: RunningWorker,
  { from, to, looks }: { from: number; to: number; looks: number },
): Promise<void> => {
  await sleep(BETWEEN_LOOKS_MS);
  for (let look = 1; look <= OLDER_BY_LOOKS; look += 1) {
    await signalAll(stage, from, to, BETWEEN_LOOKS_MS);
    await until(() => worker.report().describes >= looks + look * (to - from), 'another look at every job');
  }
  await sleep(APPLIED_MS);
};

/** Starts jobs and lets them grow older, some at a time. */
export const addOlder = async (stage: Stage, from: number, to: number): Promise<void> => {
  for (let first = from; first < to; first += GROWN_TOGETHER) {
    const next = Math.min(first + GROWN_TOGETHER, to);
    const worker = await startKeepingWorker(stage, next - first);
    await startJobs(stage, worker, first, next);
    await growOlder(stage, worker, { from: first, to: next, looks: 2 * (next - first) });
    await kill(worker);
  }
};

/** The time until an event of each is handled after a kill, against that for rebuilding all. */
export const measureKilled = async (
  stage: Stage,
  { name, count, sample }: { name: string; count: number; sample: number },
): Promise<{ one: Handled; compared: Figure }> => {
  const { historyLength } = await stage.client.workflow.getHandle(openJobId(count - 1)).describe();
  const replay = count * (await rebuildSeconds(stage, count, sample));
  const one = await handleAll(stage, count, 1);
  const compared = figure(`${name}, killed: until one event for each is handled`, one.seconds / replay, '×', {
    baseline: { what: `${count} rebuilt at ${(count / replay).toFixed(0)} a second`, value: replay, unit: 's' },
    bar: atMost(1.3),
    note: `${one.seconds.toFixed(1)} s, the start of the process included; histories of ${historyLength} events`,
  });
  return { one, compared };
};

/** With a server that has nothing else. */
export const onStage = async <Result>(
  directory: string,
  measure: (stage: Stage) => Promise<Result>,
): Promise<Result> => {
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  const bundle = await writeWorkflowBundle(directory);
  const server = await startTemporalServer({
    logFile: join(directory, 'temporal.log'),
    searchAttributes: SEARCH_ATTRIBUTES,
  });
  const connection = await connectToLocalTemporal(server.address);
  try {
    return await measure({ client: new Client({ connection }), address: server.address, bundle });
  } finally {
    await connection.close();
    await server.stop();
  }
};
