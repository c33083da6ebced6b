/** What `resume` does to a chain that waits for a person or has ended, and when it cannot. */
import type { AttentionReason } from './attention.ts';
import { lastGeneration, type ChainState, type Generation, type Phase } from './chain-state.ts';
import { nextOrder } from './next-order.ts';
import { isUncounted } from './spending.ts';

/** The flags of `label-relay resume`. */
export type ResumeOptions = {
  /** Go on although the output of the last job holds fewer labels than AWS counted. */
  acceptMissing: boolean;
  /** Give the set-aside objects new attempts. */
  retrySetAside: boolean;
};

/** The state that the chain goes on with, or why it cannot, as a sentence for the person. */
export type Resumed = { kind: 'resumed'; state: ChainState } | { kind: 'refused'; message: string };

/** What speaks against a resume before its effect is looked at; null if nothing does. */
const refusal = (state: ChainState, options: ResumeOptions, workflow: 'open' | 'closed'): string | null => {
  const { chain, phase } = state;
  if (workflow === 'open' && state.stopRequested !== null && phase.kind !== 'ended') {
    const { hindrance = null } = state;
    const how = hindrance === null ? '' : ` (to try again at once what keeps it from that: label-relay stop ${chain})`;
    return `the chain ${chain} is being stopped; resume it when it has ended${how}`;
  }
  if (workflow === 'open' && state.attention === null && phase.kind !== 'ended') {
    return `the chain ${chain} is running; nothing waits for a person`;
  }
  const awaitsLabels = state.generations.some(({ awaitedLabels = null }) => awaitedLabels !== null);
  if (options.acceptMissing && state.attention?.reason !== 'labels-missing' && !awaitsLabels) {
    return '--accept-missing is for a chain that waits because labels are missing, or was stopped while it did';
  }
  if (options.retrySetAside && (state.dataset?.setAside ?? 0) === 0) {
    return '--retry-set-aside: no object is set aside';
  }
  return null;
};

/** Questions about how a job ended: a resume answers them. Any other leaves the ending for the chain to judge. */
const ENDING_REASONS: readonly AttentionReason[] = [
  'stopped-outside',
  'failed-input',
  'failed-unknown',
  'too-many-failures',
];

/** Up to which generation the way that jobs ended no longer holds the chain. */
const clearedGeneration = (state: ChainState, workflow: 'open' | 'closed'): number => {
  const { attention, phase } = state;
  const last = lastGeneration(state);
  const answered = phase.kind === 'ended' || (attention !== null && ENDING_REASONS.includes(attention.reason));
  // A chain that was terminated while its stop was under way: who resumes it takes the stop back.
  const takenBack = workflow === 'closed' && last?.stop?.by === 'person';
  return answered || takenBack ? (last?.generation ?? 0) : state.clearedGeneration;
};

const phaseAfter = (state: ChainState, options: ResumeOptions): Phase => {
  const { phase } = state;
  switch (phase.kind) {
    case 'deciding':
    case 'job':
      return phase;
    case 'settling':
      return { ...phase, acceptMissing: options.acceptMissing, sinceMs: state.lastHeardMs ?? phase.sinceMs };
    case 'ended':
      return { kind: 'deciding' };
  }
};

/** A job without the questions about its labels that this resume answers. */
const answered = (
  job: Generation,
  attention: ChainState['attention'],
  { acceptMissing }: ResumeOptions,
): Generation => {
  const { awaitedLabels = null, unmatched } = job;
  const isTold = attention?.reason === 'unmatched-label' && unmatched !== undefined;
  return {
    ...job,
    ...(acceptMissing && awaitedLabels !== null ? { awaitedLabels: null } : {}),
    ...(isTold ? { unmatched: { ...unmatched, told: unmatched.labels } } : {}),
  };
};

/** Why the chain, resumed, would stand again at once; null if it goes on. */
const standsAgain = (before: ChainState, resumed: ChainState): string | null => {
  const order = nextOrder(resumed);
  const { chain } = before;
  if (order.kind === 'ask') {
    const { reason, message, actions } = order.attention;
    // AWS is asked for the counters that are missing before the next job is decided; they may leave room under the cap.
    const mayFit = reason === 'max-cost' && resumed.generations.some(isUncounted);
    const atLimit = (reason === 'max-cost' && !mayFit) || reason === 'max-objects-sent';
    return atLimit
      ? `the chain would wait again at once: ${message}; ${(actions[0] ?? '').replace(/ {2,}/, ' ')}`
      : null;
  }
  // From attention it may well end: that is how the chain would have gone on without the question.
  if (order.kind !== 'end' || before.phase.kind !== 'ended') return null;
  if (before.spec.streaming) return `${order.reason}; a streaming job is not continued: start another chain`;
  if (order.status !== 'labeled') {
    return `the chain would end again at once: ${order.reason}; raise policy.maxJobs or policy.maxDuration first: label-relay amend ${chain} --set <path>=<value>`;
  }
  const how = (before.dataset?.setAside ?? 0) > 0 ? ' (or use --retry-set-aside for the objects set aside)' : '';
  return `the chain ${chain} is labeled; give it further objects first: label-relay amend ${chain} --manifest s3://…${how}`;
};

/**
 * The chain as it goes on. `somethingFirst`: a manifest given to `amend` still has to be added, or an
 * earlier question to be asked again, so what is next is not known yet. `workflow`: `closed` for
 * the record of a chain whose workflow is over, whatever it was doing then (cancelled, terminated, failed). Refused, with
 * the reason, where nothing waits, or where the chain would end or wait at the same limit at once.
 */
export const resume = (
  state: ChainState,
  options: ResumeOptions,
  somethingFirst: boolean,
  workflow: 'open' | 'closed' = 'open',
): Resumed => {
  const refused = refusal(state, options, workflow);
  if (refused !== null) return { kind: 'refused', message: refused };
  // It has ended and only its last record could not be written: mended, that is done, and the chain stays as it ended.
  const isOver = workflow === 'open' && state.phase.kind === 'ended' && state.attention !== null;
  if (isOver && !somethingFirst && !options.retrySetAside) {
    return { kind: 'resumed', state: { ...state, attention: null } };
  }
  const resumed: ChainState = {
    ...state,
    attention: null,
    stopRequested: null,
    end: null,
    failuresInRow: 0,
    unknownFailuresInRow: 0,
    jobsWithoutProgressInRow: 0,
    clearedGeneration: clearedGeneration(state, workflow),
    phase: phaseAfter(state, options),
    generations: state.generations.map((job) => answered(job, state.attention, options)),
  };
  const { dataset } = resumed;
  if (resumed.phase.kind === 'deciding' && (!somethingFirst || state.spec.streaming)) {
    const tried =
      dataset !== null && options.retrySetAside
        ? { ...dataset, remaining: dataset.remaining + dataset.setAside, setAside: 0 }
        : dataset;
    const message = standsAgain(state, { ...resumed, dataset: tried });
    if (message !== null) return { kind: 'refused', message };
  }
  return { kind: 'resumed', state: resumed };
};
