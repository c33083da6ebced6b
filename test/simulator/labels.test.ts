/** Labels by task type, and that chance depends on the seed alone. */
import { createRequest, DAY, HOUR, openAccount, withHuman } from './support/fixtures.ts';

const JOB = 'birds-00000-001';

const labelOf = async (type: string, attribute = 'thing') => {
  const account = openAccount({ objects: 1 });
  account.store.write('s3://data/categories.json', '{"labels":[{"label":"wren"}]}');
  await account.create({
    ...withHuman(createRequest(), {
      PreHumanTaskLambdaArn: `arn:aws:lambda:us-east-1:432418664414:function:PRE-${type}`,
      AnnotationConsolidationConfig: {
        AnnotationConsolidationLambdaArn: `arn:aws:lambda:us-east-1:432418664414:function:ACS-${type}`,
      },
    }),
    LabelAttributeName: attribute,
    LabelCategoryConfigS3Uri: 's3://data/categories.json',
  });
  await account.advance(HOUR);
  const [line] = account.output();
  return { value: line?.[attribute], metadata: line?.[`${attribute}-metadata`] };
};

describe('labels', () => {
  test.each([
    ['ImageMultiClass', 'thing', 0, { type: 'groundtruth/image-classification', 'class-name': 'wren' }],
    ['TextMultiClass', 'thing', 0, { type: 'groundtruth/text-classification', 'class-name': 'wren' }],
    ['ImageMultiClassMultiLabel', 'thing', [0], { 'class-map': { 0: 'wren' } }],
    [
      'BoundingBox',
      'thing',
      { annotations: [{ class_id: 0 }] },
      { type: 'groundtruth/object-detection', objects: [{}] },
    ],
    [
      'SemanticSegmentation',
      'mask-ref',
      expect.stringMatching(new RegExp(`^s3://data/out/${JOB}/annotations/.*png$`)),
      { type: 'groundtruth/semantic-segmentation' },
    ],
    [
      'NamedEntityRecognition',
      'thing',
      { annotations: { entities: [{ label: 'wren' }] } },
      { type: 'groundtruth/text-span' },
    ],
    [
      'VideoObjectTracking',
      'track-ref',
      expect.stringMatching(/0\/SeqLabel\.json$/),
      { type: 'groundtruth/video-object-tracking' },
    ],
    ['AdjustmentBoundingBox', 'thing', { annotations: [{}] }, { 'adjustment-status': expect.any(String) }],
    ['VerificationBoundingBox', 'thing', 0, { type: 'groundtruth/label-verification' }],
    ['Ours', 'thing', { class: 'wren' }, { type: 'groundtruth/custom' }],
  ])('of %s have the shape that AWS documents', async (type, attribute, value, metadata) => {
    expect(await labelOf(type, attribute)).toMatchObject({ value, metadata });
  });
});

describe('chance', () => {
  const run = async (seed: number, others = 0) => {
    const account = openAccount({
      objects: 60,
      seed,
      script: {
        jobs: [
          { declines: { fraction: 0.2 }, returns: { fraction: 0.1 }, events: { drop: 0.3, repeat: 3, workers: true } },
        ],
      },
    });
    await account.create();
    for (let other = 0; other < others; other++) await account.create(createRequest(`other-${other}`));
    await account.advance(DAY);
    return account;
  };
  const ofJob = ({ groundTruth }: Awaited<ReturnType<typeof run>>): string =>
    JSON.stringify(groundTruth.ledger.records.filter(({ job }) => job === JOB));

  test('gives the same ledger, events and files for the same seed, script and calls (I8)', async () => {
    const [first, second] = [await run(7), await run(7)];
    expect(JSON.stringify(first.groundTruth.ledger.records)).toBe(JSON.stringify(second.groundTruth.ledger.records));
    expect(first.bus.events).toEqual(second.bus.events);
    expect([...first.store.objects]).toEqual([...second.store.objects]);
  });

  test('gives one job the same ledger whatever else is in the account', async () => {
    expect(ofJob(await run(7, 3))).toBe(ofJob(await run(7)));
  });

  test('by order gives a job the same ledger under any name, for a client that names its jobs anew in each run', async () => {
    const named = async (name: string, seed = 7): Promise<string> => {
      const jobs = [{ declines: { fraction: 0.2 }, openTasks: 'late' as const, events: { drop: 0.3, repeat: 3 } }];
      const account = openAccount({ objects: 60, seed, script: { chance: 'order', jobs } });
      await account.create(createRequest(name));
      await account.advance(DAY);
      await account.create(createRequest(`${name}-again`));
      await account.advance(DAY);
      return JSON.stringify([account.groundTruth.ledger.records, account.bus.events]).replaceAll(name, 'NAME');
    };
    const first = await named('birds-00000-001');
    expect(await named('birds-77777-001')).toBe(first);
    expect(await named('birds-00000-001', 8)).not.toBe(first);
  });

  test('gives another ledger for another seed', async () => {
    expect(ofJob(await run(8))).not.toBe(ofJob(await run(7)));
  });

  test('does not depend on the steps in which time passes', async () => {
    const account = openAccount({ objects: 60, seed: 7 });
    const inSteps = openAccount({ objects: 60, seed: 7 });
    await account.create();
    await inSteps.create();
    await account.advance(DAY);
    for (let step = 0; step < 24 * 7; step++) await inSteps.advance(DAY / (24 * 7));
    expect(inSteps.groundTruth.ledger.records).toEqual(account.groundTruth.ledger.records);
  });
});

describe('the ledger', () => {
  test('names one object alike in every job, however its line is written', async () => {
    const account = openAccount();
    account.store.write('s3://data/input.manifest', '{"source-ref":"s3://b/1","n":{"a":1,"b":2}}\n');
    await account.create();
    await account.advance(HOUR);
    account.store.write(
      's3://data/input.manifest',
      '{ "n": {"b": 2, "a": 1}, "source-ref": "s3://b/1", "species-metadata": {"failure-reason": "x"} }\n',
    );
    await account.create(createRequest('second'));
    await account.advance(HOUR);
    const [first, second] = account.records('sent').map(({ objects }) => objects[0]);
    expect(first?.identity).toBe(second?.identity);
    expect(first?.sha256).not.toBe(second?.sha256);
  });

  test('tells the live interval of every job (I3)', async () => {
    const account = openAccount();
    await account.create();
    await account.advance(DAY);
    const created = account.records('created')[0];
    const ended = account.records('status').find(({ to }) => to === 'Completed');
    expect(created).toMatchObject({ job: JOB, ordinal: 1, labelAttribute: 'species' });
    expect(ended?.atMs).toBeGreaterThan(created?.atMs ?? Infinity);
  });
});
