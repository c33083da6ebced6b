/**
 * What the windows of worker events say about one labeling job: totals, a surge of declines, silence. Pure, over plain
 * data that goes whole through continue-as-new. All of it is an estimate: worker events are best effort, may come twice,
 * late, or not at all; so it is shown and told, and nothing is decided by it.
 */
import { formatDuration } from './durations.ts';

/** What one work team did in one window. Times are milliseconds since the epoch, from the events themselves. */
export type ActivityWindow = {
  windowStartMs: number;
  windowEndMs: number;
  accepted: number;
  submitted: number;
  declined: number;
  returned: number;
  /** Distinct workers seen in the window; null where the source does not tell them apart. */
  activeWorkers: number | null;
  lastActivityMs: number;
};

/** Everything that was seen of a job so far. `activeWorkers` is of the last window; the rest adds up. */
export type WorkerTotals = {
  accepted: number;
  submitted: number;
  declined: number;
  returned: number;
  activeWorkers: number | null;
  /** Null until the first window: worker events are off, or nobody has begun. */
  lastActivityMs: number | null;
};

export const NO_ACTIVITY: WorkerTotals = {
  accepted: 0,
  submitted: 0,
  declined: 0,
  returned: 0,
  activeWorkers: null,
  lastActivityMs: null,
};

/** Adds a window. A window that comes late (after an outage) adds to the counts and turns no time back. */
export const withWindow = (totals: WorkerTotals, window: ActivityWindow): WorkerTotals => {
  const isLatest = totals.lastActivityMs === null || window.lastActivityMs >= totals.lastActivityMs;
  return {
    accepted: totals.accepted + window.accepted,
    submitted: totals.submitted + window.submitted,
    declined: totals.declined + window.declined,
    returned: totals.returned + window.returned,
    activeWorkers: isLatest ? window.activeWorkers : totals.activeWorkers,
    lastActivityMs: isLatest ? window.lastActivityMs : totals.lastActivityMs,
  };
};

/**
 * The totals at a look at the job: a last activity that is still to come by the service's clock was forged or misread, and would
 * hide every silence until then; it counts as now.
 */
export const notBeyond = (totals: WorkerTotals, serviceNowMs: number): WorkerTotals =>
  totals.lastActivityMs !== null && totals.lastActivityMs > serviceNowMs
    ? { ...totals, lastActivityMs: serviceNowMs }
    : totals;

/**
 * Windows one after another in which declines outnumber the answers, added up. How long a window is does not matter
 * then: a surge is told as soon as it is big enough, and is one surge until a window has no more declines than answers.
 */
export type Surge = { sinceMs: number; untilMs: number; declined: number; submitted: number };

/** The surge after one more window; null if there is none. A window without declines and answers says nothing. */
export const surgeAfter = (surge: Surge | null, window: ActivityWindow): Surge | null => {
  const { declined, submitted, windowStartMs, windowEndMs } = window;
  if (declined === 0 && submitted === 0) return surge;
  if (declined <= submitted) return null;
  return {
    sinceMs: surge === null ? windowStartMs : surge.sinceMs,
    untilMs: Math.max(surge?.untilMs ?? windowEndMs, windowEndMs),
    declined: (surge?.declined ?? 0) + declined,
    submitted: (surge?.submitted ?? 0) + submitted,
  };
};

/** Something to tell. `id` is unique within one job: the same surge, the same silence has the same id. */
export type ActivityNotice = { kind: 'decline-surge' | 'silence'; id: string; message: string };

/** Whether to tell of the surge: from `declineSurge` declines on; null below it. */
export const surgeNotice = (
  surge: Surge | null,
  { jobName, declineSurge }: { jobName: string; declineSurge: number },
): ActivityNotice | null => {
  if (surge === null || surge.declined < declineSurge) return null;
  const { declined, submitted, sinceMs, untilMs } = surge;
  const during = untilMs > sinceMs ? ` within ${formatDuration(untilMs - sinceMs)}` : '';
  const message = `${declined} tasks of ${jobName} were declined and ${submitted} answered${during}`;
  return { kind: 'decline-surge', id: `decline-surge:${sinceMs}`, message };
};

/**
 * Whether to tell that workers went quiet. Only after a first worker event: without one nobody can say whether worker events
 * are on. Once for each silence: the next activity begins a new one.
 * @param serviceNowMs by the service's clock, as the events' own times are.
 */
export const silenceNotice = (
  { lastActivityMs }: Pick<WorkerTotals, 'lastActivityMs'>,
  { jobName, serviceNowMs, silenceWithinMs }: { jobName: string; serviceNowMs: number; silenceWithinMs: number },
): ActivityNotice | null => {
  if (lastActivityMs === null || serviceNowMs - lastActivityMs < silenceWithinMs) return null;
  const message = `no worker did anything on ${jobName} for ${formatDuration(serviceNowMs - lastActivityMs)}`;
  return { kind: 'silence', id: `silence:workers:${lastActivityMs}`, message };
};

/** One line for a terminal: what was done, by how many, how long ago; null before the first window. */
export const activityLine = (totals: WorkerTotals, serviceNowMs: number): string | null => {
  const { accepted, submitted, declined, returned, activeWorkers, lastActivityMs } = totals;
  if (lastActivityMs === null) return null;
  const parts = [`${accepted} accepted, ${submitted} submitted, ${declined} declined, ${returned} returned`];
  if (activeWorkers !== null) parts.push(`${activeWorkers} active`);
  parts.push(`last activity ${formatDuration(serviceNowMs - lastActivityMs)} ago`);
  return `workers: ${parts.join('; ')}`;
};
