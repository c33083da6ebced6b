/**
 * How one object's state changes by what a job brought. It owns the label rule (the first stays, another one
 * is doubled) and the attempts rule (DESIGN, section 5: never twice for one generation; at the maximum set aside). Pure.
 */
import { shortenReason, type ObjectState } from './object-states.ts';

/** What a label does to an object: it becomes the object's, it is a second one to be kept beside, or it is known already. */
export type LabelEffect = { kind: 'added' | 'doubled' | 'known'; state: ObjectState };

/**
 * A label of a generation arrives. One on a set-aside object makes it labeled. `isHeld` tells whether the dataset holds this very
 * label: another one of the same generation is a second one too, since AWS wrote it over the first, or meant an identical object.
 */
export const receiveLabel = (state: ObjectState, generation: number, isHeld: () => boolean): LabelEffect => {
  if (state.label === null) return { kind: 'added', state: { ...state, label: generation, setAside: false } };
  if (state.doubled.includes(generation) || (state.label === generation && isHeld())) return { kind: 'known', state };
  return { kind: 'doubled', state: { ...state, doubled: [...state.doubled, generation] } };
};

export type Failure = {
  generation: number;
  reason: string;
  /** Whether this failure is one that counts an attempt. */
  counts: boolean;
  /** From a repeated merge of an earlier job: its reason is no news if there is one. */
  late: boolean;
};

/** A failure of a generation arrives; `counted` says whether it is a new attempt. A labeled object stays as it is. */
export const receiveFailure = (state: ObjectState, failure: Failure): { counted: boolean; state: ObjectState } => {
  if (state.label !== null) return { counted: false, state };
  const { generation, late } = failure;
  const counted = failure.counts && !state.attempts.includes(generation) && !state.forgiven.includes(generation);
  const lastReason = late && state.lastReason !== null ? state.lastReason : shortenReason(failure.reason);
  return {
    counted,
    state: { ...state, lastReason, attempts: counted ? [...state.attempts, generation] : state.attempts },
  };
};

/** Sets an object aside if its attempts reach the maximum; null is no maximum. */
export const applyMaximum = (state: ObjectState, maxAttempts: number | null): ObjectState =>
  maxAttempts === null || state.setAside || state.label !== null || state.attempts.length < maxAttempts
    ? state
    : { ...state, setAside: true };
