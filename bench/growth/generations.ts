/**
 * What a labeling job costs, the more jobs its chain has had: chains of tiny jobs, each ended by its stopping condition, through the
 * whole system on a local stack. A generation's share is its job's workflow, and of its chain's workflow all from the start of this job's to
 * the start of the next one's: following, ending, merge, decision, record. The two that are compared last for weeks, as labeling jobs
 * do; those between are over at once. Processor time is taken of other chains, side by side, all of whose jobs are over at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Connection } from '@temporalio/client';
import proto, { type temporal } from '@temporalio/proto';
import { z } from 'zod';
import { LabelRelay } from '../../client.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import { labelingChainWorkflowId, labelingJobWorkflowId } from '../../decisions/names.ts';
import { advance } from '../../local/advance.ts';
import { connectToLocalTemporal } from '../../local/local-clients.ts';
import { startStack, type StackFacts } from '../../local/stack.ts';
import { makeSpec, setScript } from '../chains.ts';
import { figure, type Figure } from '../figures.ts';
import { processorSeconds } from '../processor-time.ts';
import { startLoadQueue } from '../queue.ts';
import { countHistory, withoutMovedClock } from '../temporal-actions.ts';
import { GROWTH_BAR } from './bar.ts';

/** The first that has one before it, whose output may still change. */
const FIRST = 2;
/** The chain with two jobs that last for weeks. */
const LONG = 'long';
/** No labeling job lasts longer. */
const LONGEST_MS = 30 * DAY_MS;
/** A job is looked at so often when nothing is heard of it. */
const LONG_STEP_MS = 6 * HOUR_MS;
/** Processor time is measured over so many generations in a row: it comes in steps of 10 ms. */
const IN_A_ROW = 3;
/** More than any of these jobs takes, and enough for the first look that no event asks for. */
const STEP_MS = 10 * MINUTE_MS;
const CHILD_TO_BE_STARTED = 29;

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;
type Share = { actions: number; events: number; bytes: number };
type Stage = { facts: StackFacts; connection: Connection; client: Client; relay: LabelRelay; workerPid: number };

const jobsShape = z.array(z.object({ name: z.string() }));

const jobNamesOf = async ({ facts }: Stage, chain: string): Promise<string[]> => {
  const answer = await fetch(`${facts.sagemakerEndpoint}/_simulator/jobs`);
  return jobsShape
    .parse(await answer.json())
    .map(({ name }) => name)
    .filter((name) => name.startsWith(`${chain}-`));
};

const chainNames = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}`);

const start = async ({ facts, relay }: Stage, chains: readonly string[], objects: number): Promise<void> => {
  for (const chain of chains) {
    await relay.startChain(
      await makeSpec(facts, {
        chain,
        objects,
        job: { StoppingConditions: { MaxHumanLabeledObjectCount: 1 } },
        policy: { stoppingConditions: 'per-job' },
      }),
    );
  }
};

const move = ({ facts, connection }: Stage, stepMs: number): Promise<number> =>
  advance({
    connection,
    simulatorEndpoint: facts.sagemakerEndpoint,
    durationMs: stepMs,
    stepMs,
  });

/** Moves through the weeks of a long job until its chain has the next one. */
const moveThroughLongJob = async (stage: Stage, chain: string, jobs: number): Promise<void> => {
  for (let leftMs = LONGEST_MS; leftMs > 0; leftMs -= LONG_STEP_MS) {
    await move(stage, LONG_STEP_MS);
    if ((await jobNamesOf(stage, chain)).length >= jobs) return;
  }
  throw new Error(`${chain} did not come to its job ${jobs} in a month`);
};

/** Waits until a chain has had so many jobs, and no more: {@link advance} ends with the time, not with the next job. */
const waitForJob = async (stage: Stage, chain: string, jobs: number): Promise<void> => {
  for (let look = 0; look < 500; look += 1) {
    const { length } = await jobNamesOf(stage, chain);
    if (length === jobs) return;
    await sleep(20);
  }
  throw new Error(`${chain} did not come to its job ${jobs} within 10 s`);
};

/** Runs chains through their first generations, one after another; the worker's seconds for each, all chains together. */
const runGenerations = async (
  stage: Stage,
  chains: readonly string[],
  generations: number,
  moveThrough: (generation: number) => Promise<unknown> = () => move(stage, STEP_MS),
): Promise<number[]> => {
  await start(stage, chains, 2 * generations);
  for (const chain of chains) await waitForJob(stage, chain, 1);
  const taken: number[] = [];
  for (let generation = 1; generation <= generations; generation += 1) {
    const before = processorSeconds(stage.workerPid);
    await moveThrough(generation);
    for (const chain of chains) await waitForJob(stage, chain, generation + 1);
    taken.push(processorSeconds(stage.workerPid) - before);
  }
  return taken;
};

const eventsOf = async ({ client }: Stage, workflowId: string): Promise<HistoryEvent[]> =>
  withoutMovedClock((await client.workflow.getHandle(workflowId).fetchHistory()).events ?? []);

const shareOf = (events: readonly HistoryEvent[]): Share => ({
  actions: countHistory(events).actions,
  events: events.length,
  bytes: events.reduce(
    (sum, event) => sum + proto.temporal.api.history.v1.HistoryEvent.encode(event).finish().length,
    0,
  ),
});

const sharesOf = async (stage: Stage, chain: string, generations: readonly number[]): Promise<Share[]> => {
  const events = await eventsOf(stage, labelingChainWorkflowId(chain));
  const begins = events.flatMap(({ eventType }, index) => (eventType === CHILD_TO_BE_STARTED ? [index] : []));
  const names = await jobNamesOf(stage, chain);
  const { account, region } = stage.facts;
  return Promise.all(
    generations.map(async (generation) => {
      const [from, to, jobName] = [begins[generation - 1], begins[generation], names[generation - 1]];
      if (from === undefined || to === undefined || jobName === undefined)
        throw new Error(`${chain} has no whole generation ${generation} in its history`);
      const job = await eventsOf(stage, labelingJobWorkflowId({ account, region, jobName }));
      return shareOf([...events.slice(from, to), ...job]);
    }),
  );
};

const endAll = async ({ client }: Stage): Promise<void> => {
  for await (const { workflowId } of client.workflow.list({ query: 'ExecutionStatus = "Running"' }))
    await client.workflow.getHandle(workflowId).terminate();
};

const measure = async (
  stage: Stage,
  { chains, generations, warmUp, longJobDays }: GenerationSizes,
): Promise<Figure[]> => {
  const compared = [FIRST, generations];
  const longJobs = compared.map((generation) => ({
    match: { name: `${LONG}-*-${String(generation).padStart(3, '0')}` },
    workers: { count: 1, from: `${longJobDays}d` },
  }));
  await setScript(stage.facts, {
    jobs: [{ match: {}, workers: { count: 1 }, output: { late: '0s' } }, ...longJobs],
  });
  // Code that is new to a process is slow.
  await runGenerations(stage, chainNames('warm-up', chains), warmUp);
  await endAll(stage);
  const seconds = await runGenerations(stage, chainNames('measured', chains), generations);
  await endAll(stage);
  await runGenerations(stage, [LONG], generations, (generation) =>
    compared.includes(generation) ? moveThroughLongJob(stage, LONG, generation + 1) : move(stage, STEP_MS),
  );
  const [first, last] = await sharesOf(stage, LONG, compared);
  if (first === undefined || last === undefined) throw new Error('nothing was measured');
  const compare = (what: string, before: number, after: number, unit: string): Figure =>
    figure(`growth: generation ${generations}, ${what}`, after / before, '×', {
      baseline: { what: `generation ${FIRST}; each lasts ${longJobDays} d`, value: before, unit },
      bar: GROWTH_BAR,
      note: `${after.toLocaleString('en', { maximumSignificantDigits: 4 })} ${unit}`,
    });
  const millisecondsPerJob = (from: number): number =>
    (seconds.slice(from - 1, from - 1 + IN_A_ROW).reduce((sum, each) => sum + each, 0) * 1e3) / IN_A_ROW / chains;
  const lastRow = generations - IN_A_ROW + 1;
  const [early, late] = [millisecondsPerJob(FIRST), millisecondsPerJob(lastRow)];
  return [
    compare('Temporal actions', first.actions, last.actions, 'actions'),
    compare('history events', first.events, last.events, 'events'),
    compare('bytes of history', first.bytes / 1e3, last.bytes / 1e3, 'KB'),
    figure(`growth: generations ${lastRow} to ${generations}, processor time of the worker`, late / early, '×', {
      baseline: { what: `generations ${FIRST} to ${FIRST + IN_A_ROW - 1}`, value: early, unit: 'ms per job' },
      bar: GROWTH_BAR,
      note: `${late.toFixed(0)} ms per job, ${chains} chains side by side`,
    }),
  ];
};

/**
 * `chains`: side by side. `warmUp`: generations of as many other chains before. `longJobDays`: nobody works on the two jobs that are
 * compared before they are so old.
 */
export type GenerationSizes = { chains: number; generations: number; warmUp: number; longJobDays: number };

/** The figures of the last generation. */
export const measureGenerations = async (sizes: GenerationSizes): Promise<Figure[]> => {
  const storage = await startLoadQueue();
  const stack = await startStack({ clock: 'stopped', storage, durable: true, without: ['consumer'] });
  const connection = await connectToLocalTemporal(stack.facts.temporalAddress);
  try {
    const client = new Client({ connection });
    const workerPid = stack.facts.pids.worker;
    if (workerPid === null) throw new Error('the stack has no worker');
    const stage = {
      facts: { ...stack.facts, awsEndpoint: storage.endpoint },
      connection,
      client,
      relay: new LabelRelay({ client }),
      workerPid,
    };
    return await measure(stage, sizes);
  } finally {
    await connection.close();
    await stack.stop();
    storage.close();
  }
};
