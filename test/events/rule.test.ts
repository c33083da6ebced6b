import { InputError } from '../../errors.ts';
import { awsCommandsOf, partitionOf, planRule, putRuleInput, putTargetsInput, queueArnOf } from '../../events/rule.ts';
import { trustsEventBridge } from '../../events/rule-service.ts';
import {
  grantSid,
  queueStatement,
  topicStatement,
  withoutStatement,
  withStatement,
} from '../../events/target-policy.ts';

const region = 'us-west-2';
const queue = 'arn:aws:sqs:us-west-2:111122223333:events';
const topic = 'arn:aws:sns:us-west-2:111122223333:people';
const roleArn = 'arn:aws:iam::111122223333:role/MyRoleForThisRule';
const problemsOf = (request: Partial<Parameters<typeof planRule>[0]>): readonly string[] => {
  try {
    planRule({ region, queue, ...request });
  } catch (error) {
    if (error instanceof InputError) return error.problems;
  }
  return [];
};

describe('a rule has the pattern that AWS documents', () => {
  const documented = { source: ['aws.sagemaker'], 'detail-type': ['SageMaker Ground Truth Labeling Job State Change'] };
  test('for every state change', () => {
    expect(planRule({ region, queue }).pattern).toEqual(documented);
  });

  test.each([
    [['Completed'], ['Completed']],
    [
      ['Completed', 'Failed'],
      ['Completed', 'Failed'],
    ],
    [['Completed,Failed, Stopped'], ['Completed', 'Failed', 'Stopped']],
    [['Failed', 'Failed'], ['Failed']],
  ])('for the statuses %j', (statuses, LabelingJobStatus) => {
    expect(planRule({ region, queue, statuses }).pattern).toEqual({ ...documented, detail: { LabelingJobStatus } });
  });

  test('for worker events, under a name of its own', () => {
    const plan = planRule({ region, queue, workerEvents: true });
    expect(plan.name).toBe('label-relay-worker-events');
    expect(plan.pattern['detail-type']).toContain('SageMaker Ground Truth Labeling Job Task Status Change');
    expect(plan.pattern['detail-type']).not.toContain('SageMaker Ground Truth Labeling Job State Change');
  });
});

describe('what is wrong is refused with what is accepted, every mistake at once', () => {
  test.each([
    ['an unknown status', { statuses: ['Stopping'] }, /"Stopping": valid values are Completed, Failed, Stopped/],
    ['a status in another case', { statuses: ['completed'] }, /valid values are Completed, Failed, Stopped/],
    ['an empty status', { statuses: [''] }, /valid values are Completed, Failed, Stopped/],
    ['statuses of worker events', { workerEvents: true, statuses: ['Failed'] }, /either --worker-events or --statuses/],
    ['a name with a blank', { name: 'my rule' }, /1 to 64 letters/],
    ['a long description', { description: 'x'.repeat(513) }, /EventBridge takes 512/],
    ['a role that is no role', { roleArn: 'arn:aws:iam::111122223333:user/me' }, /no role ARN/],
    ['an address with a quote', { email: `a'; rm -rf b@example.com` }, /no e-mail address/],
    ['a queue in another region', { queue: queue.replace('us-west-2', 'us-east-1') }, /another region than the rule/],
    ['a queue that is none', { queue: 'events' }, /neither the URL nor the ARN/],
    ['a FIFO topic', { topic: `${topic}.fifo` }, /standard SNS topic/],
    ['no target', { queue: undefined }, /no target/],
    ['no region', { region: 'here' }, /no AWS region/],
  ])('%s', (_name, request, text) => {
    expect(problemsOf(request).join('\n')).toMatch(text);
  });

  test('together', () => {
    expect(problemsOf({ name: '', statuses: ['A', 'B'], queue: 'x' })).toHaveLength(4);
  });
});

test('the role goes to PutRule, and never to a queue or topic target', () => {
  const plan = planRule({ region, queue, topic, roleArn, name: 'r', description: 'why', disabled: true });
  expect(putRuleInput(plan)).toEqual({
    Name: 'r',
    EventPattern: JSON.stringify(plan.pattern),
    State: 'DISABLED',
    Description: 'why',
    RoleArn: roleArn,
  });
  expect(putTargetsInput(plan, '')).toEqual({
    Rule: 'r',
    Targets: [
      { Id: 'queue', Arn: queue },
      { Id: 'topic', Arn: topic },
    ],
  });
});

describe('--print', () => {
  test('gives the AWS CLI commands with everything quoted for a shell', () => {
    const plan = planRule({ region, queue, topic, roleArn, statuses: ['Completed'], description: `it's "done"` });
    expect(awsCommandsOf(plan)).toEqual([
      `aws events put-rule --name label-relay-state-changes --region us-west-2 --event-pattern '{"source":["aws.sagemaker"],"detail-type":["SageMaker Ground Truth Labeling Job State Change"],"detail":{"LabelingJobStatus":["Completed"]}}' --state ENABLED --description 'it'\\''s "done"' --role-arn '${roleArn}'`,
      `aws events put-targets --rule label-relay-state-changes --region us-west-2 --targets 'Id=queue,Arn=${queue}' 'Id=topic,Arn=${topic}'`,
    ]);
  });

  test('makes and subscribes a topic for an address without one', () => {
    const commands = awsCommandsOf(planRule({ region, email: 'me@example.com' }));
    expect(commands).toHaveLength(4);
    expect(commands[0]).toContain('aws sns create-topic --name label-relay-state-changes-email');
    expect(commands[1]).toContain(`--topic-arn "$TOPIC_ARN" --protocol email --notification-endpoint 'me@example.com'`);
    expect(commands[3]).toContain('--targets "Id=topic,Arn=$TOPIC_ARN"');
  });

  test('subscribes an address to the topic that is given', () => {
    expect(awsCommandsOf(planRule({ region, topic, email: 'me@example.com' }))[0]).toContain(`--topic-arn '${topic}'`);
  });
});

test.each([
  ['https://sqs.us-west-2.amazonaws.com/111122223333/events', queue],
  ['https://sqs.cn-north-1.amazonaws.com.cn/111122223333/e', 'arn:aws-cn:sqs:cn-north-1:111122223333:e'],
  ['http://127.0.0.1:5000/123456789012/events', 'arn:aws:sqs:us-west-2:123456789012:events'],
  [queue, queue],
  ['https://example.com/', null],
])('queue %s is %s', (given, arn) => {
  expect(queueArnOf(given, region)).toBe(arn);
});

test('partitions follow the region', () => {
  expect(['us-gov-west-1', 'cn-north-1', 'eu-west-1'].map(partitionOf)).toEqual(['aws-us-gov', 'aws-cn', 'aws']);
});

describe('trust', () => {
  const trust = (statement: unknown) => JSON.stringify({ Version: '2012-10-17', Statement: statement });
  test('is the statement that AWS documents, in each of its spellings', () => {
    const documented = { Effect: 'Allow', Principal: { Service: ['events.amazonaws.com'] }, Action: 'sts:AssumeRole' };
    expect(trustsEventBridge(trust([{ Sid: '', ...documented }]))).toBe(true);
    expect(trustsEventBridge(trust({ ...documented, Principal: { Service: 'events.amazonaws.com' } }))).toBe(true);
  });
  test.each([
    ['another service', { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    ['a denial', { Effect: 'Deny', Principal: { Service: 'events.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    ['another action', { Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' }, Action: 'sts:TagSession' }],
    ['an account', { Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::111122223333:root' }, Action: 'sts:AssumeRole' }],
  ])('is not %s', (_name, statement) => {
    expect(trustsEventBridge(trust(statement))).toBe(false);
  });
});

describe('the policy of a target', () => {
  const grant = {
    ruleName: 'r',
    ruleArn: 'arn:aws:events:us-west-2:111122223333:rule/r',
    account: '111122223333',
    targetArn: queue,
  };
  test('lets exactly one rule of one account send to a queue', () => {
    expect(queueStatement(grant)).toMatchObject({
      Principal: { Service: 'events.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Condition: {
        ArnEquals: { 'aws:SourceArn': grant.ruleArn },
        StringEquals: { 'aws:SourceAccount': '111122223333' },
      },
    });
  });
  test('has no condition for a topic, where AWS documents that EventBridge meets none', () => {
    expect(topicStatement({ ...grant, targetArn: topic })).not.toHaveProperty('Condition');
  });
  test('keeps what others put there, once, and gives back what it was', () => {
    const other = { Sid: 'Mine', Effect: 'Deny', Principal: '*', Action: 'sqs:*', Resource: queue };
    const before = JSON.stringify({ Version: '2012-10-17', Statement: other });
    const once = withStatement(before, queueStatement(grant));
    expect(withStatement(once, queueStatement(grant))).toBe(once);
    expect(JSON.parse(once)).toEqual({ Version: '2012-10-17', Statement: [other, queueStatement(grant)] });
    expect(JSON.parse(withoutStatement(once, grantSid('r')) ?? '')).toEqual({
      Version: '2012-10-17',
      Statement: [other],
    });
    expect(withoutStatement(before, grantSid('r'))).toBeNull();
    expect(withoutStatement(withStatement(undefined, queueStatement(grant)), grantSid('r'))).toBe('');
  });
});
