/**
 * What a chain needs in AWS, made on the emulator: a bucket, and for state changes and for worker events a rule, the
 * queue that it fills and the queue for what cannot be handled. The same shapes and numbers as the template for real AWS.
 */
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { BucketAlreadyOwnedByYou, CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SQSClient,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs';
import { STATE_CHANGE_RULE_NAME, WORKER_EVENT_RULE_NAME, workerEventPattern } from '../events/rule.ts';
import { stateChangePattern } from '../events/state-change-pattern.ts';
import { OperationError } from '../errors.ts';
import { localAwsConfig } from './local-clients.ts';

const DAY_S = 86_400;

/** SQS attributes are strings; times are in seconds. */
const QUEUE = { visibilityTimeoutS: 120, retentionS: 4 * DAY_S, maxReceiveCount: 5 };
const DEAD_LETTER_RETENTION_S = 14 * DAY_S;

const BUCKET = 'label-relay';

/** State changes and worker events: each with a rule, a queue, and a queue for what cannot be handled. */
const STREAMS = {
  stateChanges: {
    queue: 'label-relay-events',
    deadLetterQueue: 'label-relay-events-dead-letters',
    rule: STATE_CHANGE_RULE_NAME,
    pattern: stateChangePattern(),
  },
  workerEvents: {
    queue: 'label-relay-worker-events',
    deadLetterQueue: 'label-relay-worker-events-dead-letters',
    rule: WORKER_EVENT_RULE_NAME,
    pattern: workerEventPattern(),
  },
};

/** Names and addresses of what {@link createAwsResources} made. */
export type AwsResources = {
  bucket: string;
  queueUrl: string;
  queueArn: string;
  deadLetterQueueUrl: string;
  ruleName: string;
  ruleArn: string;
  workerEventsQueueUrl: string;
  workerEventsRuleName: string;
};

const required = (value: string | undefined, what: string): string => {
  if (value === undefined) throw new OperationError(`The AWS emulator answered without ${what}.`);
  return value;
};

const ensureBucket = async (s3: S3Client, bucket: string): Promise<void> => {
  try {
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  } catch (thrown) {
    if (!(thrown instanceof BucketAlreadyOwnedByYou)) throw thrown;
  }
};

const ensureQueue = async (sqs: SQSClient, name: string, attributes: Record<string, string>) => {
  // Attributes go in a second call: CreateQueue fails if the queue exists with other ones.
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: attributes }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
  return { url: required(QueueUrl, 'a queue URL'), arn: required(Attributes?.['QueueArn'], 'a queue ARN') };
};

/** Only this rule may send to the queue. */
const queuePolicy = (queueArn: string, ruleArn: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: queueArn,
        Condition: { ArnEquals: { 'aws:SourceArn': ruleArn } },
      },
    ],
  });

type StreamClients = { sqs: SQSClient; events: EventBridgeClient };

/** A rule that fills a queue, with its dead-letter queue. */
const ensureStream = async (stream: (typeof STREAMS)[keyof typeof STREAMS], { sqs, events }: StreamClients) => {
  const deadLetters = await ensureQueue(sqs, stream.deadLetterQueue, {
    MessageRetentionPeriod: String(DEAD_LETTER_RETENTION_S),
  });
  const queue = await ensureQueue(sqs, stream.queue, {
    VisibilityTimeout: String(QUEUE.visibilityTimeoutS),
    MessageRetentionPeriod: String(QUEUE.retentionS),
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetters.arn, maxReceiveCount: QUEUE.maxReceiveCount }),
  });
  const { RuleArn } = await events.send(
    new PutRuleCommand({ Name: stream.rule, EventPattern: JSON.stringify(stream.pattern), State: 'ENABLED' }),
  );
  const ruleArn = required(RuleArn, 'a rule ARN');
  await sqs.send(
    new SetQueueAttributesCommand({ QueueUrl: queue.url, Attributes: { Policy: queuePolicy(queue.arn, ruleArn) } }),
  );
  // The same id each time, so that it stays one target.
  await events.send(new PutTargetsCommand({ Rule: stream.rule, Targets: [{ Id: 'queue', Arn: queue.arn }] }));
  return { queue, deadLetters, ruleArn };
};

/**
 * Makes everything that is missing; may be called again at any time.
 * @param endpoint of the emulator: these calls never reach AWS.
 */
export const createAwsResources = async (endpoint: string): Promise<AwsResources> => {
  const config = localAwsConfig(endpoint);
  const s3 = new S3Client({ ...config, forcePathStyle: true });
  const sqs = new SQSClient(config);
  const events = new EventBridgeClient(config);
  try {
    await ensureBucket(s3, BUCKET);
    const stateChanges = await ensureStream(STREAMS.stateChanges, { sqs, events });
    const workerEvents = await ensureStream(STREAMS.workerEvents, { sqs, events });
    return {
      bucket: BUCKET,
      queueUrl: stateChanges.queue.url,
      queueArn: stateChanges.queue.arn,
      deadLetterQueueUrl: stateChanges.deadLetters.url,
      ruleName: STREAMS.stateChanges.rule,
      ruleArn: stateChanges.ruleArn,
      workerEventsQueueUrl: workerEvents.queue.url,
      workerEventsRuleName: STREAMS.workerEvents.rule,
    };
  } finally {
    for (const client of [s3, sqs, events]) client.destroy();
  }
};
