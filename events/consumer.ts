/**
 * Takes events from the queue, has them handled, and deletes only what is finished (DESIGN 7, I4). Owns the loop around
 * sqs-consumer: when it may receive, what becomes of a message that is not finished, and the order of a shutdown. Any
 * number of consumers may run side by side.
 */
import { ChangeMessageVisibilityBatchCommand, type Message, type SQSClient } from '@aws-sdk/client-sqs';
import type { Client } from '@temporalio/client';
import { Consumer } from 'sqs-consumer';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { labelingJobWorkflowId } from '../decisions/names.ts';
import { InputError, messageOf } from '../errors.ts';
import { stateChange } from '../workflows/messages.ts';
import { createBacklogGate } from './backlog-gate.ts';
import { BreakerStopped, createBreaker, outageVisibilityS } from './breaker.ts';
import { deliver, type Delivery } from './deliver.ts';
import {
  dispositionOf,
  handleBodies,
  type Outcome,
  type OutcomeKind,
  type StateChangeEvent,
  type WorkerEvent,
} from './handling.ts';

/** What is counted: each message's outcome, and what the consumer itself does. */
export type EventMetric = OutcomeKind | 'received' | 'receive-failed' | 'outage-began' | 'outage-ended';

/** Where log lines go; the SDK's own loggers fit. Fields hold only checked values and our own words. */
export type EventLogger = Record<
  'info' | 'warn' | 'error',
  (message: string, fields?: Record<string, unknown>) => void
>;

export type ConsumerOptions = {
  client: Client;
  sqs: SQSClient;
  queueUrl: string;
  /** Accounts whose events are believed: 12 digits each, at least one. */
  accounts: readonly string[];
  /** Regions whose events are believed, at least one. */
  regions: readonly string[];
  logger: EventLogger;
  onMetric?: (metric: EventMetric, count: number) => void;
  /** Takes worker events; without it they are deleted uncounted. */
  onWorkerEvent?: (event: WorkerEvent) => void;
  /** Long polling, 1 to 20 seconds; a stop waits for the poll that is under way. Default 10, so that a stop fits into 30 s. */
  waitTimeS?: number;
  /** The waiting, replaced only where a test must not wait. */
  pace?: Partial<Pace>;
};

/** How long things wait. */
export type Pace = {
  /** For how long a message that is not finished stays away after its n-th receive (from 1). Seconds. */
  returnAfterS: (why: 'outage' | 'poison', receiveCount: number) => number;
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** A message that is taken is nobody else's for so long; extended at each heartbeat while its batch is handled. Seconds. */
  visibilityS: number;
  heartbeatS: number;
};

/** Longer than a signal with all its retries; extended while a batch is handled. Seconds. */
export const VISIBILITY_S = 120;
const HEARTBEAT_S = 40;

const defaultPace: Pace = {
  returnAfterS: (why, receiveCount) =>
    why === 'outage' ? outageVisibilityS(receiveCount) : poisonVisibilityS(receiveCount),
  sleep: async (ms, signal) => sleepFor(ms, undefined, { signal }),
  visibilityS: VISIBILITY_S,
  heartbeatS: HEARTBEAT_S,
};

/** Counts since the start, by metric; `receiving` is false in an outage, and while the queue cannot be read. */
export type ConsumerStats = { receiving: boolean; counts: Readonly<Partial<Record<EventMetric, number>>> };
export type RunningConsumer = { stop(): Promise<void>; stats(): ConsumerStats };

/** The most that SQS gives at once. */
const BATCH_SIZE = 10;
/**
 * Batches under way at once while there is a backlog; without one a single receiver polls. While a batch is deleted and the next is received
 * none of its signals is under way: so many lanes keep Temporal busy meanwhile.
 */
const LANES = 8;
/** The most signals that one consumer has under way. */
export const SIGNALS_AT_ONCE = LANES * BATCH_SIZE;
/** One that failed so often in a row cannot read its queue. */
const FAILURES_TOLD = 3;
/** The longest poll (20 s), its signals (20 s) and its deletes fit. Milliseconds. */
const STOP_WITHIN_MS = 70_000;

/** Poison does not get better, so its five receives need not take long. Seconds. */
const poisonVisibilityS = (receiveCount: number): number => Math.min(2 ** Math.max(receiveCount - 1, 0), 30);

/** A workflow id that no labeling job has (`no job` is no job name): "not found" proves address, namespace and permission. */
const PROBE_PLACE = { account: '000000000000', region: 'none', jobName: 'no job' };

/** Starts to consume; returns at once. Throws InputError if an allow-list is empty. */
export const startConsumer = (options: ConsumerOptions): RunningConsumer => {
  const { client, sqs, queueUrl, accounts, regions, logger, onWorkerEvent } = options;
  if (accounts.length === 0 || regions.length === 0)
    throw new InputError('The event consumer needs at least one account and one region whose events it believes.');

  const { returnAfterS, sleep, visibilityS, heartbeatS } = { ...defaultPace, ...options.pace };
  const counts: Partial<Record<EventMetric, number>> = {};
  const count = (metric: EventMetric, by = 1): void => {
    counts[metric] = (counts[metric] ?? 0) + by;
    options.onMetric?.(metric, by);
  };
  const breaker = createBreaker({
    sleep,
    probe: async () => {
      const answer = await deliver(client, PROBE_PLACE, stateChange, { status: 'Probe', eventId: 'probe' });
      if (answer.kind === 'outage')
        logger.warn('Temporal does not answer; no events are received', { why: answer.why });
      return answer.kind !== 'outage';
    },
    onChange: (change) => {
      count(change.kind === 'opened' ? 'outage-began' : 'outage-ended');
      if (change.kind === 'closed') logger.info('Temporal answers again', { afterMs: change.openForMs });
    },
  });

  const stopping = new AbortController();
  const backlog = createBacklogGate();
  /** In a row. Lanes that ask at the same time fail at the same time: that is one failure. */
  let receiveFailures = 0;
  /** A receive that began before the last news of the queue, a failure or an answer, brings none by failing. */
  let news = 0;
  /** sqs-consumer polls again at once after most errors: without this a missing queue would be asked in a tight loop. */
  const waitAfterFailures = async (): Promise<void> => {
    if (receiveFailures === 0) return;
    const ms = Math.min(1000 * 2 ** (receiveFailures - 1), 30_000);
    await sleep(ms, stopping.signal).catch(() => {});
  };

  const putBack = async (kept: readonly { message: Message; visibilityS: number }[]): Promise<void> => {
    if (kept.length === 0) return;
    const Entries = kept.map(({ message, visibilityS }, index) => ({
      Id: String(index),
      ReceiptHandle: message.ReceiptHandle,
      VisibilityTimeout: visibilityS,
    }));
    try {
      await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries }));
    } catch (error) {
      // They come back anyway, when their visibility ends.
      logger.warn('Could not return messages to the queue early', { why: messageOf(error) });
    }
  };

  /** Events of jobs that nobody follows are other people's, and many. */
  const onSignal = ({ eventId, place }: StateChangeEvent, { kind }: Delivery): void => {
    if (kind !== 'nobody-follows')
      logger.info("An event was signalled to its labeling job's workflow", {
        eventId,
        workflowId: labelingJobWorkflowId(place),
        outcome: kind,
      });
  };

  const handleBatch = async (messages: Message[]): Promise<Message[]> => {
    count('received', messages.length);
    const outcomes = await handleBodies(
      messages.map((message) => message.Body ?? ''),
      { client, believed: { accounts, regions }, onWorkerEvent, onSignal },
    );
    const finished: Message[] = [];
    const kept: { message: Message; visibilityS: number }[] = [];
    for (const [index, outcome] of outcomes.entries()) {
      const message = messages[index];
      if (message === undefined) continue;
      count(outcome.kind);
      logOutcome(logger, message, outcome);
      const receives = Number(message.Attributes?.ApproximateReceiveCount ?? 1);
      switch (dispositionOf(outcome.kind)) {
        case 'delete':
          finished.push(message);
          break;
        case 'return-after-outage':
          kept.push({ message, visibilityS: returnAfterS('outage', receives) });
          break;
        case 'keep':
          kept.push({ message, visibilityS: returnAfterS('poison', receives) });
          break;
      }
    }
    // One that was delivered beside it: that no answer came in time is the trouble of a workflow, not of the service.
    const isDelivered = outcomes.some(({ kind }) => kind === 'delivered');
    const isOutage = outcomes.some(
      (outcome) => outcome.kind === 'outage' && !(isDelivered && outcome.why === 'DEADLINE_EXCEEDED'),
    );
    backlog.saw(!isOutage && messages.length === BATCH_SIZE);
    if (isOutage) breaker.trip();
    else if (outcomes.some(({ kind }) => answeredKinds.has(kind))) breaker.answered();
    await putBack(kept);
    return finished;
  };

  const createLane = (isFirst: boolean): Consumer => {
    let newsBefore = 0;
    const consumer = Consumer.create({
      sqs,
      queueUrl,
      batchSize: BATCH_SIZE,
      waitTimeSeconds: options.waitTimeS ?? 10,
      visibilityTimeout: visibilityS,
      heartbeatInterval: heartbeatS,
      messageSystemAttributeNames: ['ApproximateReceiveCount'],
      pollingCompleteWaitTimeMs: STOP_WITHIN_MS,
      authenticationErrorTimeout: 0, // Waits are ours, below.
      strictReturn: true,
      suppressFifoWarning: true,
      preReceiveMessageCallback: async () => {
        if (!isFirst) await backlog.pass();
        newsBefore = news;
        await waitAfterFailures();
        await breaker.pass();
      },
      postReceiveMessageCallback: async () => {
        receiveFailures = 0;
        news += 1;
      },
      handleMessageBatch: handleBatch,
    });
    // Without a listener an 'error' event would end the process.
    consumer.on('error', (error, messages) => {
      if (stopping.signal.aborted || error.cause instanceof BreakerStopped) return;
      if (messages === undefined) {
        if (newsBefore === news) {
          receiveFailures += 1;
          news += 1;
        }
        count('receive-failed');
      }
      logger.warn(messages === undefined ? 'Could not receive events' : 'Could not finish messages; they come back', {
        why: messageOf(error),
      });
    });
    consumer.on('empty', () => backlog.saw(false));
    return consumer;
  };
  const lanes = Array.from({ length: LANES }, (_, index) => createLane(index === 0));
  for (const lane of lanes) lane.start();

  let stopped: Promise<void> | undefined;
  return {
    /** Takes no further message; resolves when every message taken is deleted or returned. */
    stop: () => {
      stopped ??= (async () => {
        const allStopped = lanes.map((lane) => new Promise<void>((resolve) => lane.once('stopped', () => resolve())));
        stopping.abort();
        backlog.stop();
        breaker.stop();
        for (const lane of lanes) lane.stop();
        await Promise.all(allStopped);
      })();
      return stopped;
    },
    stats: () => ({
      receiving: !breaker.isOpen() && !stopping.signal.aborted && receiveFailures < FAILURES_TOLD,
      counts: { ...counts },
    }),
  };
};

/** Outcomes that only a service which answers can give. */
const answeredKinds: ReadonlySet<OutcomeKind> = new Set<OutcomeKind>([
  'delivered',
  'nobody-follows',
  'closed',
  'busy',
  'signal-limit',
  'refused',
]);

const logOutcome = (logger: EventLogger, message: Message, outcome: Outcome): void => {
  const fields = { messageId: message.MessageId };
  switch (outcome.kind) {
    case 'delivered':
    case 'counted':
    case 'not-ours':
    case 'nobody-follows':
    case 'closed':
      return;
    case 'busy':
      return logger.warn('A labeling job workflow is busy; the event stays in the queue', fields);
    case 'outage':
      return logger.warn('Could not signal; the event stays in the queue', { ...fields, why: outcome.why });
    case 'signal-limit':
      return logger.error('A labeling job workflow takes no more signals; the event stays in the queue', fields);
    case 'poison':
    case 'refused':
      return logger.warn('Not a usable event; it goes to the dead-letter queue', { ...fields, why: outcome.why });
  }
};
