/** Runs seeds: each a world of its own. Says what was broken and how much happened, so that nothing passes by idleness. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY_MS } from '../../decisions/durations.ts';
import { messageOf } from '../../errors.ts';
import { openAws } from './aws.ts';
import { checkWorld, type Violation } from './checks.ts';
import { faultsOfJobs } from './job-faults.ts';
import { scenarioOf, START_MS } from './scenario.ts';
import { bundleCode, openSandbox } from './temporal/sandbox.ts';
import { activityNames, World, type Machinery } from './world.ts';

/** What happened in one world, as numbers. */
export type Counts = Record<string, number>;

export type SeedResult = { seed: number; violations: Violation[]; counts: Counts };

/** The bundle, the sandbox and the clients; once for many seeds. */
export const openMachinery = async (): Promise<Machinery & { close: () => Promise<void> }> => {
  const temporaryDirectory = await mkdtemp(join(tmpdir(), 'label-relay-simulation-'));
  const aws = openAws();
  const sandbox = openSandbox(await bundleCode(), activityNames({ aws, temporaryDirectory }));
  const close = (): Promise<void> => rm(temporaryDirectory, { recursive: true, force: true });
  return { sandbox, aws, temporaryDirectory, close };
};

const countsOf = (world: World): Counts => {
  const records = world.groundTruth.ledger.records;
  const of = (kind: string): number => records.filter((record) => record.kind === kind).length;
  const jobs = of('created');
  const { counts: engine } = world.temporal;
  return {
    chains: world.chains.length,
    jobs,
    relaunches: Math.max(0, jobs - world.chains.length),
    answers: of('answer'),
    labels: of('labeled'),
    lateLabels: records.filter((record) => record.kind === 'labeled' && record.late).length,
    ...engine,
    ...prefixed('event', world.events.counts),
    ...prefixed('operator', world.operator.counts),
    ...world.counts,
    ...prefixed('awsFault', world.awsFaults),
    ...prefixed('unheard', world.unheard),
    ...prefixed('job', faultsOfJobs(world.groundTruth)),
    simulatedDays: Math.round((world.nowMs - START_MS) / DAY_MS),
  };
};

const prefixed = (prefix: string, counts: Counts): Counts =>
  Object.fromEntries(
    Object.entries(counts).map(([key, value]) => [`${prefix}${key.charAt(0).toUpperCase()}${key.slice(1)}`, value]),
  );

/** Lives through one seed. Never throws: whatever goes wrong is a violation. */
export const runSeed = async (seed: number, machinery: Machinery): Promise<SeedResult & { world: World }> => {
  const world = new World(scenarioOf(seed), machinery);
  const violations: Violation[] = [];
  try {
    await world.live();
    violations.push(...(await checkWorld(world)));
  } catch (thrown) {
    const name = thrown instanceof Error ? thrown.name : 'Error';
    const stack = thrown instanceof Error && name === 'Error' ? `\n${thrown.stack ?? ''}` : '';
    violations.push({ invariant: name, chain: '', text: `${messageOf(thrown)}${stack}` });
  }
  await world.temporal.close();
  return { seed, violations, counts: countsOf(world), world };
};

export const addCounts = (total: Counts, more: Counts): void => {
  for (const [key, value] of Object.entries(more)) total[key] = (total[key] ?? 0) + value;
};
