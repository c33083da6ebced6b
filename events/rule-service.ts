/**
 * Puts, shows and removes the rules that rule.ts plans, with AWS's APIs, and opens their targets to them. Running it
 * again changes the rule to what is asked for; nothing that others put into a policy or onto a rule is lost.
 */
import {
  DeleteRuleCommand,
  DescribeRuleCommand,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  type EventBridgeClient,
} from '@aws-sdk/client-eventbridge';
import { GetRoleCommand, type IAMClient } from '@aws-sdk/client-iam';
import {
  CreateTopicCommand,
  GetTopicAttributesCommand,
  SetTopicAttributesCommand,
  SubscribeCommand,
  type SNSClient,
} from '@aws-sdk/client-sns';
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  SetQueueAttributesCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { z } from 'zod';
import { accountOfArn } from '../decisions/names.ts';
import { mayDeliver } from './queue-policy.ts';
import { InputError, OperationError } from '../errors.ts';
import { putRuleInput, putTargetsInput, type RulePlan } from './rule.ts';
import {
  grantSid,
  queueStatement,
  topicStatement,
  withoutStatement,
  withStatement,
  type Grant,
} from './target-policy.ts';

export type RuleClients = {
  events: EventBridgeClient;
  sqs: SQSClient;
  sns: SNSClient;
  iam: IAMClient;
};

/** A rule as it stands in AWS. */
export type RuleReport = {
  name: string;
  arn: string;
  enabled: boolean;
  description: string | null;
  roleArn: string | null;
  pattern: unknown;
  targets: { id: string; arn: string }[];
};

/** Creates the rule or changes the one of its name. Throws InputError for a role that EventBridge may not take. */
export const createRule = async (plan: RulePlan, clients: RuleClients): Promise<RuleReport> => {
  if (plan.targets.some(({ kind }) => kind !== 'queue') && (await isEmulator(clients.events)))
    throw new InputError(
      'The local stack cannot deliver to SNS topics: its emulator fails every matching event. Use --queue.',
    );
  if (plan.roleArn !== null) await checkTrust(plan.roleArn, clients.iam);
  // Before the rule: one without a target would stay behind.
  for (const target of plan.targets) if (target.kind === 'queue') await checkQueue(target.arn, clients.sqs);
  const { events, sns } = clients;

  let newTopicArn = '';
  for (const target of plan.targets) {
    if (target.kind !== 'new-topic') continue;
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: target.topicName }));
    newTopicArn = TopicArn ?? '';
  }
  const { RuleArn: ruleArn = '' } = await events.send(new PutRuleCommand(putRuleInput(plan)));
  const targets = putTargetsInput(plan, newTopicArn);
  // Open the targets first: an event that meets a closed one is not tried again.
  for (const { Arn: targetArn } of targets.Targets)
    await changePolicy(targetArn, clients, (policy, isQueue) => {
      const grant: Grant = { ruleName: plan.name, ruleArn, account: accountOfArn(ruleArn) ?? '', targetArn };
      return withStatement(policy, isQueue ? queueStatement(grant) : topicStatement(grant));
    });
  const { FailedEntries = [] } = await events.send(new PutTargetsCommand(targets));
  const [failed] = FailedEntries;
  if (failed !== undefined)
    throw new OperationError(
      `EventBridge refused target ${failed.TargetId}: ${failed.ErrorCode} ${failed.ErrorMessage}`,
    );
  if (plan.email !== null) {
    const TopicArn = targets.Targets.find(({ Id }) => Id === 'topic')?.Arn;
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'email', Endpoint: plan.email }));
  }
  return showRule(plan.name, events);
};

/** Reads one rule and its targets. Throws InputError if there is none of this name. */
export const showRule = async (name: string, events: EventBridgeClient): Promise<RuleReport> => {
  const rule = await events.send(new DescribeRuleCommand({ Name: name })).catch((error: unknown) => {
    if (isNotFound(error)) throw new InputError(`There is no rule ${name} in this account and region.`);
    throw error;
  });
  const pattern: unknown = JSON.parse(rule.EventPattern ?? 'null');
  return {
    name: rule.Name ?? name,
    arn: rule.Arn ?? '',
    enabled: rule.State !== 'DISABLED',
    description: rule.Description ?? null,
    roleArn: rule.RoleArn ?? null,
    pattern,
    targets: await targetsOf(name, events),
  };
};

/** Removes the rule, its targets and what was opened for it; queues, topics and subscriptions stay. */
export const removeRule = async (name: string, clients: RuleClients): Promise<RuleReport> => {
  const { events } = clients;
  const report = await showRule(name, events);
  const Ids = report.targets.map(({ id }) => id);
  if (Ids.length > 0) await events.send(new RemoveTargetsCommand({ Rule: name, Ids }));
  await events.send(new DeleteRuleCommand({ Name: name }));
  for (const { arn } of report.targets)
    await changePolicy(arn, clients, (policy) => withoutStatement(policy, grantSid(name))).catch((error: unknown) => {
      if (!isNotFound(error)) throw error; // A target that is gone needs no closing.
    });
  return report;
};

const targetsOf = async (Rule: string, events: EventBridgeClient): Promise<{ id: string; arn: string }[]> => {
  const found: { id: string; arn: string }[] = [];
  let NextToken: string | undefined;
  do {
    const page = await events.send(new ListTargetsByRuleCommand({ Rule, ...(NextToken ? { NextToken } : {}) }));
    for (const { Id = '', Arn = '' } of page.Targets ?? []) found.push({ id: Id, arn: Arn });
    NextToken = page.NextToken;
  } while (NextToken);
  return found;
};

/** Reads a queue's or topic's policy, lets it be changed, and writes it if it was. Other kinds of target are left alone. */
const changePolicy = async (
  arn: string,
  { sqs, sns }: RuleClients,
  change: (policy: string | undefined, isQueue: boolean) => string | null,
): Promise<void> => {
  const [, , service, , account, name] = arn.split(':');
  if (service === 'sqs') {
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: name, QueueOwnerAWSAccountId: account }));
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['Policy'] }));
    const Policy = change(Attributes?.Policy, true);
    if (Policy !== null) await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }));
  } else if (service === 'sns') {
    const { Attributes } = await sns.send(new GetTopicAttributesCommand({ TopicArn: arn }));
    const policy = change(Attributes?.['Policy'], false);
    if (policy !== null && policy !== '')
      await sns.send(new SetTopicAttributesCommand({ TopicArn: arn, AttributeName: 'Policy', AttributeValue: policy }));
  }
};

/** Whether the client talks to this machine: read from a harmless request, as the address may come from many places. */
const isEmulator = async (events: EventBridgeClient): Promise<boolean> => {
  let hostname = '';
  const command = new ListRulesCommand({ Limit: 1 });
  command.middlewareStack.add(
    (next) => async (args) => {
      const { request } = args;
      if (typeof request === 'object' && request !== null && 'hostname' in request) hostname = String(request.hostname);
      return next(args);
    },
    { step: 'finalizeRequest', name: 'hostname' },
  );
  await events.send(command);
  return ['localhost', '127.0.0.1', '::1', '[::1]'].includes(hostname);
};

const trustSchema = z.looseObject({ Statement: z.union([z.array(z.looseObject({})), z.looseObject({})]) });
const principalSchema = z.looseObject({
  Effect: z.literal('Allow'),
  Principal: z.looseObject({ Service: z.union([z.string(), z.array(z.string())]) }),
  Action: z.union([z.string(), z.array(z.string())]),
});

/** Whether a role's trust policy lets EventBridge assume it. */
export const trustsEventBridge = (policyDocument: string): boolean => {
  const parsed = trustSchema.safeParse(JSON.parse(policyDocument));
  if (!parsed.success) return false;
  return [parsed.data.Statement].flat().some((statement) => {
    const allowed = principalSchema.safeParse(statement);
    if (!allowed.success) return false;
    const { Principal, Action } = allowed.data;
    return (
      [Principal.Service].flat().includes('events.amazonaws.com') &&
      [Action].flat().some((action) => ['sts:AssumeRole', 'sts:*', '*'].includes(action))
    );
  });
};

/** Refuses a role that EventBridge cannot assume. A role that we may not read is left to PutRule. */
const checkTrust = async (roleArn: string, iam: IAMClient): Promise<void> => {
  const RoleName = roleArn.split('/').at(-1);
  const role = await iam.send(new GetRoleCommand({ RoleName })).catch((error: unknown) => {
    if (error instanceof Error && error.name === 'NoSuchEntityException')
      throw new InputError(
        `There is no role ${roleArn}; create it first, or leave out --role-arn: these targets need none.`,
      );
    return null;
  });
  const encoded = role?.Role?.AssumeRolePolicyDocument;
  if (encoded !== undefined && !trustsEventBridge(decodeURIComponent(encoded)))
    throw new InputError(
      `Role ${roleArn} does not trust events.amazonaws.com: its trust policy must allow that service sts:AssumeRole.`,
    );
};

/** Where EventBridge sends in vain: SQS targets of the rule that are gone, or whose policy does not let the rule send. */
export const closedQueues = async (
  { arn: ruleArn, name, targets }: RuleReport,
  { sqs }: Pick<RuleClients, 'sqs'>,
): Promise<{ arn: string; why: string }[]> => {
  const closed: { arn: string; why: string }[] = [];
  for (const { arn } of targets) {
    const [, , service, , account, QueueName] = arn.split(':');
    if (service !== 'sqs') continue;
    try {
      const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName, QueueOwnerAWSAccountId: account }));
      const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['Policy'] }));
      if (mayDeliver(Attributes?.Policy, ruleArn, arn)) continue;
      const why = `does not let the rule ${name} send: every event is lost. The "label-relay aws rule create" that made the rule, run again, opens it.`;
      closed.push({ arn, why });
    } catch (error) {
      // Who may not read the queue is told nothing about it.
      if (isNotFound(error)) closed.push({ arn, why: `does not exist: every event of the rule ${name} is lost` });
    }
  }
  return closed;
};

/** Refuses a queue that is not there. One that we may not read is left to PutTargets. */
const checkQueue = async (arn: string, sqs: SQSClient): Promise<void> => {
  const [, , , region, account, QueueName] = arn.split(':');
  await sqs.send(new GetQueueUrlCommand({ QueueName, QueueOwnerAWSAccountId: account })).catch((error: unknown) => {
    if (!isNotFound(error)) return;
    throw new InputError(
      `There is no queue ${QueueName} in account ${account}, region ${region}; create it first: label-relay aws deploy makes one.`,
    );
  });
};

const isNotFound = (error: unknown): boolean =>
  error instanceof Error && /NotFound|NonExistentQueue|QueueDoesNotExist/.test(error.name);
