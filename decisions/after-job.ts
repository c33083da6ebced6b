/**
 * What a chain learns from a job: that it was decided, how it ended, what its merged manifest holds. Pure; each function
 * returns a new state.
 */
import { attention, isLiveTrouble, type AttentionReason } from './attention.ts';
import {
  currentTerms,
  generationOf,
  heard,
  notCreatedText,
  unmatchedText,
  withGeneration,
  type ChainState,
  type Dataset,
  type Generation,
  type JobInput,
} from './chain-state.ts';
import type { Ending, Observation } from './ending.ts';
import { outputManifestUri } from './known-outputs.ts';
import type { JobOrder } from './next-order.ts';
import { classifyEnding, type Outcome } from './outcome.ts';

const askFor = (
  state: ChainState,
  reason: AttentionReason,
  message: string,
  generation: number | null,
): ChainState => ({
  ...state,
  attention: attention(reason, state.chain, message, {
    sinceMs: state.lastHeardMs,
    generation,
    isOver: state.phase.kind === 'ended',
  }),
});

/** A job was decided and its input written: from here on it stands in the record. */
export const jobDecided = (state: ChainState, order: JobOrder, input: JobInput | null): ChainState => ({
  ...state,
  phase: { kind: 'job', generation: order.generation },
  generations: [
    ...state.generations,
    {
      generation: order.generation,
      name: order.name,
      arn: null,
      status: 'Deciding',
      outcome: null,
      input,
      createdAtMs: null,
      endedAtMs: null,
      counters: null,
      failureReason: null,
      stop: null,
      declines: 0,
      output: null,
      newLabels: 0,
      complete: false,
      modelArn: null,
      terms: currentTerms(state),
    },
  ],
});

/** What the live job looks like now; nothing is decided from it. */
export const jobObserved = (state: ChainState, generation: number, observation: Observation): ChainState =>
  heard(
    withGeneration(state, generation, {
      arn: observation.arn,
      status: observation.status,
      createdAtMs: observation.createdAtMs,
      counters: observation.counters,
      failureReason: observation.failureReason,
    }),
    observation.serviceNowMs,
  );

/** The job was looked at: whatever kept us from looking is over. */
export const jobSeen = (state: ChainState): ChainState =>
  state.attention?.reason === 'describe-refused' ? { ...state, attention: null } : state;

/** Trouble with a live job: shown as attention, over when the job is. */
export const jobInTrouble = (
  state: ChainState,
  generation: number,
  reason: AttentionReason,
  message: string,
): ChainState => (state.attention === null ? askFor(state, reason, message, generation) : state);

const withoutLiveTrouble = (state: ChainState): ChainState =>
  state.attention !== null && isLiveTrouble(state.attention) ? { ...state, attention: null } : state;

/** The job is over (or never began): next, its output is settled and merged, or a person is asked. */
export const jobEnded = (given: ChainState, generation: number, ending: Ending): ChainState => {
  const state = withoutLiveTrouble(given);
  switch (ending.kind) {
    case 'ended': {
      const { observation } = ending;
      const ended = jobObserved(state, generation, observation);
      return withGeneration(
        {
          ...ended,
          phase: { kind: 'settling', generation, ending, sinceMs: observation.serviceNowMs, acceptMissing: false },
        },
        generation,
        {
          endedAtMs: observation.lastModifiedAtMs,
          stop: ending.stop,
          declines: ending.declines,
          modelArn: observation.finalModelArn,
        },
      );
    }
    case 'not-created': {
      const text = notCreatedText(ending.why);
      const over = withGeneration(heard({ ...state, phase: { kind: 'deciding' } }, ending.observedAtMs), generation, {
        status: 'NotCreated',
        outcome: 'not-created',
        failureReason: text,
      });
      switch (ending.why.kind) {
        case 'stop-requested':
          return over.stopRequested === null
            ? {
                ...over,
                stopRequested: {
                  atMs: over.lastHeardMs,
                  reason: 'its next job was stopped by a person before it was created',
                },
              }
            : over;
        case 'refused':
          return askFor(over, 'create-refused', `the labeling job could not be created: ${text}`, generation);
        case 'name-taken':
          return askFor(over, 'name-taken', text, generation);
        case 'outdated':
        case 'amended':
          return over;
      }
    }
    // falls through: every case above returns
    case 'gone': {
      const over = withGeneration(heard({ ...state, phase: { kind: 'deciding' } }, ending.observedAtMs), generation, {
        status: 'Gone',
        outcome: 'gone',
      });
      return askFor(over, 'job-gone', `AWS no longer knows the labeling job ${ending.name}`, generation);
    }
  }
};

/** The counters of a job that is being settled were asked for again. Its status is final; anything else is no news. */
export const countersHeard = (state: ChainState, generation: number, observation: Observation): ChainState => {
  const { phase } = state;
  if (phase.kind !== 'settling' || phase.generation !== generation || phase.ending.kind !== 'ended') return state;
  if (observation.status !== phase.ending.status) return state;
  const { counters } = observation;
  const ending = { ...phase.ending, observation: { ...phase.ending.observation, counters } };
  return heard(
    withGeneration({ ...state, phase: { ...phase, ending } }, generation, { counters }),
    observation.serviceNowMs,
  );
};

/** The counters of a job that ended before, asked for once more: its cost goes by them. Its outcome stays as it was judged. */
export const lateCountersHeard = (state: ChainState, generation: number, observation: Observation): ChainState => {
  const job = generationOf(state, generation);
  if (job === null || job.endedAtMs === null || observation.status !== job.status) return state;
  return heard(withGeneration(state, generation, { counters: observation.counters }), observation.serviceNowMs);
};

/** What a merge found, for the job that just ended. */
export type Merge = {
  dataset: Dataset;
  /** Null: the job left no output at all. */
  output: { uri: string; etag: string } | null;
  newLabels: number;
  complete: boolean;
  attemptsCounted: number;
  newlySetAside: number;
  /** Of all outputs that were merged. */
  unmatchedLabeled: number;
  unmatchedUri: string | null;
  /** Of this job's output; absent from a worker before they were kept by job. */
  unmatchedOfJob?: number;
};

/**
 * An output as it was merged again. `newLabels`: all that it holds beyond its input, `unmatchedLabeled`: all that match no object; absent
 * from a worker before they were counted.
 */
export type LateOutput = {
  generation: number;
  uri: string;
  etag: string;
  newLabels?: number;
  unmatchedLabeled?: number;
};

/** Earlier outputs that AWS has written again, merged. */
export type LateMerge = {
  dataset: Dataset;
  outputs: readonly LateOutput[];
  /** Absent: none that is not told of elsewhere. */
  newlySetAside?: number;
  unmatchedUri?: string | null;
};

/** One merge may set aside this many objects before a person is asked: max(20, 1 % of the dataset). */
export const setAsideTolerance = (total: number): number => Math.max(20, Math.floor(total / 100));

/** What is still awaited of a job once so many of its labels were read; nothing changes where nothing is awaited. */
const awaitedAfter = (job: Generation | null, labelsRead: number): Partial<Generation> => {
  const awaited = job?.awaitedLabels ?? null;
  return awaited !== null && labelsRead >= awaited ? { awaitedLabels: null } : {};
};

/** The labels of a job that belong to no object, as a merge found them; more than before are news for a person. */
const unmatchedAfter = (job: Generation | null, labels: number, uri: string | null): Partial<Generation> => {
  const known = job?.unmatched ?? { labels: 0, told: 0, uri: null };
  return labels > known.labels ? { unmatched: { ...known, labels, uri } } : {};
};

/** Many objects set aside by one merge are a question. */
const askAboutSetAside = (state: ChainState, generation: number, name: string, newlySetAside: number): ChainState => {
  if (newlySetAside <= setAsideTolerance(state.dataset?.total ?? 0)) return state;
  const message = `${newlySetAside} objects at once reached ${state.spec.policy.maxAttemptsPerObject} failed attempts after ${name}`;
  return askFor(state, 'many-set-aside', message, generation);
};

const streaksAfter = (state: ChainState, outcome: Outcome, merge: Merge): Partial<ChainState> => {
  const failed = outcome === 'failed-transient' || outcome === 'failed-unknown' || outcome === 'failed-input';
  const progress = merge.newLabels > 0 || merge.attemptsCounted > 0;
  return {
    failuresInRow: failed ? state.failuresInRow + 1 : 0,
    unknownFailuresInRow: outcome === 'failed-unknown' ? state.unknownFailuresInRow + 1 : 0,
    // Failed jobs have a limit of their own; they neither are progress nor the lack of it.
    jobsWithoutProgressInRow: progress
      ? 0
      : failed
        ? state.jobsWithoutProgressInRow
        : state.jobsWithoutProgressInRow + 1,
  };
};

/** The output of the ended job is merged: classify the ending, count the streaks, ask where the merge itself is odd. */
export const jobMerged = (
  state: ChainState,
  ending: Extract<Ending, { kind: 'ended' }>,
  generation: number,
  merge: Merge,
): ChainState => {
  const job = generationOf(state, generation);
  const { stoppingConditions, lifetimeMs } = job?.terms ?? currentTerms(state);
  const { unmatchedOfJob } = merge;
  const outcome = classifyEnding({
    ending,
    streaming: state.spec.streaming,
    remaining: merge.dataset.remaining,
    inputObjects: job?.input?.objects ?? 0,
    stoppingConditions,
    policy: { ...state.spec.policy, lifetimeMs },
  });
  const merged = withGeneration(
    {
      ...state,
      phase: { kind: 'deciding' },
      dataset: merge.dataset,
      attention: null,
      ...streaksAfter(state, outcome, merge),
    },
    generation,
    {
      outcome,
      output: merge.output,
      newLabels: merge.newLabels,
      complete: merge.complete,
      ...unmatchedAfter(job, unmatchedOfJob ?? 0, merge.unmatchedUri),
      ...awaitedAfter(job, merge.newLabels + (unmatchedOfJob ?? 0)),
    },
  );
  const name = job?.name ?? String(generation);
  if (unmatchedOfJob === undefined && merge.unmatchedLabeled > 0) {
    const message = unmatchedText(merge.unmatchedLabeled, name, merge.unmatchedUri);
    return askFor(merged, 'unmatched-label', message, generation);
  }
  return askAboutSetAside(merged, generation, name, merge.newlySetAside);
};

/** A streaming job ended: there is no manifest of ours to merge. */
export const streamingJobEnded = (state: ChainState, generation: number): ChainState =>
  withGeneration({ ...state, phase: { kind: 'deciding' } }, generation, { outcome: 'streaming' });

/**
 * Labels that appeared after the merge of their job: the dataset has a new version. A chain that had ended with leftovers
 * is `labeled` if these were the last ones: `labeled` means that nothing remains.
 */
export const lateLabelsMerged = (state: ChainState, late: LateMerge): ChainState => {
  const { dataset, outputs, newlySetAside = 0, unmatchedUri = null } = late;
  const { end } = state;
  const isLabeled = end !== null && dataset.remaining === 0 && end.status !== 'labeled';
  const aside = dataset.setAside - (state.dataset?.setAside ?? 0);
  const asideText = `by late results ${aside} objects are set aside, and nothing remains`;
  const reason = `${aside > 0 ? asideText : 'late labels were the last ones'} (before: ${end?.reason ?? ''})`;
  const merged = outputs.reduce<ChainState>(
    (next, { generation, uri, etag, newLabels = 0, unmatchedLabeled = 0 }) => {
      const job = generationOf(next, generation);
      const labels = Math.max(job?.newLabels ?? 0, newLabels);
      return withGeneration(next, generation, {
        output: { uri, etag },
        newLabels: labels,
        ...unmatchedAfter(job, unmatchedLabeled, unmatchedUri),
        ...awaitedAfter(job, labels + unmatchedLabeled),
      });
    },
    { ...state, dataset, end: isLabeled ? { ...end, status: 'labeled', reason } : end },
  );
  if (end !== null || state.attention !== null) return merged;
  const names = outputs.map(({ generation }) => generationOf(state, generation)?.name ?? String(generation));
  return askAboutSetAside(merged, outputs[0]?.generation ?? 0, names.join(', '), newlySetAside);
};

/** A stop ended the question about the labels of an output: what is there is merged, and the rest stays awaited (law 2). */
export const stoppedWithoutLabels = (state: ChainState, generation: number, awaitedLabels: number): ChainState =>
  withGeneration(state, generation, { awaitedLabels });

/** Labels that AWS counts by now and nobody could read are awaited; the state itself if there are none. */
export const awaitingCounted = (state: ChainState, generation: number): ChainState => {
  const job = generationOf(state, generation);
  const counted = job?.counters?.totalLabeled ?? 0;
  const read = (job?.newLabels ?? 0) + (job?.unmatched?.labels ?? 0);
  return counted > read ? withGeneration(state, generation, { awaitedLabels: counted }) : state;
};

/** Before the next job: labels that AWS counted and nobody could read yet are asked about, unless a person accepted that. */
export const askForAwaited = (state: ChainState): ChainState => {
  const jobs = state.generations.filter(({ awaitedLabels = null }) => awaitedLabels !== null);
  const [first] = jobs;
  if (first === undefined) return state;
  const { OutputConfig } = state.spec.job;
  const messages = jobs.map(({ name, output, awaitedLabels, newLabels }) => {
    const uri = output?.uri ?? outputManifestUri(OutputConfig.S3OutputPath, name);
    return `AWS counted ${awaitedLabels} labels of ${name}; ${uri} holds ${newLabels}`;
  });
  return askFor(state, 'labels-missing', messages.join('; '), first.generation);
};

/** Something stands in the way that only a person can mend: the output lacks labels, a file or S3 refuses, the follower failed. */
export const mergeBlocked = (
  state: ChainState,
  generation: number,
  reason: 'labels-missing' | 'unreadable-output' | 'storage-refused' | 'unusable-input' | 'job-workflow-failed',
  message: string,
): ChainState => askFor(state, reason, message, generation);

/** The generation that is live or being settled; null between jobs. */
export const currentGeneration = (state: ChainState): Generation | null => {
  const { phase } = state;
  if (phase.kind !== 'job' && phase.kind !== 'settling') return null;
  return generationOf(state, phase.generation);
};
