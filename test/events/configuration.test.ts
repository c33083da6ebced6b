import { loadConfig, queueElsewhere } from '../../config.ts';
import { InputError } from '../../errors.ts';
import { runWorker } from '../../worker.ts';

const QUEUE = 'http://127.0.0.1:1/123456789012/worker-events';

const problemsOf = (env: Record<string, string>): readonly string[] => {
  try {
    loadConfig(env);
  } catch (thrown) {
    if (thrown instanceof InputError) return thrown.problems;
    throw thrown;
  }
  return [];
};

test('worker events are off without a queue of theirs and come from EventBridge with one', () => {
  expect(loadConfig({}).workerEvents).toBe('off');
  expect(loadConfig({ LABEL_RELAY_WORKER_EVENTS_QUEUE_URL: QUEUE }).workerEvents).toBe('eventbridge');
});

test('one word chooses where worker events come from, so that they never come from two places at once', () => {
  const env = { LABEL_RELAY_WORKER_EVENTS_QUEUE_URL: QUEUE };
  for (const source of ['eventbridge', 'log', 'off'] as const)
    expect(loadConfig({ ...env, LABEL_RELAY_WORKER_EVENTS: source }).workerEvents).toBe(source);
});

test('a wrong source, window or poll is one sentence each, with what is accepted', () => {
  expect(
    problemsOf({
      LABEL_RELAY_WORKER_EVENTS: 'sometimes',
      LABEL_RELAY_WORKER_EVENTS_WINDOW: 'an hour',
      LABEL_RELAY_POLL_SECONDS: '21',
    }),
  ).toEqual([
    'LABEL_RELAY_WORKER_EVENTS is "sometimes", expected eventbridge, log, off',
    expect.stringMatching(/^LABEL_RELAY_WORKER_EVENTS_WINDOW is "an hour", expected .*1h/),
    'LABEL_RELAY_POLL_SECONDS is "21", expected 1 to 20',
  ]);
  for (const seconds of ['1', '10', '20']) expect(problemsOf({ LABEL_RELAY_POLL_SECONDS: seconds })).toEqual([]);
  for (const seconds of ['0', '-1', '1.5']) expect(problemsOf({ LABEL_RELAY_POLL_SECONDS: seconds })).toHaveLength(1);
});

test('without a Temporal server the consumer says where it looked and what to do', async () => {
  const config = loadConfig({ TEMPORAL_ADDRESS: '127.0.0.1:1', LABEL_RELAY_QUEUE_URL: QUEUE, AWS_REGION: 'us-east-1' });
  await expect(runWorker({ config, roles: ['events'], signal: AbortSignal.abort() })).rejects.toThrow(
    /no Temporal server answers at 127\.0\.0\.1:1 .*Set TEMPORAL_ADDRESS/,
  );
}, 30_000);

test('a worker that lacks a setting of the event stream says so and ends, before it connects to anything', async () => {
  const run = (env: Record<string, string>) =>
    runWorker({
      config: loadConfig({ TEMPORAL_ADDRESS: '127.0.0.1:1', AWS_REGION: 'us-east-1', ...env }),
      roles: ['workflows', 'activities', 'events'],
      signal: AbortSignal.abort(),
    });
  await expect(run({})).rejects.toThrow(/LABEL_RELAY_QUEUE_URL is not set/);
  await expect(run({ LABEL_RELAY_QUEUE_URL: QUEUE, LABEL_RELAY_WORKER_EVENTS: 'eventbridge' })).rejects.toThrow(
    /LABEL_RELAY_WORKER_EVENTS_QUEUE_URL is not set; give the URL/,
  );
  const noRegion = { AWS_REGION: '', LABEL_RELAY_REGIONS: 'us-east-1' };
  await expect(run({ LABEL_RELAY_QUEUE_URL: QUEUE, LABEL_RELAY_WORKER_EVENTS: 'log', ...noRegion })).rejects.toThrow(
    /LABEL_RELAY_WORKER_EVENTS is log and AWS_REGION is not set; give the region/,
  );
  await expect(run({ LABEL_RELAY_QUEUE_URL: QUEUE, LABEL_RELAY_WORKER_EVENTS_QUEUE_URL: QUEUE })).rejects.toThrow(
    /is the queue of state changes; worker events need a queue of their own/,
  );
});

test.each([
  ['LABEL_RELAY_QUEUE_URL', 'https://sqs.us-west-2.amazonaws.com/111122223333/events'],
  ['LABEL_RELAY_QUEUE_URL', 'https://sqs-fips.us-west-2.amazonaws.com/111122223333/events'],
  ['LABEL_RELAY_QUEUE_URL', 'https://vpce-0f-1a.sqs.us-west-2.vpce.amazonaws.com/111122223333/events'],
  ['LABEL_RELAY_WORKER_EVENTS_QUEUE_URL', 'https://sqs.us-west-2.amazonaws.com/111122223333/workers'],
] as const)(
  'a queue of another region, which would be asked in vain for ever, is one sentence at the start: %s %s',
  async (name, url) => {
    const config = loadConfig({ LABEL_RELAY_QUEUE_URL: QUEUE, AWS_REGION: 'us-east-1', [name]: url });
    await expect(runWorker({ config, roles: ['events'], signal: AbortSignal.abort() })).rejects.toThrow(
      `the queue of ${name} is in us-west-2, and AWS_REGION is us-east-1; set AWS_REGION to the queue's region, or correct the URL`,
    );
    expect(queueElsewhere(name, url, 'us-west-2')).toBeNull();
    expect(queueElsewhere(name, QUEUE, 'us-west-2')).toBeNull();
  },
);
