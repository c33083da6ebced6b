/** Telling people: a topic with a real subscriber on the emulator, and a signed webhook to a real receiver. */
import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { notificationActivities, type Notification } from '../../activities/notifications.ts';
import { localAwsConfig } from '../../local/local-clients.ts';
import { motoServer, stopAfterTests } from '../support/servers.ts';

const notification: Notification = {
  id: 'birds:run-1:attention:1',
  kind: 'attention',
  chain: 'birds',
  subject: `birds asks for attention – ${'a long subject '.repeat(10)}`,
  text: 'Look.',
  facts: { generation: 1 },
};

const offline = () => new SNSClient({ region: 'us-east-1', endpoint: 'http://127.0.0.1:9', maxAttempts: 1 });
const { notify } = notificationActivities({
  sns: offline,
  webhookSecret: (name) => (name === 'hook' ? 'a secret' : null),
});

/** A receiver that keeps what it is sent. */
const startReceiver = async (status = 200) => {
  const received: { headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stopAfterTests(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { received, url: `http://127.0.0.1:${address.port}/hook` };
};

test('a topic: its subscriber gets the text, the whole news as JSON, and attributes to filter by', async () => {
  const { endpoint } = await motoServer();
  const sns = new SNSClient(localAwsConfig(endpoint));
  const sqs = new SQSClient(localAwsConfig(endpoint));
  const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: 'news' }));
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'news' }));
  const QueueArn = `arn:aws:sqs:us-east-1:123456789012:news`;
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: QueueArn }));
  const activities = notificationActivities({ sns: () => sns, webhookSecret: () => null });
  await activities.notify({ target: { kind: 'topic', topicArn: TopicArn }, notification });
  const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
  const envelope = JSON.parse(Messages?.[0]?.Body ?? '{}');
  expect(envelope.Subject).toHaveLength(100);
  expect(envelope.Subject).toMatch(/^[\x20-\x7e]*$/);
  expect(envelope.Message.startsWith('Look.\n\n{')).toBe(true);
  expect(JSON.parse(envelope.Message.slice('Look.\n\n'.length))).toEqual(notification);
  expect(envelope.MessageAttributes.kind.Value).toBe('attention');
});

test('a webhook: the body is signed together with the time, so that a receiver can refuse what is old or forged', async () => {
  const { received, url } = await startReceiver();
  await notify({ target: { kind: 'webhook', url, secretName: 'hook' }, notification });
  const [post] = received;
  const timestamp = String(post?.headers['label-relay-timestamp']);
  const expected = createHmac('sha256', 'a secret').update(`${timestamp}.${post?.body}`).digest('hex');
  expect(post?.headers['label-relay-signature']).toBe(`sha256=${expected}`);
  expect(post?.headers['label-relay-id']).toBe(notification.id);
  expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(60);
  expect(JSON.parse(post?.body ?? '')).toEqual(notification);
});

test('without a secret it is not signed; with one that the worker lacks nothing is sent', async () => {
  const { received, url } = await startReceiver();
  await notify({ target: { kind: 'webhook', url, secretName: null }, notification });
  expect(received[0]?.headers['label-relay-signature']).toBeUndefined();
  await expect(notify({ target: { kind: 'webhook', url, secretName: 'unknown' }, notification })).rejects.toThrow(
    /no secret named unknown/,
  );
  expect(received).toHaveLength(1);
});

test('a receiver that answers with an error, and a topic that does not, are tried again: the activity throws', async () => {
  const { url } = await startReceiver(500);
  await expect(notify({ target: { kind: 'webhook', url, secretName: null }, notification })).rejects.toThrow(
    'HTTP 500',
  );
  const topicArn = 'arn:aws:sns:us-east-1:123456789012:news';
  await expect(notify({ target: { kind: 'topic', topicArn }, notification })).rejects.toBeInstanceOf(Error);
});
