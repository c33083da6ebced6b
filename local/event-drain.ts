/**
 * Events travel through the emulator and the consumer in real time while `advance` moves everything else. So between
 * two steps it waits until the queue is empty, for a while.
 */
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { setTimeout as sleep } from 'node:timers/promises';
import { localAwsConfig } from './local-clients.ts';

/** How long a step waits for the queue. */
const PATIENCE_MS = 2_000;
const LOOK_EVERY_MS = 20;

/** A queue of the local stack. */
export type EventQueue = { endpoint: string; url: string };

/** Waits for a queue to be empty. */
export type EventDrain = {
  /** Resolves when no message is visible or in flight, or when the patience is over. */
  wait: () => Promise<void>;
  close: () => void;
};

/** Messages that nobody takes (no consumer runs, or it keeps them) are waited for once, not at every step. */
export const eventDrain = ({ endpoint, url }: EventQueue): EventDrain => {
  const sqs = new SQSClient(localAwsConfig(endpoint));
  let givenUp = 0;
  const depth = async (): Promise<number> => {
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: url,
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      }),
    );
    return Object.values(Attributes ?? {}).reduce((sum, count) => sum + Number(count), 0);
  };
  return {
    wait: async () => {
      const startedMs = performance.now();
      let count = await depth();
      while (count > givenUp) {
        if (performance.now() - startedMs > PATIENCE_MS) break;
        await sleep(LOOK_EVERY_MS);
        count = await depth();
      }
      givenUp = count;
    },
    close: () => sqs.destroy(),
  };
};
