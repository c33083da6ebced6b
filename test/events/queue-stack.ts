/** A queue with its dead-letter queue on the AWS emulator, workflows to be signalled, and a consumer between them. */
import { randomUUID } from 'node:crypto';
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SendMessageBatchCommand,
  SQSClient,
  type QueueAttributeName,
} from '@aws-sdk/client-sqs';
import { SNSClient } from '@aws-sdk/client-sns';
import type { Client } from '@temporalio/client';
import { labelingJobWorkflowId } from '../../decisions/names.ts';
import { startConsumer, type ConsumerOptions, type RunningConsumer } from '../../events/consumer.ts';
import { STATE_CHANGE_DETAIL_TYPE } from '../../events/state-change-pattern.ts';
import { LOCAL_ACCOUNT, LOCAL_CREDENTIALS, LOCAL_REGION } from '../../local/child-environment.ts';
import { motoServer, temporalDevServer } from '../support/servers.ts';
import { jobArn, stateChangeEvent } from './recorded-events.ts';

export const MAX_RECEIVES = 5;

/** Clients of the emulator. */
export const awsClients = async () => {
  const { endpoint } = await motoServer();
  const config = { endpoint, region: LOCAL_REGION, credentials: LOCAL_CREDENTIALS };
  return { sqs: new SQSClient(config), events: new EventBridgeClient(config), sns: new SNSClient(config) };
};

export type TestQueue = { sqs: SQSClient; url: string; arn: string; deadLetterUrl: string; deadLetterArn: string };

/** A queue as our template makes it: five receives, then the dead-letter queue. */
export const createQueue = async (): Promise<TestQueue> => {
  const { sqs } = await awsClients();
  const name = `events-${randomUUID()}`;
  const create = async (QueueName: string, Attributes: Partial<Record<QueueAttributeName, string>> = {}) => {
    const { QueueUrl: url = '' } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
    const { Attributes: got } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] }),
    );
    return { url, arn: got?.QueueArn ?? '' };
  };
  const deadLetter = await create(`${name}-dead-letter`);
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: deadLetter.arn, maxReceiveCount: MAX_RECEIVES });
  const queue = await create(name, { RedrivePolicy });
  return { sqs, ...queue, deadLetterUrl: deadLetter.url, deadLetterArn: deadLetter.arn };
};

export const send = async ({ sqs, url }: TestQueue, ...bodies: readonly unknown[]): Promise<void> => {
  for (let at = 0; at < bodies.length; at += 10) {
    const Entries = bodies.slice(at, at + 10).map((body, index) => ({
      Id: String(index),
      MessageBody: typeof body === 'string' ? body : JSON.stringify(body),
    }));
    await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
  }
};

/** Messages that wait, and messages that somebody has taken and neither deleted nor returned. */
export const depth = async (sqs: SQSClient, url: string): Promise<{ waiting: number; taken: number }> => {
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: url,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  return {
    waiting: Number(Attributes?.ApproximateNumberOfMessages),
    taken: Number(Attributes?.ApproximateNumberOfMessagesNotVisible),
  };
};

export const silent = { info: () => {}, warn: () => {}, error: () => {} };

const running: RunningConsumer[] = [];
/** Starts a consumer that believes the emulator's account and waits for nothing; `stopConsumers` stops it. */
export const consume = (queue: TestQueue, client: Client, more: Partial<ConsumerOptions> = {}): RunningConsumer => {
  const consumer = startConsumer({
    client,
    sqs: queue.sqs,
    queueUrl: queue.url,
    accounts: [LOCAL_ACCOUNT],
    regions: [LOCAL_REGION],
    logger: silent,
    waitTimeS: 1,
    pace: { returnAfterS: () => 0, sleep: async () => new Promise((resolve) => setTimeout(resolve, 50)) },
    ...more,
  });
  running.push(consumer);
  return consumer;
};
export const stopConsumers = async (): Promise<void> => {
  await Promise.all(running.splice(0).map((consumer) => consumer.stop()));
};

/** Less than a test's own time-out, so that what was last seen is told. Milliseconds. */
const PATIENCE_MS = 120_000;

/**
 * Asks until it is so; throws after two minutes, with what was last seen. A queue and a signal are both at least once:
 * a condition that counts deliveries asks for at least so many, never for exactly so many.
 */
export const eventually = async (isSo: () => boolean | Promise<boolean>, seen?: () => unknown): Promise<void> => {
  const untilMs = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > untilMs)
      throw new Error(`never so: ${String(isSo)}, but ${JSON.stringify(await seen?.())}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

export const localEvent = (jobName: string, status = 'Completed') =>
  stateChangeEvent(jobName, status, { account: LOCAL_ACCOUNT, resources: [jobArn(jobName, LOCAL_ACCOUNT)] });

/** Puts the event as SageMaker does: EventBridge itself adds id, time, account and region. */
export const putEvent = async (jobName: string, status: string): Promise<void> => {
  const { events } = await awsClients();
  const { FailedEntryCount } = await events.send(
    new PutEventsCommand({
      Entries: [
        {
          Source: 'aws.sagemaker',
          DetailType: STATE_CHANGE_DETAIL_TYPE,
          Resources: [jobArn(jobName, LOCAL_ACCOUNT)],
          Detail: JSON.stringify({ LabelingJobStatus: status }),
        },
      ],
    }),
  );
  expect(FailedEntryCount).toBe(0);
};

export const putRule = async (queue: TestQueue, pattern: unknown): Promise<void> => {
  const { events } = await awsClients();
  const Name = `rule-${randomUUID()}`;
  await events.send(new PutRuleCommand({ Name, EventPattern: JSON.stringify(pattern) }));
  await events.send(new PutTargetsCommand({ Rule: Name, Targets: [{ Id: 'queue', Arn: queue.arn }] }));
};

/** An open workflow where the follower of this job would be; no worker runs it, so its history holds what it was sent. */
export const openWorkflow = async (jobName: string) => {
  const { env } = await temporalDevServer();
  const { client } = env;
  const workflowId = labelingJobWorkflowId({ account: LOCAL_ACCOUNT, region: LOCAL_REGION, jobName });
  const handle = await client.workflow.start('labelingJob', { workflowId, taskQueue: 'nobody-polls', args: [] });
  const statuses = async (): Promise<string[]> => {
    const { events } = await handle.fetchHistory();
    return (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signaled }) => {
      const data = signaled?.input?.payloads?.[0]?.data;
      if (data === null || data === undefined) return [];
      const message = JSON.parse(Buffer.from(data).toString()) as { status: string };
      return [message.status];
    });
  };
  return { client, handle, statuses };
};
