import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { NOTIFICATION_KINDS } from '../../decisions/policy.ts';
import { workerEventPattern } from '../../events/rule.ts';
import { stateChangePattern } from '../../events/state-change-pattern.ts';
import { STACK_PARAMETERS } from '../../infra/stack.ts';
import { ensurePythonEnvironment } from '../../local/python-environment.ts';
import { templateData, type Resource } from './read-template.ts';

/* What the emulator does not model (alarms, policies, subscriptions, retry settings, encryption) is asserted here, each by name. */

type Statement = {
  Sid: string;
  Effect: string;
  Principal: unknown;
  Action: string | string[];
  Resource: unknown;
  Condition?: Record<string, unknown>;
};

const { Parameters, Conditions, Resources } = await templateData();
const NO_VALUE = { Ref: 'AWS::NoValue' };
const arnOf = (name: string) => ({ 'Fn::GetAtt': `${name}.Arn` });
const ref = (name: string) => ({ Ref: name });

const resource = (name: string, type: string): Resource => {
  const found = Resources[name];
  if (found?.Type !== type) throw new Error(`${name} is no ${type} in the template`);
  return found;
};
const namesOf = (type: string): string[] => Object.keys(Resources).filter((name) => Resources[name]?.Type === type);

/** Both branches of every Fn::If, so that no condition hides a statement from a test. */
const withBranches = (items: readonly unknown[]): unknown[] =>
  items.flatMap((item) => {
    if (typeof item !== 'object' || item === null || !('Fn::If' in item)) return [item];
    const [, yes, no] = item['Fn::If'] as unknown[];
    return withBranches([yes, no].filter((branch) => JSON.stringify(branch) !== JSON.stringify(NO_VALUE)));
  });
const statementsOf = (document: { Statement: unknown[] }): Statement[] =>
  withBranches(document.Statement) as Statement[];

test('cfn-lint finds nothing', async () => {
  const { bin } = await ensurePythonEnvironment('test');
  const template = fileURLToPath(new URL('../../infra/template.yaml', import.meta.url));
  const { stdout } = await promisify(execFile)(join(bin, 'cfn-lint'), [template]);
  expect(stdout).toBe('');
}, 120_000);

test('the parameters are those that the deployment passes, and all have defaults', () => {
  expect(Object.keys(Parameters).toSorted()).toEqual([...STACK_PARAMETERS].toSorted());
  for (const parameter of Object.values(Parameters)) expect(parameter).toHaveProperty('Default');
});

test('statuses are Completed, Failed, Stopped or all', () => {
  const pattern = new RegExp(String(Parameters['Statuses']?.['AllowedPattern']));
  for (const good of ['All', 'Completed', 'Completed,Failed', 'Completed,Failed,Stopped'])
    expect(good).toMatch(pattern);
  for (const bad of ['', 'Stopping', 'completed', 'Completed, Failed', 'All,Failed']) expect(bad).not.toMatch(pattern);
});

describe('rules', () => {
  const EventPattern = resource('StateChangeRule', 'AWS::Events::Rule').Properties['EventPattern'];
  test('the state-change rule is the documented one, with chosen statuses only where they are chosen', () => {
    expect(EventPattern).toEqual({
      ...stateChangePattern(),
      detail: {
        'Fn::If': ['OnlySomeStatuses', { LabelingJobStatus: { 'Fn::Split': [',', ref('Statuses')] } }, NO_VALUE],
      },
    });
    expect(Conditions['OnlySomeStatuses']).toEqual({ 'Fn::Not': [{ 'Fn::Equals': [ref('Statuses'), 'All'] }] });
  });
  test('the worker-event rule is the one that `aws rule` puts, and stands under its parameter', () => {
    const rule = resource('WorkerEventRule', 'AWS::Events::Rule');
    expect(rule.Properties['EventPattern']).toEqual(workerEventPattern());
    expect(rule.Condition).toBe('HasWorkerEvents');
  });
  test.each([
    ['StateChangeRule', 'StateChangeQueue'],
    ['WorkerEventRule', 'WorkerEventQueue'],
  ])('%s retries for a day, then keeps the event in a queue of its own, without a role', (rule, queue) => {
    expect(resource(rule, 'AWS::Events::Rule').Properties['Targets']).toEqual([
      {
        Id: 'queue',
        Arn: arnOf(queue),
        RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 },
        DeadLetterConfig: { Arn: arnOf('UndeliveredQueue') },
      },
    ]);
  });
  test('the archive keeps what the rule for all state changes matches, from the default bus', () => {
    const {
      EventPattern: archived,
      SourceArn,
      RetentionDays,
    } = resource('StateChangeArchive', 'AWS::Events::Archive').Properties;
    expect(archived).toEqual(stateChangePattern());
    expect(SourceArn).toEqual({ 'Fn::Sub': expect.stringMatching(/event-bus\/default$/) });
    expect(RetentionDays).toEqual(ref('ArchiveDays'));
  });
});

describe('queues', () => {
  const queues = namesOf('AWS::SQS::Queue');
  test('are these', () => {
    expect(queues.toSorted()).toEqual([
      'AttentionQueue',
      'StateChangeDeadLetterQueue',
      'StateChangeQueue',
      'UndeliveredQueue',
      'WorkerEventDeadLetterQueue',
      'WorkerEventQueue',
    ]);
  });

  test('UndeliveredQueue never has your key: it tells of events that could not be delivered for want of a right on it', () => {
    const { Properties } = resource('UndeliveredQueue', 'AWS::SQS::Queue');
    // A short poll may say that there is nothing although there is, and whoever empties the queue by hand then purges it.
    expect(Properties).toMatchObject({ ReceiveMessageWaitTimeSeconds: 20 });
    expect(Properties).toMatchObject({ SqsManagedSseEnabled: true });
    expect(Properties).not.toHaveProperty('KmsMasterKeyId');
  });

  test.each(queues.filter((name) => name !== 'UndeliveredQueue'))(
    '%s is encrypted, with your key if there is one',
    (name) => {
      expect(resource(name, 'AWS::SQS::Queue').Properties).toMatchObject({
        SqsManagedSseEnabled: { 'Fn::If': ['HasKey', NO_VALUE, true] },
        KmsMasterKeyId: { 'Fn::If': ['HasKey', ref('KmsKeyArn'), NO_VALUE] },
      });
    },
  );

  test.each(queues)('%s is open over TLS only', (name) => {
    const policy = resource(`${name}Policy`, 'AWS::SQS::QueuePolicy');
    expect(policy.Properties['Queues']).toEqual([ref(name)]);
    expect(policy.Condition).toBe(Resources[name]?.Condition);
    expect(statementsOf(policy.Properties['PolicyDocument'])).toContainEqual({
      Sid: 'OnlyOverTls',
      Effect: 'Deny',
      Principal: '*',
      Action: 'sqs:*',
      Resource: arnOf(name),
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    });
  });

  test.each([
    ['StateChangeQueue', 'events.amazonaws.com', [arnOf('StateChangeRule')]],
    ['WorkerEventQueue', 'events.amazonaws.com', [arnOf('WorkerEventRule')]],
    ['UndeliveredQueue', 'events.amazonaws.com', [arnOf('StateChangeRule'), arnOf('WorkerEventRule')]],
    ['AttentionQueue', 'sns.amazonaws.com', [ref('NotificationTopic')]],
    ['StateChangeDeadLetterQueue', '', []],
    ['WorkerEventDeadLetterQueue', '', []],
  ])(
    '%s takes messages from its own sources in this account, each by a statement of its own',
    (name, Service, sources) => {
      const statements = statementsOf(resource(`${name}Policy`, 'AWS::SQS::QueuePolicy').Properties['PolicyDocument']);
      const allowed = statements.filter(({ Effect }) => Effect === 'Allow');
      expect(allowed).toEqual(
        sources.map((source) => ({
          Sid: expect.any(String),
          Effect: 'Allow',
          Principal: { Service },
          Action: 'sqs:SendMessage',
          Resource: arnOf(name),
          Condition: {
            ArnEquals: { 'aws:SourceArn': source },
            // SNS is not documented to send the account: a condition that demands it could silence the attention alarm.
            [Service === 'sns.amazonaws.com' ? 'StringEqualsIfExists' : 'StringEquals']: {
              'aws:SourceAccount': ref('AWS::AccountId'),
            },
          },
        })),
      );
      expect(new Set(statements.map(({ Sid }) => Sid)).size).toBe(statements.length);
    },
  );

  test.each(['StateChange', 'WorkerEvent'])(
    '%sQueue gives up after five receives, to a queue that keeps longer',
    (kind) => {
      const source = resource(`${kind}Queue`, 'AWS::SQS::Queue').Properties;
      expect(source['RedrivePolicy']).toEqual({
        deadLetterTargetArn: arnOf(`${kind}DeadLetterQueue`),
        maxReceiveCount: 5,
      });
      const deadLetters = resource(`${kind}DeadLetterQueue`, 'AWS::SQS::Queue').Properties;
      expect(Number(deadLetters['MessageRetentionPeriod'])).toBeGreaterThan(Number(source['MessageRetentionPeriod']));
    },
  );
});

describe('alarms', () => {
  const depth = { Namespace: 'AWS/SQS', MetricName: 'ApproximateNumberOfMessagesVisible', Threshold: 0 };
  const age = { Namespace: 'AWS/SQS', MetricName: 'ApproximateAgeOfOldestMessage' };
  const promised: [string, string, object][] = [
    ['StateChangeDeadLetterAlarm', 'StateChangeDeadLetterQueue', depth],
    ['WorkerEventDeadLetterAlarm', 'WorkerEventDeadLetterQueue', depth],
    ['UndeliveredAlarm', 'UndeliveredQueue', depth],
    ['OldestStateChangeAlarm', 'StateChangeQueue', { ...age, Threshold: 900 }],
    ['OldestWorkerEventAlarm', 'WorkerEventQueue', { ...age, Threshold: 3600 }],
    ['AttentionAlarm', 'AttentionQueue', depth],
  ];
  test('are these', () => {
    expect(namesOf('AWS::CloudWatch::Alarm').toSorted()).toEqual(promised.map(([name]) => name).toSorted());
  });
  test.each(promised)('%s watches %s and tells people', (name, queue, metric) => {
    const alarm = resource(name, 'AWS::CloudWatch::Alarm');
    expect(alarm.Properties).toMatchObject({
      ...metric,
      Dimensions: [{ Name: 'QueueName', Value: { 'Fn::GetAtt': `${queue}.QueueName` } }],
      ComparisonOperator: 'GreaterThanThreshold',
      AlarmActions: [ref('NotificationTopic')],
    });
    expect(alarm.Condition).toBe(Resources[queue]?.Condition);
  });
  test('a chain that asks for attention daily holds its alarm: its message stays for more than a day', () => {
    expect(resource('AttentionQueue', 'AWS::SQS::Queue').Properties['MessageRetentionPeriod']).toBeGreaterThan(86_400);
    expect(resource('AttentionSubscription', 'AWS::SNS::Subscription').Properties).toMatchObject({
      TopicArn: ref('NotificationTopic'),
      Endpoint: arnOf('AttentionQueue'),
      FilterPolicyScope: 'MessageAttributes',
      FilterPolicy: { kind: ['attention'] },
    });
    expect(NOTIFICATION_KINDS).toContain('attention');
  });
});

describe('the topic', () => {
  test('has your key if there is one, an e-mail subscription if there is an address, and takes alarms of this account', () => {
    expect(resource('NotificationTopic', 'AWS::SNS::Topic').Properties['KmsMasterKeyId']).toEqual({
      'Fn::If': ['HasKey', ref('KmsKeyArn'), NO_VALUE],
    });
    const subscription = resource('NotificationEmailSubscription', 'AWS::SNS::Subscription');
    expect(subscription.Condition).toBe('HasEmail');
    expect(subscription.Properties).toEqual({
      TopicArn: ref('NotificationTopic'),
      Protocol: 'email',
      Endpoint: ref('NotificationEmail'),
    });
    const [alarms, tls] = statementsOf(
      resource('NotificationTopicPolicy', 'AWS::SNS::TopicPolicy').Properties['PolicyDocument'],
    );
    expect(alarms).toMatchObject({
      Effect: 'Allow',
      Principal: { Service: 'cloudwatch.amazonaws.com' },
      Condition: { StringEquals: { 'aws:SourceAccount': ref('AWS::AccountId') } },
    });
    expect(tls).toMatchObject({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } });
  });
});

describe('roles', () => {
  const inline = (role: string): Statement[] =>
    (resource(role, 'AWS::IAM::Role').Properties['Policies'] as { PolicyDocument: { Statement: unknown[] } }[]).flatMap(
      ({ PolicyDocument }) => statementsOf(PolicyDocument),
    );
  const attached = namesOf('AWS::IAM::ManagedPolicy').flatMap((name) =>
    statementsOf(resource(name, 'AWS::IAM::ManagedPolicy').Properties['PolicyDocument']),
  );
  const everything = [...inline('OrchestratorRole'), ...inline('LabelingExecutionRole'), ...attached];
  const reads = /^[a-z0-9]+:(Get|List|Describe|Filter)/;

  test('hold statements that can be tested', () => {
    expect(everything.length).toBeGreaterThan(12);
  });

  test.each(everything.map((statement) => [statement.Sid, statement] as const))(
    '%s writes to nothing named "*"',
    (_sid, statement) => {
      const actions = [statement.Action].flat();
      expect(statement.Effect).toBe('Allow');
      for (const action of actions) expect(action).not.toMatch(/\*/);
      const resources = withBranches([statement.Resource].flat());
      if (actions.every((action) => reads.test(action))) return;
      expect(resources).not.toContain('*');
    },
  );

  test('the orchestrator passes one role, to SageMaker only', () => {
    const passing = everything.filter(({ Action }) => [Action].flat().includes('iam:PassRole'));
    expect(passing).toEqual([
      {
        Sid: 'GiveJobsTheirRole',
        Effect: 'Allow',
        Action: 'iam:PassRole',
        Resource: arnOf('LabelingExecutionRole'),
        Condition: { StringEquals: { 'iam:PassedToService': 'sagemaker.amazonaws.com' } },
      },
    ]);
  });

  test('the execution role is assumed by SageMaker, for no other account, the orchestrator by the service that runs it', () => {
    expect(
      resource('LabelingExecutionRole', 'AWS::IAM::Role').Properties['AssumeRolePolicyDocument'].Statement,
    ).toEqual([
      {
        Effect: 'Allow',
        Principal: { Service: 'sagemaker.amazonaws.com' },
        Action: 'sts:AssumeRole',
        Condition: { StringEqualsIfExists: { 'aws:SourceAccount': ref('AWS::AccountId') } },
      },
    ]);
    expect(
      resource('OrchestratorRole', 'AWS::IAM::Role').Properties['AssumeRolePolicyDocument'].Statement,
    ).toMatchObject([{ Principal: { Service: ref('WorkerPrincipal') } }]);
  });

  test('the orchestrator may make every check of doctor, but for the simulation of policies, which is asked only where it is allowed', async () => {
    const files = (await readdir('doctor')).filter((name) => name.endsWith('.ts'));
    const sources = await Promise.all(files.map((name) => readFile(join('doctor', name), 'utf8')));
    const named = sources.flatMap((text) => text.match(/\b(?:sagemaker|events|sqs|iam):[A-Z][A-Za-z]+/g) ?? []);
    const allowed = inline('OrchestratorRole').flatMap(({ Action }) => [Action].flat());
    expect(named.length).toBeGreaterThan(7);
    expect(new Set(named.filter((action) => !allowed.includes(action)))).toEqual(
      new Set(['iam:SimulatePrincipalPolicy']),
    );
    const about = (action: string) =>
      inline('OrchestratorRole').find(({ Action }) => [Action].flat().includes(action))?.Resource;
    expect(about('events:DescribeRule')).toEqual({ 'Fn::Sub': expect.stringMatching(/:rule\/\*$/) });
    const deadLetters = inline('OrchestratorRole').find(({ Sid }) => Sid === 'LookAtDeadLetters')?.Resource;
    expect(deadLetters).toEqual([
      arnOf('StateChangeDeadLetterQueue'),
      { 'Fn::If': ['HasWorkerEvents', arnOf('WorkerEventDeadLetterQueue'), NO_VALUE] },
    ]);
  });

  test('the orchestrator may consume from the event queues and publish to the topic', () => {
    const statement = (sid: string) => inline('OrchestratorRole').find(({ Sid }) => Sid === sid);
    expect(statement('ConsumeEvents')?.Action).toEqual([
      'sqs:ReceiveMessage',
      'sqs:DeleteMessage',
      'sqs:ChangeMessageVisibility',
      'sqs:GetQueueAttributes',
      'sqs:GetQueueUrl',
    ]);
    expect(statement('Notify')).toMatchObject({ Action: 'sns:Publish', Resource: ref('NotificationTopic') });
  });
});
