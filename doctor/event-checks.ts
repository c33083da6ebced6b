/** The checks of an event path: the queue, its dead letters, the rule that fills it, and whether the rule may. Changes nothing. */
import {
  DescribeRuleCommand,
  ListRuleNamesByTargetCommand,
  ListTargetsByRuleCommand,
  type EventBridgeClient,
} from '@aws-sdk/client-eventbridge';
import { GetQueueAttributesCommand, GetQueueUrlCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { z } from 'zod';
import { awsErrorName } from '../activities/aws-failures.ts';
import { TERMINAL_STATUSES } from '../decisions/ending.ts';
import { VISIBILITY_S } from '../events/consumer.ts';
import { unanswered } from './aws-errors.ts';
import { failed, passed, runCheck, skipAll, type Check, type Report, type Verdict } from './findings.ts';
import { queueElsewhere } from '../config.ts';
import { mayDeliver } from '../events/queue-policy.ts';

/** Clients of the region, and the region itself. */
export type EventCheckClients = { sqs: SQSClient; events: EventBridgeClient; region: string };

/** One of the two paths: its queue, and how its checks are called. */
export type EventPath = {
  queueUrl: string;
  /** The variable that named the queue. */
  variable: 'LABEL_RELAY_QUEUE_URL' | 'LABEL_RELAY_WORKER_EVENTS_QUEUE_URL';
  /** Of these one at least must match the rule. */
  detailTypes: readonly string[];
  /** The command that makes the rule. */
  remedy: string;
  checks: { queue: Check; deadLetters: Check; rule: Check; target: Check };
};

type Attributes = Partial<Record<string, string>>;

/** Days for which messages outlive a weekend without a consumer. */
const SHORTEST_RETENTION_S = 2 * 86_400;

const attributesOf = async (sqs: SQSClient, QueueUrl: string): Promise<Attributes> => {
  const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
  return Attributes;
};

const isNoQueue = (thrown: unknown): boolean => /NonExistentQueue|QueueDoesNotExist/.test(awsErrorName(thrown));

const queueVerdict = (attributes: Attributes, { queueUrl }: EventPath): Verdict => {
  const problems: string[] = [];
  if (Number(attributes['VisibilityTimeout']) < VISIBILITY_S)
    problems.push(
      `its visibility timeout is ${attributes['VisibilityTimeout']} s, at least ${VISIBILITY_S} s are needed`,
    );
  if (Number(attributes['MessageRetentionPeriod']) < SHORTEST_RETENTION_S)
    problems.push(`it keeps messages for ${attributes['MessageRetentionPeriod']} s, less than two days`);
  if (/^(alias\/aws\/sqs|arn:[^:]+:kms:.*:alias\/aws\/sqs)$/.test(attributes['KmsMasterKeyId'] ?? ''))
    problems.push('it is encrypted by alias/aws/sqs, which EventBridge may not use');
  if (problems.length > 0)
    return failed(`${queueUrl}: ${problems.join('; ')}`, 'correct the queue, or make one by: label-relay aws deploy');
  const waiting = attributes['ApproximateNumberOfMessages'] ?? '?';
  return passed(`${queueUrl}, about ${waiting} messages wait`);
};

const redriveSchema = z.object({ deadLetterTargetArn: z.string(), maxReceiveCount: z.coerce.number() });

const deadLetterVerdict = async (sqs: SQSClient, attributes: Attributes): Promise<Verdict> => {
  const policy = attributes['RedrivePolicy'];
  const redrive = policy === undefined ? null : redriveSchema.safeParse(JSON.parse(policy));
  if (redrive?.success !== true)
    return failed(
      'the queue has no dead-letter queue: unusable events are lost when their retention ends',
      'set its RedrivePolicy (maxReceiveCount 5), or make the queues by: label-relay aws deploy',
    );
  const { deadLetterTargetArn, maxReceiveCount } = redrive.data;
  if (maxReceiveCount < 5)
    return failed(
      `events become dead letters after ${maxReceiveCount} receives; an outage of Temporal would make some`,
      'set maxReceiveCount of its RedrivePolicy to 5',
    );
  const [, , , , account, name] = deadLetterTargetArn.split(':');
  let deadLetters: Attributes;
  try {
    const { QueueUrl = '' } = await sqs.send(
      new GetQueueUrlCommand({ QueueName: name, QueueOwnerAWSAccountId: account }),
    );
    deadLetters = await attributesOf(sqs, QueueUrl);
  } catch (thrown) {
    if (!isNoQueue(thrown)) throw thrown;
    return failed(`its dead-letter queue ${deadLetterTargetArn} does not exist`, 'create it, or correct RedrivePolicy');
  }
  const count = Number(deadLetters['ApproximateNumberOfMessages'] ?? 0);
  if (count > 0)
    return failed(
      `${name} holds about ${count} events that could not be used`,
      `read why in the consumer's log, mend it, then: aws sqs start-message-move-task --source-arn ${deadLetterTargetArn}`,
    );
  return passed(`${name} is empty; events come there after ${maxReceiveCount} receives`);
};

const patternSchema = z.looseObject({
  source: z.array(z.unknown()).optional(),
  'detail-type': z.array(z.unknown()).optional(),
  detail: z.looseObject({ LabelingJobStatus: z.array(z.unknown()).optional() }).optional(),
});

/** What is no word, such as `{"prefix": "aws."}`, is not judged. */
const holdsOneOf = (filter: readonly unknown[], words: readonly string[]): boolean =>
  filter.some((one) => typeof one !== 'string' || words.includes(one));

const matchesPath = (patternText: string | undefined, detailTypes: readonly string[]): boolean => {
  const pattern = patternSchema.safeParse(JSON.parse(patternText ?? 'null'));
  if (!pattern.success) return false;
  const { source, 'detail-type': types } = pattern.data;
  return (
    (source === undefined || holdsOneOf(source, ['aws.sagemaker'])) &&
    (types === undefined || holdsOneOf(types, detailTypes))
  );
};

/** Endings of jobs that the pattern keeps out by their status; a filter that is not a list of words is not judged. */
const endingsLeftOut = (patternText: string | undefined): string[] => {
  const statuses = patternSchema.safeParse(JSON.parse(patternText ?? 'null')).data?.detail?.LabelingJobStatus ?? [];
  return statuses.length > 0 && statuses.every((one) => typeof one === 'string')
    ? TERMINAL_STATUSES.filter((status) => !statuses.includes(status))
    : [];
};

type Rule = { name: string; arn: string; enabled: boolean; matches: boolean; leavesOut: string[] };

const rulesTo = async (events: EventBridgeClient, queueArn: string, path: EventPath): Promise<Rule[]> => {
  const { RuleNames = [] } = await events.send(new ListRuleNamesByTargetCommand({ TargetArn: queueArn }));
  const rules: Rule[] = [];
  for (const name of RuleNames) {
    const { Arn = '', State, EventPattern } = await events.send(new DescribeRuleCommand({ Name: name }));
    rules.push({
      name,
      arn: Arn,
      enabled: State !== 'DISABLED',
      matches: EventPattern !== undefined && matchesPath(EventPattern, path.detailTypes),
      leavesOut: endingsLeftOut(EventPattern),
    });
  }
  return rules;
};

const ruleVerdict = (rules: readonly Rule[], queueArn: string, { remedy }: EventPath): Verdict => {
  const right = rules.filter(({ matches }) => matches);
  const on = right.filter(({ enabled }) => enabled);
  const missing = TERMINAL_STATUSES.filter((status) => on.every(({ leavesOut }) => leavesOut.includes(status)));
  if (on.length > 0 && missing.length > 0)
    return failed(
      `the pattern of ${on.map(({ name }) => name).join(', ')} leaves out ${missing.join(', ')}: such endings are noticed hours late`,
      remedy,
    );
  if (on.length > 0) return passed(on.map(({ name }) => name).join(', '));
  const [off] = right;
  if (off !== undefined) return failed(`the rule ${off.name} is disabled`, `aws events enable-rule --name ${off.name}`);
  if (rules.length > 0)
    return failed(`the pattern of ${rules.map(({ name }) => name).join(', ')} matches none of our events`, remedy);
  return failed(`no rule of the default event bus has ${queueArn} as its target`, remedy);
};

const targetVerdict = async (
  events: EventBridgeClient,
  rules: readonly Rule[],
  queueArn: string,
  { Policy: policy }: Attributes,
  { remedy }: EventPath,
): Promise<Verdict> => {
  const closed = rules.filter(({ arn }) => !mayDeliver(policy, arn, queueArn));
  if (closed.length > 0)
    return failed(
      `the queue's policy does not let ${closed.map(({ name }) => name).join(', ')} send to it: every event is lost`,
      `${remedy} (it opens the queue's policy too)`,
    );
  for (const { name } of rules) {
    const { Targets = [] } = await events.send(new ListTargetsByRuleCommand({ Rule: name }));
    const target = Targets.find(({ Arn }) => Arn === queueArn);
    if (target?.RoleArn !== undefined)
      return failed(
        `the target of ${name} has a role; with one, delivery to a queue may fail`,
        `take RoleArn off the target: ${remedy}`,
      );
    if (target?.Input !== undefined || target?.InputPath !== undefined || target?.InputTransformer !== undefined)
      return failed(
        `the target of ${name} changes the event on its way; the consumer needs it as it is`,
        `take the input settings off the target: ${remedy}`,
      );
  }
  return passed("the queue's policy lets the rule send");
};

/** Makes the four checks of one path; never throws. */
export const checkEventPath = async (
  path: EventPath,
  { sqs, events, region }: EventCheckClients,
  report: Report,
): Promise<void> => {
  const { checks, queueUrl, variable } = path;
  const elsewhere = queueElsewhere(variable, queueUrl, region);
  let attributes: Attributes | null = null;
  await runCheck(
    report,
    checks.queue,
    async () => {
      if (elsewhere !== null) return failed(elsewhere, "set AWS_REGION to the queue's region, or correct the URL");
      attributes = await attributesOf(sqs, queueUrl);
      return queueVerdict(attributes, path);
    },
    (thrown) =>
      isNoQueue(thrown)
        ? failed(`there is no queue ${queueUrl}`, `correct ${variable}, or make the queue by: label-relay aws deploy`)
        : unanswered(thrown, 'sqs:GetQueueAttributes'),
  );
  const found = attributes as Attributes | null;
  const queueArn = found?.['QueueArn'];
  if (found === null || queueArn === undefined)
    return skipAll(report, [checks.deadLetters, checks.rule, checks.target], 'the queue was not read');
  await runCheck(
    report,
    checks.deadLetters,
    () => deadLetterVerdict(sqs, found),
    (thrown) => unanswered(thrown, 'sqs:GetQueueAttributes on the dead-letter queue'),
  );
  let rules: Rule[] = [];
  const hasRule = await runCheck(
    report,
    checks.rule,
    async () => {
      rules = await rulesTo(events, queueArn, path);
      return ruleVerdict(rules, queueArn, path);
    },
    (thrown) => unanswered(thrown, 'events:ListRuleNamesByTarget and events:DescribeRule'),
  );
  if (!hasRule) return skipAll(report, [checks.target], 'there is no rule in order');
  const inUse = rules.filter(({ matches, enabled }) => matches && enabled);
  await runCheck(
    report,
    checks.target,
    () => targetVerdict(events, inUse, queueArn, found, path),
    (thrown) => unanswered(thrown, 'events:ListTargetsByRule'),
  );
};
