/**
 * What people are told of a live job without being asked for anything: a deadline at risk, silence, a surge of declines
 * (DESIGN section 5: notifications, not attention). Pure; each notice has an id and is told once.
 */
import { DAY_MS, formatDuration } from './durations.ts';
import { deadlineOf, forecastOf, type Follow, type FollowContext } from './follow.ts';

/** `id` is unique within one job: what was told under it is not told again. */
export type Notice = { kind: 'deadline-at-risk' | 'silence' | 'decline-surge'; id: string; message: string };

/** A forecast is trusted this long after the creation of the job. */
const DEADLINE_WORD_AFTER_MS = DAY_MS;

/** Fewer declines in one window are no surge, whatever else happened in it. */
export const SURGE_MINIMUM = 10;

/** Early word that a job will not make its deadline: from a day after its creation, once. */
const deadlineAtRisk = (follow: Follow, context: FollowContext): Notice[] => {
  const { observation } = follow;
  if (observation === null || follow.stop !== null || observation.status !== 'InProgress') return [];
  if (observation.serviceNowMs - observation.createdAtMs < DEADLINE_WORD_AFTER_MS) return [];
  const end = forecastOf(follow, context);
  const deadlineMs = deadlineOf(observation, context.policy);
  if (end === null || end.endMs <= deadlineMs) return [];
  const endText = Number.isFinite(end.endMs) ? `in ${formatDuration(end.endMs - observation.serviceNowMs)}` : 'never';
  const message = `${observation.name} would end ${endText} at its rate of late; its deadline is in ${formatDuration(deadlineMs - observation.serviceNowMs)}`;
  return [{ kind: 'deadline-at-risk', id: 'deadline-at-risk', message }];
};

/** Counters that stood still for `progressWithin`; again after each progress. A streaming job may be quiet for long. */
const silence = (follow: Follow, context: FollowContext): Notice[] => {
  const { observation, progressAtMs } = follow;
  if (observation === null || progressAtMs === null || context.streaming) return [];
  if (follow.stop !== null || observation.status !== 'InProgress') return [];
  const stillMs = observation.serviceNowMs - progressAtMs;
  if (stillMs < context.policy.progressWithinMs) return [];
  const message = `${observation.name} made no progress for ${formatDuration(stillMs)}`;
  return [{ kind: 'silence', id: `silence:${progressAtMs}`, message }];
};

/** More declines than answers in one window of worker events; at most one word a day. */
const declineSurge = ({ observation, lastActivity }: Follow): Notice[] => {
  if (observation === null || lastActivity === null) return [];
  const { declined, submitted, windowStartMs } = lastActivity;
  if (declined < SURGE_MINIMUM || declined <= submitted) return [];
  const day = Math.floor(windowStartMs / DAY_MS);
  const message = `${declined} tasks of ${observation.name} were declined and ${submitted} answered in one window of its worker events`;
  return [{ kind: 'decline-surge', id: `decline-surge:${day}`, message }];
};

/** What is to be told now and was not told before. */
export const noticesOf = (follow: Follow, context: FollowContext): Notice[] =>
  [...deadlineAtRisk(follow, context), ...silence(follow, context), ...declineSurge(follow)].filter(
    (notice) => !follow.noticesTold.includes(notice.id),
  );
