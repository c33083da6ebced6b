/**
 * Creating a labeling job exactly once (I3), and never after a stop (I5): a create that is under way when the stop comes
 * is awaited, because AWS may have accepted it; then the job is stopped.
 */
import { ActivityFailure, CancellationScope, condition, isCancellation, setCurrentDetails } from '@temporalio/workflow';
import type { CreateResult } from '../activities/labeling-jobs.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS, formatDuration } from '../decisions/durations.ts';
import type { NotCreated } from '../decisions/ending.ts';
import { refused } from '../decisions/follow.ts';
import { call } from './calls.ts';
import type { JobFollower } from './job-follower.ts';
import { isPatched } from './patches.ts';

/** Waits before a refusal is taken as final that may pass: AWS refuses a create while a new role or policy spreads. */
const PROPAGATION_WAITS_MS = [10 * SECOND_MS, 30 * SECOND_MS, MINUTE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS];

/** After a create without an answer: a job that AWS did accept is known to Describe by then. */
const LOOKS_AFTER_LOST_CREATE_MS = [10 * SECOND_MS, MINUTE_MS, 5 * MINUTE_MS];

/** A full quota is waited for, not failed on. */
const quotaWaitMs = (waits: number): number => Math.min(6 * HOUR_MS, 15 * MINUTE_MS * 2 ** waits);

/** One create with all its retries; null if a stop ended the retries without an answer. */
const tryCreate = async (job: JobFollower): Promise<CreateResult | null> => {
  const scope = new CancellationScope({ cancellable: true });
  let settled = false;
  const attempt = scope
    .run(() =>
      call('createLabelingJob', `Create ${job.name}`, {
        region: job.input.region,
        request: job.input.request,
        knownOutputs: job.input.knownOutputs ?? [],
        decided: { chain: job.input.chain, generation: job.input.generation },
      }),
    )
    .catch((error: unknown) => {
      // Given up on because of the stop, in a pause between tries or with a worker that died: nobody knows the answer.
      if (isCancellation(error) || (job.personStops && error instanceof ActivityFailure)) return null;
      throw error;
    })
    .finally(() => {
      settled = true;
    });
  await condition(() => settled || job.personStops);
  if (!settled) scope.cancel();
  return attempt;
};

/** Whether the create that nobody heard of was accepted after all. */
const wasCreated = async (job: JobFollower): Promise<boolean> => {
  if (await job.isThere(`See whether ${job.name} was created all the same`)) return true;
  for (const waitMs of LOOKS_AFTER_LOST_CREATE_MS) {
    await condition(() => false, waitMs, { summary: `${job.name} may have been created: looks again` });
    if (await job.isThere(`See whether ${job.name} was created all the same`)) return true;
  }
  return false;
};

/** Looks for a job that may exist and must not be created any more; says so if it is not there. */
export const findJob = async (job: JobFollower): Promise<NotCreated | null> =>
  (await wasCreated(job)) ? null : { kind: 'amended' };

/** Creates the job, or says why it never was. */
export const createJob = async (job: JobFollower): Promise<NotCreated | null> => {
  const { name } = job;
  const stopped = (): boolean => job.personStops;
  let quotaWaits = 0;
  /** AWS said that there is such a job, and not whose; or a try without an answer came before the answer that it is not created. */
  let mayExist = false;
  const orNotCreated = async (why: NotCreated): Promise<NotCreated | null> =>
    mayExist && (await wasCreated(job)) ? null : why;
  for (let refusals = 0; ;) {
    if (stopped()) {
      // A reset repeats the stop before the create: the job may be there from the course that it undid (I1, I3).
      const looks = !mayExist && isPatched('a-stop-before-the-create-looks-for-the-job');
      if (looks && (await job.isThere(`See whether ${name} is there already, before a reset perhaps`))) return null;
      // An earlier follower may have created it: what one Describe does not show may be there.
      mayExist ||= job.input.begin === 'follow' && isPatched('a-stop-looks-longer-for-a-job-that-may-exist');
      return orNotCreated({ kind: 'stop-requested' });
    }
    const created = await tryCreate(job);
    if (created === null) return (await wasCreated(job)) ? null : { kind: 'stop-requested' };
    if ('mayExist' in created) mayExist ||= created.mayExist === true;
    switch (created.kind) {
      case 'created':
      case 'exists-as-ours':
        return null;
      case 'name-taken':
        return { kind: 'name-taken', message: created.message };
      case 'outdated':
        // An earlier try may have been accepted without an answer: then the job is there, and stays (I3).
        return (await wasCreated(job)) ? null : { kind: 'outdated', message: created.message };
      case 'unclear':
        mayExist = true;
        job.follow = refused(job.follow, created.message);
        await job.waitForSight();
        break;
      case 'refused':
        return orNotCreated({ kind: 'refused', error: created.error, message: created.message });
      case 'maybe-propagating': {
        const waitMs = PROPAGATION_WAITS_MS[refusals];
        if (waitMs === undefined)
          return orNotCreated({ kind: 'refused', error: created.error, message: created.message });
        refusals += 1;
        await condition(stopped, waitMs, { summary: `AWS refused ${name}; that may pass, as with a new role` });
        break;
      }
      case 'quota': {
        const waitMs = quotaWaitMs(quotaWaits++);
        setCurrentDetails(
          `**Waiting** for a free place in the account's quota; the next try is in ${formatDuration(waitMs)}. ${created.message}`,
        );
        await condition(stopped, waitMs, { summary: `Quota of labeling jobs is full; ${name} waits` });
        break;
      }
    }
  }
};
