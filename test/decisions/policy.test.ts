/** The policy of a spec: every field, every default, every mistake with its path. */
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import { objectsPerJobQuota, policySchema } from '../../decisions/policy-schema.ts';
import { readSpec } from '../../decisions/spec.ts';
import { minimalJob, policyOf, specOf, withAlgorithms } from './builders.ts';

const policyProblemsOf = (policy: unknown): readonly string[] => {
  const reading = readSpec({ chain: 'birds', job: minimalJob, policy });
  return reading.kind === 'problems' ? reading.problems : [];
};
const lambda = (name: string): string => `arn:aws:lambda:us-east-1:432418664414:function:${name}`;

test('every field of the policy is read', () => {
  const policy = policyOf({
    lifetime: '10d',
    handOver: '3h',
    reconcile: { first: ['1m'], every: '1h' },
    maxJobs: 5,
    maxDuration: '1d',
    maxAttemptsPerObject: 1,
    maxFailures: 7,
    maxJobsWithoutProgress: 8,
    maxObjectsPerJob: 9,
    maxObjectsSent: 10,
    maxCost: 11,
    price: { perAnswer: 0.1 },
    stoppingConditions: 'per-job',
    nextInput: 'dataset',
    failureReasons: { expired: ['a'], transient: ['b'], input: ['c'] },
    initializingWithin: '1m',
    progressWithin: '2m',
    silenceWithin: '3m',
    declineSurge: 4,
    stopWithin: '5m',
    deadlineGrace: '6m',
    settleWithin: '7m',
    lateLabels: '8m',
    notify: {
      topicArn: 'arn:aws:sns:us-east-1:111122223333:people',
      webhook: { url: 'https://example.com/hook', secretName: 'S' },
      kinds: ['attention'],
    },
  });
  expect(policy).toEqual({
    lifetimeMs: 10 * DAY_MS,
    handOverMs: 3 * HOUR_MS,
    reconcile: { firstMs: [MINUTE_MS], everyMs: HOUR_MS },
    maxJobs: 5,
    maxDurationMs: DAY_MS,
    maxAttemptsPerObject: 1,
    maxFailures: 7,
    maxJobsWithoutProgress: 8,
    maxObjectsPerJob: 9,
    maxObjectsSent: 10,
    maxCost: 11,
    price: { perAnswer: 0.1, perObject: 0, currency: 'USD' },
    stoppingConditions: 'per-job',
    nextInput: 'dataset',
    failureReasons: { expired: ['a'], transient: ['b'], input: ['c'] },
    initializingWithinMs: MINUTE_MS,
    progressWithinMs: 2 * MINUTE_MS,
    silenceWithinMs: 3 * MINUTE_MS,
    declineSurge: 4,
    stopWithinMs: 5 * MINUTE_MS,
    deadlineGraceMs: 6 * MINUTE_MS,
    settleWithinMs: 7 * MINUTE_MS,
    lateLabelsMs: 8 * MINUTE_MS,
    notify: {
      topicArn: 'arn:aws:sns:us-east-1:111122223333:people',
      webhook: { url: 'https://example.com/hook', secretName: 'S' },
      kinds: ['attention'],
    },
  });
  expect(policyOf({ price: { perObject: 2, currency: 'EUR' } }).price).toEqual({
    perAnswer: 0,
    perObject: 2,
    currency: 'EUR',
  });
  expect(policyOf({ handOver: 'off' }).handOverMs).toBeNull();
  expect(policyOf({ notify: { webhook: { url: 'http://localhost:1/' } } }).notify.webhook).toEqual({
    url: 'http://localhost:1/',
    secretName: null,
  });
});

test.each([
  ['http://example.com/hook', false],
  ['http://169.254.169.254/latest', false],
  ['http://localhost.example.com/', false],
  ['https://user:password@example.com/', false],
  ['ftp://127.0.0.1/', false],
  ['example.com', false],
  ['https://example.com/hook?team=birds', true],
  ['http://127.0.0.1:8080/hook', true],
  ['http://[::1]:8080/hook', true],
])('a webhook is HTTPS, or on this machine, and without credentials: %s', (url, good) => {
  expect(policySchema.safeParse({ notify: { webhook: { url } } }).success).toBe(good);
});

test.each([
  ['arn:aws:sns:us-east-1:111122223333:people', true],
  ['people', false],
  ['arn:aws:sqs:us-east-1:111122223333:people', false],
  // A FIFO topic refuses messages without a group.
  ['arn:aws:sns:us-east-1:111122223333:people.fifo', false],
])('a topic is the ARN of a standard SNS topic: %s', (topicArn, good) => {
  expect(policySchema.safeParse({ notify: { topicArn } }).success).toBe(good);
});

test('defaults that hang on the job: the quota of objects, and the input of the next job', () => {
  const task = (name: string) => ({ ...minimalJob.HumanTaskConfig, PreHumanTaskLambdaArn: lambda(name) });
  const segmentation = specOf({
    job: { LabelAttributeName: 'mask-ref', HumanTaskConfig: task('PRE-SemanticSegmentation') },
  });
  expect(segmentation.policy.maxObjectsPerJob).toBe(20_000);
  expect(specOf({ job: { LabelingJobAlgorithmsConfig: withAlgorithms } }).policy.nextInput).toBe('dataset');
  expect(objectsPerJobQuota('AdjustmentSemanticSegmentation')).toBe(20_000);
  expect(objectsPerJobQuota('3DPointCloudSemanticSegmentation')).toBe(100_000);
  expect(objectsPerJobQuota(null)).toBe(100_000);
});

test('of a policy: every mistake with its path', () => {
  expect(
    policyProblemsOf({
      lifetime: 'soon',
      handOver: 'never',
      reconcile: { first: ['x'], every: 5 },
      maxJobs: 0,
      failureReasons: { expired: ['('] },
      stoppingConditions: 'stop',
      notify: { webhook: { url: 'ftp://x' }, kinds: ['all'] },
      max: 1,
    }),
  ).toEqual([
    'policy.lifetime: must be a number and a unit, such as 90s, 30m, 1h or 2d',
    'policy.handOver: must be "off" or a number and a unit, such as 90s, 30m, 1h or 2d',
    'policy.reconcile.first[0]: must be a number and a unit, such as 90s, 30m, 1h or 2d',
    'policy.reconcile.every: expected string, received number',
    'policy.maxJobs: expected number to be >=1',
    'policy.stoppingConditions: Invalid option: expected one of "finish"|"per-job"',
    'policy.failureReasons.expired[0]: must be a regular expression',
    'policy.notify.webhook.url: must be an https:// address without user name and password (http:// only to this machine)',
    expect.stringContaining('policy.notify.kinds[0]: Invalid option'),
    'policy.max: is not a field here; check its spelling or remove it',
  ]);
});

test.each([
  [
    'a lifetime in which every job would count as expired',
    { lifetime: '119m', handOver: '1h' },
    'policy.lifetime: must be at least 2h',
  ],
  [
    'a hand-over at the creation',
    { lifetime: '2h', handOver: '2h' },
    'policy.handOver: must be shorter than policy.lifetime',
  ],
  ['a Describe every second', { reconcile: { every: '59s' } }, 'policy.reconcile.every: must be at least 1m'],
  [
    'money without a price',
    { maxCost: 1 },
    'policy.maxCost: needs policy.price to count with; set perAnswer or perObject',
  ],
  [
    'money with a price of nothing',
    { maxCost: 1, price: {} },
    'policy.maxCost: needs policy.price to count with; set perAnswer or perObject',
  ],
])('what fields of a policy say together: %s', (_, policy, problem) => {
  expect(policyProblemsOf(policy)).toEqual([problem]);
});

test('the narrowest policy that is allowed', () => {
  expect(
    policyProblemsOf({
      lifetime: '2h',
      handOver: '119m',
      reconcile: { every: '1m' },
      maxCost: 1,
      price: { perObject: 0.01 },
    }),
  ).toEqual([]);
});
