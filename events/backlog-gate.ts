/**
 * Lets further receivers in while there is a backlog. One long poll at a time is enough for a quiet queue, and each costs a
 * request; with a backlog the next batch should be under way while one is handled.
 */
import { BreakerStopped } from './breaker.ts';

export type BacklogGate = {
  /** Resolves while there is a backlog. Throws BreakerStopped after `stop`. */
  pass(): Promise<void>;
  /** What the last receive said: a full batch means that more waits. */
  saw(backlog: boolean): void;
  /** Ends any waiting; nothing passes any more. */
  stop(): void;
};

export const createBacklogGate = (): BacklogGate => {
  let isOpen = false;
  let isStopped = false;
  let changed = Promise.withResolvers<void>();
  const wake = (): void => {
    changed.resolve();
    changed = Promise.withResolvers<void>();
  };
  return {
    pass: async () => {
      while (!isOpen && !isStopped) await changed.promise;
      if (isStopped) throw new BreakerStopped('stopped');
    },
    saw: (backlog) => {
      isOpen = backlog;
      if (isOpen) wake();
    },
    stop: () => {
      isStopped = true;
      wake();
    },
  };
};
