/**
 * One SageMaker labeling job, from before it exists until its ending: creates it, follows it by events and Describes,
 * hands it over before its deadline, stops it for a person. Returns the ending. What is due when is decided in
 * `decisions/follow.ts`; here are the waits.
 *
 * I3 and I5: the job is created once, under a name that is never used again; a create that is under way when a stop
 * arrives is awaited, then stopped. A cancelled workflow stops its job, confirms it by Describe, and then ends.
 */
import {
  CancellationScope,
  allHandlersFinished,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { HOUR_MS, MINUTE_MS, SECOND_MS, formatDuration } from '../decisions/durations.ts';
import { asTerminal, type Ending, type NotCreated } from '../decisions/ending.ts';
import {
  MIN_BETWEEN_LOOKS_MS,
  absent,
  activitySeen,
  deadlineOf,
  eventArrived,
  forecastOf,
  handOver,
  isGone,
  looked,
  newFollow,
  nextLookMs,
  observed,
  stopAsked,
  troublesOf,
  type Follow,
  type FollowContext,
} from '../decisions/follow.ts';
import type { LabelingJobRequest } from '../decisions/job-request.ts';
import { labelingChainWorkflowId } from '../decisions/names.ts';
import { noticesOf, type Notice } from '../decisions/notices.ts';
import { wantsNotification, type Policy } from '../decisions/policy.ts';
import { call } from './calls.ts';
import { jobDetails } from './details.ts';
import {
  jobReport,
  labelingJobView,
  reportEnding,
  stateChange,
  stopLabelingJob,
  workerActivity,
  type JobReport,
  type JobView,
} from './messages.ts';
import { searchAttributes } from './search-attributes.ts';

export type LabelingJobInput = {
  chain: string;
  generation: number;
  region: string;
  request: LabelingJobRequest;
  policy: Policy;
  streaming: boolean;
  /** Objects that workers will see; null if not known. */
  sentObjects: number | null;
  /** `follow`: the job exists (adopted, or its former follower was lost): look before creating. */
  begin: 'create' | 'follow' | 'follow-only';
  /** A stop that the chain knew of before this workflow began. */
  stopAskedFor: string | null;
  carried?: Carried;
};

/** Everything that goes through continue-as-new. Plain JSON, whole. */
type Carried = {
  created: boolean;
  follow: Follow;
  describes: number;
  events: number;
  stopAskedFor: string | null;
  reportEnding: boolean;
  /** By the workflow's clock: only for the 10 s between two looks. */
  lastLookMs: number | null;
  /** AWS did not take our last stop (a job that is still Initializing, say): ask again as soon as it is InProgress. */
  stopRefused: boolean;
};

/** A run takes 10,000 signals; long before that it continues as new. */
const SIGNALS_PER_RUN = 2_000;

/** AWS answers a create with ValidationException while a new role or policy spreads: waits before it is taken as final. */
const PROPAGATION_WAITS_MS = [10 * SECOND_MS, 30 * SECOND_MS, MINUTE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS];

/** A full quota is waited for, not failed on. */
const quotaWaitMs = (waits: number): number => Math.min(6 * HOUR_MS, 15 * MINUTE_MS * 2 ** waits);

export async function labelingJob(input: LabelingJobInput): Promise<Ending> {
  const { request, policy, chain, generation } = input;
  const name = request.LabelingJobName;
  const context: FollowContext = { policy, streaming: input.streaming, sentObjects: input.sentObjects };
  const state: Carried = input.carried ?? {
    created: false,
    follow: newFollow(),
    describes: 0,
    events: 0,
    stopAskedFor: input.stopAskedFor,
    reportEnding: false,
    lastLookMs: null,
    stopRefused: false,
  };
  let signals = 0;
  let woken = false;
  let looking = false;

  setHandler(stateChange, ({ status }) => {
    signals += 1;
    state.events += 1;
    state.follow = eventArrived(state.follow, status);
    // While a Describe is under way the look-again times cover what it may have missed (law 1).
    if (!looking) woken = true;
  });
  setHandler(workerActivity, (window) => {
    signals += 1;
    state.follow = activitySeen(state.follow, window);
  });
  setHandler(stopLabelingJob, ({ reason }) => {
    signals += 1;
    state.stopAskedFor ??= reason;
  });
  setHandler(reportEnding, () => {
    signals += 1;
    state.reportEnding = true;
  });
  setHandler(labelingJobView, (): JobView => {
    const { observation, stop } = state.follow;
    const endMs = forecastOf(state.follow, context)?.endMs ?? null;
    return {
      name,
      generation,
      observation,
      stop,
      deadlineMs: observation === null || input.streaming ? null : deadlineOf(observation, policy),
      forecastEndMs: endMs !== null && Number.isFinite(endMs) ? endMs : null,
      samples: state.follow.samples,
      describes: state.describes,
      events: state.events,
      workers: state.follow.workers,
    };
  });

  const personStops = (): boolean => state.stopAskedFor !== null;
  // A cancel from the Web UI or the chain is a stop: the rest of this workflow is not cancelled by it.
  void CancellationScope.current().cancelRequested.catch(() => {
    state.stopAskedFor ??= 'the workflow was cancelled';
  });

  const tellChain = async (report: JobReport): Promise<void> => {
    try {
      await getExternalWorkflowHandle(labelingChainWorkflowId(chain)).signal(jobReport, report);
    } catch (error) {
      log.info('The chain could not be told; it is closed or not there', { chain, error: String(error) });
    }
  };

  const describeNow = async (why: string): Promise<void> => {
    looking = true;
    woken = false;
    const before = state.follow.observation;
    try {
      const found = await call('describeLabelingJob', why, { region: input.region, name });
      state.describes += 1;
      state.lastLookMs = Date.now();
      if (found.kind === 'observed') {
        state.follow = observed(state.follow, found);
      } else {
        state.follow = absent(state.follow);
      }
    } finally {
      looking = false;
    }
    const { observation } = state.follow;
    if (observation === null) return;
    if (before?.status !== observation.status) {
      upsertSearchAttributes(
        searchAttributes({
          LabelingJobStatus: observation.status,
          ...(before === null && !input.streaming
            ? { LabelingDeadline: new Date(deadlineOf(observation, policy)) }
            : {}),
        }),
      );
      if (asTerminal(observation.status) === null) await tellChain({ kind: 'observed', generation, observation });
    }
    setCurrentDetails(jobDetails(state.follow, context, input));
  };

  const lookFirst = async (): Promise<boolean> => {
    const found = await call('describeLabelingJob', `See whether ${name} exists`, { region: input.region, name });
    if (found.kind === 'observed') state.follow = observed(state.follow, found);
    return found.kind === 'observed';
  };

  /** Creates the job, or says why it never was. */
  const create = async (): Promise<NotCreated | null> => {
    let quotaWaits = 0;
    for (let refusals = 0; ;) {
      if (personStops()) return { kind: 'stop-requested' };
      const scope = new CancellationScope({ cancellable: true });
      const attempt = scope.run(() =>
        call('createLabelingJob', `Create ${name}`, { region: input.region, request }).catch((error: unknown) => {
          if (isCancellation(error)) return null;
          throw error;
        }),
      );
      let settled = false;
      const done = attempt.finally(() => {
        settled = true;
      });
      void done.catch(() => undefined);
      await condition(() => settled || personStops());
      // A stop ends further tries; a try that is under way is awaited, because AWS may have accepted it (I5).
      if (!settled) scope.cancel();
      const created = await attempt;
      if (created === null) return (await lookFirst()) ? null : { kind: 'stop-requested' };
      switch (created.kind) {
        case 'created':
        case 'exists-as-ours':
          return null;
        case 'name-taken':
          return { kind: 'name-taken', message: created.message };
        case 'refused':
          return { kind: 'refused', error: created.error, message: created.message };
        case 'maybe-propagating': {
          const waitMs = PROPAGATION_WAITS_MS[refusals];
          if (waitMs === undefined) return { kind: 'refused', error: created.error, message: created.message };
          refusals += 1;
          await condition(personStops, waitMs, { summary: `AWS refused ${name}; a new role may need a moment` });
          break;
        }
        case 'quota': {
          const waitMs = quotaWaitMs(quotaWaits++);
          setCurrentDetails(`Waiting for a free place in the account's quota: ${created.message}`);
          await condition(personStops, waitMs, { summary: `Quota of labeling jobs is full; ${name} waits` });
          break;
        }
      }
    }
  };

  const stopNow = async (by: 'person' | 'hand-over', why: string): Promise<void> => {
    const { observation } = state.follow;
    log.info('Stopping the labeling job', { name, by, why });
    const stopped = await call('stopLabelingJob', `Stop ${name}: ${why}`, { region: input.region, name });
    const nowMs = stopped.serviceNowMs ?? observation?.serviceNowMs ?? 0;
    state.stopRefused = stopped.kind === 'refused';
    state.follow = stopAsked(state.follow, { by, requestedAtMs: nowMs });
  };

  const tellTroubles = async (): Promise<void> => {
    const { observation } = state.follow;
    if (observation === null) return;
    for (const { reason, message } of troublesOf(state.follow, context)) {
      state.follow = { ...state.follow, troublesTold: [...state.follow.troublesTold, reason] };
      await tellChain({ kind: 'trouble', generation, reason, message, observation });
    }
    for (const { kind, id, message } of noticesOf(state.follow, context)) {
      state.follow = { ...state.follow, noticesTold: [...state.follow.noticesTold, id] };
      if (!wantsNotification(policy, kind)) continue;
      await call('notify', `Notify: ${kind}`, {
        policy,
        notification: {
          id: `${name}:${id}`,
          kind,
          chain,
          subject: `${chain}: ${noticeSubject(kind, name)}`,
          text: `${message}. The chain goes on by itself; nothing has to be done.`,
          facts: { job: name },
        },
      });
    }
  };

  const followToEnd = async (): Promise<Ending> => {
    for (;;) {
      const { observation } = state.follow;
      const status = observation === null ? null : asTerminal(observation.status);
      if (observation !== null && status !== null) {
        return { kind: 'ended', status, observation, stop: state.follow.stop, declines: state.follow.workers.declined };
      }
      if (isGone(state.follow)) {
        return { kind: 'gone', name, observedAtMs: observation?.serviceNowMs ?? null };
      }
      if (personStops() && state.follow.stop?.by !== 'person') {
        await stopNow('person', state.stopAskedFor ?? 'asked by a person');
      }
      const handing = handOver(state.follow, context);
      if (handing.kind === 'now') await stopNow('hand-over', handing.why);
      await tellTroubles();

      const stopPending = (): boolean => personStops() && state.follow.stop?.by !== 'person';
      const waitMs = nextLookMs(state.follow, context, Math.random());
      const noticePending = (): boolean => noticesOf(state.follow, context).length > 0;
      const spokenTo = await condition(() => woken || stopPending() || noticePending(), waitMs, {
        summary: `Next look at ${name} in ${formatDuration(waitMs)} unless an event comes`,
      });
      if (stopPending() || (noticePending() && !woken)) continue;
      if (spokenTo) {
        const sinceMs = Date.now() - (state.lastLookMs ?? 0);
        if (sinceMs < MIN_BETWEEN_LOOKS_MS) {
          await condition(stopPending, MIN_BETWEEN_LOOKS_MS - sinceMs, { summary: 'At most one Describe in 10 s' });
        }
      } else {
        state.follow = looked(state.follow);
      }
      await describeNow(spokenTo ? 'An event came: look at the job' : 'Reconcile: look at the job without an event');
      // A stop that AWS lost is asked for again, hourly.
      const { stop, looksMs } = state.follow;
      const lost = looksMs.length === 0 || state.stopRefused;
      if (stop !== null && lost && state.follow.observation?.status === 'InProgress') {
        const again = await call('stopLabelingJob', `Stop ${name} again: it is still InProgress`, {
          region: input.region,
          name,
        });
        state.stopRefused = again.kind === 'refused';
      }
      const { continueAsNewSuggested } = workflowInfo();
      if ((continueAsNewSuggested || signals >= SIGNALS_PER_RUN) && !isOver(state.follow)) {
        await condition(allHandlersFinished);
        await continueAsNew<typeof labelingJob>({ ...input, carried: state });
      }
    }
  };

  return CancellationScope.nonCancellable(async () => {
    const end = async (ending: Ending): Promise<Ending> => {
      if (ending.kind === 'ended') setCurrentDetails(jobDetails(state.follow, context, input));
      if (state.reportEnding) await tellChain({ kind: 'ended', generation, ending });
      return ending;
    };
    if (!state.created) {
      const known = input.begin === 'create' ? false : await lookFirst();
      if (!known && input.begin === 'follow-only') return end({ kind: 'gone', name, observedAtMs: null });
      const notCreated = known ? null : await create();
      if (notCreated !== null) return end({ kind: 'not-created', why: notCreated, observedAtMs: null });
      state.created = true;
      await describeNow('See the new labeling job');
    }
    return end(await followToEnd());
  });
}

const noticeSubject = (kind: Notice['kind'], name: string): string => {
  switch (kind) {
    case 'deadline-at-risk':
      return `${name} will not make its deadline`;
    case 'silence':
      return `nobody works on ${name}`;
    case 'decline-surge':
      return `many tasks of ${name} are declined`;
  }
};

const isOver = (follow: Follow): boolean =>
  follow.observation !== null && asTerminal(follow.observation.status) !== null;
