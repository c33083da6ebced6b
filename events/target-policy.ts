/**
 * What a queue or topic must allow so that a rule may deliver to it: one statement for each rule in the target's own
 * policy, added to what stands there and taken out again. Pure: documents in, documents out.
 */
import { z } from 'zod';
import { OperationError } from '../errors.ts';

const statementSchema = z.looseObject({ Sid: z.string().optional() });
const policySchema = z.looseObject({ Statement: z.union([z.array(statementSchema), statementSchema]) });

export type PolicyStatement = z.infer<typeof statementSchema>;

/** A rule and what it delivers to. */
export type Grant = { ruleName: string; ruleArn: string; account: string; targetArn: string };

/** The statement's id: letters and digits only, as queue policies accept. */
export const grantSid = (ruleName: string): string => `LabelRelayRule${Buffer.from(ruleName).toString('hex')}`;

/** Lets one rule of one account send to the queue. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html */
export const queueStatement = ({ ruleName, ruleArn, account, targetArn }: Grant): PolicyStatement => ({
  Sid: grantSid(ruleName),
  Effect: 'Allow',
  Principal: { Service: 'events.amazonaws.com' },
  Action: 'sqs:SendMessage',
  Resource: targetArn,
  Condition: { ArnEquals: { 'aws:SourceArn': ruleArn }, StringEquals: { 'aws:SourceAccount': account } },
});

/**
 * Lets EventBridge publish to the topic. Without conditions: AWS documents that topic policies for EventBridge take
 * none, so one would refuse every event. Same page as above, "Amazon SNS permissions".
 */
export const topicStatement = ({ ruleName, targetArn }: Grant): PolicyStatement => ({
  Sid: grantSid(ruleName),
  Effect: 'Allow',
  Principal: { Service: 'events.amazonaws.com' },
  Action: 'sns:Publish',
  Resource: targetArn,
});

/** The policy with the statement in it, in the place of an older one of the same id. */
export const withStatement = (policy: string | undefined, statement: PolicyStatement): string => {
  const { document, statements } = read(policy);
  const others = statements.filter(({ Sid }) => Sid !== statement.Sid);
  return JSON.stringify({ ...document, Statement: [...others, statement] });
};

/** The policy without the statement; null if there was no such statement, `''` if nothing else was in it. */
export const withoutStatement = (policy: string | undefined, sid: string): string | null => {
  const { document, statements } = read(policy);
  const others = statements.filter(({ Sid }) => Sid !== sid);
  if (others.length === statements.length) return null;
  return others.length === 0 ? '' : JSON.stringify({ ...document, Statement: others });
};

const read = (policy: string | undefined): { document: Record<string, unknown>; statements: PolicyStatement[] } => {
  if (policy === undefined || policy === '') return { document: { Version: '2012-10-17' }, statements: [] };
  const parsed = policySchema.safeParse(JSON.parse(policy));
  if (!parsed.success)
    throw new OperationError('The policy of the target is none that can be read; it was not changed.');
  const { Statement, ...document } = parsed.data;
  return { document, statements: Array.isArray(Statement) ? Statement : [Statement] };
};
