/**
 * Chains under every fault at once, from seeds: I1 to I8 held against the simulator's own ledger. A seed that fails is
 * repeated by `npm run simulate -- --seed <seed>`. Runs as a process of its own: as fast as Node is without a test runner.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { resultSchema, type SimulationResult } from './result.ts';
import { WRITE_FAULTS } from './world.ts';

const SEEDS = 1_000;

/** Of these, and of what every chain does, each seed has one in ten at least on the average. */
const OFTEN = [
  'relaunches',
  'lateLabels',
  'replays',
  'lostTasks',
  'continuedAsNew',
  'crashes',
  'lostResults',
  'activityRetries',
  'workerOutages',
  'staleDescribes',
  'eventDropped',
  'eventRepeated',
  'eventDelayed',
  'eventReordered',
  'eventForged',
  'eventDelivered',
  'eventDeadLetters',
  'eventConsumerCrashes',
  'operatorCommands',
  'operatorResumes',
  'operatorResumesFromRecord',
  'operatorAttentions',
  'awsFaultThrottled',
  'awsFaultOutage',
  'awsFaultTimeout',
  'awsFaultAfterTimeout',
  'jobFailed',
  'jobStoppedByOthers',
  'jobDeclined',
  'jobOutputLate',
  'jobOutputPartial',
  'jobOutputReserialised',
  'jobOutputShuffled',
];

/** Rarer: they need a month, a stop that meets a live job, or bad luck twice. */
const SELDOM = [
  'doubled',
  'jobExpired',
  'jobSilent',
  'jobOutputMissing',
  ...[...WRITE_FAULTS.keys()].map((operation) => `unheard${operation}`),
];

const simulate = async (...args: string[]): Promise<SimulationResult> => {
  const script = fileURLToPath(new URL('./simulate.ts', import.meta.url));
  const run = promisify(execFile)(process.execPath, [script, ...args], { maxBuffer: 1 << 26 });
  // Exit 1 says that an invariant is broken: the summary says which.
  const { stdout } = await run.catch((thrown: unknown) => {
    if (typeof thrown === 'object' && thrown !== null && 'stdout' in thrown && String(thrown.stdout) !== '')
      return { stdout: String(thrown.stdout) };
    throw thrown;
  });
  return resultSchema.parse(JSON.parse(stdout));
};

// Some minutes of one core: what came of a seed does not depend on how fast it was.
test('I1 to I8 hold for 1,000 seeds, and enough happened to mean something', async () => {
  const { seeds, broken, counts } = await simulate('--seeds', String(SEEDS), '--workers', '2');
  expect(broken).toEqual([]);
  expect(seeds.count).toBe(SEEDS);
  // Half of the seeds have a second job at least.
  expect(seeds.relaunched).toBeGreaterThanOrEqual(SEEDS / 2);
  const below = (kinds: readonly string[], least: number): string[] =>
    kinds.filter((kind) => (counts[kind] ?? 0) < least).map((kind) => `${kind}: ${counts[kind] ?? 0}`);
  expect(below(OFTEN, SEEDS / 10)).toEqual([]);
  expect(below(SELDOM, SEEDS / 100)).toEqual([]);
}, 1_800_000);

test('every call by which the activities change something at AWS can happen and report a time-out', () => {
  const folder = new URL('../../activities/', import.meta.url);
  const code = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), 'utf8'));
  const called = code.flatMap((text) => [...text.matchAll(/new (\w+)Command\(/g)].map(([, name = '']) => name));
  const writes = called.filter((name) => !/^(Describe|Get|Head|List|Simulate)/.test(name));
  // `Upload` writes as PutObject, or in parts from 8 MiB on.
  expect(new Set([...writes, 'PutObject'])).toEqual(new Set(WRITE_FAULTS.keys()));
});

test('a seed repeats itself', async () => {
  const [once, again] = [await simulate('--seed', '7'), await simulate('--seed', '7')];
  expect(again.counts).toEqual(once.counts);
  expect(once.counts['jobs']).toBeGreaterThan(0);
}, 600_000);
