/**
 * What people are told, through a real topic with a subscriber and a real HTTP server: every kind at its moment, signed, at
 * least once, chosen per chain; and what workers do, on the chain.
 */
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { z } from 'zod';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import { NOTIFICATION_KINDS } from '../../decisions/policy.ts';
import { localAwsConfig } from '../../local/local-clients.ts';
import { stopAfterTests } from '../support/servers.ts';
import { eventually, openStreamStack, type StreamStack } from './event-stream-stack.ts';
import { runCli } from './run-cli.ts';

const SECRET = 'a secret of the test';

const notificationSchema = z.object({
  id: z.string(),
  kind: z.enum(NOTIFICATION_KINDS),
  chain: z.string(),
  subject: z.string(),
  text: z.string(),
});
type Told = z.infer<typeof notificationSchema>;

/** One request to the webhook, as it came. */
type Post = { headers: Record<string, unknown>; body: string; answered: number };

let world: StreamStack;
let topicArn: string;
let webhookUrl: string;
const posts: Post[] = [];
const fromTopic: Told[] = [];

const fromWebhook = (): Told[] =>
  posts.filter(({ answered }) => answered < 300).map(({ body }) => notificationSchema.parse(JSON.parse(body)));

/** The kinds that a chain was told, in the order of the list of kinds. */
const kindsOf = (told: readonly Told[], chain: string): string[] =>
  told
    .filter((one) => one.chain === chain)
    .map(({ kind }) => kind)
    .toSorted((a, b) => NOTIFICATION_KINDS.indexOf(a) - NOTIFICATION_KINDS.indexOf(b));

const startWebhook = async (): Promise<string> => {
  const failedOnce = new Set<string>();
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const id = String(request.headers['label-relay-id']);
      // The end of a chain meets an outage of the receiver, once.
      const isOut = id.includes(':finished:') && !failedOnce.has(id);
      failedOnce.add(id);
      const answered = isOut ? 503 : 204;
      posts.push({ headers: request.headers, body, answered });
      response.writeHead(answered).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stopAfterTests(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
};

/** A topic with a queue as its subscriber; what is taken out of the queue goes to `fromTopic`. */
const startTopic = async (): Promise<{ arn: string; take: () => Promise<void> }> => {
  const sns = new SNSClient(localAwsConfig(world.facts.awsEndpoint));
  const sqs = new SQSClient(localAwsConfig(world.facts.awsEndpoint));
  const { TopicArn: arn = '' } = await sns.send(new CreateTopicCommand({ Name: 'people' }));
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'people' }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
  await sns.send(new SubscribeCommand({ TopicArn: arn, Protocol: 'sqs', Endpoint: Attributes?.QueueArn }));
  const take = async (): Promise<void> => {
    for (;;) {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      if (Messages.length === 0) return;
      for (const { Body, ReceiptHandle } of Messages) {
        const { Subject, Message } = z
          .object({ Subject: z.string().max(100), Message: z.string() })
          .parse(JSON.parse(Body ?? ''));
        const told = notificationSchema.parse(JSON.parse(Message.split('\n').at(-1) ?? ''));
        expect(Message.startsWith(told.text)).toBe(true);
        expect(Subject).toBe(told.subject.slice(0, 100));
        fromTopic.push(told);
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
    }
  };
  return { arn, take };
};

let takeFromTopic: () => Promise<void>;

beforeAll(async () => {
  world = await openStreamStack({ without: ['worker'] });
  await world.startWorkerProcess('workflows,activities', { LABEL_RELAY_WEBHOOK_SECRET_OPS: SECRET });
  webhookUrl = await startWebhook();
  ({ arn: topicArn, take: takeFromTopic } = await startTopic());
  const twentyOfTwentyFour = { objects: ['*/?.jpg', '*/1?.jpg'] };
  await world.script({
    'told-*-001': { fail: { after: '3m', reason: 'InternalServerError: We encountered an internal error.' } },
    'handed-*-001': { workers: { ratePerHour: 0.04 } },
    asked: { fail: { after: '3m', reason: 'ClientError: Access Denied' } },
    declined: { workers: { answerTime: '6h' }, declines: twentyOfTwentyFour, events: { workers: true } },
    quiet: { workers: { ratePerHour: 2, until: '2h' }, events: { workers: true } },
  });
  const both = { topicArn, webhook: { url: webhookUrl, secretName: 'ops' } };
  await world.startChain('told', { notify: both });
  await world.startChain('handed', { notify: both, lifetime: '3d', handOver: '2h' });
  await world.startChain('asked', { notify: both });
  await world.startChain('declined', { notify: both, maxAttemptsPerObject: 1 });
  await world.startChain('quiet', { notify: both, silenceWithin: '2d' });
  await world.startChain('choosy', { notify: { topicArn, kinds: ['chain-finished'] } });
  await world.startChain('nowhere', { notify: { webhook: { url: 'http://127.0.0.1:9/closed' } } });
}, 180_000);

test('a chain shows what its workers do, by worker events from their own rule and queue', async () => {
  await world.advance(3 * HOUR_MS, 30 * MINUTE_MS);
  const workersOf = async (chain: string) => (await world.relay.detail(chain)).live?.workers;
  await eventually(
    async () =>
      ((await workersOf('declined'))?.declined ?? 0) >= 10 && ((await workersOf('quiet'))?.submitted ?? 0) >= 2,
    async () => [await workersOf('declined'), await workersOf('quiet')],
  );
  const { live } = await world.relay.detail('quiet');
  const { accepted, submitted, lastActivityMs } = live?.workers ?? {};
  expect(accepted).toBeGreaterThanOrEqual(submitted ?? 0);
  expect(lastActivityMs).toBeGreaterThan(live?.observation?.createdAtMs ?? Infinity);
  const shown = await runCli(['show', 'quiet'], world.facts.env);
  expect(shown.stdout).toMatch(/\d+ accepted.*\d+ submitted.*0 declined.*0 returned.*last activity/s);
});

test('every kind is sent at its moment, to the topic and to the webhook alike', async () => {
  await world.advance(5 * DAY_MS, 3 * HOUR_MS);
  await world.relay.stop('asked', 'the test has seen enough');
  await world.relay.stop('quiet', 'the test has seen enough');
  await world.advance(2 * DAY_MS, 6 * HOUR_MS);
  await takeFromTopic();
  for (const told of [fromTopic, fromWebhook()]) {
    expect(kindsOf(told, 'told')).toEqual([
      'job-completed',
      'job-failed',
      'job-stopped',
      'chain-continued',
      'chain-continued',
      'chain-finished',
    ]);
    expect(kindsOf(told, 'handed')).toEqual(expect.arrayContaining(['job-expired', 'deadline-at-risk']));
    expect(kindsOf(told, 'declined').filter((kind) => kind === 'decline-surge')).toHaveLength(1);
    expect(kindsOf(told, 'declined').filter((kind) => kind === 'objects-set-aside')).toHaveLength(1);
    // Its rate makes it miss its deadline, too.
    expect(kindsOf(told, 'quiet')).toEqual(['job-stopped', 'deadline-at-risk', 'silence', 'chain-finished']);
    const reminders = kindsOf(told, 'asked').filter((kind) => kind === 'attention');
    expect(reminders.length).toBeGreaterThanOrEqual(5);
    expect(kindsOf(told, 'asked').at(-1)).toBe('chain-finished');
    expect(new Set(told.map(({ kind }) => kind))).toEqual(new Set(NOTIFICATION_KINDS));
  }
});

test('each piece of news has one id, and comes once where nothing fails', () => {
  const topicIds = fromTopic.map(({ id }) => id);
  expect(new Set(topicIds).size).toBe(topicIds.length);
  const webhookIds = fromWebhook().map(({ id }) => id);
  expect(new Set(webhookIds).size).toBe(webhookIds.length);
});

test('a receiver that is out gets the news again later, with the same id; the topic does not get it twice', () => {
  const refused = posts.filter(({ answered }) => answered === 503);
  expect(refused.length).toBeGreaterThan(0);
  for (const { body } of refused) {
    const { id } = notificationSchema.parse(JSON.parse(body));
    expect(fromWebhook().filter((told) => told.id === id)).toHaveLength(1);
    expect(fromTopic.filter((told) => told.id === id)).toHaveLength(1);
  }
});

test('every webhook is signed with its timestamp, by the secret that the policy names', () => {
  for (const { headers, body } of posts) {
    const timestamp = String(headers['label-relay-timestamp']);
    expect(Math.abs(Date.now() / 1000 - Number(timestamp))).toBeLessThan(600);
    const expected = createHmac('sha256', SECRET).update(`${timestamp}.${body}`).digest('hex');
    expect(headers['label-relay-signature']).toBe(`sha256=${expected}`);
  }
});

test('a chain chooses its kinds, and a receiver that never answers holds up no chain', async () => {
  expect(kindsOf(fromTopic, 'choosy')).toEqual(['chain-finished']);
  expect(kindsOf(fromWebhook(), 'choosy')).toEqual([]);
  for (const chain of ['choosy', 'nowhere', 'told', 'declined'])
    expect(await world.held(chain)).toMatchObject({ document: { status: 'labeled' }, violations: [] });
});
