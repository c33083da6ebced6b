/**
 * What people are told of a live job without being asked for anything: a deadline at risk, silence, a surge of declines
 * (DESIGN section 5: notifications, not attention). Pure; each notice has an id and is told once.
 */
import { DAY_MS, formatDuration } from './durations.ts';
import { deadlineOf, forecastOf, type Follow, type FollowContext } from './follow.ts';
import { silenceNotice, surgeNotice } from './worker-activity.ts';

/** `id` is unique within one job: what was told under it is not told again. */
export type Notice = { kind: 'deadline-at-risk' | 'silence' | 'decline-surge'; id: string; message: string };

/** A forecast is trusted this long after the creation of the job. */
const DEADLINE_WORD_AFTER_MS = DAY_MS;

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

/** Workers that went quiet; where worker events do not say so, counters that stood still. A streaming job may be quiet for long. */
const silence = (follow: Follow, context: FollowContext): Notice[] => {
  const { observation, progressAtMs, workers } = follow;
  if (observation === null || context.streaming) return [];
  if (follow.stop !== null || observation.status !== 'InProgress') return [];
  const { name: jobName, serviceNowMs } = observation;
  const { silenceWithinMs, progressWithinMs } = context.policy;
  const quiet = silenceNotice(workers, { jobName, serviceNowMs, silenceWithinMs });
  if (quiet !== null) return [quiet];
  const stillMs = serviceNowMs - (progressAtMs ?? serviceNowMs);
  if (stillMs < progressWithinMs) return [];
  const message = `${jobName} made no progress for ${formatDuration(stillMs)}`;
  return [{ kind: 'silence', id: `silence:${progressAtMs}`, message }];
};

/** Declines that outnumber the answers: once for each surge. */
const declineSurge = ({ observation, surge }: Follow, { policy }: FollowContext): Notice[] => {
  if (observation === null) return [];
  const notice = surgeNotice(surge, { jobName: observation.name, declineSurge: policy.declineSurge });
  return notice === null ? [] : [notice];
};

/** What is to be told now and was not told before. */
export const noticesOf = (follow: Follow, context: FollowContext): Notice[] =>
  [...deadlineAtRisk(follow, context), ...silence(follow, context), ...declineSurge(follow, context)].filter(
    (notice) => !follow.noticesTold.includes(notice.id),
  );
