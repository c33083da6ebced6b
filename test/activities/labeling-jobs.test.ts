/** Create, describe and stop through the real SDK, with every fault of the API. */
import { openSageMaker, region, requestOf, START_MS } from './sagemaker.ts';

const name = 'birds-abcde-001';
const request = requestOf(name);

describe('create', () => {
  test('a new name is created, with our tags and the hash of the request', async () => {
    const { createLabelingJob, simulator } = await openSageMaker();
    expect(await createLabelingJob({ region, request })).toEqual({
      kind: 'created',
      arn: `arn:aws:sagemaker:us-east-1:123456789012:labeling-job/${name}`,
    });
    const tags = Object.fromEntries(simulator.groundTruth.jobs[0]?.tags ?? []);
    expect(tags).toMatchObject({ 'label-relay:chain': 'birds', 'label-relay:run': 'run-1' });
    expect(tags['label-relay:request']).toMatch(/^[0-9a-f]{32}$/);
  });

  test.each(['after-effect-timeout', 'after-effect-error'] as const)(
    'an answer lost by %s: the next try finds its own job, and there is one (I3)',
    async (fault) => {
      const { createLabelingJob, simulator } = await openSageMaker({
        api: [{ op: 'CreateLabelingJob', fault, nth: 1 }],
      });
      await expect(createLabelingJob({ region, request })).rejects.toBeInstanceOf(Error);
      expect(await createLabelingJob({ region, request })).toMatchObject({ kind: 'exists-as-ours' });
      expect(simulator.groundTruth.jobs).toHaveLength(1);
    },
  );

  test.each([
    ['another run', requestOf(name, { 'label-relay:run': 'run-2' }), 'label-relay:run'],
    ['another chain', requestOf(name, { 'label-relay:chain': 'owls' }), 'label-relay:chain'],
    [
      'another input',
      { ...request, InputConfig: { DataSource: { S3DataSource: { ManifestS3Uri: 's3://data/other.manifest' } } } },
      'ManifestS3Uri',
    ],
  ])('a job of this name by %s is not ours: the name is taken', async (_what, theirs, differs) => {
    const { createLabelingJob } = await openSageMaker();
    await createLabelingJob({ region, request: theirs });
    expect(await createLabelingJob({ region, request })).toMatchObject({
      kind: 'name-taken',
      message: expect.stringContaining(differs),
    });
  });

  test('a job of this name by the same run and generation is ours, also with another request: from before an amendment (I1, I3)', async () => {
    const { createLabelingJob } = await openSageMaker();
    await createLabelingJob({ region, request: { ...request, RoleArn: 'arn:aws:iam::123456789012:role/before' } });
    expect(await createLabelingJob({ region, request })).toMatchObject({ kind: 'exists-as-ours' });
  });

  test.each([
    ['ResourceLimitExceeded', undefined, { kind: 'quota' }],
    ['ValidationException', 'Cannot assume the role', { kind: 'maybe-propagating' }],
    ['AccessDeniedException', 'is not authorized to perform iam:PassRole', { kind: 'maybe-propagating' }],
    ['ExpiredTokenException', 'The security token included in the request is expired', { kind: 'maybe-propagating' }],
    ['ValidationException', 'TaskTitle is not nice', { kind: 'refused', error: 'ValidationException' }],
  ] as const)('%s (%s) is a value that no retry mends', async (fault, message, expected) => {
    const { createLabelingJob } = await openSageMaker({
      api: [{ op: 'CreateLabelingJob', fault, ...(message === undefined ? {} : { message }) }],
    });
    expect(await createLabelingJob({ region, request })).toMatchObject(expected);
  });

  test.each(['ThrottlingException', 'InternalFailure', 'ServiceUnavailable', 'drop'] as const)(
    '%s is thrown, so that Temporal tries again',
    async (fault) => {
      const { createLabelingJob } = await openSageMaker({ api: [{ op: 'CreateLabelingJob', fault, nth: 1 }] });
      await expect(createLabelingJob({ region, request })).rejects.toBeInstanceOf(Error);
      expect(await createLabelingJob({ region, request })).toMatchObject({ kind: 'created' });
    },
  );
});

describe('I1: an output that changed since the job was decided', () => {
  const earlier = 'birds-abcde-000';
  const uri = `s3://label-relay/labels/${earlier}/manifests/output/output.manifest`;
  const inFolder = { ...request, OutputConfig: { ...request.OutputConfig, S3OutputPath: 's3://label-relay/labels' } };

  test.each([
    ['is there though it was not', null],
    ['was written again', '"0123"'],
  ])('%s: the job is not created, and the answer names it', async (_what, etag) => {
    const { createLabelingJob, simulator, store } = await openSageMaker();
    store.write(uri, '{"source":"a","species":1}\n');
    const knownOutputs = [{ generation: 1, jobName: earlier, uri: null, etag }];
    expect(await createLabelingJob({ region, request: inFolder, knownOutputs })).toEqual({
      kind: 'outdated',
      message: `${uri} was written after the input of this job`,
    });
    expect(simulator.groundTruth.jobs).toHaveLength(0);
  });

  test('one that is as it was, or still absent, is no reason to wait', async () => {
    const { createLabelingJob, store } = await openSageMaker();
    store.write(uri, 'x');
    const etag = '"9dd4e461268c8034f5c8564e155c67a6"';
    const knownOutputs = [
      { generation: 1, jobName: earlier, uri, etag },
      { generation: 2, jobName: 'birds-abcde-00x', uri: null, etag: null },
    ];
    expect(await createLabelingJob({ region, request: inFolder, knownOutputs })).toMatchObject({ kind: 'created' });
  });
});

test('I3: a job of the name that AWS does not let us see is neither ours nor another’s', async () => {
  const { createLabelingJob, simulator } = await openSageMaker({
    api: [{ op: 'DescribeLabelingJob', fault: 'AccessDeniedException', times: 1, nth: 1 }],
  });
  await createLabelingJob({ region, request });
  expect(await createLabelingJob({ region, request })).toMatchObject({
    kind: 'unclear',
    message: expect.stringContaining('AccessDeniedException'),
  });
  expect(await createLabelingJob({ region, request })).toMatchObject({ kind: 'exists-as-ours' });
  expect(simulator.groundTruth.jobs).toHaveLength(1);
});

describe('what Describe says', () => {
  test('shows the job by the service’s own clock, never by ours', async () => {
    const { createLabelingJob, describeLabelingJob, simulator } = await openSageMaker();
    await createLabelingJob({ region, request });
    await simulator.advance(30_000);
    expect(await describeLabelingJob({ region, name })).toMatchObject({
      kind: 'observed',
      name,
      createdAtMs: START_MS,
      serviceNowMs: START_MS + 30_000,
      failureReason: null,
      finalModelArn: null,
    });
  });

  test.each(['ResourceNotFound', 'ValidationException'] as const)(
    '%s means that there is no such job',
    async (notFound) => {
      const { describeLabelingJob } = await openSageMaker({ notFound });
      expect(await describeLabelingJob({ region, name })).toMatchObject({ kind: 'absent' });
    },
  );

  test('a throttle is no absence: it is thrown', async () => {
    const { describeLabelingJob } = await openSageMaker({
      api: [{ op: 'DescribeLabelingJob', fault: 'ThrottlingException' }],
    });
    await expect(describeLabelingJob({ region, name })).rejects.toMatchObject({ name: 'ThrottlingException' });
  });

  test('a denial is a value, with AWS’s words: no retry mends it, and a person has to hear of it', async () => {
    const { describeLabelingJob } = await openSageMaker({
      api: [{ op: 'DescribeLabelingJob', fault: 'AccessDeniedException', message: 'no identity-based policy' }],
    });
    expect(await describeLabelingJob({ region, name })).toEqual({
      kind: 'refused',
      message: 'AccessDeniedException: no identity-based policy',
    });
  });
});

describe('stop', () => {
  test('is accepted for a live job, with the service’s time', async () => {
    const { createLabelingJob, stopLabelingJob, simulator } = await openSageMaker();
    await createLabelingJob({ region, request });
    expect(await stopLabelingJob({ region, name })).toEqual({ kind: 'accepted', serviceNowMs: START_MS });
    expect(simulator.groundTruth.jobs[0]?.status).toBe('Stopping');
  });

  test('of a job that is over, Initializing or absent is refused as a value: the next Describe says which', async () => {
    const { createLabelingJob, stopLabelingJob, simulator } = await openSageMaker({
      jobs: [{ stop: { whenInitializing: 'ValidationException' } }],
    });
    expect(await stopLabelingJob({ region, name })).toMatchObject({ kind: 'refused' });
    await createLabelingJob({ region, request });
    expect(await stopLabelingJob({ region, name })).toMatchObject({ kind: 'refused' });
    await simulator.advance(86_400_000);
    expect(await stopLabelingJob({ region, name })).toMatchObject({ kind: 'refused' });
  });

  test.each(['person', 'hand-over'] as const)(
    'by %s is tagged on the job, for whoever hears of it later',
    async (by) => {
      const { createLabelingJob, describeLabelingJob, stopLabelingJob } = await openSageMaker();
      const created = await createLabelingJob({ region, request });
      const mark = { arn: 'arn' in created ? created.arn : '', by };
      expect(await describeLabelingJob({ region, name })).not.toHaveProperty('stopTag');
      await stopLabelingJob({ region, name, mark });
      expect(await describeLabelingJob({ region, name })).toMatchObject({ status: 'Stopping', stopTag: by });
    },
  );

  test('I5: is not held up by a tag that AWS refuses', async () => {
    const { createLabelingJob, stopLabelingJob, simulator } = await openSageMaker({
      api: [{ op: 'AddTags', fault: 'AccessDeniedException' }],
    });
    const created = await createLabelingJob({ region, request });
    const mark = { arn: 'arn' in created ? created.arn : '', by: 'person' as const };
    expect(await stopLabelingJob({ region, name, mark })).toMatchObject({ kind: 'accepted' });
    expect(simulator.groundTruth.jobs[0]?.status).toBe('Stopping');
  });
});
