/**
 * The whole local stack, started in a shell whose settings point elsewhere.
 */
import { access } from 'node:fs/promises';
import { createServer } from 'node:net';
import { DescribeRuleCommand, EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { ListLabelingJobsCommand, SageMakerClient } from '@aws-sdk/client-sagemaker';
import { STATE_CHANGE_DETAIL_TYPE, STATE_CHANGE_SOURCE } from '../../events/state-change-pattern.ts';
import { advance } from '../../local/advance.ts';
import { createAwsResources } from '../../local/aws-resources.ts';
import { connectToLocalTemporal, localAwsConfig } from '../../local/local-clients.ts';
import { simulatorClock } from '../../local/simulator-clock.ts';
import { type Stack, startStack } from '../../local/stack.ts';
import { stopAfterTests } from '../support/servers.ts';

const HOSTILE = {
  TEMPORAL_ADDRESS: 'nowhere.invalid:1',
  TEMPORAL_NAMESPACE: 'nonsense',
  TEMPORAL_TLS: 'true',
  TEMPORAL_PROFILE: 'nonsense',
  AWS_PROFILE: 'nonsense',
  AWS_REGION: 'nowhere-1',
  AWS_CONFIG_FILE: '/nowhere/config',
  AWS_ENDPOINT_URL: 'http://nowhere.invalid:1',
  AWS_ENDPOINT_URL_SQS: 'http://nowhere.invalid:1',
  AWS_USE_FIPS_ENDPOINT: 'true',
  http_proxy: 'http://nowhere.invalid:1',
};

let stack: Stack;

beforeAll(async () => {
  const before = Object.fromEntries(Object.keys(HOSTILE).map((name) => [name, process.env[name]]));
  Object.assign(process.env, HOSTILE);
  stopAfterTests(() => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    return Promise.resolve();
  });
  stack = await startStack({ clock: 'stopped', seed: 7, without: ['worker', 'consumer'] });
  stopAfterTests(() => stack.stop());
});

test("a shell full of foreign settings starts a stack all the same, and none of them is in the stack's variables", () => {
  const { facts } = stack;
  expect(Object.keys(facts).toSorted()).toEqual([
    'account',
    'awsEndpoint',
    'bucket',
    'env',
    'namespace',
    'pids',
    'queueUrl',
    'region',
    'ruleName',
    'sagemakerEndpoint',
    'temporalAddress',
    'webUrl',
  ]);
  expect(facts).toMatchObject({ region: 'us-east-1', account: '123456789012', namespace: 'default' });
  expect(facts.pids).toEqual({
    temporal: expect.any(Number),
    moto: expect.any(Number),
    simulator: expect.any(Number),
    worker: null,
    consumer: null,
  });
  expect(JSON.stringify(facts)).not.toMatch(/nowhere|nonsense/);
  for (const url of [facts.webUrl, facts.awsEndpoint, facts.sagemakerEndpoint, `http://${facts.temporalAddress}`]) {
    expect(new URL(url).hostname).toBe('127.0.0.1');
  }
});

test('every server of it answers', async () => {
  const { facts } = stack;
  const connection = await connectToLocalTemporal(facts.temporalAddress);
  await expect(connection.workflowService.describeNamespace({ namespace: facts.namespace })).resolves.toBeDefined();
  await connection.close();
  expect((await fetch(facts.webUrl)).status).toBe(200);
  const sagemaker = new SageMakerClient(localAwsConfig(facts.sagemakerEndpoint));
  await expect(sagemaker.send(new ListLabelingJobsCommand({}))).resolves.toMatchObject({ LabelingJobSummaryList: [] });
});

test("a state change that somebody else sends is not in the queue, Ground Truth's is, once (I4)", async () => {
  const { awsEndpoint, queueUrl } = stack.facts;
  const events = new EventBridgeClient(localAwsConfig(awsEndpoint));
  const detail = JSON.stringify({ LabelingJobStatus: 'Completed' });
  const entry = { Source: STATE_CHANGE_SOURCE, DetailType: STATE_CHANGE_DETAIL_TYPE, Detail: detail };
  await events.send(new PutEventsCommand({ Entries: [entry, { ...entry, Source: 'my.app' }] }));
  const sqs = new SQSClient(localAwsConfig(awsEndpoint));
  const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }));
  expect(Messages?.map(({ Body }) => JSON.parse(Body ?? '{}').detail)).toEqual([{ LabelingJobStatus: 'Completed' }]);
});

test('making the resources again changes nothing', async () => {
  const { awsEndpoint, ruleName, queueUrl, bucket } = stack.facts;
  const again = await createAwsResources(awsEndpoint);
  expect(again).toMatchObject({ ruleName, queueUrl, bucket });
  const sqs = new SQSClient(localAwsConfig(awsEndpoint));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] }));
  expect(Attributes).toMatchObject({ VisibilityTimeout: '120', MessageRetentionPeriod: '345600' });
  expect(JSON.parse(Attributes?.['RedrivePolicy'] ?? '{}')).toMatchObject({ maxReceiveCount: 5 });
  expect(JSON.parse(Attributes?.['Policy'] ?? '{}').Statement[0]).toMatchObject({
    Principal: { Service: 'events.amazonaws.com' },
    Condition: { ArnEquals: { 'aws:SourceArn': again.ruleArn } },
  });
  const events = new EventBridgeClient(localAwsConfig(awsEndpoint));
  await expect(events.send(new DescribeRuleCommand({ Name: ruleName }))).resolves.toMatchObject({ State: 'ENABLED' });
});

test('a day is advanced with the variables that it hands out, though nobody empties the queue', async () => {
  const { temporalAddress, env } = stack.facts;
  const connection = await connectToLocalTemporal(temporalAddress);
  const clock = simulatorClock(env['LABEL_RELAY_LOCAL_SIMULATOR'] ?? '');
  const beforeMs = await clock.now();
  await advance({
    connection,
    simulatorEndpoint: env['LABEL_RELAY_LOCAL_SIMULATOR'] ?? '',
    durationMs: 86_400_000,
    queue: { endpoint: env['AWS_ENDPOINT_URL'] ?? '', url: env['LABEL_RELAY_QUEUE_URL'] ?? '' },
  });
  expect((await clock.now()) - beforeMs).toBe(86_400_000);
  await connection.close();
});

test('a port in use is said before anything is started', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const said: string[] = [];
  const starting = startStack({ clock: 'stopped', ports: { aws: port }, onProgress: (what) => said.push(what) });
  await expect(starting).rejects.toThrow(`Port ${port} for the AWS emulator is in use.`);
  expect(said).toEqual([]);
  await new Promise((resolve) => server.close(resolve));
});

test('stopping ends every process and removes the folder, and can be asked for twice', async () => {
  await stack.stop();
  await stack.stop();
  const pids = Object.values(stack.facts.pids).flatMap((pid) => pid ?? []);
  expect(pids).toHaveLength(3);
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  await expect(access(stack.dir)).rejects.toThrow('ENOENT');
});
