/**
 * When the counters of an ended job are not believed. A job can show nothing but zeros while it is young (issue 1945 of
 * amazon-sagemaker-examples), and a job that is over within minutes can end so: taken at their word, zeros would make the
 * chain merge an output that is not written yet, send its objects again and count nothing as spent (I1, I6). Pure.
 */
import { countersOf, type ChainState, type Generation, type JobInput } from './chain-state.ts';
import { MINUTE_MS } from './durations.ts';
import type { Ending, LabelCounters } from './ending.ts';
import { classifyFailureReason } from './failure-reasons.ts';
import type { Policy } from './policy.ts';

/** Waits before each further look, the last one again and again. */
const WAITS_MS = [MINUTE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS, 10 * MINUTE_MS];
const LATER_WAIT_MS = 30 * MINUTE_MS;

/** A job that failed or was stopped may really have done nothing: it is doubted for so long, a completed one as long as its output. */
const UNFINISHED_DOUBTED_MS = 18 * MINUTE_MS;

export type CountersFacts = {
  ending: Extract<Ending, { kind: 'ended' }>;
  input: JobInput | null;
  /** No job follows: what comes late is merged by the late look. */
  stopped: boolean;
  policy: Policy;
};

/** Not one object is counted, though workers were to see some. */
const sayNothing = ({ totalLabeled, failed, unlabeled }: LabelCounters, input: JobInput | null): boolean =>
  totalLabeled + failed + unlabeled === 0 && (input?.sentObjects ?? 0) > 0;

/** Whether AWS never showed how much an ended job labeled. Where each line of its input was read with a label, that is known. */
export const hasNoCounters = (job: Generation): boolean =>
  job.endedAtMs !== null && !job.complete && sayNothing(countersOf(job), job.input);

/**
 * Jobs to ask AWS about once more before the next one is decided: what they cost has to be known where money is limited (I6), and
 * whether they brought labels that nobody could read yet (law 2).
 */
export const jobsToCount = ({ generations, attention, end, stopRequested }: ChainState): Generation[] =>
  attention === null && end === null && stopRequested === null ? generations.filter(hasNoCounters) : [];

/** How long counters of zero are doubted after the end of a job. An input that AWS refused was never shown to anybody. */
const doubtedAfterEndMs = (status: string, failureReason: string | null, policy: Policy): number => {
  if (status === 'Failed' && classifyFailureReason(failureReason, policy.failureReasons) === 'input') return 0;
  return status === 'Completed' ? policy.settleWithinMs : UNFINISHED_DOUBTED_MS;
};

/** How long to wait before the counters of a job that ended before are asked for again; null: they are believed, or say something. */
export const countersDoubtedMs = (job: Generation, serviceNowMs: number, policy: Policy): number | null => {
  if (!hasNoCounters(job) || job.endedAtMs === null) return null;
  const leftMs = job.endedAtMs + doubtedAfterEndMs(job.status, job.failureReason, policy) - serviceNowMs;
  return leftMs > 0 ? Math.min(Math.max(leftMs, MINUTE_MS), 10 * MINUTE_MS) : null;
};

/** How long to wait before the counters are asked for again, after so many looks; null: they are believed. */
export const countersLookMs = ({ ending, input, stopped, policy }: CountersFacts, looks: number): number | null => {
  const { status, observation } = ending;
  if (!sayNothing(observation.counters, input) || stopped) return null;
  const doubtedMs = doubtedAfterEndMs(status, observation.failureReason, policy);
  let waitedMs = 0;
  for (let look = 0; look < looks; look += 1) waitedMs += WAITS_MS[look] ?? LATER_WAIT_MS;
  return waitedMs >= doubtedMs ? null : (WAITS_MS[looks] ?? LATER_WAIT_MS);
};
