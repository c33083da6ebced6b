/** Changes to a chain by a person: what may change, what may not, and that only what is named changes. */
import fc from 'fast-check';
import { readAmendment } from '../../decisions/amend.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import type { Spec } from '../../decisions/spec.ts';
import { minimalJob, specOf, withAlgorithms } from './builders.ts';

const amended = (changes: unknown, old = specOf()): Spec => {
  const reading = readAmendment(old, changes);
  if (reading.kind === 'problems') throw new Error(reading.problems.join('\n'));
  return reading.spec;
};
const problems = (changes: unknown, old = specOf()): readonly string[] => {
  const reading = readAmendment(old, changes);
  return reading.kind === 'problems' ? reading.problems : [];
};
const task = (change: object) => ({ job: { HumanTaskConfig: change } });

test('only what is named changes, field by field', () => {
  const spec = amended({ job: { HumanTaskConfig: { TaskTitle: 'Name the bird' }, OutputConfig: { KmsKeyId: 'key' } } });
  expect(spec).toEqual({
    ...specOf(),
    job: {
      ...minimalJob,
      OutputConfig: { ...minimalJob.OutputConfig, KmsKeyId: 'key' },
      HumanTaskConfig: { ...minimalJob.HumanTaskConfig, TaskTitle: 'Name the bird' },
    },
  });
  expect(amended({})).toEqual(specOf());
});

test('null takes a field of the request away', () => {
  const old = specOf({ job: { StoppingConditions: { MaxHumanLabeledObjectCount: 5 } } });
  expect(amended({ job: { StoppingConditions: null } }, old).job).toEqual(minimalJob);
});

test('a list takes the place of a list', () => {
  const old = specOf({ job: { Tags: [{ Key: 'a', Value: '1' }] } });
  expect(amended({ job: { Tags: [{ Key: 'b', Value: '2' }] } }, old).job.Tags).toEqual([{ Key: 'b', Value: '2' }]);
});

test('any limit can be raised; the rest of the policy stays', () => {
  const old = specOf({
    policy: {
      maxJobs: 2,
      maxCost: 5,
      price: { perAnswer: 0.1, currency: 'EUR' },
      maxObjectsSent: 9,
      maxDuration: '1d',
      maxFailures: 1,
      maxJobsWithoutProgress: 1,
    },
  });
  const policy = {
    maxJobs: 3,
    maxCost: 6,
    maxObjectsSent: 10,
    maxDuration: '2d',
    maxFailures: 2,
    maxJobsWithoutProgress: 3,
  };
  expect(amended({ policy }, old).policy).toEqual({
    ...old.policy,
    ...policy,
    maxDuration: undefined,
    maxDurationMs: 2 * DAY_MS,
  });
});

test('objects of the policy are changed field by field too', () => {
  const old = specOf({
    policy: {
      price: { perAnswer: 0.1, currency: 'EUR' },
      reconcile: { first: ['1m'], every: '1h' },
      failureReasons: { expired: ['a'], input: ['b'] },
      notify: { topicArn: 'arn:aws:sns:us-east-1:111122223333:people', kinds: ['attention'] },
    },
  });
  const policy = {
    price: { perObject: 1 },
    reconcile: { every: '2h' },
    failureReasons: { input: ['c'] },
    notify: { kinds: ['silence'] },
  };
  expect(amended({ policy }, old).policy).toEqual({
    ...old.policy,
    price: { perAnswer: 0.1, perObject: 1, currency: 'EUR' },
    reconcile: { firstMs: [MINUTE_MS], everyMs: 2 * HOUR_MS },
    failureReasons: { expired: ['a'], transient: [], input: ['c'] },
    notify: { topicArn: 'arn:aws:sns:us-east-1:111122223333:people', webhook: null, kinds: ['silence'] },
  });
  expect(amended({ policy: { reconcile: { first: ['2m'] } } }, old).policy.reconcile).toEqual({
    firstMs: [2 * MINUTE_MS],
    everyMs: HOUR_MS,
  });
});

test('a price can be set where none was; durations and "off" are read', () => {
  expect(amended({ policy: { price: { perObject: 1 }, maxCost: 3 } }).policy).toMatchObject({
    price: { perAnswer: 0, perObject: 1, currency: 'USD' },
    maxCost: 3,
  });
  expect(amended({ policy: { handOver: 'off' } }).policy.handOverMs).toBeNull();
  expect(amended({ policy: { handOver: '3h' } }).policy.handOverMs).toBe(3 * HOUR_MS);
});

test('null gives a field of the policy its default again', () => {
  const old = specOf({ policy: { maxCost: 5, price: { perObject: 1 }, lifetime: '10d', reconcile: { every: '1h' } } });
  expect(amended({ policy: { maxCost: null } }, old).policy).toEqual({ ...old.policy, maxCost: null });
  expect(amended({ policy: { maxCost: null, price: null, lifetime: null, reconcile: null } }, old).policy).toEqual(
    specOf().policy,
  );
  expect(problems({ policy: { price: null } }, old)).toEqual([
    'policy.maxCost: needs policy.price to count with; set perAnswer or perObject',
  ]);
  expect(problems({ policy: { maxCosts: null } }, old)).toEqual([
    'policy.maxCosts: is not a field here; did you mean maxCost?',
  ]);
});

test('automated labeling that comes or goes brings the default of nextInput with it, unless another is given', () => {
  const algorithms = { job: { LabelingJobAlgorithmsConfig: withAlgorithms } };
  const old = specOf(algorithms);
  expect(amended(algorithms).policy.nextInput).toBe('dataset');
  expect(amended({ ...algorithms, policy: { nextInput: 'unlabeled' } }).policy.nextInput).toBe('unlabeled');
  expect(amended({ job: { LabelingJobAlgorithmsConfig: null } }, old).policy.nextInput).toBe('unlabeled');
  expect(amended({ policy: { maxJobs: 4 } }, old).policy.nextInput).toBe('dataset');
});

test('the default that a field gets again is the one of the amended request', () => {
  const old = specOf({ job: { LabelingJobAlgorithmsConfig: withAlgorithms }, policy: { nextInput: 'unlabeled' } });
  expect(amended({ policy: { nextInput: null } }, old).policy.nextInput).toBe('dataset');
  expect(
    amended({ job: { LabelingJobAlgorithmsConfig: null }, policy: { nextInput: null } }, old).policy.nextInput,
  ).toBe('unlabeled');
});

test.each([
  [
    'LabelAttributeName',
    { job: { LabelAttributeName: 'bird' } },
    'job.LabelAttributeName: cannot be amended (it is animal); start another chain for bird',
  ],
  [
    'S3OutputPath',
    { job: { OutputConfig: { S3OutputPath: 's3://other' } } },
    'job.OutputConfig.S3OutputPath: cannot be amended (it is s3://labels/birds); start another chain for s3://other',
  ],
  [
    'the account',
    { job: { RoleArn: 'arn:aws:iam::999922223333:role/x' } },
    'the account of job.RoleArn: cannot be amended (it is 111122223333); start another chain for 999922223333',
  ],
  [
    'the region',
    task({ WorkteamArn: 'arn:aws:sagemaker:eu-west-1:111122223333:workteam/private-crowd/birders' }),
    'the region of job.HumanTaskConfig.WorkteamArn: cannot be amended (it is us-east-1); start another chain for eu-west-1',
  ],
  [
    'the task type',
    task({ PreHumanTaskLambdaArn: 'arn:aws:lambda:us-east-1:432418664414:function:PRE-BoundingBox' }),
    'the task type: cannot be amended (it is custom); start another chain for BoundingBox',
  ],
  [
    'the data source',
    { job: { InputConfig: { DataSource: { S3DataSource: { ManifestS3Uri: 's3://data/more.manifest' } } } } },
    'job.InputConfig.DataSource: cannot be amended; give further objects with amend --manifest s3://…',
  ],
])('refused: %s', (_, changes, problem) => {
  expect(problems(changes)).toEqual([problem]);
});

test('another team, role or template of the same account and region may do the next job', () => {
  const spec = amended({
    job: {
      RoleArn: 'arn:aws:iam::111122223333:role/Other',
      HumanTaskConfig: {
        WorkteamArn: 'arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/others',
        UiConfig: { UiTemplateS3Uri: 's3://data/other.html' },
      },
    },
  });
  expect(spec).toMatchObject({
    account: '111122223333',
    region: 'us-east-1',
    job: { RoleArn: 'arn:aws:iam::111122223333:role/Other' },
  });
});

test('all refusals and mistakes are listed, with their paths', () => {
  expect(
    problems({
      job: { LabelAttributeName: 'bird', OutputConfig: { S3OutputPath: 's3://other' } },
      policy: { handOver: '40d' },
    }),
  ).toHaveLength(3);
  expect(problems({ job: { TaskTitle: 'x', HumanTaskConfig: { TaskTitle: 7 } } })).toEqual([
    'job.HumanTaskConfig.TaskTitle: expected string, received number',
    'job.TaskTitle: is not a field here; check its spelling or remove it',
  ]);
  expect(problems({ polcy: {} })).toEqual(['polcy: is not a field here; did you mean policy?']);
  expect(problems('x')).toEqual(['the changes: expected object, received string']);
  expect(problems(null)).toEqual(['the changes: expected object, received null']);
});

test('whatever is given, it is read or refused; nothing throws', () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), fc.record({ job: fc.jsonValue(), policy: fc.jsonValue() })), (changes) => {
      const reading = readAmendment(specOf(), changes);
      expect(reading.kind === 'spec' || reading.problems.length > 0).toBe(true);
    }),
    { numRuns: 200 },
  );
});
