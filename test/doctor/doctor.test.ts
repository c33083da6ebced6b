/** `label-relay doctor` as a user runs it: green on a stack that is in order, and each fault by its name. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  DescribeRuleCommand,
  DisableRuleCommand,
  EnableRuleCommand,
  EventBridgeClient,
  PutRuleCommand,
} from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  PurgeQueueCommand,
  SQSClient,
  SendMessageCommand,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs';
import { Connection } from '@temporalio/client';
import { z } from 'zod';
import { CHECKS } from '../../doctor/findings.ts';
import { localAwsConfig } from '../../local/local-clients.ts';
import { startStack, type Stack } from '../../local/stack.ts';
import { runCli } from '../end-to-end/run-cli.ts';

const answerSchema = z.object({
  ok: z.boolean(),
  checks: z.array(
    z.object({ check: z.enum(CHECKS), status: z.string(), message: z.string(), remedy: z.string().optional() }),
  ),
});

let stack: Stack;
let sqs: SQSClient;
let events: EventBridgeClient;
const servers: Server[] = [];

beforeAll(async () => {
  stack = await startStack({ clock: 'stopped' });
  sqs = new SQSClient(localAwsConfig(stack.facts.awsEndpoint));
  events = new EventBridgeClient(localAwsConfig(stack.facts.awsEndpoint));
}, 120_000);

afterAll(async () => {
  sqs.destroy();
  events.destroy();
  for (const server of servers) server.close();
  await stack.stop();
}, 60_000);

/** What the doctor says on the stack with these variables changed; one that is empty is taken out. */
const examine = async (changes: Record<string, string> = {}, args: readonly string[] = []) => {
  const { code, stdout, stderr } = await runCli(['doctor', '--json', ...args], { ...stack.facts.env, ...changes });
  expect(stderr).toBe('');
  const { ok, checks } = answerSchema.parse(JSON.parse(stdout));
  expect(code).toBe(ok ? 0 : 1);
  const failed = checks.filter(({ status }) => status === 'failed');
  for (const { remedy } of failed) expect(remedy).toMatch(/\w/);
  return {
    checks,
    failed: failed.map(({ check }) => check),
    skipped: checks.filter(({ status }) => status === 'skipped').map(({ check }) => check),
    of: (name: (typeof CHECKS)[number]) => checks.find(({ check }) => check === name),
  };
};

/** An AWS that gives every call the same answer. */
const fakeAws = async (status: number, body: string, headers: Record<string, string> = {}): Promise<string> => {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () =>
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', ...headers }).end(body),
    );
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

test('on a stack that is in order nothing fails, and what was not checked says why', async () => {
  const { checks, failed, skipped } = await examine();
  expect(failed).toEqual([]);
  expect(checks.map(({ check }) => check)).toEqual(CHECKS);
  expect(skipped).toEqual(['clock', 'create-permission']);
});

test('for people it is one line for each check, with what to do below the failed ones', async () => {
  const { code, stdout } = await runCli(['doctor'], {
    ...stack.facts.env,
    LABEL_RELAY_TASK_QUEUE: 'nobody-polls-this',
  });
  expect(code).toBe(1);
  expect(stdout).toMatch(/^passed {3}temporal-server +Temporal \d/m);
  expect(stdout).toMatch(
    /^failed {3}workers +nobody polls the task queue nobody-polls-this.*\n +→ run: label-relay worker/m,
  );
  expect(stdout.split('\n').filter((line) => /^(passed|failed|skipped) /.test(line))).toHaveLength(CHECKS.length);
});

describe('each fault by its name', () => {
  test('configuration: every variable that cannot be read', async () => {
    const { failed, checks } = await examine({ LABEL_RELAY_ACCOUNTS: '12', LABEL_RELAY_WEB_URL: 'not one' });
    expect(failed).toEqual(['configuration', 'configuration']);
    expect(checks.filter(({ status }) => status === 'passed')).toEqual([]);
  });

  test('configuration: what a worker that consumes would refuse', async () => {
    const { failed, checks } = await examine({
      LABEL_RELAY_WORKER_EVENTS: 'eventbridge',
      LABEL_RELAY_WORKER_EVENTS_QUEUE_URL: '',
    });
    expect(failed).toEqual(['configuration']);
    expect(checks[0]?.message).toMatch(/LABEL_RELAY_WORKER_EVENTS_QUEUE_URL is not set/);
  });

  test('temporary-folder: one that is not there', async () => {
    expect((await examine({ LABEL_RELAY_TMPDIR: '/no/such/folder' })).failed).toEqual(['temporary-folder']);
  });

  test('temporal-server: nothing answers, and the checks behind it are skipped', async () => {
    const { failed, skipped } = await examine({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect(failed).toEqual(['temporal-server']);
    expect(skipped).toEqual(expect.arrayContaining(['namespace', 'search-attributes', 'workers']));
  });

  test('namespace: there is none of this name', async () => {
    const { failed, of } = await examine({ TEMPORAL_NAMESPACE: 'absent' });
    expect(failed).toEqual(['namespace']);
    expect(of('namespace')?.message).toBe('there is no namespace absent');
  });

  test('search-attributes and workers: a new namespace has neither', async () => {
    const connection = await Connection.connect({ address: stack.facts.temporalAddress });
    await connection.workflowService.registerNamespace({
      namespace: 'bare',
      workflowExecutionRetentionPeriod: { seconds: 86_400 } as never,
    });
    await connection.close();
    let found = await examine({ TEMPORAL_NAMESPACE: 'bare' });
    // A new namespace takes a moment until every part of the server knows it.
    for (let left = 20; left > 0 && found.failed.includes('namespace'); left -= 1)
      found = await examine({ TEMPORAL_NAMESPACE: 'bare' });
    expect(found.failed).toEqual(['search-attributes', 'workers']);
    expect(found.of('search-attributes')).toMatchObject({
      message: expect.stringContaining('LabelingChain'),
      remedy: 'run: label-relay setup',
    });
  });

  test('credentials: no region; keys that AWS does not take', async () => {
    expect((await examine({ AWS_REGION: '', AWS_DEFAULT_REGION: '' })).failed).toEqual(['credentials']);
    const refusing = await fakeAws(
      403,
      '<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>The security token is invalid.</Message></Error></ErrorResponse>',
      { 'content-type': 'text/xml' },
    );
    const { failed, of } = await examine({ AWS_ENDPOINT_URL_STS: refusing });
    expect(failed).toEqual(['credentials']);
    expect(of('credentials')?.message).toContain('InvalidClientTokenId');
  });

  test('account: not one of those that are allowed', async () => {
    expect((await examine({ LABEL_RELAY_ACCOUNTS: '999999999999' })).failed).toEqual(['account']);
  });

  test('clock: an hour off is told, a real service in step passes', async () => {
    const outOfStep = await fakeAws(200, '{"LabelingJobSummaryList":[]}', {
      date: new Date(Date.now() + 3_600_000).toUTCString(),
    });
    const changes = { LABEL_RELAY_LOCAL_SIMULATOR: '', AWS_ENDPOINT_URL_SAGEMAKER: outOfStep };
    const { failed, of } = await examine(changes);
    expect(failed).toEqual(['clock']);
    expect(of('clock')?.message).toMatch(/1h behind AWS|59m.* behind AWS/);
    const inStep = await fakeAws(200, '{"LabelingJobSummaryList":[]}');
    expect((await examine({ ...changes, AWS_ENDPOINT_URL_SAGEMAKER: inStep })).of('clock')?.status).toBe('passed');
  });

  test('permissions: denied calls are listed, with the job name that was asked for', async () => {
    const denying = await fakeAws(400, '{"__type":"AccessDeniedException","Message":"User is not authorized"}');
    const { failed, of } = await examine({ AWS_ENDPOINT_URL_SAGEMAKER: denying }, ['--job-name-prefix', 'birds']);
    expect(failed).toEqual(['permissions']);
    expect(of('permissions')?.message).toMatch(/sagemaker:DescribeLabelingJob.*job name birds-doctor-/);
  });

  test('queue: absent', async () => {
    const absent = stack.facts.queueUrl.replace(/[^/]+$/, 'absent');
    const { failed, of } = await examine({ LABEL_RELAY_QUEUE_URL: absent });
    expect(failed).toEqual(['queue']);
    expect(of('queue')?.message).toBe(`there is no queue ${absent}`);
  });

  test('queue: in another region than AWS_REGION', async () => {
    const { failed, of } = await examine({
      LABEL_RELAY_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/events',
    });
    expect(failed).toEqual(['queue']);
    expect(of('queue')?.message).toBe(
      'the queue of LABEL_RELAY_QUEUE_URL is in eu-west-1, and AWS_REGION is us-east-1',
    );
  });

  test('queue, dead-letter-queue and rule: a queue that somebody made in passing has none of it', async () => {
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'in-passing' }));
    const { failed, of } = await examine({ LABEL_RELAY_QUEUE_URL: QueueUrl });
    expect(failed).toEqual(['queue', 'dead-letter-queue', 'rule']);
    expect(of('queue')?.message).toContain('visibility timeout is 30 s');
    expect(of('rule')?.remedy).toContain(`label-relay aws rule create --queue ${QueueUrl}`);
    expect(of('target')?.status).toBe('skipped');
  });

  test('rule: disabled', async () => {
    await events.send(new DisableRuleCommand({ Name: stack.facts.ruleName }));
    const { failed, of } = await examine();
    await events.send(new EnableRuleCommand({ Name: stack.facts.ruleName }));
    expect(failed).toEqual(['rule']);
    expect(of('rule')?.message).toContain('is disabled');
  });

  test('rule: its pattern leaves out some endings of jobs', async () => {
    const Name = stack.facts.ruleName;
    const { EventPattern = '' } = await events.send(new DescribeRuleCommand({ Name }));
    const pattern: object = JSON.parse(EventPattern);
    const failuresOnly = JSON.stringify({ ...pattern, detail: { LabelingJobStatus: ['Failed'] } });
    await events.send(new PutRuleCommand({ Name, EventPattern: failuresOnly }));
    const { failed, of } = await examine();
    await events.send(new PutRuleCommand({ Name, EventPattern }));
    expect(failed).toEqual(['rule']);
    expect(of('rule')?.message).toContain('leaves out Completed, Stopped');
  });

  test('target: the queue does not let the rule send', async () => {
    const QueueUrl = stack.facts.queueUrl;
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['Policy'] }));
    const policy = Attributes?.['Policy'] ?? '';
    const closed = policy.replace(stack.facts.ruleName, 'another-rule');
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy: closed } }));
    const { failed } = await examine();
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy: policy } }));
    expect(failed).toEqual(['target']);
  });

  test('dead-letter-queue: events that could not be used wait there', async () => {
    const QueueUrl = `${stack.facts.queueUrl}-dead-letters`;
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'poison' }));
    const { failed, of } = await examine();
    await sqs.send(new PurgeQueueCommand({ QueueUrl }));
    expect(failed).toEqual(['dead-letter-queue']);
    expect(of('dead-letter-queue')?.remedy).toContain('start-message-move-task');
  });
});
