/**
 * Chains under every fault at once, from seeds: I1 to I8 held against the simulator's own ledger. A seed that fails is
 * repeated by `npm run simulate -- --seed <seed>`. Runs as a process of its own: as fast as Node is without a test runner.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { resultSchema, type SimulationResult } from './result.ts';

/** As many small worlds as fit into a minute of one core; a slow machine gets fewer. */
const SEEDS = 1_000;
const MINUTES = 1;
/** Fewer than these would prove nothing. */
const SEEDS_MIN = 100;

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

test('I1 to I8 hold for every seed, and enough happened to mean something', async () => {
  const { seeds, broken, counts } = await simulate('--seeds', String(SEEDS), '--minutes', String(MINUTES));
  expect(broken).toEqual([]);
  expect(seeds.count).toBeGreaterThanOrEqual(SEEDS_MIN);
  // Four of ten seeds have a second job at least; each kind of fault came about once per ten seeds or more.
  expect(seeds.relaunched).toBeGreaterThanOrEqual(seeds.count * 0.4);
  const least = seeds.count / 10;
  const kinds = [
    'relaunches',
    'lateLabels',
    'replays',
    'lostTasks',
    'continuedAsNew',
    'crashes',
    'lostResults',
    'activityRetries',
    'awsFaults',
    'eventDropped',
    'eventRepeated',
    'eventDelayed',
    'eventForged',
    'eventDelivered',
    'operatorResumes',
  ];
  expect(kinds.filter((kind) => (counts[kind] ?? 0) < least)).toEqual([]);
}, 180_000);

test('a seed repeats itself', async () => {
  const [once, again] = [await simulate('--seed', '7'), await simulate('--seed', '7')];
  expect(again.counts).toEqual(once.counts);
  expect(once.counts['jobs']).toBeGreaterThan(0);
});
