/** Signs of life of long activities. */
import { Context } from '@temporalio/activity';

/** Tells Temporal that a long stream is alive; the SDK throttles what is sent. */
export const beat = (): void => {
  try {
    Context.current().heartbeat();
  } catch {
    // Outside an activity (a benchmark, a test of the function alone) there is nobody to tell.
  }
};

/** Seldom enough to cost nothing, often enough for a heartbeat time-out of half a minute. */
const BEAT_EVERY_MS = 5_000;

/**
 * Beats while `work` goes on, whatever it waits for: so a process that died in the middle is noticed by its silence, not by
 * the end of the time that the work may take. For work that has no stream to beat with.
 */
export const beatWhile = async <Result>(work: () => Promise<Result>, everyMs = BEAT_EVERY_MS): Promise<Result> => {
  const timer = setInterval(beat, everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
};
