/** What `resume` does to a chain that waits for a person or has ended, and when it cannot. */
import { lastGeneration, type ChainState } from './chain-state.ts';
import { nextOrder } from './next-order.ts';

export type ResumeOptions = {
  /** Go on although the output of the last job holds fewer labels than AWS counted. */
  acceptMissing: boolean;
  /** Give the set-aside objects new attempts. */
  retrySetAside: boolean;
};

export type Resumed = { kind: 'resumed'; state: ChainState } | { kind: 'refused'; message: string };

/** Whether a chain can be resumed at all: it waits for a person, or it has ended. */
const canResume = (state: ChainState): boolean => state.attention !== null || state.phase.kind === 'ended';

/**
 * The chain as it goes on. `hasNewObjects`: a manifest given to `amend` still has to be added. Refused, with the reason,
 * where the chain would end or wait again at once.
 */
export const resume = (state: ChainState, options: ResumeOptions, hasNewObjects: boolean): Resumed => {
  if (!canResume(state)) {
    return { kind: 'refused', message: `the chain ${state.chain} is running; nothing waits for a person` };
  }
  if (options.acceptMissing && state.attention?.reason !== 'labels-missing') {
    return { kind: 'refused', message: '--accept-missing is for a chain that waits because labels are missing' };
  }
  const setAside = state.dataset?.setAside ?? 0;
  if (options.retrySetAside && setAside === 0) {
    return { kind: 'refused', message: '--retry-set-aside: no object is set aside' };
  }
  const { phase } = state;
  const resumed: ChainState = {
    ...state,
    attention: null,
    stopRequested: null,
    end: null,
    failuresInRow: 0,
    unknownFailuresInRow: 0,
    jobsWithoutProgressInRow: 0,
    clearedGeneration: lastGeneration(state)?.generation ?? 0,
    phase:
      phase.kind === 'settling'
        ? { ...phase, acceptMissing: options.acceptMissing, sinceMs: state.lastHeardMs ?? phase.sinceMs }
        : phase.kind === 'ended'
          ? { kind: 'deciding' }
          : phase,
  };
  if (resumed.phase.kind === 'deciding' && resumed.dataset !== null && !hasNewObjects) {
    const dataset = options.retrySetAside
      ? { ...resumed.dataset, remaining: resumed.dataset.remaining + setAside, setAside: 0 }
      : resumed.dataset;
    const order = nextOrder({ ...resumed, dataset });
    if (order.kind === 'end' && order.status === 'labeled' && state.phase.kind === 'ended') {
      const how = setAside > 0 ? ' (or use --retry-set-aside for the objects set aside)' : '';
      return { kind: 'refused', message: `the chain ${state.chain} is labeled; add objects with amend first${how}` };
    }
    if (order.kind === 'end' && order.status !== 'labeled') {
      return {
        kind: 'refused',
        message: `the chain would end again at once: ${order.reason}; raise the limit with amend first`,
      };
    }
    if (order.kind === 'ask') {
      return {
        kind: 'refused',
        message: `the chain would wait again at once: ${order.attention.message}; ${order.attention.actions[0] ?? ''}`,
      };
    }
  }
  return { kind: 'resumed', state: resumed };
};
