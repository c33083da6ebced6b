/** Reading a spec: what AWS takes fits, every mistake is listed with its path, every default is filled in. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import { NOTIFICATION_KINDS } from '../../decisions/policy.ts';
import { readSpec } from '../../decisions/spec.ts';
import { minimalJob, specOf, streamingJob } from './builders.ts';

const problemsOf = (input: unknown): readonly string[] => {
  const reading = readSpec(input);
  return reading.kind === 'problems' ? reading.problems : [];
};
const jobProblems = (job: object): readonly string[] => problemsOf({ chain: 'birds', job: { ...minimalJob, ...job } });
const taskProblems = (task: object): readonly string[] =>
  jobProblems({ HumanTaskConfig: { ...minimalJob.HumanTaskConfig, ...task } });

const lambda = (name: string): string => `arn:aws:lambda:us-east-1:432418664414:function:${name}`;

test.each([
  ['a dataset', minimalJob],
  ['a stream', { ...minimalJob, ...streamingJob }],
])('the job of a spec of %s is read again as it is: a record gives its spec back', (_what, job) => {
  const reading = readSpec({ chain: 'birds', job });
  if (reading.kind === 'problems') throw new Error(reading.problems.join());
  const { chain, job: read } = reading.spec;
  expect(readSpec({ chain, job: read })).toEqual(reading);
});

test('the smallest request that AWS takes is a spec', () => {
  expect(specOf()).toEqual({
    chain: 'birds',
    job: minimalJob,
    region: 'us-east-1',
    account: '111122223333',
    streaming: false,
    policy: {
      lifetimeMs: 30 * DAY_MS,
      handOverMs: 2 * HOUR_MS,
      reconcile: { firstMs: [5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS], everyMs: 6 * HOUR_MS },
      maxJobs: null,
      maxDurationMs: 730 * DAY_MS,
      maxAttemptsPerObject: 3,
      maxFailures: 3,
      maxJobsWithoutProgress: 2,
      maxObjectsPerJob: 100_000,
      maxObjectsSent: null,
      maxCost: null,
      price: null,
      stoppingConditions: 'finish',
      nextInput: 'unlabeled',
      failureReasons: { expired: [], transient: [], input: [] },
      initializingWithinMs: 2 * HOUR_MS,
      progressWithinMs: 3 * DAY_MS,
      silenceWithinMs: 3 * DAY_MS,
      declineSurge: 10,
      stopWithinMs: 6 * HOUR_MS,
      deadlineGraceMs: 6 * HOUR_MS,
      settleWithinMs: 2 * HOUR_MS,
      lateLabelsMs: DAY_MS,
      notify: { topicArn: null, webhook: null, kinds: [...NOTIFICATION_KINDS] },
    },
  });
});

test('defaults of the policy follow the job: the quota of its task type, the whole dataset with automated labeling', () => {
  const read = (job: object) => {
    const reading = readSpec({ chain: 'birds', job: { ...minimalJob, ...job } });
    return reading.kind === 'spec' ? reading.spec.policy : null;
  };
  const segmentation = { PreHumanTaskLambdaArn: lambda('PRE-SemanticSegmentation') };
  const HumanTaskConfig = { ...minimalJob.HumanTaskConfig, ...segmentation };
  expect(read({ LabelAttributeName: 'animal-ref', HumanTaskConfig })?.maxObjectsPerJob).toBe(20_000);
  const LabelingJobAlgorithmsConfig = {
    LabelingJobAlgorithmSpecificationArn:
      'arn:aws:sagemaker:us-east-1:027400017018:labeling-job-algorithm-specification/image-classification',
  };
  expect(read({ LabelingJobAlgorithmsConfig })?.nextInput).toBe('dataset');
});

test('a name for the job is the only mistake of a spec that is else right: it is refused all the same', () => {
  expect(jobProblems({ LabelingJobName: 'mine' })).toEqual([
    expect.stringMatching(/^job.LabelingJobName: must be left/),
  ]);
});

test('a job that is fed by a topic is streaming', () => {
  expect(specOf({ job: streamingJob }).streaming).toBe(true);
});

test.each([
  [null, 'the spec: expected object, received null'],
  [undefined, 'the spec: is missing (expected object)'],
  ['birds', 'the spec: expected object, received string'],
  [[], 'the spec: expected object, received array'],
])('%j is no spec', (input, problem) => {
  expect(problemsOf(input)).toEqual([problem]);
});

test('all mistakes of all parts at once', () => {
  expect(
    problemsOf({
      chain: 'Birds',
      job: {
        ...minimalJob,
        LabelingJobName: 'mine',
        LabelAttributeName: 'boxes-ref',
        RoleArn: 'arn:aws:iam::111122223333:user/me',
        Tags: [
          { Key: 'aws:x', Value: '' },
          { Key: 'Label-Relay:chain', Value: 'x' },
        ],
        HumanTaskConfig: {
          ...minimalJob.HumanTaskConfig,
          PreHumanTaskLambdaArn: lambda('PRE-BoundingBox'),
          TaskTitel: 'x',
          TaskTitle: '',
        },
      },
      policy: { reconcile: { every: '1s' } },
      more: 1,
    }),
  ).toEqual([
    'job.LabelingJobName: must be left out; the chain names its jobs <chain>-<5 characters>-<generation>',
    'policy.reconcile.every: must be at least 1m',
    'chain: must be lower case letters, digits and inner hyphens, at most 53',
    'job.RoleArn: must be the ARN of an IAM role (arn:aws:iam::<account>:role/…)',
    'job.HumanTaskConfig.TaskTitle: is missing (expected string)',
    'job.HumanTaskConfig.TaskTitel: is not a field here; did you mean TaskTitle?',
    'job.Tags[0].Key: tags that begin with aws: or label-relay: are reserved; remove it',
    'job.Tags[1].Key: tags that begin with aws: or label-relay: are reserved; remove it',
    'job.LabelAttributeName: must not end with -ref for the task type BoundingBox',
    'more: is not a field here; check its spelling or remove it',
  ]);
});

describe('the skeleton of `aws sagemaker create-labeling-job --generate-cli-skeleton`', () => {
  const skeleton = (): Record<string, Record<string, unknown>> =>
    JSON.parse(readFileSync('test/decisions/create-labeling-job.skeleton.json', 'utf8'));

  test('as printed lists what has to be filled in, and nothing that is optional', () => {
    expect(problemsOf({ chain: 'birds', job: skeleton() })).toEqual([
      'job.LabelAttributeName: is missing (expected string)',
      'job.InputConfig.DataSource: is missing (expected object)',
      'job.OutputConfig: is missing (expected object)',
      'job.RoleArn: is missing (expected string)',
      'job.HumanTaskConfig.WorkteamArn: is missing (expected string)',
      'job.HumanTaskConfig.UiConfig: is missing (expected object)',
      'job.HumanTaskConfig.TaskTitle: is missing (expected string)',
      'job.HumanTaskConfig.TaskDescription: is missing (expected string)',
      'job.HumanTaskConfig.NumberOfHumanWorkersPerDataObject: expected number to be >=1',
      'job.HumanTaskConfig.TaskTimeLimitInSeconds: expected number to be >=30',
    ]);
  });

  test('fits once these are filled in; what is empty counts as not given', () => {
    const job = skeleton();
    const { HumanTaskConfig, OutputConfig, RoleArn, LabelAttributeName } = minimalJob;
    const filled = {
      ...job,
      LabelAttributeName,
      RoleArn,
      InputConfig: { ...job['InputConfig'], DataSource: minimalJob.InputConfig.DataSource },
      OutputConfig: { ...job['OutputConfig'], ...OutputConfig },
      HumanTaskConfig: { ...job['HumanTaskConfig'], ...HumanTaskConfig },
    };
    const reading = readSpec({ chain: 'birds', job: filled });
    expect(reading).toMatchObject({ kind: 'spec' });
    expect(reading.kind === 'spec' && reading.spec.job).toEqual({
      ...minimalJob,
      InputConfig: {
        ...minimalJob.InputConfig,
        DataAttributes: { ContentClassifiers: ['FreeOfPersonallyIdentifiableInformation'] },
      },
    });
  });

  test('an empty value of a tag is a value; a price above nothing is a price; a zero that is given where one is needed is a mistake', () => {
    const price = { AmountInUsd: { Dollars: 0, Cents: 1, TenthFractionsOfACent: 0 } };
    const spec = specOf({
      job: {
        Tags: [
          { Key: 'a', Value: '' },
          { Key: '', Value: '' },
        ],
        HumanTaskConfig: { ...minimalJob.HumanTaskConfig, PublicWorkforceTaskPrice: price },
      },
    });
    expect(spec.job.Tags).toEqual([{ Key: 'a', Value: '' }]);
    expect(spec.job.HumanTaskConfig.PublicWorkforceTaskPrice).toEqual(price);
    expect(jobProblems({ Tags: [{ Key: '', Value: 'x' }] })).toEqual(['job.Tags[0].Key: is missing (expected string)']);
    expect(taskProblems({ TaskTimeLimitInSeconds: 0 })).toEqual([
      'job.HumanTaskConfig.TaskTimeLimitInSeconds: expected number to be >=30',
    ]);
    expect(
      specOf({ job: { StoppingConditions: { MaxHumanLabeledObjectCount: 0, MaxPercentageOfInputDatasetLabeled: 5 } } })
        .job.StoppingConditions,
    ).toEqual({
      MaxPercentageOfInputDatasetLabeled: 5,
    });
  });
});

test('whatever is given, it is read or refused with at least one line; nothing throws', () => {
  const part = fc.oneof(
    fc.jsonValue(),
    fc.constant(minimalJob),
    fc.record({ HumanTaskConfig: fc.jsonValue(), LabelAttributeName: fc.jsonValue(), Tags: fc.jsonValue() }),
  );
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), fc.record({ chain: fc.jsonValue(), job: part, policy: part })), (input) => {
      const reading = readSpec(input);
      expect(reading.kind === 'spec' || reading.problems.length > 0).toBe(true);
    }),
    { numRuns: 300 },
  );
});
