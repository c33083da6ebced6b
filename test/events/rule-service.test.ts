import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DescribeRuleCommand, ListTargetsByRuleCommand } from '@aws-sdk/client-eventbridge';
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { awsCommandsOf, planRule } from '../../events/rule.ts';
import { createRule, removeRule, showRule, type RuleClients } from '../../events/rule-service.ts';
import { LOCAL_ACCOUNT, LOCAL_CREDENTIALS, LOCAL_REGION } from '../../local/child-environment.ts';
import { ensurePythonEnvironment } from '../../local/python-environment.ts';
import { motoServer } from '../support/servers.ts';
import { fakeTemporal } from './fake-temporal.ts';
import { awsClients, consume, createQueue, eventually, putEvent, stopConsumers } from './queue-stack.ts';

const region = LOCAL_REGION;
const newName = (): string => `rule-${randomUUID()}`;
const trustOf = (service: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: [service] }, Action: 'sts:AssumeRole' }],
  });

const ruleClients = async (): Promise<RuleClients> => {
  const { endpoint } = await motoServer();
  return { ...(await awsClients()), iam: new IAMClient({ endpoint, region, credentials: LOCAL_CREDENTIALS }) };
};

const createRole = async (service: string): Promise<string> => {
  const { iam } = await ruleClients();
  const RoleName = `role-${randomUUID()}`;
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trustOf(service) }));
  return Role?.Arn ?? '';
};

const policyOf = async (queueUrl: string): Promise<string> => {
  const { sqs } = await awsClients();
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['Policy'] }),
  );
  return Attributes?.Policy ?? '';
};

/** Runs the AWS CLI against the emulator, with nothing of the shell's own settings. */
const runAwsCli = async (commandLine: string): Promise<void> => {
  const { bin } = await ensurePythonEnvironment('test');
  const { endpoint } = await motoServer();
  await promisify(execFile)('/bin/sh', ['-e', '-c', commandLine], {
    env: {
      PATH: `${bin}:/usr/bin:/bin`,
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
      AWS_CONFIG_FILE: join('/dev', 'null'),
      AWS_SHARED_CREDENTIALS_FILE: join('/dev', 'null'),
      AWS_PAGER: '',
    },
  });
};

afterEach(stopConsumers);

describe('a rule for the queue', () => {
  test('is created, opens the queue to itself alone, is shown, changed and removed', async () => {
    const clients = await ruleClients();
    const queue = await createQueue();
    const name = newName();
    const roleArn = await createRole('events.amazonaws.com');
    const plan = planRule({ name, region, queue: queue.url, roleArn, description: 'first', statuses: ['Failed'] });
    const created = await createRule(plan, clients);
    expect(created).toMatchObject({ name, enabled: true, description: 'first', roleArn, pattern: plan.pattern });
    expect(created.targets).toEqual([{ id: 'queue', arn: queue.arn }]);
    expect(JSON.parse(await policyOf(queue.url))).toMatchObject({
      Statement: [{ Resource: queue.arn, Condition: { ArnEquals: { 'aws:SourceArn': created.arn } } }],
    });

    const changed = await createRule(planRule({ name, region, queue: queue.arn, disabled: true }), clients);
    expect(changed.enabled).toBe(false);
    expect(changed.pattern).not.toHaveProperty('detail');
    expect(await showRule(name, clients.events)).toEqual(changed);

    expect(await removeRule(name, clients)).toEqual(changed);
    await expect(showRule(name, clients.events)).rejects.toThrow(`There is no rule ${name}`);
    expect(await policyOf(queue.url)).not.toContain(created.arn);
  });

  test('with chosen statuses lets those through to the consumer, and the rest waits for reconcile', async () => {
    const clients = await ruleClients();
    const queue = await createQueue();
    const name = newName();
    await createRule(planRule({ name, region, queue: queue.arn, statuses: ['Completed', 'Failed'] }), clients);
    const { client, sent } = fakeTemporal();
    consume(queue, client);
    for (const status of ['Stopped', 'Completed', 'Stopping', 'Failed']) await putEvent('birds-001', status);
    await eventually(() => sent.length === 2);
    await removeRule(name, clients);
    expect(sent.map(({ args }) => (args[0] as { status: string }).status).toSorted()).toEqual(['Completed', 'Failed']);
  });
});

test('a role that does not trust events.amazonaws.com is refused before anything is put', async () => {
  const clients = await ruleClients();
  const queue = await createQueue();
  const name = newName();
  const plan = planRule({ name, region, queue: queue.arn, roleArn: await createRole('ec2.amazonaws.com') });
  await expect(createRule(plan, clients)).rejects.toThrow(/does not trust events.amazonaws.com/);
  const missing = planRule({ name, region, queue: queue.arn, roleArn: `arn:aws:iam::${LOCAL_ACCOUNT}:role/none` });
  await expect(createRule(missing, clients)).rejects.toThrow(/There is no role/);
  await expect(showRule(name, clients.events)).rejects.toThrow(/There is no rule/);
});

test('an SNS target is refused with one line where the emulator would fail every event', async () => {
  const clients = await ruleClients();
  const plan = planRule({ region, email: 'me@example.com' });
  await expect(createRule(plan, clients)).rejects.toThrow(/^The local stack cannot deliver to SNS topics[^\n]*$/);
});

test('the commands that --print gives make the same rule with the real AWS CLI', async () => {
  const clients = await ruleClients();
  const queue = await createQueue();
  const [byCli, byUs] = [newName(), newName()];
  const roleArn = await createRole('events.amazonaws.com');
  const request = { region, queue: queue.arn, roleArn, description: `it's "ours"`, statuses: ['Completed', 'Stopped'] };
  await runAwsCli(awsCommandsOf(planRule({ ...request, name: byCli })).join('\n'));
  const { arn: _arn, name: _name, ...ours } = await createRule(planRule({ ...request, name: byUs }), clients);
  expect(await showRule(byCli, clients.events)).toMatchObject(ours);
  for (const name of [byCli, byUs]) await removeRule(name, clients);
}, 120_000);

describe('the rules of the AWS page, put with the real AWS CLI, feed the consumer', () => {
  test.each([
    [
      'all changes',
      '{"source":["aws.sagemaker"],"detail-type":["SageMaker Ground Truth Labeling Job State Change"]}',
      undefined,
      ['Completed', 'Failed', 'Stopped'],
    ],
    [
      'one status',
      '{"source":["aws.sagemaker"],"detail-type":["SageMaker Ground Truth Labeling Job State Change"],"detail":{"LabelingJobStatus":["Completed"]}}',
      ['Completed'],
      ['Completed'],
    ],
    [
      'two statuses',
      '{"source":["aws.sagemaker"],"detail-type":["SageMaker Ground Truth Labeling Job State Change"],"detail":{"LabelingJobStatus":["Completed","Failed"]}}',
      ['Completed', 'Failed'],
      ['Completed', 'Failed'],
    ],
  ])(
    '%s',
    async (_name, pattern, statuses, expected) => {
      const { events } = await awsClients();
      const queue = await createQueue();
      const name = newName();
      const role = `arn:aws:iam::${LOCAL_ACCOUNT}:role/MyRoleForThisRule`;
      await runAwsCli(
        `aws events put-rule --name ${name} --region ${region} --role-arn ${role} --event-pattern '${pattern}'
        aws events put-targets --rule ${name} --region ${region} --targets Id=1,Arn=${queue.arn}`,
      );
      const { RoleArn, EventPattern } = await events.send(new DescribeRuleCommand({ Name: name }));
      expect(RoleArn).toBe(role);
      expect(JSON.parse(EventPattern ?? '')).toEqual(planRule({ region, queue: queue.arn, statuses }).pattern);
      expect((await events.send(new ListTargetsByRuleCommand({ Rule: name }))).Targets).toHaveLength(1);

      const { client, sent } = fakeTemporal();
      const consumer = consume(queue, client);
      for (const status of ['Completed', 'Failed', 'Stopped']) await putEvent('birds-001', status);
      await eventually(() => (consumer.stats().counts.delivered ?? 0) >= expected.length);
      await stopConsumers();
      expect(sent.map(({ args }) => (args[0] as { status: string }).status).toSorted()).toEqual(expected);
      await removeRule(name, await ruleClients());
    },
    120_000,
  );
});
