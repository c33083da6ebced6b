/**
 * The whole event stream of one process: the consumer of state changes, and worker events from their own queue or from
 * the log, counted and sent. Owns what is started with what, and the order in which it stops.
 */
import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { startConsumer, type ConsumerOptions, type ConsumerStats } from './consumer.ts';
import { startWorkerActivity } from './worker-activity.ts';
import { startWorkerLog } from './worker-log.ts';

/** Where worker events come from. */
export type WorkerEventSource =
  | { kind: 'off' }
  | { kind: 'eventbridge'; queueUrl: string; windowMs?: number }
  | { kind: 'log'; logs: CloudWatchLogsClient; windowMs?: number };

export type EventStreamOptions = Omit<ConsumerOptions, 'onWorkerEvent'> & { workerEvents: WorkerEventSource };

export type EventStream = {
  /** Takes nothing more, finishes or returns what was taken, sends what was counted. */
  stop(): Promise<void>;
  stats(): { stateChanges: ConsumerStats; workerEvents: ConsumerStats | null };
};

/** Starts everything; returns at once. Throws InputError as startConsumer does. */
export const startEventStream = ({ workerEvents, ...options }: EventStreamOptions): EventStream => {
  const { client, accounts, regions, logger } = options;
  if (workerEvents.kind === 'off') {
    const consumer = startConsumer(options);
    return { stop: () => consumer.stop(), stats: () => ({ stateChanges: consumer.stats(), workerEvents: null }) };
  }
  const { windowMs } = workerEvents;
  const activity = startWorkerActivity(client, windowMs === undefined ? {} : { windowMs });
  // Worker events that a rule sends to the first queue by mistake are counted as well.
  const consumer = startConsumer({ ...options, onWorkerEvent: (event) => activity.count(event) });
  const workers =
    workerEvents.kind === 'eventbridge'
      ? startConsumer({
          ...options,
          queueUrl: workerEvents.queueUrl,
          onWorkerEvent: (event) => activity.count(event),
        })
      : null;
  const log =
    workerEvents.kind === 'log'
      ? startWorkerLog({
          logs: workerEvents.logs,
          believed: { accounts, regions },
          logger,
          onWorkerEvent: (event, worker) => activity.count(event, worker),
        })
      : null;
  return {
    stop: async () => {
      await Promise.all([consumer.stop(), workers?.stop(), log?.stop()]);
      await activity.stop(); // Last: nothing is counted any more.
    },
    stats: () => ({ stateChanges: consumer.stats(), workerEvents: workers?.stats() ?? null }),
  };
};
