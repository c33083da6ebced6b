/**
 * How one labeling job is followed: when to look (Describe) next, when to stop it, what to tell. Pure: it is given what
 * was observed and says what is due; the workflow owns the timers. Every age is by the service's clock (the Date header
 * of Describe); only the 10 s between two looks is by the caller's.
 */
import type { AttentionReason } from './attention.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS, formatDuration } from './durations.ts';
import { asTerminal, isKnownStatus, type Observation, type StopRequest } from './ending.ts';
import { forecast, type Forecast, type ProgressSample, sampled } from './forecast.ts';
import type { Policy } from './policy.ts';
import {
  NO_ACTIVITY,
  notBeyond,
  surgeAfter,
  withWindow,
  type ActivityWindow,
  type Surge,
  type WorkerTotals,
} from './worker-activity.ts';

/** Law 1: a flood of events costs at most one Describe per job in this time. */
export const MIN_BETWEEN_LOOKS_MS = 10 * SECOND_MS;

/** Law 1: looks so long after the look that did not confirm a terminal event. */
export const LOOKS_AFTER_EVENT_MS: readonly number[] = [10 * SECOND_MS, MINUTE_MS, 5 * MINUTE_MS];

/** Law 1: looks so long after our own stop; after these, hourly. */
export const LOOKS_AFTER_STOP_MS: readonly number[] = [...LOOKS_AFTER_EVENT_MS, 15 * MINUTE_MS];

/** Times after one moment as delays, each after the one before it. */
const asDelays = (timesMs: readonly number[]): number[] =>
  timesMs.map((atMs, index) => atMs - (timesMs[index - 1] ?? 0));

/** Near the hand-over the forecast is looked at again this often. */
const HAND_OVER_RECHECK_MS = 30 * MINUTE_MS;

/** A created job may be unknown to Describe for a moment; after this many looks in a row (about half an hour) it is gone. */
const GONE_AFTER_LOOKS = 10;

/** Permissions come and go for some minutes while they are changed; a person is asked after so many refusals, about a quarter of an hour. */
export const REFUSED_LOOKS_TOLD = 8;

/** The wait before the next look at a job that the last so many looks did not show. */
export const unseenLookMs = (looks: number): number =>
  Math.min(5 * MINUTE_MS, MIN_BETWEEN_LOOKS_MS * 2 ** Math.max(0, looks - 1));

/** What is known of a followed job: plain JSON, carried whole through continue-as-new. */
export type Follow = {
  observation: Observation | null;
  /** The stop that we asked for; null until then. */
  stop: StopRequest | null;
  /** Looks after events and stops that are still to come: delays, each after the look before it. */
  looksMs: number[];
  /** When the counters last moved, and what they were. */
  progressAtMs: number | null;
  done: number;
  samples: ProgressSample[];
  troublesTold: AttentionReason[];
  /** Ids of the notices that were sent (see notices.ts). */
  noticesTold: string[];
  /** What worker events said so far; estimates. */
  workers: WorkerTotals;
  /** The surge of declines that lasts; null if none does. */
  surge: Surge | null;
  /** How often in a row Describe said that there is no such job. */
  absentLooks: number;
  /** How often in a row AWS refused Describe, and in what words. */
  refusedLooks: number;
  refusal: string | null;
};

/** Before the first look. */
export const newFollow = (): Follow => ({
  observation: null,
  stop: null,
  looksMs: [],
  progressAtMs: null,
  done: 0,
  samples: [],
  troublesTold: [],
  noticesTold: [],
  workers: NO_ACTIVITY,
  surge: null,
  absentLooks: 0,
  refusedLooks: 0,
  refusal: null,
});

/** When AWS ends the job at the latest, by the service's clock: its creation and the policy's lifetime. */
export const deadlineOf = (observation: Observation, policy: Policy): number =>
  observation.createdAtMs + policy.lifetimeMs;

const doneOf = (observation: Observation): number => observation.counters.totalLabeled + observation.counters.failed;

const heardOf = { absentLooks: 0, refusedLooks: 0, refusal: null };

/** A Describe answered. Older answers than the one we have (by the service's clock) change nothing. */
export const observed = (follow: Follow, observation: Observation): Follow => {
  const known = follow.observation;
  // Describe may lag behind itself: a terminal status is final, and an older Date is older news.
  if (known !== null && (asTerminal(known.status) !== null || observation.serviceNowMs < known.serviceNowMs)) {
    return { ...follow, ...heardOf };
  }
  const done = doneOf(observation);
  const moved = follow.progressAtMs === null || done > follow.done || known?.status !== observation.status;
  return {
    ...follow,
    observation,
    done: Math.max(done, follow.done),
    progressAtMs: moved ? observation.serviceNowMs : follow.progressAtMs,
    workers: notBeyond(follow.workers, observation.serviceNowMs),
    samples: sampled(follow.samples, { atMs: observation.serviceNowMs, done: Math.max(done, follow.done) }),
    ...heardOf,
  };
};

/** Describe said that there is no such job. */
export const absent = (follow: Follow): Follow => ({ ...follow, ...heardOf, absentLooks: follow.absentLooks + 1 });

/** AWS refused Describe: nothing is known of the job, and nothing follows from that. */
export const refused = (follow: Follow, refusal: string): Follow => ({
  ...follow,
  refusedLooks: follow.refusedLooks + 1,
  refusal,
});

/** Describe has said so often enough that the job is not there. */
export const isGone = (follow: Follow): boolean => follow.absentLooks >= GONE_AFTER_LOOKS;

/** An event said that the job is over; if the look it causes does not confirm it, these looks follow. */
export const eventArrived = (follow: Follow, status: string): Follow =>
  asTerminal(status) === null || follow.looksMs.length > 0
    ? follow
    : { ...follow, looksMs: asDelays(LOOKS_AFTER_EVENT_MS) };

/** Worker events of one window came. They make nobody look at the job. */
export const activitySeen = (follow: Follow, window: ActivityWindow): Follow => ({
  ...follow,
  workers: withWindow(follow.workers, window),
  surge: surgeAfter(follow.surge, window),
});

/** We asked AWS to stop the job. A person's stop takes the place of a hand-over, never the other way round. */
export const stopAsked = (follow: Follow, stop: StopRequest): Follow =>
  follow.stop !== null && follow.stop.by === 'person'
    ? follow
    : { ...follow, stop, looksMs: asDelays(LOOKS_AFTER_STOP_MS) };

/** What does not change while a job is followed. */
export type FollowContext = {
  policy: Policy;
  streaming: boolean;
  /** Objects that workers will see; null if not known (a streaming or adopted job). */
  sentObjects: number | null;
};

/** The forecast of the job; null for a streaming one, before the first look, and where nothing can be said yet. */
export const forecastOf = (follow: Follow, context: FollowContext): Forecast | null => {
  const { observation } = follow;
  if (observation === null || context.streaming) return null;
  const { counters } = observation;
  const counted = counters.totalLabeled + counters.failed + counters.unlabeled;
  const total = Math.max(context.sentObjects ?? 0, counted);
  return forecast(follow.samples, { total, nowMs: observation.serviceNowMs });
};

/** `at`: ask again then, by the service's clock. `now`: stop the job, with the reason for the log. */
export type HandOver = { kind: 'no' } | { kind: 'at'; atMs: number } | { kind: 'now'; why: string };

/**
 * Whether the job is to be stopped before its deadline and continued by the next one. Not when the forecast ends it in
 * time; then the question is asked again every half hour.
 */
export const handOver = (follow: Follow, context: FollowContext): HandOver => {
  const { observation, stop } = follow;
  const { policy } = context;
  if (observation === null || context.streaming || policy.handOverMs === null || stop !== null) return { kind: 'no' };
  if (asTerminal(observation.status) !== null || observation.status === 'Stopping') return { kind: 'no' };
  const deadlineMs = deadlineOf(observation, policy);
  const fromMs = deadlineMs - policy.handOverMs;
  const nowMs = observation.serviceNowMs;
  if (nowMs < fromMs) return { kind: 'at', atMs: fromMs };
  if (nowMs >= deadlineMs) return { kind: 'no' };
  const end = forecastOf(follow, context);
  // A margin, so that a forecast that is a little wrong does not end in an expiry.
  const marginMs = Math.min(policy.handOverMs / 4, HAND_OVER_RECHECK_MS);
  if (end !== null && end.endMs <= deadlineMs - marginMs)
    return { kind: 'at', atMs: Math.min(nowMs + HAND_OVER_RECHECK_MS, deadlineMs - marginMs) };
  const why =
    end === null
      ? 'nothing says that it will end in time'
      : `it would end ${formatDuration(end.endMs - nowMs)} from now`;
  return { kind: 'now', why: `${formatDuration(deadlineMs - nowMs)} before its deadline; ${why}` };
};

/**
 * By so much of itself a reconcile period is longer at most. It spreads the looks at jobs that began together, and a month takes three looks
 * less; a lost event is noticed that much later at worst, 36 minutes by the default policy.
 */
export const RECONCILE_JITTER = 0.1;

/** When, by the service's clock, the job is described next without any event; `jitter` (0 to 1) only lengthens. */
const reconcileAt = (observation: Observation, policy: Policy, jitter: number): number => {
  const ageMs = observation.serviceNowMs - observation.createdAtMs;
  const first = policy.reconcile.firstMs.find((atMs) => atMs > ageMs);
  if (first !== undefined) return observation.createdAtMs + first;
  return observation.serviceNowMs + policy.reconcile.everyMs * (1 + RECONCILE_JITTER * jitter);
};

/** How long to wait before the next look, counted from the last one. */
export const nextLookMs = (follow: Follow, context: FollowContext, jitter: number): number => {
  const { observation } = follow;
  if (follow.refusedLooks > 0) return unseenLookMs(follow.refusedLooks);
  if (observation === null || follow.absentLooks > 0) return unseenLookMs(follow.absentLooks);
  const { policy } = context;
  const nowMs = observation.serviceNowMs;
  const [look] = follow.looksMs;
  // A look that is due within minutes takes the place of a reconcile: a reconcile before it would use it up.
  const candidates = [look === undefined ? reconcileAt(observation, policy, jitter) : nowMs + look];
  if (look === undefined && follow.stop !== null) candidates.push(nowMs + HOUR_MS);
  if (!context.streaming) {
    const handing = handOver(follow, context);
    if (handing.kind === 'at') candidates.push(handing.atMs);
    const deadlineMs = deadlineOf(observation, policy);
    for (const atMs of [deadlineMs + MINUTE_MS, deadlineMs + policy.deadlineGraceMs]) {
      if (atMs > nowMs) candidates.push(atMs);
    }
    const initializingByMs = observation.createdAtMs + policy.initializingWithinMs;
    if (observation.status === 'Initializing' && initializingByMs > nowMs) candidates.push(initializingByMs);
  }
  // The service tells its time in whole seconds (the Date header): before the next whole one, it would not be time yet by that clock.
  const atMs = Math.ceil(Math.min(...candidates) / SECOND_MS) * SECOND_MS;
  return Math.max(MIN_BETWEEN_LOOKS_MS, atMs - nowMs);
};

/** The look at the head of the list was taken. */
export const looked = (follow: Follow): Follow => ({ ...follow, looksMs: follow.looksMs.slice(1) });

/** Something about a live job that a person should look at. */
export type Trouble = { reason: AttentionReason; message: string };

const seenTroubles = (observation: Observation, stop: StopRequest | null, context: FollowContext): Trouble[] => {
  const { policy } = context;
  const nowMs = observation.serviceNowMs;
  const ageMs = nowMs - observation.createdAtMs;
  const found: Trouble[] = [];
  if (!isKnownStatus(observation.status)) {
    const message = `${observation.name} has the status ${JSON.stringify(observation.status.slice(0, 40))}, which we do not know`;
    found.push({ reason: 'unknown-status', message });
  }
  if (observation.status === 'Initializing' && ageMs >= policy.initializingWithinMs) {
    found.push({
      reason: 'initializing-too-long',
      message: `${observation.name} is still Initializing after ${formatDuration(ageMs)}`,
    });
  }
  if (stop !== null && nowMs - stop.requestedAtMs >= policy.stopWithinMs) {
    const message = `${observation.name} is ${observation.status} ${formatDuration(nowMs - stop.requestedAtMs)} after it was asked to stop`;
    found.push({ reason: 'stop-unconfirmed', message });
  }
  if (!context.streaming) {
    if (nowMs >= deadlineOf(observation, policy) + policy.deadlineGraceMs) {
      const message = `${observation.name} is ${observation.status} ${formatDuration(ageMs)} after its creation; AWS should have ended it at ${formatDuration(policy.lifetimeMs)}`;
      found.push({ reason: 'past-deadline', message });
    }
  }
  return found;
};

/** What a person should know about a live job; each is told once. */
export const troublesOf = (follow: Follow, context: FollowContext): Trouble[] => {
  const { observation, stop, refusedLooks } = follow;
  if (observation !== null && asTerminal(observation.status) !== null) return [];
  const found = observation === null ? [] : seenTroubles(observation, stop, context);
  if (refusedLooks >= REFUSED_LOOKS_TOLD) {
    const message = `AWS refuses to show the labeling job, so nobody sees how it stands: ${follow.refusal ?? 'no reason given'}`;
    found.push({ reason: 'describe-refused', message });
  }
  return found.filter((trouble) => !follow.troublesTold.includes(trouble.reason));
};
