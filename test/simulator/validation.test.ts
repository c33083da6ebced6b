/** What CreateLabelingJob refuses, and in which words. */
import { createRequest, errorOf, openAccount, withHuman } from './support/fixtures.ts';

const lambda = (name: string): object => ({
  PreHumanTaskLambdaArn: `arn:aws:lambda:us-east-1:432418664414:function:PRE-${name}`,
  AnnotationConsolidationConfig: {
    AnnotationConsolidationLambdaArn: `arn:aws:lambda:us-east-1:432418664414:function:ACS-${name}`,
  },
});

/** The request with one member replaced; undefined leaves it out. */
const replaced = (member: string, value: unknown): object => ({ ...createRequest(), [member]: value });

const typed = (type: string, attribute: string): object => ({
  ...withHuman(createRequest(), lambda(type)),
  LabelAttributeName: attribute,
});

describe('CreateLabelingJob refuses', () => {
  test.each([
    [
      'no name',
      replaced('LabelingJobName', undefined),
      "Value null at 'labelingJobName' failed to satisfy constraint: Member must not be null",
    ],
    [
      'a name with an underscore',
      replaced('LabelingJobName', 'a_b'),
      "Value 'a_b' at 'labelingJobName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
    ],
    [
      'a name of 64 characters',
      replaced('LabelingJobName', 'a'.repeat(64)),
      'Member must have length less than or equal to 63',
    ],
    ['a name with a hyphen at its end', replaced('LabelingJobName', 'a-'), 'regular expression pattern'],
    ['no human task configuration', replaced('HumanTaskConfig', undefined), "'humanTaskConfig'"],
    [
      'ten workers per object',
      withHuman(createRequest(), { NumberOfHumanWorkersPerDataObject: 10 }),
      "Value '10' at 'humanTaskConfig.numberOfHumanWorkersPerDataObject' failed to satisfy constraint: Member must have value less than or equal to 9",
    ],
    ['a time limit of 29 s', withHuman(createRequest(), { TaskTimeLimitInSeconds: 29 }), 'greater than or equal to 30'],
    [
      'an availability of 59 s',
      withHuman(createRequest(), { TaskAvailabilityLifetimeInSeconds: 59 }),
      'greater than or equal to 60',
    ],
    ['5,001 tasks at once', withHuman(createRequest(), { MaxConcurrentTaskCount: 5001 }), 'less than or equal to 5000'],
    [
      'six keywords',
      withHuman(createRequest(), { TaskKeywords: ['a', 'b', 'c', 'd', 'e', 'f'] }),
      'Member must have length less than or equal to 5',
    ],
    [
      'a keyword with a comma',
      withHuman(createRequest(), { TaskKeywords: ['a', 'b,c'] }),
      "'humanTaskConfig.taskKeywords.2.member'",
    ],
    [
      '101 % labeled',
      replaced('StoppingConditions', { MaxPercentageOfInputDatasetLabeled: 101 }),
      'less than or equal to 100',
    ],
    ['a role that is no ARN', replaced('RoleArn', 'arn:aws:iam::role/ground-truth'), "'roleArn'"],
    [
      'a role of another account',
      replaced('RoleArn', 'arn:aws:iam::999999999999:role/ground-truth'),
      'Cross-account pass role',
    ],
    ['no data source', replaced('InputConfig', { DataSource: {} }), 'S3DataSource or an SnsDataSource'],
    [
      'a manifest that is no URI',
      replaced('InputConfig', { DataSource: { S3DataSource: { ManifestS3Uri: 'x' } } }),
      "'inputConfig.dataSource.s3DataSource.manifestS3Uri'",
    ],
    [
      'both kinds of user interface',
      withHuman(createRequest(), {
        UiConfig: {
          UiTemplateS3Uri: 's3://a/b',
          HumanTaskUiArn: 'arn:aws:sagemaker:us-east-1:123456789012:human-task-ui/x',
        },
      }),
      'UiConfig',
    ],
    [
      'an empty model ARN',
      replaced('LabelingJobAlgorithmsConfig', {
        LabelingJobAlgorithmSpecificationArn: 'arn:x',
        InitialActiveLearningModelArn: '',
      }),
      'greater than or equal to 20',
    ],
    [
      '51 tags',
      replaced(
        'Tags',
        Array.from({ length: 51 }, (_, n) => ({ Key: `k${n}`, Value: '' })),
      ),
      'less than or equal to 50',
    ],
    ['a tag of AWS', replaced('Tags', [{ Key: 'aws:x', Value: '' }]), 'aws:'],
    ['the attribute source-ref', replaced('LabelAttributeName', 'source-ref'), 'reserved'],
    ['an attribute that ends in -metadata', replaced('LabelAttributeName', 'species-metadata'), '-metadata'],
    ['an attribute with an underscore', replaced('LabelAttributeName', 'a_b'), "'labelAttributeName'"],
    ['-ref for boxes', typed('BoundingBox', 'boxes-ref'), 'can not end with -ref'],
    ['-ref for verified segmentation', typed('VerificationSemanticSegmentation', 'ok-ref'), 'can not end with -ref'],
    ['segmentation without -ref', typed('SemanticSegmentation', 'masks'), 'must end with -ref'],
    ['adjusted segmentation without -ref', typed('AdjustmentSemanticSegmentation', 'masks'), 'must end with -ref'],
    ['video tracking without -ref', typed('VideoObjectTracking', 'tracks'), 'must end with -ref'],
    [
      'nine hours for a picture',
      withHuman(createRequest(), { TaskTimeLimitInSeconds: 32_400 }),
      'the maximum for this task type is 28800',
    ],
    [
      '31 days of availability',
      withHuman(createRequest(), { TaskAvailabilityLifetimeInSeconds: 2_678_400 }),
      'the maximum for this workforce is 2592000',
    ],
  ])('%s', async (_, request, message) => {
    const { create } = openAccount();
    const error = errorOf(await create(request));
    expect(error).toMatch(/^ValidationException: /);
    expect(error).toContain(message);
  });

  test('several mistakes in one message', async () => {
    const error = errorOf(await openAccount().create({ ...createRequest(), LabelingJobName: 'a_b', RoleArn: 'x' }));
    expect(error).toMatch(/^ValidationException: 3 validation errors detected: /);
  });

  test('a value of the wrong type', async () => {
    const error = errorOf(await openAccount().create(replaced('LabelingJobName', 7)));
    expect(error).toBe("SerializationException: 'labelingJobName' has the wrong type");
  });

  test('a name that is taken, in any case, even after the job ended', async () => {
    const account = openAccount();
    await account.create();
    await account.advance(2 * 24 * 3_600_000);
    expect(errorOf(await account.create(createRequest('BIRDS-00000-001')))).toMatch(/^ResourceInUse: /);
  });

  test('a job above the limit of live jobs', async () => {
    const account = openAccount({ script: { maxLiveJobs: 1 } });
    await account.create();
    expect(errorOf(await account.create(createRequest('second')))).toMatch(/^ResourceLimitExceeded: /);
  });

  test('a work team that does not exist', async () => {
    const account = openAccount({ script: { absentWorkteams: ['*/birders'] } });
    expect(errorOf(await account.create())).toContain('does not exist');
    expect(errorOf(await account.call('DescribeWorkteam', { WorkteamName: 'birders' }))).toMatch(
      /^ValidationException/,
    );
  });
});

describe('CreateLabelingJob takes', () => {
  test.each([
    ['a name of 63 characters', createRequest('a'.repeat(63))],
    ['double hyphens inside a name', createRequest('a--b')],
    ['segmentation with -ref', typed('SemanticSegmentation', 'masks-ref')],
    ['3D object detection without -ref', typed('3DPointCloudObjectDetection', 'cars')],
    [
      'a month for a 3D task',
      {
        ...withHuman(createRequest(), { ...lambda('3DPointCloudObjectDetection'), TaskTimeLimitInSeconds: 2_592_000 }),
      },
    ],
    ['a custom job with -ref', typed('MyOwn', 'thing-ref')],
    ['members that it does not know', { ...createRequest(), Later: 1 }],
  ])('%s', async (_, request) => {
    expect(errorOf(await openAccount().create(request))).toBe('ok');
  });
});

describe('a job that does not exist', () => {
  test.each(['DescribeLabelingJob', 'StopLabelingJob'])(
    '%s answers ResourceNotFound, or as the script says',
    async (operation) => {
      const input = { LabelingJobName: 'nobody' };
      expect(errorOf(await openAccount().call(operation, input))).toMatch(/^ResourceNotFound: /);
      const odd = openAccount({ script: { notFound: 'ValidationException' } });
      expect(errorOf(await odd.call(operation, input))).toMatch(/^ValidationException: /);
    },
  );

  test('an operation that is not simulated is unknown', async () => {
    expect(errorOf(await openAccount().call('DeleteLabelingJob', {}))).toMatch(/^UnknownOperationException: /);
  });
});
