/**
 * Many open chains at once: what a worker needs for those that wait, what it asks of the server meanwhile, and how long it takes after
 * it was killed until an event for each is handled by the next one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { HOUR_MS } from '../../decisions/durations.ts';
import { atMost, figure, type Figure, type Part } from '../figures.ts';
import {
  eventsOf,
  FORGOTTEN_MS,
  forEach,
  growOlder,
  handleAll,
  measureKilled,
  onStage,
  startJobs,
  startKeepingWorker,
  startWorker,
  type Stage,
} from '../killed-workers.ts';
import { kill, type RunningWorker } from '../open-chains.ts';

/** A poll that gets nothing ends within a minute, so that each is counted. */
const IDLE_MS = 65_000;

/** `counts`: how many are open, the smallest first. `sample`: how many are rebuilt for the baseline. `quick`: only those that have just begun. */
type Sizes = { counts: readonly number[]; sample: number; idleMs: number; quick: boolean };

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

/** Events that are in no workflow. */
const countLost = async (stage: Stage, count: number, eventsEach: number): Promise<number> => {
  let lost = 0;
  await forEach(0, count, async (number) => {
    lost += eventsEach - (await eventsOf(stage, number));
  });
  return lost;
};

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
  let smallestMb: number | null = null;
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
    const baselineMb: number = smallestMb ?? one.memoryMb;
    figures.push(
      figure(`${name}, memory of the worker that has handled an event of each`, one.memoryMb / baselineMb, '×', {
        baseline: { what: `${smallest} open`, value: baselineMb, unit: 'MB' },
        bar: smallestMb === null ? null : atMost(1.2),
        note: `${one.memoryMb.toFixed(0)} MB; of the worker that started them ${waitingMb.toFixed(0)} MB`,
      }),
      figure(`${name}, calls of the worker to the server while all wait`, calls, '/h', {
        note: 'its polls; what a job does at its looks is counted in the part cost',
      }),
      compared,
    );
    smallestMb = baselineMb;
    if (count === smallest && !quick) figures.push(...(await measureTwo(stage, name, count, one.seconds)));
  }
  if (quick) return figures;
  const worker = await startKeepingWorker(stage, smallest);
  await growOlder(stage, worker, { from: 0, to: smallest, looks: 0 });
  await kill(worker);
  const name = `open-chains: ${smallest.toLocaleString('en')} of some days`;
  const { compared } = await measureKilled(stage, { name, count: smallest, sample });
  return [...figures, compared];
};

/** See the head of this file. */
export const run: Part = ({ quick, directory }) =>
  onStage(directory, (stage) =>
    measure(
      stage,
      quick
        ? { counts: [50], sample: 40, idleMs: 2_000, quick }
        : { counts: [1_000, 10_000], sample: 500, idleMs: IDLE_MS, quick },
    ),
  );
