import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStackResourcesCommand,
  waitUntilStackCreateComplete,
  type UpdateStackCommandInput,
} from '@aws-sdk/client-cloudformation';
import { DescribeRuleCommand, EventBridgeClient, ListRulesCommand } from '@aws-sdk/client-eventbridge';
import { GetRolePolicyCommand, IAMClient } from '@aws-sdk/client-iam';
import { GetQueueAttributesCommand, ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { stateChangePattern } from '../../events/state-change-pattern.ts';
import { deployStack } from '../../infra/stack.ts';
import { LOCAL_CREDENTIALS, LOCAL_REGION } from '../../local/child-environment.ts';
import { startMotoServer, type MotoServer } from '../../local/moto-server.ts';
import { ensurePythonEnvironment } from '../../local/python-environment.ts';
import { temporaryFolder } from '../support/servers.ts';

let server: MotoServer;

beforeAll(async () => {
  const { python } = await ensurePythonEnvironment('test');
  server = await startMotoServer({ python, logFile: join(await temporaryFolder(), 'moto-with-cloudformation.log') });
}, 300_000);

afterAll(() => server.stop());

const clients = () => {
  const config = { endpoint: server.endpoint, region: LOCAL_REGION, credentials: LOCAL_CREDENTIALS };
  return {
    cloudFormation: new CloudFormationClient(config),
    events: new EventBridgeClient(config),
    sqs: new SQSClient(config),
    iam: new IAMClient(config),
  };
};

test('the stack is created, changed where something is given, and kept otherwise', async () => {
  const { cloudFormation, events, sqs, iam } = clients();
  const created = await deployStack(cloudFormation, 'label-relay', {
    Statuses: 'Completed,Failed',
    InputBucket: 'images',
    OutputBucket: 'labels',
  });
  expect(created.change).toBe('created');
  expect(Object.keys(created.outputs).toSorted()).toEqual([
    'DeadLetterQueueArn',
    'DeadLetterQueueUrl',
    'LabelingExecutionRoleArn',
    'NotificationTopicArn',
    'OrchestratorRoleArn',
    'QueueArn',
    'QueueUrl',
    'UndeliveredQueueUrl',
  ]);

  const { Rules = [] } = await events.send(new ListRulesCommand({}));
  const [rule] = Rules.filter(({ Name }) => Name?.includes('StateChangeRule'));
  const { EventPattern = '' } = await events.send(new DescribeRuleCommand({ Name: rule?.Name }));
  expect(JSON.parse(EventPattern)).toEqual(stateChangePattern(['Completed', 'Failed']));

  // The emulator's outputs name AWS's own host; the queue is found by its name.
  const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({}));
  const name = created.outputs['QueueArn']?.split(':').at(-1) ?? 'none';
  const QueueUrl = QueueUrls.find((url) => url.endsWith(`/${name}`));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
  expect(JSON.parse(Attributes?.RedrivePolicy ?? '')).toMatchObject({ maxReceiveCount: 5 });
  expect(Attributes).toMatchObject({ SqsManagedSseEnabled: 'true', VisibilityTimeout: '120' });

  const RoleName = created.outputs['OrchestratorRoleArn']?.split('/').at(-1);
  const policy = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: 'labeling-jobs' }));
  expect(decodeURIComponent(policy.PolicyDocument ?? '')).toContain(created.outputs['LabelingExecutionRoleArn']);

  const updated = await deployStack(cloudFormation, 'label-relay', { WorkerEvents: 'on' });
  expect(updated.change).toBe('updated');
  expect(updated.outputs).toHaveProperty('WorkerEventQueueUrl');
  const kept = await events.send(new DescribeRuleCommand({ Name: rule?.Name }));
  expect(JSON.parse(kept.EventPattern ?? '')).toEqual(stateChangePattern(['Completed', 'Failed']));
  const { StackResources = [] } = await cloudFormation.send(
    new DescribeStackResourcesCommand({ StackName: 'label-relay' }),
  );
  expect(StackResources.map(({ LogicalResourceId }) => LogicalResourceId)).toContain('WorkerEventQueue');
}, 120_000);

test('the template deploys whole, by any tool, but for the one pattern that the emulator takes only as text', async () => {
  const { cloudFormation } = clients();
  const template = await readFile('infra/template.yaml', 'utf8');
  const [start = '', archive = '', end = ''] = template.split(
    /(?= {2}StateChangeArchive:)|(?= {2}# What workers do: rule)/,
  );
  const pattern = / {6}EventPattern:\n(?: {8}.*\n)+/;
  expect(archive).toMatch(pattern);
  const asText = archive.replace(pattern, `      EventPattern: '${JSON.stringify(stateChangePattern())}'\n`);
  const StackName = 'by-another-tool';
  await cloudFormation.send(
    new CreateStackCommand({
      StackName,
      TemplateBody: `${start}${asText}${end}`,
      Capabilities: ['CAPABILITY_IAM'],
    }),
  );
  await waitUntilStackCreateComplete({ client: cloudFormation, maxWaitTime: 60, minDelay: 1 }, { StackName });
  const { StackResources = [] } = await cloudFormation.send(new DescribeStackResourcesCommand({ StackName }));
  const made = StackResources.map(({ LogicalResourceId }) => LogicalResourceId);
  expect(made).toEqual(expect.arrayContaining(['StateChangeArchive', 'StateChangeRule', 'OrchestratorRole']));
}, 120_000);

test('what CloudFormation refuses is said with its reason', async () => {
  const { cloudFormation } = clients();
  await expect(deployStack(cloudFormation, 'no_such.name', { ArchiveDays: 'many' })).rejects.toThrow(/no_such\.name/);
});

test('a deployment that fails says its own first reason, none of an earlier one', async () => {
  const { cloudFormation } = clients();
  const StackName = 'label-relay-again';
  await deployStack(cloudFormation, StackName, {});
  let token: string | undefined;
  cloudFormation.middlewareStack.add(
    (next, context) => async (args) => {
      const answer = (output: object) => ({ response: {}, output: { ...output, $metadata: {} } });
      if (context.commandName === 'UpdateStackCommand')
        token = (args.input as UpdateStackCommandInput).ClientRequestToken;
      if (context.commandName === 'DescribeStacksCommand' && token !== undefined)
        return answer({ Stacks: [{ StackName, StackStatus: 'UPDATE_ROLLBACK_COMPLETE', CreationTime: new Date() }] });
      if (context.commandName !== 'DescribeStackEventsCommand') return next(args);
      const event = (ResourceStatusReason: string, ClientRequestToken: string | undefined) => ({
        LogicalResourceId: 'OrchestratorRole',
        ResourceStatus: 'UPDATE_FAILED',
        ResourceStatusReason,
        ClientRequestToken,
      });
      return answer({ StackEvents: [event('of today', token), event('of last month', 'another')] });
    },
    { step: 'initialize', name: 'failing' },
  );
  await expect(deployStack(cloudFormation, StackName, { ArchiveDays: '3' })).rejects.toThrow(
    'was not deployed: OrchestratorRole: of today',
  );
}, 120_000);
