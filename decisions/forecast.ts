/** When a job will be done, from its rate of the last days. Pure. */
import { DAY_MS, HOUR_MS } from './durations.ts';

/** Objects done (labeled or failed) at a time of the service's clock. */
export type ProgressSample = { atMs: number; done: number };

/** What the rate says. */
export type Forecast = {
  /** By the service's clock; Infinity if nothing moves. */
  endMs: number;
  /** Objects an hour. */
  ratePerHour: number;
  remaining: number;
};

/** Samples are kept at least this far apart, for the last three days, and always the first of all. */
const SAMPLE_SPACING_MS = 5 * HOUR_MS;
const WINDOW_MS = 3 * DAY_MS;

/** The samples with one more, thinned so that they stay few (about twenty). */
export const sampled = (samples: readonly ProgressSample[], sample: ProgressSample): ProgressSample[] => {
  const [first, ...rest] = samples;
  if (first === undefined) return [sample];
  const recent = rest.filter((one) => one.atMs >= sample.atMs - WINDOW_MS);
  const previous = recent.at(-2) ?? first;
  const last = recent.at(-1);
  // The newest sample replaces the last one until that one is far enough from the one before it.
  const kept = last !== undefined && last.atMs - previous.atMs < SAMPLE_SPACING_MS ? recent.slice(0, -1) : recent;
  return [first, ...kept, sample];
};

/** Null before anything can be said: less than an hour of samples, or no count of objects. */
export const forecast = (
  samples: readonly ProgressSample[],
  now: { total: number; nowMs: number },
): Forecast | null => {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined || now.total <= 0) return null;
  const remaining = Math.max(0, now.total - last.done);
  if (remaining === 0) return { endMs: now.nowMs, ratePerHour: 0, remaining };
  if (last.atMs - first.atMs < HOUR_MS) return null;
  // The rate of the last days only: a good first week does not hide a team that went home, and a late start is forgiven.
  const from = samples.find((one) => one.atMs >= last.atMs - WINDOW_MS && one.atMs <= last.atMs - HOUR_MS) ?? first;
  const ratePerMs = Math.max(0, (last.done - from.done) / (last.atMs - from.atMs));
  const endMs = ratePerMs === 0 ? Number.POSITIVE_INFINITY : now.nowMs + remaining / ratePerMs;
  return { endMs, ratePerHour: ratePerMs * HOUR_MS, remaining };
};
