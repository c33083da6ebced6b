/** One run: a stack, chains, a person, faults by a schedule, then quiet, then the verdict. */
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFault } from './faults.ts';
import { judge, type Verdict } from './judge.ts';
import { Operator, type OperatorCounts } from './operator.ts';
import { plansOf, scriptOf, type ChainPlan } from './plans.ts';
import { calm, comeToRest } from './quiet.ts';
import { targetOf, type Fault } from './schedule.ts';
import { startChaosStack, type Build, type ChaosStack } from './stack.ts';
import { sendStrangers } from './strangers.ts';
import { stuckWorkflows } from './server-checks.ts';

export type ChaosOptions = {
  dir: string;
  seed: number;
  chains: number;
  /** The disturbed phase; the quiet one comes after it. */
  durationMs: number;
  faults: readonly Fault[];
  /** Builds that take turns in a roll-out; one without a build id makes the worker unversioned. */
  builds: readonly [Build, ...Build[]];
  say: (line: string) => void;
};

export type ChaosResult = Verdict & {
  faults: Record<string, number>;
  /** Requests to S3 and to the queue that were refused, cut or left without an answer. */
  disturbedRequests: { s3: number; queue: number };
  /** Processes that ended without being told to, and were started again by their supervisor. */
  endedByThemselves: Record<string, number>;
  person: OperatorCounts;
  /** How far the clock was moved in the quiet phase until all was over. */
  quietClockHours: number;
};

/** A workflow task that is tried again so often gets nowhere. */
const STUCK_ATTEMPTS = 10;

const putScript = async ({ facts }: ChaosStack, plans: readonly ChainPlan[]): Promise<void> => {
  const response = await fetch(`${facts.sagemakerEndpoint}/_simulator/script`, {
    method: 'PUT',
    body: JSON.stringify(scriptOf(plans)),
  });
  if (!response.ok) throw new Error(await response.text());
};

/** Faults in their order; what hits the same thing waits for the one before to be over. */
const makeFaults = async (
  stack: ChaosStack,
  { faults, builds, durationMs, say }: ChaosOptions,
): Promise<Record<string, number>> => {
  const made: Record<string, number> = {};
  const lanes = new Map<string, Promise<void>>();
  const startMs = Date.now();
  let rollOuts = 0;
  const nextBuild = (): Build => {
    rollOuts += 1;
    const { root, buildId } = builds[rollOuts % builds.length] ?? builds[0];
    return { root, buildId: buildId === null ? null : `${buildId}.${rollOuts}` };
  };
  for (const fault of faults) {
    await sleep(Math.max(0, startMs + fault.atMs - Date.now()));
    const target = targetOf(fault.kind);
    const mode = fault.mode === 'open' ? '' : `, ${fault.mode}`;
    const make = async (): Promise<void> => {
      say(`${fault.kind} for ${fault.forMs / 1000} s${mode}`);
      await makeFault(stack, fault, nextBuild);
      made[fault.kind] = (made[fault.kind] ?? 0) + 1;
    };
    lanes.set(target, (lanes.get(target) ?? Promise.resolve()).then(make));
  }
  await Promise.all(lanes.values());
  await sleep(Math.max(0, startMs + durationMs - Date.now()));
  return made;
};

const runOn = async (stack: ChaosStack, options: ChaosOptions): Promise<ChaosResult> => {
  const { seed, chains, durationMs, builds, say } = options;
  const plans = plansOf(seed, chains, durationMs);
  if (builds[0].buildId !== null) await stack.routeTo(builds[0].buildId, 100);
  await putScript(stack, plans);
  const operator = new Operator(stack, plans, say);
  try {
    await operator.prepare();
    await sendStrangers(stack.facts.awsEndpoint, stack.facts.queueUrl);
    const disturbed = new AbortController();
    const working = operator.work(disturbed.signal);
    const faults = await makeFaults(stack, options);
    say('quiet');
    await calm(stack);
    await operator.allStarted();
    disturbed.abort();
    await working;
    const { open, passedMs } = await comeToRest(stack, operator, say);
    const stuck = open > 0 ? await stuckWorkflows(stack.client, STUCK_ATTEMPTS) : [];
    const verdict = await judge(stack, operator, plans);
    const { temporal, simulator, worker, consumer } = stack.processes;
    return {
      ...verdict,
      violations: [
        ...verdict.violations,
        ...(open > 0 ? [`I7: ${open} workflows are still open in the quiet phase`] : []),
        ...stuck.map((workflowId) => `${workflowId} is stuck on a workflow task`),
      ],
      faults,
      disturbedRequests: { s3: stack.gates.s3.disturbed(), queue: stack.gates.queue.disturbed() },
      endedByThemselves: Object.fromEntries(
        [temporal, simulator, worker, consumer].map((process) => [process.name, process.endedByItself]),
      ),
      person: operator.counts,
      quietClockHours: passedMs / 3_600_000,
    };
  } finally {
    operator.close();
  }
};

/** Runs to the end and takes the stack down, whatever happens. */
export const runChaos = async (options: ChaosOptions): Promise<ChaosResult> => {
  const { dir, seed, builds, say } = options;
  const stack = await startChaosStack({ dir, build: builds[0], seed, say });
  try {
    return await runOn(stack, options);
  } finally {
    await stack.stop();
  }
};
