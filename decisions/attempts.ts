/** Which failures of an object count as an attempt (DESIGN section 5, "Attempts"). */
import type { LabelCounters, TerminalStatus } from './ending.ts';
import { isTasksExpired } from './failure-reasons.ts';

/** What is known of a job whose output is merged. */
export type AttemptFacts = {
  status: TerminalStatus;
  counters: LabelCounters;
  /** Age of the job at its end, by the service's clock. */
  ageAtEndMs: number;
  /** API: TaskAvailabilityLifetimeInSeconds; 30 days for private and vendor teams when not given. */
  taskAvailabilityMs: number;
  declines: number;
};

/**
 * A reason about the object itself always counts. The tasks-expired text counts only where somebody was there: the job
 * was younger than the time a task stays open (so the object was declined), or it had labels or declines at all.
 * In a failed job only reasons about the object itself count: its open tasks died with the job.
 */
export const countsAttempt = (facts: AttemptFacts, objectFailureReason: string): boolean => {
  if (!isTasksExpired(objectFailureReason)) return true;
  if (facts.status === 'Failed') return false;
  return facts.ageAtEndMs < facts.taskAvailabilityMs || facts.counters.totalLabeled > 0 || facts.declines > 0;
};
