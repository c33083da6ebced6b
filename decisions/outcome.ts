/**
 * How a job ended for the chain: ending + merged manifest, classified by the table of DESIGN section 5. First match wins.
 * Never from the status word alone: `Completed` does not mean "labeled".
 */
import { HOUR_MS } from './durations.ts';
import type { Ending, LabelCounters } from './ending.ts';
import { classifyFailureReason } from './failure-reasons.ts';
import type { Policy } from './policy.ts';

/** Every outcome, in the order in which they are tried. */
export const OUTCOMES = [
  'streaming',
  'labeled',
  'stopped-by-us',
  'expired',
  'stopping-condition',
  'stopped-outside',
  'failed-transient',
  'failed-input',
  'failed-unknown',
  'leftovers',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** API LabelingJobStoppingConditions: what AWS ends a job by itself for. */
export type StoppingConditions = {
  MaxHumanLabeledObjectCount?: number | undefined;
  MaxPercentageOfInputDatasetLabeled?: number | undefined;
};

/**
 * Whether the counters reached a brake that leaves objects of this job unlabeled. A percentage of 100, or a count that is
 * not below the objects of the input, is a normal completion. `inputObjects` 0: not known, the counters' sum stands in.
 */
export const reachedStoppingCondition = (
  conditions: StoppingConditions | undefined,
  counters: LabelCounters,
  inputObjects: number,
): boolean => {
  const { MaxHumanLabeledObjectCount: count, MaxPercentageOfInputDatasetLabeled: percent } = conditions ?? {};
  const objects = inputObjects > 0 ? inputObjects : counters.totalLabeled + counters.failed + counters.unlabeled;
  if (count !== undefined && count < objects && counters.humanLabeled >= count) return true;
  if (percent === undefined || percent >= 100) return false;
  // AWS does not document how it rounds; the floor is the earliest point at which a job can have been stopped, and a
  // brake that no label has reached is none.
  return counters.totalLabeled >= Math.max(1, Math.floor((objects * percent) / 100));
};

/** All that the classification may look at. */
export type OutcomeFacts = {
  ending: Extract<Ending, { kind: 'ended' }>;
  streaming: boolean;
  /** Objects of the chain that are neither labeled nor set aside after the merge. */
  remaining: number;
  /** Lines of the job's input; 0 if not known (an adopted job). */
  inputObjects: number;
  stoppingConditions: StoppingConditions | undefined;
  policy: Policy;
};

/** The outcome of one ending: the first row of the table that fits. Total; never throws. */
export const classifyEnding = (facts: OutcomeFacts): Outcome => {
  const { ending, policy } = facts;
  const { observation, status, stop } = ending;
  if (facts.streaming) return 'streaming';
  if (facts.remaining === 0) return 'labeled';
  if (stop?.by === 'person') return 'stopped-by-us';
  if (stop?.by === 'hand-over') return 'expired';
  const ageAtEndMs = observation.lastModifiedAtMs - observation.createdAtMs;
  if (ageAtEndMs >= policy.lifetimeMs - HOUR_MS) return 'expired';
  const failureClass = classifyFailureReason(observation.failureReason, policy.failureReasons);
  if (failureClass === 'expired') return 'expired';
  if (
    status !== 'Failed' &&
    reachedStoppingCondition(facts.stoppingConditions, observation.counters, facts.inputObjects)
  ) {
    return 'stopping-condition';
  }
  switch (status) {
    case 'Stopped':
      return 'stopped-outside';
    case 'Failed':
      if (failureClass === 'transient') return 'failed-transient';
      return failureClass === 'input' ? 'failed-input' : 'failed-unknown';
    case 'Completed':
      return 'leftovers';
  }
};
