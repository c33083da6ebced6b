/**
 * What a chain has committed to pay, and how many more objects it can afford (I6). An estimate in the person's own
 * prices: AWS's invoice is the truth. For ended jobs answers and objects by counters, or by the labels that were read if
 * these are more; for the live one every unlabeled object of its input, since workers may label them all, and so for an
 * ended one of which AWS shows no counters. An object that failed counts as nothing: AWS does not say whether anybody answered.
 */
import { countersOf, currentTerms, type ChainState, type Generation } from './chain-state.ts';
import { hasNoCounters } from './counters.ts';

/** The price of one object labeled by as many workers as the spec asks for; null without prices. */
export const objectPrice = (state: ChainState): number | null => {
  const { price } = state.spec.policy;
  if (price === null) return null;
  return price.perObject + price.perAnswer * state.spec.job.HumanTaskConfig.NumberOfHumanWorkersPerDataObject;
};

/** Objects that workers see in this job; for an adopted job, whose input is not ours, all that AWS counts. */
const sentObjects = (job: Generation): number => {
  const { totalLabeled, failed, unlabeled } = countersOf(job);
  return job.input?.sentObjects ?? totalLabeled + failed + unlabeled;
};

/** Its workers may have labeled everything, for all that is known. An input that AWS refused was never shown to anybody. */
export const isUncounted = (job: Generation): boolean => job.outcome !== 'failed-input' && hasNoCounters(job);

/** Objects that a job has been paid for, or may have to be. */
const committedObjects = (job: Generation): { byPeople: number; objects: number } => {
  if (job.outcome === 'not-created') return { byPeople: 0, objects: 0 };
  // Live, or gone without an ending, or ended and never counted: its workers may have labeled everything.
  if (job.endedAtMs === null || isUncounted(job)) return { byPeople: sentObjects(job), objects: sentObjects(job) };
  const { totalLabeled, humanLabeled, machineLabeled } = countersOf(job);
  // Counters may lag behind for good: a label that was read was paid.
  const objects = Math.max(totalLabeled, job.newLabels);
  // AWS may leave single counters out; what no machine labeled, people did.
  return { byPeople: Math.max(humanLabeled, objects - machineLabeled), objects };
};

/**
 * Committed cost in the currency of the policy; null without prices. An answer is of as many workers as its own job had.
 * Labels that came for an object that had one were paid too: they are among those that were read from their job's output.
 */
export const committedCost = (state: ChainState): number | null => {
  const { price } = state.spec.policy;
  if (price === null) return null;
  return state.generations.reduce((sum, job) => {
    const { byPeople, objects } = committedObjects(job);
    const { workersPerObject } = job.terms ?? currentTerms(state);
    return sum + byPeople * workersPerObject * price.perAnswer + objects * price.perObject;
  }, 0);
};

/** Objects sent to workers over all jobs. */
export const objectsSent = (state: ChainState): number =>
  state.generations.reduce((sum, job) => sum + (job.outcome === 'not-created' ? 0 : sentObjects(job)), 0);

/** How many objects fit, and the narrowest limit. */
export type Allowance = {
  objects: number;
  limit: 'max-objects-sent' | 'max-cost' | 'max-objects-per-job' | 'remaining';
};

/** How many objects the next job may be given, and what holds it there. 0 means that a cap is reached. */
export const allowance = (state: ChainState): Allowance => {
  const { policy } = state.spec;
  const allowances: Allowance[] = [
    { objects: state.dataset?.remaining ?? 0, limit: 'remaining' },
    { objects: policy.maxObjectsPerJob, limit: 'max-objects-per-job' },
  ];
  if (policy.maxObjectsSent !== null) {
    allowances.push({ objects: Math.max(0, policy.maxObjectsSent - objectsSent(state)), limit: 'max-objects-sent' });
  }
  const price = objectPrice(state);
  const committed = committedCost(state);
  if (policy.maxCost !== null && price !== null && committed !== null && price > 0) {
    // The small tolerance keeps 0.1 + 0.2 from costing an object; it is far below any price.
    const affordable = Math.floor((policy.maxCost - committed) / price + 1e-9);
    allowances.push({ objects: Math.max(0, affordable), limit: 'max-cost' });
  }
  return allowances.reduce((least, next) => (next.objects < least.objects ? next : least));
};
