/**
 * The EventBridge rules that bring labeling-job events to the consumer or to people: checked and planned here as plain
 * data, so that what `--print` shows is what is put. Owns patterns, names and targets; rule-service.ts talks to AWS.
 *
 * Source: https://docs.aws.amazon.com/sagemaker/latest/dg/sms-monitor-cloud-watch.html and the PutRule and PutTargets
 * pages of the EventBridge API reference (lengths and characters).
 */
import { regionOfArn } from '../decisions/names.ts';
import { InputError } from '../errors.ts';
import { TASK_STATUS_DETAIL_TYPE } from './envelope.ts';
import { STATE_CHANGE_SOURCE, stateChangePattern, type StateChangePattern } from './state-change-pattern.ts';

/** The statuses for which AWS documents events. */
export const RULE_STATUSES = ['Completed', 'Failed', 'Stopped'] as const;
export type RuleStatus = (typeof RULE_STATUSES)[number];

/** Names of rules that were given none. */
export const STATE_CHANGE_RULE_NAME = 'label-relay-state-changes';
export const WORKER_EVENT_RULE_NAME = 'label-relay-worker-events';

/** The detail-types of what workers do, as the EventBridge reference for SageMaker lists them. */
export const WORKER_EVENT_DETAIL_TYPES = [
  TASK_STATUS_DETAIL_TYPE,
  'SageMaker Human Task Accepted',
  'SageMaker Human Task Declined',
  'SageMaker Human Task Returned',
  'SageMaker Human Task Submitted',
] as const;

export type WorkerEventPattern = {
  source: [typeof STATE_CHANGE_SOURCE];
  'detail-type': readonly string[];
};

export const workerEventPattern = (): WorkerEventPattern => ({
  source: [STATE_CHANGE_SOURCE],
  'detail-type': WORKER_EVENT_DETAIL_TYPES,
});

/** What a person asks for. Undefined means: not said. */
export type RuleRequest = {
  name?: string | undefined;
  description?: string | undefined;
  /** Only these statuses; every state change if left out. */
  statuses?: readonly string[] | undefined;
  /** A rule for what workers do, instead of state changes. */
  workerEvents?: boolean | undefined;
  disabled?: boolean | undefined;
  region: string;
  roleArn?: string | undefined;
  /** The queue's URL or ARN. */
  queue?: string | undefined;
  /** The topic's ARN. */
  topic?: string | undefined;
  /** An address to subscribe; to `topic` if that is given, else to a topic made for the rule. */
  email?: string | undefined;
};

/** A target by its ARN; `topicName` instead where the topic is still to be made. */
export type RuleTarget =
  | { kind: 'queue'; id: 'queue'; arn: string }
  | { kind: 'topic'; id: 'topic'; arn: string }
  | { kind: 'new-topic'; id: 'topic'; topicName: string };

/** A rule that was checked: everything that is put, and nothing that is looked up. */
export type RulePlan = {
  name: string;
  description: string | null;
  pattern: StateChangePattern | WorkerEventPattern;
  enabled: boolean;
  region: string;
  roleArn: string | null;
  targets: readonly RuleTarget[];
  email: string | null;
};

/** Checks a request and plans its rule. Throws InputError with every mistake at once. */
export const planRule = (request: RuleRequest): RulePlan => {
  const problems: string[] = [];
  const { region, roleArn = null, description = null, email = null } = request;
  const workerEvents = request.workerEvents ?? false;
  const name = request.name ?? (workerEvents ? WORKER_EVENT_RULE_NAME : STATE_CHANGE_RULE_NAME);

  if (!/^[.\-_A-Za-z0-9]{1,64}$/.test(name))
    problems.push(`Rule name ${JSON.stringify(name)}: EventBridge takes 1 to 64 letters, digits, ".", "-" and "_".`);
  if (!/^[a-z]{2,}(-[a-z]+)+-\d+$/.test(region))
    problems.push(`Region ${JSON.stringify(region)} is no AWS region; use one like us-east-1.`);
  if (description !== null && description.length > 512)
    problems.push(`The description has ${description.length} characters; EventBridge takes 512.`);
  if (roleArn !== null && !/^arn:[a-z-]+:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/.test(roleArn))
    problems.push(`Role ${JSON.stringify(roleArn)} is no role ARN; use one like arn:aws:iam::111122223333:role/Name.`);
  if (email !== null && !/^[^\s@'"]+@[^\s@'"]+$/.test(email))
    problems.push(`${JSON.stringify(email)} is no e-mail address.`);
  if (workerEvents && request.statuses !== undefined)
    problems.push(
      'A rule for worker events has no labeling job status: leave out either --worker-events or --statuses.',
    );

  const statuses = request.statuses?.flatMap((list) => list.split(',')).map((status) => status.trim());
  for (const status of statuses ?? []) {
    if (!isRuleStatus(status))
      problems.push(`Status ${JSON.stringify(status)}: valid values are ${RULE_STATUSES.join(', ')}.`);
  }

  const targets: RuleTarget[] = [];
  if (request.queue !== undefined) {
    const arn = queueArnOf(request.queue, region);
    if (arn === null)
      problems.push(`Queue ${JSON.stringify(request.queue)} is neither the URL nor the ARN of an SQS queue.`);
    else targets.push({ kind: 'queue', id: 'queue', arn });
  }
  if (request.topic !== undefined) {
    if (/^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/.test(request.topic))
      targets.push({ kind: 'topic', id: 'topic', arn: request.topic });
    else problems.push(`Topic ${JSON.stringify(request.topic)} is not the ARN of a standard SNS topic.`);
  } else if (email !== null) targets.push({ kind: 'new-topic', id: 'topic', topicName: topicNameOf(name) });
  if (request.queue === undefined && request.topic === undefined && email === null)
    problems.push('The rule has no target: give --queue, --topic, --email, or several of them.');
  for (const target of targets) {
    if (target.kind !== 'new-topic' && regionOfArn(target.arn) !== region)
      problems.push(`${target.arn} is in another region than the rule (${region}); EventBridge needs them in one.`);
  }

  if (problems.length > 0) throw new InputError(problems);
  const pattern = workerEvents
    ? workerEventPattern()
    : stateChangePattern(statuses === undefined ? undefined : [...new Set(statuses)]);
  return { name, description, pattern, enabled: request.disabled !== true, region, roleArn, targets, email };
};

const isRuleStatus = (text: string): text is RuleStatus => RULE_STATUSES.some((status) => status === text);

/** SNS names have no dot; rule names may. */
const topicNameOf = (ruleName: string): string => `${ruleName.replaceAll('.', '-')}-email`;

/** A queue's ARN from its ARN or URL (`https://sqs.<region>.amazonaws.com/<account>/<name>`); null if it is neither. */
export const queueArnOf = (queue: string, region: string): string | null => {
  if (/^arn:[a-z-]+:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}$/.test(queue)) return queue;
  const url = URL.parse(queue);
  const [, account, name] = /^\/(\d{12})\/([A-Za-z0-9_-]{1,80})$/.exec(url?.pathname ?? '') ?? [];
  if (url === null || account === undefined || name === undefined) return null;
  const urlRegion = /^sqs\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$/.exec(url.hostname)?.[1] ?? region;
  return `arn:${partitionOf(urlRegion)}:sqs:${urlRegion}:${account}:${name}`;
};

/** The ARN partition of a region. */
export const partitionOf = (region: string): string => {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
};

/** The input of PutRule; it carries the role, as AWS's page for labeling jobs does. */
export const putRuleInput = (plan: RulePlan) => ({
  Name: plan.name,
  EventPattern: JSON.stringify(plan.pattern),
  State: plan.enabled ? ('ENABLED' as const) : ('DISABLED' as const),
  ...(plan.description === null ? {} : { Description: plan.description }),
  ...(plan.roleArn === null ? {} : { RoleArn: plan.roleArn }),
});

/**
 * The input of PutTargets. Targets never get the role: queues and topics are opened by their own policies, and with a
 * role the delivery to encrypted ones may fail. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
 */
export const putTargetsInput = (plan: RulePlan, arnOfNewTopic: string) => ({
  Rule: plan.name,
  Targets: plan.targets.map((target) => ({
    Id: target.id,
    Arn: target.kind === 'new-topic' ? arnOfNewTopic : target.arn,
  })),
});

/** The same rule as commands for the AWS CLI, one for each line. What needs an answer of an earlier one is a shell variable. */
export const awsCommandsOf = (plan: RulePlan): string[] => {
  const rule = putRuleInput(plan);
  const region = `--region ${plan.region}`;
  const commands: string[] = [];
  const newTopic = plan.targets.find((target) => target.kind === 'new-topic');
  const topic = plan.targets.find((target) => target.kind === 'topic');
  if (newTopic) {
    const create = `aws sns create-topic --name ${newTopic.topicName} ${region} --query TopicArn --output text`;
    commands.push(`TOPIC_ARN=$(${create})`);
  }
  if (plan.email !== null) {
    const arn = topic === undefined ? '"$TOPIC_ARN"' : quote(topic.arn);
    commands.push(
      `aws sns subscribe --topic-arn ${arn} --protocol email --notification-endpoint ${quote(plan.email)} ${region}`,
    );
  }
  commands.push(
    [
      `aws events put-rule --name ${rule.Name} ${region}`,
      `--event-pattern ${quote(rule.EventPattern)}`,
      `--state ${rule.State}`,
      ...(plan.description === null ? [] : [`--description ${quote(plan.description)}`]),
      ...(plan.roleArn === null ? [] : [`--role-arn ${quote(plan.roleArn)}`]),
    ].join(' '),
  );
  const targets = plan.targets.map((target) =>
    target.kind === 'new-topic' ? `"Id=${target.id},Arn=$TOPIC_ARN"` : quote(`Id=${target.id},Arn=${target.arn}`),
  );
  commands.push(`aws events put-targets --rule ${rule.Name} ${region} --targets ${targets.join(' ')}`);
  return commands;
};

/** Quotes one word for a POSIX shell. */
const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
