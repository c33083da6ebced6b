/** The job part of a spec: AWS's own rules, checked before anything is sent. */
import { taskTypeOf } from '../../decisions/create-request.ts';
import { readSpec } from '../../decisions/spec.ts';
import { minimalJob, specOf, withAlgorithms } from './builders.ts';

const problemsOf = (input: unknown): readonly string[] => {
  const reading = readSpec(input);
  return reading.kind === 'problems' ? reading.problems : [];
};
const jobProblems = (job: object): readonly string[] => problemsOf({ chain: 'birds', job: { ...minimalJob, ...job } });
const taskProblems = (task: object): readonly string[] =>
  jobProblems({ HumanTaskConfig: { ...minimalJob.HumanTaskConfig, ...task } });
const lambda = (name: string): string => `arn:aws:lambda:us-east-1:432418664414:function:${name}`;

describe('the label attribute', () => {
  const nameProblems = (name: string): readonly string[] => jobProblems({ LabelAttributeName: name });

  test.each(['a', 'bird-1', 'a--b', 'a-ref', 'a'.repeat(127)])('may be "%s"', (name) => {
    expect(nameProblems(name)).toEqual([]);
  });

  test.each([
    ['a_b', 'job.LabelAttributeName: must be letters, digits and inner hyphens (no underscore, dot or $)'],
    ['-a', 'job.LabelAttributeName: must be letters, digits and inner hyphens (no underscore, dot or $)'],
    ['a-', 'job.LabelAttributeName: must be letters, digits and inner hyphens (no underscore, dot or $)'],
    ['a-metadata', 'job.LabelAttributeName: must not end with -metadata: AWS keeps that ending for itself'],
    ['source', 'job.LabelAttributeName: must not be source or source-ref: they name the data'],
    ['source-ref', 'job.LabelAttributeName: must not be source or source-ref: they name the data'],
  ])('may not be "%s"', (name, problem) => {
    expect(nameProblems(name)).toEqual([problem]);
  });

  test('may not be longer than 127 characters', () => {
    expect(nameProblems('a'.repeat(128))[0]).toBe('job.LabelAttributeName: expected string to have <=127 characters');
  });

  const inTask = (name: string, task: string): readonly string[] =>
    jobProblems({
      LabelAttributeName: name,
      HumanTaskConfig: { ...minimalJob.HumanTaskConfig, PreHumanTaskLambdaArn: lambda(task) },
    });

  test.each([
    'SemanticSegmentation',
    'AdjustmentSemanticSegmentation',
    'VideoObjectDetection',
    'AdjustmentVideoObjectDetection',
    'VerificationVideoObjectDetection',
    'VideoObjectTracking',
    'AdjustmentVideoObjectTracking',
    'VerificationVideoObjectTracking',
    '3DPointCloudSemanticSegmentation',
    'Adjustment3DPointCloudSemanticSegmentation',
    'Verification3DPointCloudSemanticSegmentation',
    '3DPointCloudObjectTracking',
    'Adjustment3DPointCloudObjectTracking',
    'Verification3DPointCloudObjectTracking',
  ])('must end with -ref for %s', (task) => {
    expect(inTask('mask', `PRE-${task}`)).toEqual([
      `job.LabelAttributeName: must end with -ref for the task type ${task}, for example mask-ref`,
    ]);
    expect(inTask('mask-ref', `PRE-${task}`)).toEqual([]);
  });

  test.each(['BoundingBox', 'VerificationSemanticSegmentation', '3DPointCloudObjectDetection', 'TextMultiClass'])(
    'must not end with -ref for %s',
    (task) => {
      expect(inTask('mask-ref', `PRE-${task}`)).toEqual([
        `job.LabelAttributeName: must not end with -ref for the task type ${task}`,
      ]);
      expect(inTask('mask', `PRE-${task}`)).toEqual([]);
    },
  );

  test('may end either way for a task of the user’s own', () => {
    for (const task of ['PRE-PassThrough', 'my-function', 'my-PRE-BoundingBox']) {
      expect(inTask('mask', task)).toEqual([]);
      expect(inTask('mask-ref', task)).toEqual([]);
    }
  });
});

test('the task type is what AWS’s built-in Lambdas are called', () => {
  const consolidation = (name: string) => ({
    AnnotationConsolidationConfig: { AnnotationConsolidationLambdaArn: lambda(name) },
  });
  expect(taskTypeOf({ PreHumanTaskLambdaArn: lambda('PRE-BoundingBox') })).toBe('BoundingBox');
  expect(taskTypeOf({ PreHumanTaskLambdaArn: lambda('PRE-BoundingBox:7') })).toBe('BoundingBox');
  expect(taskTypeOf(consolidation('ACS-BoundingBox'))).toBe('BoundingBox');
  expect(taskTypeOf({ PreHumanTaskLambdaArn: lambda('mine'), ...consolidation('ACS-BoundingBox') })).toBeNull();
  expect(taskTypeOf({})).toBeNull();
});

test.each([
  [
    'a data source',
    { InputConfig: { DataSource: { ...minimalJob.InputConfig.DataSource, Other: 1 } } },
    'job.InputConfig.DataSource.Other: is not a field here; check its spelling or remove it',
  ],
  [
    'no data source',
    { InputConfig: { DataSource: {}, DataAttributes: {} } },
    'job.InputConfig: is missing (expected object)',
  ],
  [
    'a manifest that is not in S3',
    { InputConfig: { DataSource: { S3DataSource: { ManifestS3Uri: 'https://x/y' } } } },
    'job.InputConfig.DataSource.S3DataSource.ManifestS3Uri: must be an s3:// URI',
  ],
  [
    'a bucket without a name',
    { OutputConfig: { S3OutputPath: 's3:///x' } },
    'job.OutputConfig.S3OutputPath: must be an s3:// URI',
  ],
  [
    'a topic',
    { OutputConfig: { S3OutputPath: 's3://x', SnsTopicArn: 'topic' } },
    'job.OutputConfig.SnsTopicArn: must be the ARN of an SNS topic',
  ],
  [
    'more than 100 %',
    { StoppingConditions: { MaxPercentageOfInputDatasetLabeled: 101 } },
    'job.StoppingConditions.MaxPercentageOfInputDatasetLabeled: expected number to be <=100',
  ],
  [
    'too many tags',
    { Tags: Array.from({ length: 47 }, (_, index) => ({ Key: `k${index}`, Value: 'v' })) },
    'job.Tags: at most 45 tags: AWS allows 50 and the chain adds 5 of its own',
  ],
  [
    'a tag with a character that AWS refuses',
    { Tags: [{ Key: 'team', Value: 'birds & bees' }] },
    'job.Tags[0].Value: may hold letters, digits, spaces and _ . : / = + - @ only',
  ],
  [
    'a key of KMS',
    { OutputConfig: { S3OutputPath: 's3://x', KmsKeyId: 'my key' } },
    'job.OutputConfig.KmsKeyId: must be the id or ARN of a KMS key',
  ],
  [
    'a role with a blank',
    { RoleArn: 'arn:aws:iam::111122223333:role/my role' },
    'job.RoleArn: must be the ARN of an IAM role (arn:aws:iam::<account>:role/…)',
  ],
  [
    'an algorithm',
    { LabelingJobAlgorithmsConfig: { LabelingJobAlgorithmSpecificationArn: 'x' } },
    'job.LabelingJobAlgorithmsConfig.LabelingJobAlgorithmSpecificationArn: must be the ARN of a labeling algorithm',
  ],
])('a request is refused for %s', (_, job, problem) => {
  expect(jobProblems(job)).toEqual([problem]);
});

test.each([
  [
    'a team of another service',
    { WorkteamArn: 'arn:aws:iam::111122223333:role/x' },
    'job.HumanTaskConfig.WorkteamArn: must be the ARN of a work team (arn:aws:sagemaker:<region>:<account>:workteam/…)',
  ],
  [
    'two templates',
    {
      UiConfig: {
        UiTemplateS3Uri: 's3://x/y',
        HumanTaskUiArn: 'arn:aws:sagemaker:us-east-1:394669845002:human-task-ui/VideoObjectTracking',
      },
    },
    'job.HumanTaskConfig.UiConfig: needs either UiTemplateS3Uri or HumanTaskUiArn, and not both',
  ],
  [
    'ten workers',
    { NumberOfHumanWorkersPerDataObject: 10 },
    'job.HumanTaskConfig.NumberOfHumanWorkersPerDataObject: expected number to be <=9',
  ],
  [
    '29 seconds',
    { TaskTimeLimitInSeconds: 29 },
    'job.HumanTaskConfig.TaskTimeLimitInSeconds: expected number to be >=30',
  ],
  [
    '59 seconds',
    { TaskAvailabilityLifetimeInSeconds: 59 },
    'job.HumanTaskConfig.TaskAvailabilityLifetimeInSeconds: expected number to be >=60',
  ],
  [
    '5,001 tasks at once',
    { MaxConcurrentTaskCount: 5_001 },
    'job.HumanTaskConfig.MaxConcurrentTaskCount: expected number to be <=5000',
  ],
  [
    'six keywords',
    { TaskKeywords: ['a', 'b', 'c', 'd', 'e', 'f'] },
    'job.HumanTaskConfig.TaskKeywords: expected array to have <=5 items',
  ],
  [
    'a keyword with a hyphen',
    { TaskKeywords: ['bird-photos'] },
    'job.HumanTaskConfig.TaskKeywords[0]: must be words of the letters A to Z and digits, one space between them',
  ],
  [
    'a title with an emoji',
    { TaskTitle: 'Birds 🐦' },
    'job.HumanTaskConfig.TaskTitle: may hold no control characters and no emoji',
  ],
  [
    'a description of two lines',
    { TaskDescription: 'Look at the bird.\nName it.' },
    'job.HumanTaskConfig.TaskDescription: must be one line',
  ],
  [
    'a Lambda that is none',
    { PreHumanTaskLambdaArn: 'arn:aws:states:us-east-1:111122223333:stateMachine:x' },
    'job.HumanTaskConfig.PreHumanTaskLambdaArn: must be the ARN of a Lambda function',
  ],
  [
    'a long title',
    { TaskTitle: 'x'.repeat(129) },
    'job.HumanTaskConfig.TaskTitle: expected string to have <=128 characters',
  ],
])('a task is refused for %s', (_, task, problem) => {
  expect(taskProblems(task)).toEqual([problem]);
});

test('a full request of every optional field fits, and is kept as it is', () => {
  const job = {
    ...minimalJob,
    InputConfig: { ...minimalJob.InputConfig, DataAttributes: { ContentClassifiers: ['FreeOfAdultContent'] } },
    OutputConfig: {
      S3OutputPath: 's3://labels/birds',
      KmsKeyId: 'key',
      SnsTopicArn: 'arn:aws:sns:us-east-1:111122223333:out',
    },
    LabelCategoryConfigS3Uri: 's3://data/categories.json',
    StoppingConditions: { MaxHumanLabeledObjectCount: 1, MaxPercentageOfInputDatasetLabeled: 100 },
    LabelingJobAlgorithmsConfig: {
      ...withAlgorithms,
      InitialActiveLearningModelArn: 'arn:aws:sagemaker:us-east-1:111122223333:model/m',
      LabelingJobResourceConfig: {
        VolumeKmsKeyId: 'key',
        VpcConfig: { SecurityGroupIds: ['sg-1'], Subnets: ['subnet-1'] },
      },
    },
    HumanTaskConfig: {
      ...minimalJob.HumanTaskConfig,
      UiConfig: { HumanTaskUiArn: 'arn:aws:sagemaker:us-east-1:394669845002:human-task-ui/VideoObjectTracking' },
      PreHumanTaskLambdaArn: lambda('PRE-ImageMultiClass'),
      TaskKeywords: ['birds'],
      TaskAvailabilityLifetimeInSeconds: 60,
      MaxConcurrentTaskCount: 5_000,
      AnnotationConsolidationConfig: { AnnotationConsolidationLambdaArn: lambda('ACS-ImageMultiClass') },
      PublicWorkforceTaskPrice: { AmountInUsd: { Dollars: 1, Cents: 2, TenthFractionsOfACent: 3 } },
    },
    Tags: [{ Key: 'team', Value: 'birders' }],
  };
  expect(specOf({ job }).job).toEqual(job);
});
