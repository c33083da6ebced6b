/**
 * One SageMaker labeling job, from before it exists until its ending: creates it, follows it by events and Describes,
 * hands it over before its deadline, stops it for a person. Returns the ending. What is due when is decided in
 * `decisions/follow.ts`; here are the messages and the waits.
 *
 * A cancelled workflow stops its job, confirms it by Describe, and then ends.
 */
import {
  CancellationScope,
  allHandlersFinished,
  condition,
  continueAsNew,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { formatDuration } from '../decisions/durations.ts';
import { asTerminal, type Ending } from '../decisions/ending.ts';
import {
  MIN_BETWEEN_LOOKS_MS,
  activitySeen,
  deadlineOf,
  eventArrived,
  forecastOf,
  handOver,
  isGone,
  looked,
  nextLookMs,
} from '../decisions/follow.ts';
import { createJob, findJob } from './job-creation.ts';
import { JobFollower, type LabelingJobInput } from './job-follower.ts';
import { isPatched } from './patches.ts';
import {
  labelingJobView,
  reportEnding,
  stateChange,
  stopLabelingJob,
  workerActivity,
  type JobView,
} from './messages.ts';

export type { LabelingJobInput } from './job-follower.ts';

/** A run takes 10,000 signals; long before that it continues as new. */
const SIGNALS_PER_RUN = 2_000;

const viewOf = ({ name, input, context, carried, follow }: JobFollower): JobView => {
  const { observation, stop } = follow;
  const endMs = forecastOf(follow, context)?.endMs ?? null;
  return {
    name,
    generation: input.generation,
    observation,
    stop,
    deadlineMs: observation === null || input.streaming ? null : deadlineOf(observation, input.policy),
    forecastEndMs: endMs !== null && Number.isFinite(endMs) ? endMs : null,
    samples: follow.samples,
    describes: carried.describes,
    events: carried.events,
    workers: follow.workers,
  };
};

const handleMessages = (job: JobFollower): void => {
  const { carried } = job;
  setHandler(stateChange, ({ status, eventId }) => {
    log.info('An event came: AWS is asked how the job stands', { eventId, status });
    job.signals += 1;
    carried.events += 1;
    job.follow = eventArrived(job.follow, status);
    // While a Describe is under way the look-again times cover what it may have missed (law 1).
    if (!job.looking) carried.woken = true;
  });
  setHandler(workerActivity, (window) => {
    job.signals += 1;
    job.follow = activitySeen(job.follow, window);
  });
  setHandler(stopLabelingJob, async ({ reason }) => {
    job.signals += 1;
    carried.stopAskedFor ??= reason;
    // A cancel is one more stop, and must not end the one that is under way.
    await CancellationScope.nonCancellable(() => job.stopMeanwhile());
  });
  setHandler(reportEnding, ({ greet }) => {
    job.signals += 1;
    carried.greet ||= greet;
  });
  setHandler(labelingJobView, () => viewOf(job));
  // A cancel from the Web UI or the chain is a stop: the rest of this workflow is not cancelled by it.
  void CancellationScope.current().cancelRequested.catch(async () => {
    carried.stopAskedFor ??= 'the workflow was cancelled';
    await CancellationScope.nonCancellable(() => job.stopMeanwhile());
  });
};

/** The ending, once Describe has shown it; null while the job goes on. */
const endingOf = ({ follow, name }: JobFollower): Ending | null => {
  const { observation, stop, workers } = follow;
  const status = observation === null ? null : asTerminal(observation.status);
  if (observation !== null && status !== null) {
    // A follower that came after the stop knows of it from the job's tag.
    const { stopTag, lastModifiedAtMs } = observation;
    const tagged = stopTag === undefined ? null : { by: stopTag, requestedAtMs: lastModifiedAtMs };
    return { kind: 'ended', status, observation, stop: stop ?? tagged, declines: workers.declined };
  }
  return isGone(follow) ? { kind: 'gone', name, observedAtMs: observation?.serviceNowMs ?? null } : null;
};

/** Takes what is known along into a new run. */
const goOn = async ({ input, carried }: JobFollower): Promise<never> => {
  await condition(allHandlersFinished);
  return continueAsNew<typeof labelingJob>({ ...input, carried });
};

const followToEnd = async (job: JobFollower): Promise<Ending> => {
  const { carried, context, name } = job;
  /** When the look is due that a greeting or a notice only interrupted: each would put it off otherwise. By the workflow's clock. A stop brings looks of its own. */
  let dueMs: number | null = null;
  for (;;) {
    const ending = endingOf(job);
    if (ending !== null) return ending;
    if (carried.greet) await job.greetChain();
    if (job.stopPending) {
      await job.stopForPerson();
      dueMs = null;
    }
    const handing = handOver(job.follow, context);
    if (handing.kind === 'now') {
      await job.stop('hand-over', handing.why);
      dueMs = null;
    }
    await job.tellTroubles();
    // A full run takes no further event, so nothing might wake it before the next look.
    const isFull = (): boolean => job.signals >= SIGNALS_PER_RUN;
    if (isFull()) await goOn(job);

    const toDo = (): boolean => job.stopPending || job.noticePending || carried.greet || isFull();
    const waitMs: number =
      dueMs === null ? nextLookMs(job.follow, context, Math.random()) : Math.max(1, dueMs - Date.now());
    const lookMs = Date.now() + waitMs;
    const spokenTo: boolean = await condition(() => carried.woken || toDo(), waitMs, {
      summary: `Next look at ${name} in ${formatDuration(waitMs)} unless an event comes`,
    });
    dueMs = spokenTo && !job.stopPending && !carried.woken ? lookMs : null;
    if (job.stopPending || (toDo() && !carried.woken)) continue;
    if (spokenTo) {
      const sinceMs = Date.now() - (carried.lastLookMs ?? 0);
      if (sinceMs < MIN_BETWEEN_LOOKS_MS) {
        await condition(() => job.stopPending, MIN_BETWEEN_LOOKS_MS - sinceMs, {
          summary: 'At most one Describe in 10 s',
        });
      }
    }
    // After our own stop the timer alone looks: its metric shows that events are missing.
    const isAgain = !spokenTo && job.follow.looksMs.length > 0 && job.follow.stop === null;
    if (!spokenTo) job.follow = looked(job.follow);
    if (spokenTo) await job.describe('news', 'An event came: look at the job');
    else if (isAgain) await job.describe('news', 'Look again after an event');
    else await job.describe('reconcile', 'Reconcile: look at the job without an event');
    // A stop that AWS refused is asked for again as soon as it can be taken, one that it lost hourly.
    const { stop, looksMs, observation } = job.follow;
    const lost = looksMs.length === 0 || carried.stopRefused;
    if (stop !== null && lost && observation?.status === 'InProgress') await job.stopAgain();
    else if (job.follow.refusedLooks > 0 && job.stopsUnseen) await job.stopAgain();
    if ((workflowInfo().continueAsNewSuggested || isFull()) && endingOf(job) === null) await goOn(job);
  }
};

const runJob = async (job: JobFollower): Promise<Ending> => {
  const { input, carried, name } = job;
  if (!carried.created) {
    const known = input.begin !== 'create' && (await job.isThere(`See whether ${name} exists`));
    // Describe may be behind, and an adopted job may be live: it is gone only when several looks say so.
    const isAbsent = !known && input.begin === 'follow-only';
    if (isAbsent && !isPatched('an-adopted-job-is-gone-after-several-looks'))
      return { kind: 'gone', name, observedAtMs: null };
    const notCreated = known || isAbsent ? null : input.begin === 'find' ? await findJob(job) : await createJob(job);
    if (notCreated !== null) return { kind: 'not-created', why: notCreated, observedAtMs: null };
    carried.created = true;
    await job.describe('news', 'See the new labeling job');
  }
  return followToEnd(job);
};

export async function labelingJob(input: LabelingJobInput): Promise<Ending> {
  const job = new JobFollower(input);
  handleMessages(job);
  return CancellationScope.nonCancellable(async () => {
    const ending = await runJob(job);
    if (ending.kind === 'ended') job.showDetails();
    // The chain does not wait for long until people have heard of it.
    if (!job.outbox.isEmpty) {
      await condition(() => job.outbox.isEmpty, '1 minute', { summary: 'Gives the last notifications a moment' });
    }
    // As a result it reaches the chain that started us; one that was resumed or reset hears it only so.
    await job.tellChain({ kind: 'ended', generation: input.generation, ending });
    return ending;
  });
}
