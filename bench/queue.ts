/** The emulator for load as a part uses it. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { GetQueueAttributesCommand, SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { z } from 'zod';
import { localAwsConfig } from '../local/local-clients.ts';

const ready = z.object({ endpoint: z.string(), bucket: z.string(), queueUrl: z.string() });

export type LoadQueue = {
  /** Of SQS and S3. */
  endpoint: string;
  bucket: string;
  sqs: SQSClient;
  queueUrl: string;
  send: (bodies: readonly string[]) => Promise<void>;
  /** Messages that nobody has deleted. */
  left: () => Promise<number>;
  close: () => void;
};

const BATCH = 10;
const SENT_SIDE_BY_SIDE = 8;

const firstLine = async (lines: AsyncIterable<string>): Promise<string> => {
  for await (const line of lines) return line;
  throw new Error('the queue did not start');
};

/** Starts a queue. */
export const startLoadQueue = async (): Promise<LoadQueue> => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./queue-server.ts', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const line = await firstLine(createInterface({ input: child.stdout }));
  const { endpoint, bucket, queueUrl } = ready.parse(JSON.parse(line));
  const sqs = new SQSClient(localAwsConfig(endpoint));
  return {
    endpoint,
    bucket,
    sqs,
    queueUrl,
    send: async (bodies) => {
      const batches: string[][] = [];
      for (let at = 0; at < bodies.length; at += BATCH) batches.push(bodies.slice(at, at + BATCH));
      const sendSome = async (): Promise<void> => {
        for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
          const Entries = batch.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
          await sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
        }
      };
      await Promise.all(Array.from({ length: SENT_SIDE_BY_SIDE }, sendSome));
    },
    left: async () => {
      const { Attributes } = await sqs.send(
        new GetQueueAttributesCommand({
          QueueUrl: queueUrl,
          AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
        }),
      );
      return Object.values(Attributes ?? {}).reduce((sum, count) => sum + Number(count), 0);
    },
    close: () => {
      sqs.destroy();
      child.kill();
    },
  };
};
