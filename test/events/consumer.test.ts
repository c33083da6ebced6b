import { randomUUID } from 'node:crypto';
import {
  ReceiveMessageCommand,
  DeleteMessageCommand,
  SendMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { CreateTopicCommand, PublishCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import { stateChangePattern } from '../../events/state-change-pattern.ts';
import { temporalDevServer } from '../support/servers.ts';
import { fakeTemporal, grpcFailure } from './fake-temporal.ts';
import {
  awsClients,
  consume,
  createQueue,
  depth,
  eventually,
  localEvent,
  MAX_RECEIVES,
  openWorkflow,
  putEvent,
  putRule,
  send,
  stopConsumers,
} from './queue-stack.ts';

const newJob = (): string => `birds-${randomUUID().slice(0, 8)}-001`;
const empty = { waiting: 0, taken: 0 };

afterEach(stopConsumers);

describe('with a real queue and a real Temporal server', () => {
  test('an event that a rule brings is signalled to the workflow that follows its job, and deleted (I4)', async () => {
    const queue = await createQueue();
    await putRule(queue, stateChangePattern());
    const job = newJob();
    const { client, statuses } = await openWorkflow(job);
    consume(queue, client);
    await putEvent(job, 'Stopping');
    await putEvent(job, 'Stopped');
    await eventually(async () => new Set(await statuses()).size === 2);
    expect(new Set(await statuses())).toEqual(new Set(['Stopping', 'Stopped']));
    await eventually(async () => (await depth(queue.sqs, queue.url)).taken === 0);
    expect(await depth(queue.sqs, queue.url)).toEqual(empty);
  });

  test('an event that an SNS topic brings is signalled as well (I4)', async () => {
    const queue = await createQueue();
    const { sns } = await awsClients();
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: `topic-${randomUUID()}` }));
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: queue.arn }));
    const job = newJob();
    const { client, statuses } = await openWorkflow(job);
    consume(queue, client);
    await sns.send(new PublishCommand({ TopicArn, Message: JSON.stringify(localEvent(job, 'Failed')) }));
    await eventually(async () => (await statuses()).length > 0);
    expect(new Set(await statuses())).toEqual(new Set(['Failed']));
  });

  test('events of closed workflows, of jobs nobody follows and of others are deleted and counted, and wake nothing (I4)', async () => {
    const queue = await createQueue();
    const closed = newJob();
    const { client, handle, statuses } = await openWorkflow(closed);
    await handle.terminate('closed by the test');
    const consumer = consume(queue, client);
    await send(queue, localEvent(closed), localEvent(newJob()), { ...localEvent(newJob()), source: 'aws.s3' });
    await eventually(() => consumer.stats().counts['not-ours'] === 1);
    await stopConsumers();
    expect(consumer.stats().counts).toMatchObject({ received: 3, closed: 1, 'nobody-follows': 1, 'not-ours': 1 });
    expect(await depth(queue.sqs, queue.url)).toEqual(empty);
    expect(await statuses()).toEqual([]);
    expect((await handle.describe()).status.name).toBe('TERMINATED');
  });

  test('consumers side by side deliver every event (I4)', async () => {
    const queue = await createQueue();
    const jobs = Array.from({ length: 4 }, newJob);
    const workflows = await Promise.all(jobs.map(openWorkflow));
    const { env } = await temporalDevServer();
    const consumers = [1, 2, 3].map(() => consume(queue, env.client));
    const statuses = Array.from({ length: 10 }, (_, n) => `Status ${n}`);
    await send(queue, ...jobs.flatMap((job) => statuses.map((status) => localEvent(job, status))));
    // At least once: two receivers may get the same message. What may not be is that one gets to nobody.
    const arrived = () => Promise.all(workflows.map(async (workflow) => new Set(await workflow.statuses())));
    await eventually(
      async () => (await arrived()).every(({ size }) => size === statuses.length),
      () => consumers.map((consumer) => consumer.stats().counts),
    );
    for (const got of await arrived()) expect(got).toEqual(new Set(statuses));
    await eventually(async () => (await depth(queue.sqs, queue.url)).waiting === 0);
  });

  test('a namespace that is not there is an outage: nothing is taken from the queue', async () => {
    const queue = await createQueue();
    const { env } = await temporalDevServer();
    const { Client } = await import('@temporalio/client');
    const client = new Client({ connection: env.connection, namespace: 'no-such-namespace' });
    const consumer = consume(queue, client);
    await send(queue, localEvent(newJob()));
    await eventually(() => consumer.stats().counts['outage-began'] === 1);
    expect(consumer.stats()).toEqual({ receiving: false, counts: { 'outage-began': 1 } });
    expect(await depth(queue.sqs, queue.url)).toEqual({ waiting: 1, taken: 0 });
  });
});

/** What waits in a queue, with the number of times each was received before this look. */
const takeAll = async (sqs: SQSClient, QueueUrl: string): Promise<Message[]> => {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ['All'] }),
  );
  for (const { ReceiptHandle } of Messages) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  return Messages;
};

describe('the dead-letter queue', () => {
  test('gets poison after exactly five receives; a redrive brings poison back and delivers what had only come too early (I4)', async () => {
    const queue = await createQueue();
    const { client, sent } = fakeTemporal();
    const job = newJob();
    const receives: number[] = [];
    const misled = consume(queue, client, {
      accounts: ['999999999999'],
      pace: {
        returnAfterS: (_why, receiveCount) => {
          receives.push(receiveCount);
          return 0;
        },
      },
    });
    await send(queue, '{"not": "an event"}', localEvent(job));
    await eventually(async () => (await depth(queue.sqs, queue.deadLetterUrl)).waiting === 2);
    await stopConsumers();
    expect(receives.toSorted((a, b) => a - b)).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
    expect(misled.stats().counts).toEqual({ received: 2 * MAX_RECEIVES, poison: 2 * MAX_RECEIVES });
    expect(await depth(queue.sqs, queue.url)).toEqual(empty);
    expect(sent).toEqual([]);

    const redriven = await takeAll(queue.sqs, queue.deadLetterUrl);
    for (const { Body } of redriven)
      await queue.sqs.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: Body }));
    const corrected = consume(queue, client);
    await eventually(async () => (await depth(queue.sqs, queue.deadLetterUrl)).waiting === 1);
    await stopConsumers();
    expect(corrected.stats().counts).toMatchObject({ delivered: 1, poison: MAX_RECEIVES });
    expect(sent.map(({ workflowId }) => workflowId.split(':')[3])).toEqual([job]);
    expect((await takeAll(queue.sqs, queue.deadLetterUrl)).map(({ Body }) => Body)).toEqual(['{"not": "an event"}']);
  });

  test('gets nothing from an outage: receiving stops, and goes on when a probe succeeds (I4, I7)', async () => {
    const queue = await createQueue();
    let failuresLeft = 0;
    const { client, sent } = fakeTemporal(() => {
      if (failuresLeft-- > 0) throw grpcFailure(14, 'refused');
    });
    const waits: number[] = [];
    const consumer = consume(queue, client, {
      pace: { returnAfterS: () => 0, sleep: async (ms) => void waits.push(ms) },
    });
    await send(queue, localEvent(newJob()));
    await eventually(() => consumer.stats().counts.delivered === 1);
    failuresLeft = 5; // the next event's signal and four probes
    await send(queue, localEvent(newJob()));
    await eventually(() => consumer.stats().counts.delivered === 2);
    await stopConsumers();
    expect(sent).toHaveLength(3);
    // One receive met the outage; five waits, more than an hour in all, cost not one more.
    expect(consumer.stats().counts).toMatchObject({ received: 3, outage: 1, 'outage-began': 1, 'outage-ended': 1 });
    expect(waits).toEqual([30_000, 120_000, 600_000, 3_600_000, 21_600_000]);
    expect(await depth(queue.sqs, queue.url)).toEqual(empty);
    expect(await depth(queue.sqs, queue.deadLetterUrl)).toEqual(empty);
  });

  test.each([
    ['is busy', grpcFailure(8, 'Workflow is busy.'), 'busy'],
    ['does not answer in time, while another does', grpcFailure(4, 'Deadline exceeded'), 'outage'],
  ] as const)(
    'gets nothing from a workflow that %s, and no other event waits for it (I4, I7)',
    async (_what, failure, kind) => {
      const queue = await createQueue();
      const stuck = newJob();
      const { client, sent } = fakeTemporal(({ workflowId }) => {
        if (workflowId.endsWith(stuck)) throw failure;
      });
      for (const job of [stuck, newJob(), newJob()]) await send(queue, localEvent(job));
      const consumer = consume(queue, client, { pace: { returnAfterS: () => 60 } });
      await eventually(() => consumer.stats().counts.delivered === 2);
      await send(queue, localEvent(newJob()));
      await eventually(() => consumer.stats().counts.delivered === 3);
      await stopConsumers();
      expect(consumer.stats().counts).toMatchObject({ received: 4, [kind]: 1 });
      expect(consumer.stats().counts['outage-began']).toBeUndefined();
      expect(new Set(sent.map(({ workflowId }) => workflowId)).size).toBe(4);
      expect(await depth(queue.sqs, queue.url)).toEqual({ waiting: 0, taken: 1 });
      expect(await depth(queue.sqs, queue.deadLetterUrl)).toEqual(empty);
    },
  );

  test('gets nothing while a workflow takes no more signals: the event is kept and an alarm is logged (I4)', async () => {
    const queue = await createQueue();
    const { client } = fakeTemporal(() => {
      throw grpcFailure(3, 'exceeded workflow execution limit for signal events');
    });
    const alarms: string[] = [];
    const consumer = consume(queue, client, {
      logger: { info: () => {}, warn: () => {}, error: (message) => alarms.push(message) },
      pace: { returnAfterS: () => 60 },
    });
    await send(queue, localEvent(newJob()));
    await eventually(() => consumer.stats().counts['signal-limit'] === 1);
    await stopConsumers();
    expect(alarms).toHaveLength(1);
    expect(await depth(queue.sqs, queue.url)).toEqual({ waiting: 0, taken: 1 });
    expect(await depth(queue.sqs, queue.deadLetterUrl)).toEqual(empty);
  });
});

test('the heartbeat keeps a batch that takes long from every other consumer, far beyond the visibility of its messages (I4)', async () => {
  const queue = await createQueue();
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  const slow = fakeTemporal(({ workflowId }) =>
    workflowId.startsWith('labeling-job:000000000000') ? undefined : held,
  );
  const other = fakeTemporal();
  // Twice its visibility, in real time: only heartbeats can hold it. A slow machine may miss some of them.
  const pace = { returnAfterS: () => 0, sleep: async () => {}, visibilityS: 6, heartbeatS: 1 };
  await send(queue, localEvent(newJob()));
  const first = consume(queue, slow.client, { pace });
  await eventually(() => slow.sent.length === 1);
  const second = consume(queue, other.client, { pace });
  await new Promise((resolve) => setTimeout(resolve, 12_000));
  expect(second.stats().counts.received ?? 0).toBe(0);
  letGo();
  await eventually(() => first.stats().counts.delivered === 1);
  await stopConsumers();
  expect(second.stats().counts.received ?? 0).toBe(0);
  expect(await depth(queue.sqs, queue.url)).toEqual(empty);
}, 60_000);

test('a stop takes no message that is not finished or returned, whatever is under way (I4)', async () => {
  const queue = await createQueue();
  const total = 60;
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  const { client, sent } = fakeTemporal(({ workflowId }) =>
    workflowId.startsWith('labeling-job:000000000000') ? undefined : held,
  );
  await send(queue, ...Array.from({ length: total }, () => localEvent(newJob())));
  const consumer = consume(queue, client);
  await eventually(() => sent.length > 0);
  const stopped = consumer.stop();
  letGo();
  await stopped;
  const { waiting, taken } = await depth(queue.sqs, queue.url);
  expect(taken).toBe(0);
  expect(consumer.stats().counts.delivered).toBe(sent.length);
  expect(waiting + sent.length).toBe(total);
  expect(sent.length).toBeLessThan(total);
});

test('a stop in the middle of an outage ends the longest wait at once (I4)', async () => {
  const queue = await createQueue();
  const { client } = fakeTemporal(() => {
    throw grpcFailure(7, 'Request unauthorized.');
  });
  const consumer = consume(queue, client, {
    pace: {
      sleep: (_ms, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    },
  });
  await eventually(() => !consumer.stats().receiving);
  await consumer.stop();
  expect(consumer.stats().counts).toEqual({ 'outage-began': 1 });
});

test('a queue that is not there is asked at growing intervals, not in a tight loop', async () => {
  const queue = await createQueue();
  const { client } = fakeTemporal();
  const waits: number[] = [];
  const consumer = consume({ ...queue, url: `${queue.url}-gone` }, client, {
    pace: { sleep: async (ms) => void waits.push(ms) },
  });
  expect(consumer.stats().receiving).toBe(true);
  await eventually(() => waits.length >= 6);
  // So that a roll-out with a wrong address is not taken for one that works.
  expect(consumer.stats().receiving).toBe(false);
  await consumer.stop();
  expect(waits.slice(0, 6)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000]);
});

test('receives that fail side by side are one failure, and one that is answered ends them all', async () => {
  const { client } = fakeTemporal();
  const waits: number[] = [];
  /** The receives of all lanes that are under way. */
  let pending: { answer: () => void; fail: () => void }[] = [];
  const full = Array.from({ length: 10 }, (_, index) => ({
    MessageId: String(index),
    ReceiptHandle: String(index),
    Body: JSON.stringify(localEvent(newJob(), 'Failed')),
  }));
  let isBacklog = false;
  const send = async (command: unknown): Promise<unknown> => {
    if (!(command instanceof ReceiveMessageCommand)) return {};
    if (!isBacklog) {
      isBacklog = true;
      return { Messages: full };
    }
    return new Promise((resolve, reject) => {
      pending.push({
        answer: () => resolve({ Messages: full }),
        fail: () => reject(new Error('the network is away')),
      });
    });
  };
  const queue = {
    sqs: { send } as unknown as SQSClient,
    url: 'http://127.0.0.1/q',
    arn: '',
    deadLetterUrl: '',
    deadLetterArn: '',
  };
  const consumer = consume(queue, client, { pace: { sleep: async (ms) => void waits.push(ms) } });
  const allUnderWay = async (): Promise<typeof pending> => {
    await eventually(() => pending.length === 8);
    const taken = pending;
    pending = [];
    return taken;
  };
  for (const receive of await allUnderWay()) receive.fail();
  const again = await allUnderWay();
  expect(new Set(waits)).toEqual(new Set([1000]));
  // So that a blip of the network takes nothing out of service.
  expect(consumer.stats().receiving).toBe(true);

  for (const receive of again) receive.fail();
  for (const receive of await allUnderWay()) receive.fail();
  const [first, ...others] = await allUnderWay();
  expect(new Set(waits)).toEqual(new Set([1000, 2000, 4000]));
  expect(consumer.stats().receiving).toBe(false);

  waits.length = 0;
  first?.answer();
  await eventually(() => pending.length === 1);
  expect(consumer.stats().receiving).toBe(true);
  for (const receive of others) receive.fail();
  const last = await allUnderWay();
  expect(waits).toEqual([]);
  const stopped = consumer.stop();
  for (const receive of last) receive.fail();
  await stopped;
});

test('without an account or a region to believe, the consumer does not start', () => {
  const { client } = fakeTemporal();
  const nowhere = { sqs: {} as SQSClient, url: 'http://127.0.0.1/q', arn: '', deadLetterUrl: '', deadLetterArn: '' };
  expect(() => consume(nowhere, client, { accounts: [] })).toThrow(/at least one account and one region/);
});
