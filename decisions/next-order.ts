/**
 * What a chain does next: the one place where a labeling job is decided (DESIGN section 5; I3, I5, I6). Pure and total.
 */
import { attention, type Attention } from './attention.ts';
import { lastGeneration, unmatchedText, type ChainState, type EndStatus, type Generation } from './chain-state.ts';
import { DAY_MS, MINUTE_MS, HOUR_MS, formatDuration } from './durations.ts';
import { labelingJobName } from './names.ts';
import { allowance, committedCost, isUncounted, objectPrice, objectsSent } from './spending.ts';

/** One labeling job to run: what is decided before its input is written. */
export type JobOrder = {
  kind: 'run-job';
  generation: number;
  name: string;
  mode: 'unlabeled' | 'dataset';
  /** The input holds at most this many objects that workers will see. */
  maxObjects: number;
  /** Leave LabelingJobAlgorithmsConfig out of this one. */
  withoutAlgorithms: boolean;
  note: string | null;
  /** Wait before creating it (back-off after a failed job). */
  delayMs: number;
};

/** What a chain does next. */
export type Order =
  JobOrder | { kind: 'end'; status: EndStatus; reason: string } | { kind: 'ask'; attention: Attention };

/** AWS: automated labeling needs at least 1,250 objects. */
export const AUTOMATED_LABELING_MINIMUM = 1_250;

/** 5 min, 10, 20 … at most 6 h. */
export const failureBackOffMs = (failuresInRow: number): number =>
  failuresInRow <= 0 ? 0 : Math.min(6 * HOUR_MS, 5 * MINUTE_MS * 2 ** (failuresInRow - 1));

/** Jobs that AWS has or may have; refused ones never were. */
const jobsCreated = (state: ChainState): number =>
  state.generations.filter((job) => job.outcome !== 'not-created').length;

/** Jobs of a chain at most: the policy's, or 24 and one for each slice that the quota makes of the dataset. */
export const maxJobsOf = (state: ChainState): number => {
  const slices = Math.ceil((state.dataset?.total ?? 0) / state.spec.policy.maxObjectsPerJob);
  return state.spec.policy.maxJobs ?? 24 + slices;
};

const askAbout = (state: ChainState, reason: Attention['reason'], message: string): Order => ({
  kind: 'ask',
  attention: attention(reason, state.chain, message, {
    sinceMs: state.lastHeardMs,
    generation: lastGeneration(state)?.generation ?? null,
  }),
});

/** `maxFailures` failed jobs in a row are retried, one more asks a person. */
const askAboutFailures = (state: ChainState, job: Generation): Order | null =>
  state.failuresInRow <= state.spec.policy.maxFailures
    ? null
    : askAbout(
        state,
        'too-many-failures',
        `${state.failuresInRow} jobs in a row failed; the last, ${job.name}: ${job.failureReason ?? 'no reason given'}`,
      );

/** What the way the last job ended alone decides; null if it leaves the chain free to go on. */
const orderAfter = (state: ChainState, job: Generation): Order | null => {
  const { policy } = state.spec;
  switch (job.outcome) {
    case 'stopped-by-us':
      return { kind: 'end', status: 'stopped', reason: `${job.name} was stopped by a person through label-relay` };
    case 'stopping-condition':
      return policy.stoppingConditions === 'per-job'
        ? null
        : { kind: 'end', status: 'finished', reason: `${job.name} reached its StoppingConditions` };
    case 'stopped-outside':
      return askAbout(
        state,
        'stopped-outside',
        `${job.name} was stopped by somebody else with ${state.dataset?.remaining ?? 0} objects unlabeled`,
      );
    case 'failed-input':
      return askAbout(
        state,
        'failed-input',
        `${job.name} failed because of its input or permissions: ${job.failureReason ?? 'no reason given'}`,
      );
    case 'failed-unknown':
      if (state.unknownFailuresInRow <= 1) return askAboutFailures(state, job);
      return askAbout(
        state,
        'failed-unknown',
        `${job.name} failed for a reason that we do not know, again: ${job.failureReason ?? 'no reason given'}`,
      );
    case 'failed-transient':
      return askAboutFailures(state, job);
    case 'streaming':
    case 'labeled':
    case 'expired':
    case 'leftovers':
    case 'not-created':
    case 'gone':
    case null:
      return null;
  }
};

/** Labels that belong to no object are a question until a person was told of them; they stand in the unmatched files. */
const askAboutUnmatched = (state: ChainState): Order | null => {
  const lines = state.generations.flatMap(({ name, unmatched }) =>
    unmatched !== undefined && unmatched.labels > unmatched.told
      ? [unmatchedText(unmatched.labels - unmatched.told, name, unmatched.uri)]
      : [],
  );
  return lines.length === 0 ? null : askAbout(state, 'unmatched-label', lines.join('; '));
};

/** Why more is committed than anybody saw labeled; empty if all jobs are counted. */
const uncountedText = ({ generations }: ChainState): string => {
  const names = generations.filter(isUncounted).map(({ name }) => name);
  return names.length === 0
    ? ''
    : `, among them every object of ${names.join(', ')}, of which AWS shows no counters: see in the SageMaker console what was labeled`;
};

/** Limits: jobs and duration end the chain, objects and money ask a person. */
const orderAtLimits = (state: ChainState): Order | null => {
  const { policy } = state.spec;
  const maxJobs = maxJobsOf(state);
  if (jobsCreated(state) >= maxJobs) {
    return { kind: 'end', status: 'finished', reason: `the limit of ${maxJobs} jobs is reached` };
  }
  const ageMs = (state.lastHeardMs ?? 0) - (state.firstHeardMs ?? 0);
  if (ageMs >= policy.maxDurationMs) {
    return {
      kind: 'end',
      status: 'finished',
      reason: `the chain is ${formatDuration(ageMs)} old; its limit is ${formatDuration(policy.maxDurationMs)}`,
    };
  }
  const allowed = allowance(state);
  if (allowed.objects > 0) return null;
  const remaining = state.dataset?.remaining ?? 0;
  if (allowed.limit === 'max-cost') {
    const committed = committedCost(state) ?? 0;
    // Rounded up: whoever raises the limit to it has raised it far enough.
    const whole = Math.ceil((committed + remaining * (objectPrice(state) ?? 0)) * 100 - 1e-6) / 100;
    return askAbout(
      state,
      'max-cost',
      `${committed.toFixed(2)} ${policy.price?.currency ?? ''} of at most ${policy.maxCost ?? 0} are committed${uncountedText(state)}; not one more object fits, and with all ${remaining} that remain it would be ${whole.toFixed(2)}`,
    );
  }
  return askAbout(
    state,
    'max-objects-sent',
    `${objectsSent(state)} objects were sent to workers; the limit is ${policy.maxObjectsSent ?? 0}, and with all ${remaining} that remain it would be ${objectsSent(state) + remaining}`,
  );
};

const jobOrder = (state: ChainState): JobOrder => {
  const { policy, job } = state.spec;
  const generation = (lastGeneration(state)?.generation ?? 0) + 1;
  const total = (state.dataset?.total ?? 0) - (state.dataset?.setAside ?? 0);
  const allowed = allowance(state);
  let mode = policy.nextInput;
  let withoutAlgorithms = false;
  let note: string | null = null;
  const without = job.LabelingJobAlgorithmsConfig === undefined ? '' : ', without automated labeling';
  if (mode === 'dataset' && total > policy.maxObjectsPerJob) {
    mode = 'unlabeled';
    withoutAlgorithms = job.LabelingJobAlgorithmsConfig !== undefined;
    note = `the dataset is larger than ${policy.maxObjectsPerJob} objects: unlabeled objects only${without}`;
  } else if (
    job.LabelingJobAlgorithmsConfig !== undefined &&
    (mode === 'dataset' ? total : allowed.objects) < AUTOMATED_LABELING_MINIMUM
  ) {
    mode = 'unlabeled';
    withoutAlgorithms = true;
    note = `fewer than ${AUTOMATED_LABELING_MINIMUM} objects: unlabeled objects only, without automated labeling`;
  } else if (mode === 'dataset' && allowed.objects < (state.dataset?.remaining ?? 0)) {
    // A whole dataset cannot be sent when a cap allows only part of it: workers would see all of it.
    mode = 'unlabeled';
    withoutAlgorithms = job.LabelingJobAlgorithmsConfig !== undefined;
    note = `a limit allows only part of the objects: unlabeled objects only${without}`;
  }
  if (note === null && (allowed.limit === 'max-cost' || allowed.limit === 'max-objects-sent')) {
    note = `a smaller slice of ${allowed.objects} objects, so that ${allowed.limit === 'max-cost' ? 'policy.maxCost' : 'policy.maxObjectsSent'} holds`;
  }
  return {
    kind: 'run-job',
    generation,
    name: labelingJobName(state.chain, state.suffix, generation),
    mode,
    maxObjects: allowed.objects,
    withoutAlgorithms,
    note,
    delayMs: failureBackOffMs(state.failuresInRow),
  };
};

/** Developer guide, sms-streaming-stop-labeling-job: a streaming job that gets nothing for so long is stopped by AWS. */
const STREAMING_IDLE_MS = 10 * DAY_MS;

/** Developer guide, sms-streaming-labeling-job: the queue `GroundTruth-<job name in lower case>` is not deleted with its job. */
const streamingEndText = (job: Generation): string => {
  const ageMs = (job.endedAtMs ?? 0) - (job.createdAtMs ?? 0);
  const isIdleStop = job.status === 'Stopped' && job.stop === null && ageMs >= STREAMING_IDLE_MS;
  const why = isIdleStop ? '; AWS stops one that gets no objects for 10 days' : '';
  return `the streaming job ${job.name} ended (${job.status}${why}); its SQS queue GroundTruth-${job.name.toLowerCase()} is left over and may hold objects: look, then delete it`;
};

/** One job, fed by the user's own topic: nothing of ours is counted, limited or continued. */
const streamingOrder = (state: ChainState): Order => {
  const job = lastGeneration(state);
  if (job?.outcome === 'streaming') {
    return { kind: 'end', status: 'finished', reason: streamingEndText(job) };
  }
  return { ...jobOrder(state), maxObjects: 0 };
};

/** A question about a limit: {@link nextOrder} asks it again as long as it stands. */
export const isAskedAnew = ({ reason }: Attention): boolean => reason === 'max-cost' || reason === 'max-objects-sent';

/** Between jobs: end, ask a person, or run the next job. In the order of DESIGN section 5. */
export const nextOrder = (state: ChainState): Order => {
  const { end, dataset, stopRequested } = state;
  if (end !== null) return { kind: 'end', status: end.status, reason: end.reason };
  if (state.attention !== null && stopRequested === null) return { kind: 'ask', attention: state.attention };
  const unmatched = stopRequested === null ? askAboutUnmatched(state) : null;
  if (unmatched !== null) return unmatched;
  const nothingRemains = !state.spec.streaming && dataset?.remaining === 0;
  if (stopRequested !== null && !nothingRemains) {
    return { kind: 'end', status: 'stopped', reason: stopRequested.reason };
  }
  if (state.spec.streaming) return streamingOrder(state);
  if (dataset === null) return askAbout(state, 'storage-refused', 'the dataset has not been read yet');
  if (nothingRemains) {
    const { setAside, total } = dataset;
    const reason =
      setAside === 0 ? `all ${total} objects are labeled` : `nothing remains; ${setAside} objects were set aside`;
    return { kind: 'end', status: 'labeled', reason };
  }
  const last = lastGeneration(state);
  if (last !== null && last.generation > state.clearedGeneration) {
    const order = orderAfter(state, last);
    if (order !== null) return order;
  }
  const atLimits = orderAtLimits(state);
  if (atLimits !== null) return atLimits;
  if (state.jobsWithoutProgressInRow >= state.spec.policy.maxJobsWithoutProgress) {
    return askAbout(state, 'no-progress', `${state.jobsWithoutProgressInRow} jobs in a row brought no label`);
  }
  return jobOrder(state);
};
