/** What the configuration says of the event stream, and what it lacks for one. */
import { placesOf, queueElsewhere, type Config } from '../config.ts';
import { InputError } from '../errors.ts';
import type { EventStreamOptions, WorkerEventSource } from '../events/event-stream.ts';

/** @throws InputError for what does not fit together. */
export const workerEventSource = (config: Config): WorkerEventSource => {
  const { workerEvents, workerEventsQueueUrl: queueUrl, workerEventsWindowMs: windowMs } = config;
  switch (workerEvents) {
    case 'off':
      return { kind: 'off' };
    case 'log':
      if (config.region === null)
        throw new InputError(
          'LABEL_RELAY_WORKER_EVENTS is log and AWS_REGION is not set; give the region whose log is to be read',
        );
      return { kind: 'off' };
    case 'eventbridge':
      if (queueUrl === null)
        throw new InputError(
          'LABEL_RELAY_WORKER_EVENTS is eventbridge and LABEL_RELAY_WORKER_EVENTS_QUEUE_URL is not set; give the URL of the queue of worker events',
        );
      if (queueUrl === config.queueUrl)
        throw new InputError(
          'LABEL_RELAY_WORKER_EVENTS_QUEUE_URL is the queue of state changes; worker events need a queue of their own',
        );
      return { kind: 'eventbridge', queueUrl, windowMs };
  }
};

export type EventStreamSettings = Omit<EventStreamOptions, 'sqs' | 'client' | 'logger' | 'onMetric'> & {
  region: string | null;
};

/** Checked before anything is started: a worker that was created and never ran keeps its process alive. */
export const eventStreamSettings = (config: Config): EventStreamSettings => {
  const { queueUrl, region } = config;
  if (queueUrl === null)
    throw new InputError('LABEL_RELAY_QUEUE_URL is not set; give the URL of the queue of state-change events');
  const { accounts, regions } = placesOf(config);
  if (regions.length === 0)
    throw new InputError('AWS_REGION is not set; give the region of the queue, or LABEL_RELAY_REGIONS');
  if (accounts.length === 0)
    throw new InputError(
      'LABEL_RELAY_ACCOUNTS is not set and the queue URL names no account; give the account ids whose events are believed',
    );
  for (const [variable, url] of [
    ['LABEL_RELAY_QUEUE_URL', queueUrl],
    ['LABEL_RELAY_WORKER_EVENTS_QUEUE_URL', config.workerEventsQueueUrl],
  ] as const) {
    const elsewhere = region === null || url === null ? null : queueElsewhere(variable, url, region);
    if (elsewhere !== null)
      throw new InputError(`${elsewhere}; set AWS_REGION to the queue's region, or correct the URL`);
  }
  return {
    region,
    queueUrl,
    accounts,
    regions,
    waitTimeS: config.pollS,
    workerEvents: workerEventSource(config),
  };
};
