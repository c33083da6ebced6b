/**
 * The whole event stream of one process: the consumer of state changes, and worker events from their own queue, counted
 * and sent. Owns what is started with what, and the order in which it stops.
 */
import { startConsumer, type ConsumerOptions, type ConsumerStats } from './consumer.ts';
import type { WorkerEvent } from './handling.ts';
import { startWorkerActivity } from './worker-activity.ts';

/** Where this stream takes worker events from. `off` also where the one reader of the log counts them (worker-log.ts). */
export type WorkerEventSource = { kind: 'off' } | { kind: 'eventbridge'; queueUrl: string; windowMs?: number };

export type EventStreamOptions = Omit<ConsumerOptions, 'onWorkerEvent'> & { workerEvents: WorkerEventSource };

export type EventStream = {
  /** Takes nothing more, finishes or returns what was taken, sends what was counted. */
  stop(): Promise<void>;
  stats(): { stateChanges: ConsumerStats; workerEvents: ConsumerStats | null };
};

/** Starts everything; returns at once. Throws InputError as startConsumer does. */
export const startEventStream = ({ workerEvents, ...options }: EventStreamOptions): EventStream => {
  if (workerEvents.kind === 'off') {
    const consumer = startConsumer(options);
    return { stop: () => consumer.stop(), stats: () => ({ stateChanges: consumer.stats(), workerEvents: null }) };
  }
  const { queueUrl, windowMs } = workerEvents;
  const activity = startWorkerActivity(options.client, windowMs === undefined ? {} : { windowMs });
  // Worker events that a rule sends to the first queue by mistake are counted as well.
  const counting = { ...options, onWorkerEvent: (event: WorkerEvent) => activity.count(event) };
  const consumer = startConsumer(counting);
  const workers = startConsumer({ ...counting, queueUrl });
  return {
    stop: async () => {
      await Promise.all([consumer.stop(), workers.stop()]);
      await activity.stop(); // Last: nothing is counted any more.
    },
    stats: () => ({ stateChanges: consumer.stats(), workerEvents: workers.stats() }),
  };
};
