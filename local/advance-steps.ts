/**
 * How far time is moved at once. Pure.
 *
 * The simulator's clock jumps to the end of a step before any workflow moves, so whatever a workflow must see in time
 * needs steps that are shorter than the window it has for it: a reconcile every 6 h, a hand-over 2 h wide.
 */
import { DAY_MS, HOUR_MS } from '../decisions/durations.ts';

/** The longest step, and the reconcile period: each reconcile then sees a time of its own. */
export const LONGEST_STEP_MS = 6 * HOUR_MS;
/** The longest step while a hand-over may be due. */
export const NEAR_STEP_MS = HOUR_MS;
/** A job's deadline is near from a day and two hours before it, */
const NEAR_BEFORE_MS = DAY_MS + 2 * HOUR_MS;
/** to three hours after it, when the stop has been confirmed. */
const NEAR_AFTER_MS = 3 * HOUR_MS;

/**
 * The next step: never longer than what is left, than `longestMs`, or than an hour near a deadline; never from before
 * that time into it.
 * @param nowMs the simulator's time.
 * @param deadlinesMs when the jobs that are followed end at the latest, on the same clock.
 */
export const nextStepMs = (
  nowMs: number,
  remainingMs: number,
  deadlinesMs: readonly number[],
  longestMs: number = LONGEST_STEP_MS,
): number => {
  const limits = deadlinesMs.map((deadlineMs) => {
    const untilNearMs = deadlineMs - NEAR_BEFORE_MS - nowMs;
    if (untilNearMs > 0) return Math.max(untilNearMs, NEAR_STEP_MS);
    return nowMs <= deadlineMs + NEAR_AFTER_MS ? NEAR_STEP_MS : Infinity;
  });
  return Math.min(remainingMs, longestMs, ...limits);
};
