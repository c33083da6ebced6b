/** Chains on a real cluster while its processes and ours are killed; then quiet, then the verdict. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MINUTE_MS } from '../../decisions/durations.ts';
import { judge, type Verdict } from '../chaos/judge.ts';
import { Operator, type OperatorCounts } from '../chaos/operator.ts';
import { plansOf, scriptOf } from '../chaos/plans.ts';
import { queueDepth, stuckWorkflows } from '../chaos/server-checks.ts';
import { sendStrangers } from '../chaos/strangers.ts';
import type { Supervised } from '../chaos/supervised.ts';
import { killInTurn, waitingEvents, type Kill } from './kills.ts';
import { OUR_PROCESSES, startClusterStack, type ClusterStack } from './stack.ts';
import { CLUSTER_PROCESSES, type TemporalCluster } from './temporal-cluster.ts';

export type CheckOptions = {
  cluster: TemporalCluster;
  root: string;
  dir: string;
  seed: number;
  chains: number;
  /** The phase with kills; the quiet one comes after it. */
  durationMs: number;
  say: (line: string) => void;
};

export type CheckResult = Verdict & {
  kills: Kill[];
  /** Processes that ended without being told to, and were started again. */
  endedByThemselves: Record<string, number>;
  person: OperatorCounts;
  quietMinutes: number;
};

/** Retries of failed jobs back off by minutes, poison takes ten until it is in the dead-letter queue; then nothing is left to wait for. */
const QUIET_LIMIT_MS = 35 * MINUTE_MS;
const LOOK_EVERY_MS = 5_000;
const SAY_EVERY_LOOKS = 6;
/** Of a workflow task; more means that it gets nowhere. */
const STUCK_ATTEMPTS = 10;

const OPEN = `ExecutionStatus = 'Running' AND WorkflowType STARTS_WITH 'labeling'`;

/** Waits in real time until nothing is open and the queue is empty; resolves with the number of workflows still open. */
const comeToRest = async (stack: ClusterStack, operator: Operator, say: CheckOptions['say']): Promise<number> => {
  const untilMs = Date.now() + QUIET_LIMIT_MS;
  let restful = 0;
  for (let look = 0; ; look += 1) {
    await operator.answerAll().catch((thrown: unknown) => say(String(thrown)));
    const { count: open } = await stack.client.workflow.count(OPEN);
    const waiting = await waitingEvents(stack);
    if (look % SAY_EVERY_LOOKS === 0) say(`${open} workflows open, ${waiting} events wait`);
    // Visibility lags behind: only what is seen again is believed.
    restful = open === 0 && waiting === 0 ? restful + 1 : 0;
    if (restful === 3 || Date.now() > untilMs) return open;
    await sleep(LOOK_EVERY_MS);
  }
};

/** Poison is dead after its fifth receive; until then it is in the queue. */
const untilPoisonIsDead = async (stack: ClusterStack): Promise<void> => {
  const untilMs = Date.now() + 15 * MINUTE_MS;
  while ((await queueDepth(stack.facts.awsEndpoint, stack.facts.queueUrl)) > 0 && Date.now() < untilMs)
    await sleep(LOOK_EVERY_MS);
};

const runOn = async (stack: ClusterStack, options: CheckOptions): Promise<CheckResult> => {
  const { cluster, seed, chains, durationMs, say } = options;
  const plans = plansOf(seed, chains, durationMs, { realTime: true });
  const answer = await fetch(`${stack.facts.sagemakerEndpoint}/_simulator/script`, {
    method: 'PUT',
    body: JSON.stringify(scriptOf(plans)),
  });
  if (!answer.ok) throw new Error(await answer.text());
  const supervised = new Map<string, Supervised>([...Object.entries(cluster.processes), ...stack.processes]);
  const processOf = (name: string): Supervised => {
    const found = supervised.get(name);
    if (found === undefined) throw new Error(`there is no process ${name}`);
    return found;
  };
  const operator = new Operator(stack, plans, say);
  try {
    await operator.prepare();
    await sendStrangers(stack.facts.awsEndpoint, stack.facts.queueUrl);
    const disturbed = new AbortController();
    const working = operator.work(disturbed.signal);
    const { kills, problems } = await killInTurn({ stack, processOf, seed, durationMs, say });
    say('quiet');
    const quietFromMs = Date.now();
    await operator.allStarted();
    disturbed.abort();
    await working;
    const open = await comeToRest(stack, operator, say);
    const quietMinutes = Math.round((Date.now() - quietFromMs) / MINUTE_MS);
    const stuck = open > 0 ? await stuckWorkflows(stack.client, STUCK_ATTEMPTS) : [];
    await untilPoisonIsDead(stack);
    const verdict = await judge(stack, operator, plans);
    return {
      ...verdict,
      violations: [
        ...verdict.violations,
        ...problems,
        ...(open > 0 ? [`I7: ${open} workflows are still open in the quiet phase`] : []),
        ...stuck.map((workflowId) => `${workflowId} is stuck on a workflow task`),
      ],
      kills,
      endedByThemselves: Object.fromEntries(
        [...CLUSTER_PROCESSES, ...OUR_PROCESSES].map((name) => [name, processOf(name).endedByItself]),
      ),
      person: operator.counts,
      quietMinutes,
    };
  } finally {
    operator.close();
  }
};

/** Runs to the end and takes our side down, whatever happens; the cluster stays. */
export const checkCluster = async (options: CheckOptions): Promise<CheckResult> => {
  const { cluster, root, dir, seed, say } = options;
  const stack = await startClusterStack({ cluster, root, dir, seed, clock: 'real', processes: OUR_PROCESSES, say });
  try {
    return await runOn(stack, options);
  } finally {
    await stack.stop();
  }
};
