/** Reads a queue's policy as far as deliveries of a rule go: who may send, under which conditions that we know. Pure. */
import { z } from 'zod';

const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());

const statementSchema = z.looseObject({
  Effect: z.string(),
  Principal: z.union([z.literal('*'), z.looseObject({ Service: oneOrMore.optional(), AWS: oneOrMore.optional() })]),
  Action: oneOrMore,
  Resource: oneOrMore.optional(),
  Condition: z.record(z.string(), z.record(z.string(), oneOrMore)).optional(),
});
type Statement = z.infer<typeof statementSchema>;

const policySchema = z.looseObject({ Statement: z.union([z.array(z.unknown()), z.looseObject({})]) });

/** `*` and `?` as IAM and SQS read them; case does not matter for actions only. */
const matchesPattern = (pattern: string, text: string): boolean => {
  const source = pattern
    .split('')
    .map((character) =>
      character === '*' ? '.*' : character === '?' ? '.' : character.replace(/[\\^$+.()|[\]{}]/, '\\$&'),
    )
    .join('');
  return new RegExp(`^${source}$`).test(text);
};

const isForEventBridge = ({ Principal }: Statement): boolean =>
  Principal === '*' ||
  (Principal.Service ?? []).includes('events.amazonaws.com') ||
  (Principal.AWS ?? []).includes('*');

/** Conditions on anything but the source are taken as met: what they ask is not known here. */
const allowsSource = ({ Condition = {} }: Statement, ruleArn: string): boolean =>
  Object.values(Condition).every((keys) =>
    Object.entries(keys).every(
      ([key, values]) =>
        key.toLowerCase() !== 'aws:sourcearn' || values.some((value) => matchesPattern(value, ruleArn)),
    ),
  );

/** Whether a statement of the policy lets EventBridge send to the queue for this rule. Denials are not looked at. */
export const mayDeliver = (policy: string | undefined, ruleArn: string, queueArn: string): boolean => {
  const document = policySchema.safeParse(JSON.parse(policy === undefined || policy === '' ? 'null' : policy));
  if (!document.success) return false;
  return [document.data.Statement].flat().some((one) => {
    const parsed = statementSchema.safeParse(one);
    if (!parsed.success) return false;
    const { Effect, Action, Resource = ['*'] } = parsed.data;
    return (
      Effect === 'Allow' &&
      isForEventBridge(parsed.data) &&
      Action.some((action) => matchesPattern(action.toLowerCase(), 'sqs:sendmessage')) &&
      Resource.some((resource) => matchesPattern(resource, queueArn)) &&
      allowsSource(parsed.data, ruleArn)
    );
  });
};
