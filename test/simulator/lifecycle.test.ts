/** The life of a job in memory, one test per thing that Ground Truth does. */
import {
  createRequest,
  DAY,
  HOUR,
  MANIFEST_URI,
  manifestOf,
  MINUTE,
  openAccount,
  START,
  withHuman,
} from './support/fixtures.ts';

const JOB = 'birds-00000-001';
const ascending = (left: number, right: number): number => left - right;

describe('a job that goes well', () => {
  test('is Initializing for a minute or two, then InProgress, then Completed with every object labeled once (I2)', async () => {
    const account = openAccount();
    await account.create();
    expect((await account.describe()).LabelingJobStatus).toBe('Initializing');
    await account.advance(2 * MINUTE);
    expect((await account.describe()).LabelingJobStatus).toBe('InProgress');
    await account.advance(15 * MINUTE);
    expect(await account.describe()).toMatchObject({
      LabelingJobStatus: 'Completed',
      LabelCounters: { TotalLabeled: 20, HumanLabeled: 20, Unlabeled: 0, FailedNonRetryableError: 0 },
    });
    const labeled = account.records('labeled').map(({ objectIndex }) => objectIndex);
    expect(labeled.toSorted(ascending)).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  test('writes one output line per input line, in order, with the input text kept and AWS metadata beside the label', async () => {
    const account = openAccount({ objects: 3 });
    account.store.write(
      MANIFEST_URI,
      '{"source-ref":"s3://b/1.jpg","n":1.50}\r\n{"source":"x","species":null}\n{ "source-ref" : "s3://b/2.jpg" }',
    );
    await account.create();
    await account.advance(HOUR);
    const text = account.store.text(`s3://data/out/${JOB}/manifests/output/output.manifest`);
    const lines = text?.split('\n') ?? [];
    expect(lines[0]).toMatch(
      /^\{"source-ref":"s3:\/\/b\/1\.jpg","n":1\.50, "species": \d, "species-metadata": \{"class-name"/,
    );
    expect(lines[1]).toBe('{"source":"x","species":null}');
    expect(JSON.parse(lines[2] ?? '')).toMatchObject({
      'source-ref': 's3://b/2.jpg',
      'species-metadata': {
        confidence: 0,
        type: 'groundtruth/image-classification',
        'job-name': `labeling-job/${JOB}`,
        'human-annotated': 'yes',
      },
    });
    expect(lines).toHaveLength(4);
  });

  test('completes its output manifest a few minutes after the event, and the ledger says when each label became readable', async () => {
    const account = openAccount();
    await account.create();
    await account.advance(HOUR);
    const [event] = account.bus.events;
    const ended = account.records('status').at(-1);
    const lastWrite = account.records('published').at(-1);
    expect(event?.detail).toEqual({ LabelingJobStatus: 'Completed' });
    expect((lastWrite?.atMs ?? 0) - (ended?.atMs ?? 0)).toBeGreaterThan(MINUTE);
    const readable = account.records('published').flatMap(({ newlyReadable }) => newlyReadable);
    expect(readable.toSorted(ascending)).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  test('sends one event of the documented shape for its end and none for other statuses', async () => {
    const account = openAccount();
    await account.create();
    await account.advance(DAY);
    expect(account.bus.events).toEqual([
      expect.objectContaining({
        'detail-type': 'SageMaker Ground Truth Labeling Job State Change',
        source: 'aws.sagemaker',
        account: '123456789012',
        resources: [`arn:aws:sagemaker:us-east-1:123456789012:labeling-job/${JOB}`],
      }),
    ]);
  });

  test('writes the answers of a small job one by one, and none of a job above 1,000 objects', async () => {
    const small = openAccount({ objects: 2 });
    const big = openAccount({ objects: 1001 });
    for (const account of [small, big]) {
      await account.create();
      await account.advance(DAY);
    }
    const answers = ({ store }: typeof small): string[] =>
      [...store.objects.keys()].filter((uri) => uri.includes('/annotations/worker-response/iteration-1/'));
    expect(answers(small)).toHaveLength(2);
    expect(JSON.parse(small.store.text(answers(small)[0] ?? '') ?? '')).toMatchObject({
      answers: [{ timeSpentInSeconds: 60, workerId: expect.any(String), answerContent: { label: expect.any(Number) } }],
    });
    expect(answers(big)).toEqual([]);
  });

  test('shows a manifest that grows while the job runs, unlabeled lines unchanged', async () => {
    const account = openAccount({ objects: 200 });
    await account.create();
    await account.advance(20 * MINUTE);
    const labeled = account.output().filter((line) => 'species' in line).length;
    expect(account.output()).toHaveLength(200);
    expect(labeled).toBeGreaterThan(0);
    expect(labeled).toBeLessThan(200);
    expect(account.output().filter((line) => Object.keys(line).length === 1)).toHaveLength(200 - labeled);
  });

  test('completes without sending anything if every object has the label', async () => {
    const account = openAccount();
    account.store.write(MANIFEST_URI, '{"source":"a","species":0}\n{"source":"b","species":"x"}\n');
    await account.create();
    await account.advance(HOUR);
    expect((await account.describe()).LabelingJobStatus).toBe('Completed');
    expect(account.records('sent')).toEqual([]);
    expect(account.output()).toHaveLength(2);
  });

  test('sends an object whose failed metadata is left over, and counts its retry', async () => {
    const account = openAccount({ script: { jobs: [{ declines: { fraction: 1 } }] } });
    account.store.write(MANIFEST_URI, '{"source":"a","species-metadata":{"retry-count":1,"failure-reason":"x"}}\n');
    await account.create();
    await account.advance(HOUR);
    expect(account.records('sent')).toHaveLength(1);
    expect(account.output()).toMatchObject([{ 'species-metadata': { 'retry-count': 2, 'human-annotated': 'true' } }]);
  });
});

describe('the work team', () => {
  test('takes the next batch only when the last of the batch before is done', async () => {
    const account = openAccount({ objects: 10 });
    await account.create(withHuman(createRequest(), { MaxConcurrentTaskCount: 4 }));
    await account.advance(HOUR);
    const sent = account.records('sent');
    expect(sent.map(({ objects }) => objects.map(({ index }) => index))).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    const doneBefore = account.records('labeled').filter(({ atMs }) => atMs <= (sent[1]?.atMs ?? 0));
    expect(doneBefore).toHaveLength(4);
  });

  test('asks as many different workers as an object needs, and the label follows the last answer', async () => {
    const account = openAccount({ objects: 2 });
    await account.create(withHuman(createRequest(), { NumberOfHumanWorkersPerDataObject: 3 }));
    await account.advance(HOUR);
    const answers = account.records('answer').filter(({ action }) => action === 'submitted');
    expect(answers).toHaveLength(6);
    expect(new Set(answers.map(({ objectIndex, workerId }) => `${objectIndex} ${workerId}`)).size).toBe(6);
    expect(account.records('labeled').map(({ answers: count }) => count)).toEqual([3, 3]);
  });

  test('expires an object that as many workers declined as it needs, with AWS text and no label key', async () => {
    const account = openAccount({ script: { jobs: [{ declines: { objects: ['*/3.jpg'] } }] } });
    await account.create(withHuman(createRequest(), { NumberOfHumanWorkersPerDataObject: 2 }));
    await account.advance(HOUR);
    expect(account.output()[3]).toEqual({
      'source-ref': 's3://birds/3.jpg',
      'species-metadata': {
        'retry-count': 1,
        'failure-reason': expect.stringMatching(/^ClientError: Annotation tasks expired\. {2}Probable Reasons/),
        'human-annotated': 'true',
      },
    });
    const declined = account.records('answer').filter(({ action }) => action === 'declined');
    expect(declined.map(({ objectIndex }) => objectIndex)).toEqual([3, 3]);
    expect((await account.describe()).LabelCounters).toMatchObject({ TotalLabeled: 19, FailedNonRetryableError: 1 });
  });

  test('hands a returned task to a teammate', async () => {
    const account = openAccount({ script: { jobs: [{ returns: { fraction: 0.3 } }] } });
    await account.create();
    await account.advance(HOUR);
    expect(account.records('answer').filter(({ action }) => action === 'returned').length).toBeGreaterThan(0);
    expect((await account.describe()).LabelCounters.TotalLabeled).toBe(20);
  });

  test('loses a task whose time limit passes', async () => {
    const account = openAccount({ objects: 1, script: { jobs: [{ workers: { answerTime: '11m' } }] } });
    await account.create(withHuman(createRequest(), { TaskAvailabilityLifetimeInSeconds: 7200 }));
    await account.advance(3 * HOUR);
    expect(account.records('answer').filter(({ action }) => action === 'returned')).toHaveLength(5);
    expect(account.records('object-failed')).toHaveLength(1);
  });

  test('loses objects that nobody answers within the availability lifetime, and the job is Completed with nothing labeled', async () => {
    const account = openAccount({ script: { jobs: [{ workers: { count: 0 } }] } });
    await account.create(withHuman(createRequest(), { TaskAvailabilityLifetimeInSeconds: 3600 }));
    await account.advance(2 * HOUR);
    expect(await account.describe()).toMatchObject({
      LabelingJobStatus: 'Completed',
      LabelCounters: { TotalLabeled: 0, FailedNonRetryableError: 20, Unlabeled: 0 },
    });
  });

  test('lets one answer of three suffice when the availability lifetime ends', async () => {
    const account = openAccount({ objects: 4, script: { jobs: [{ workers: { count: 1 } }] } });
    await account.create(
      withHuman(createRequest(), { NumberOfHumanWorkersPerDataObject: 3, TaskAvailabilityLifetimeInSeconds: 3600 }),
    );
    await account.advance(50 * MINUTE);
    expect((await account.describe()).LabelCounters.TotalLabeled).toBe(0);
    await account.advance(HOUR);
    expect((await account.describe()).LabelCounters.TotalLabeled).toBe(4);
    expect(account.records('labeled').map(({ answers }) => answers)).toEqual([1, 1, 1, 1]);
  });

  test('works only in the hours and at the rate of the script', async () => {
    const account = openAccount({
      objects: 500,
      script: { jobs: [{ workers: { ratePerHour: 6, hoursPerDay: 4, daysPerWeek: 5, until: '10d' } }] },
    });
    await account.create();
    await account.advance(20 * DAY);
    const accepted = account.records('answer').filter(({ action }) => action === 'accepted');
    const hours = accepted.map(({ atMs }) => new Date(atMs).getUTCHours());
    const days = accepted.map(({ atMs }) => new Date(atMs).getUTCDay());
    expect(new Set(hours)).toEqual(new Set([8, 9, 10, 11]));
    expect(new Set(days)).toEqual(new Set([1, 2, 3, 4, 5]));
    expect(accepted.every(({ atMs }) => atMs < START + 10 * DAY)).toBe(true);
    // 2026-11-01 is a Sunday: eight working days of four hours, at the ends of which each of five workers may still begin.
    expect(accepted.length).toBeGreaterThanOrEqual(8 * 4 * 6 - 8 * 5);
    expect(accepted.length).toBeLessThanOrEqual(8 * 4 * 6 + 8 * 5);
  });

  test('never sees an object that cannot be shown', async () => {
    const account = openAccount({
      script: { jobs: [{ broken: { objects: ['*/1.jpg'], reason: 'ClientError: unreadable' } }] },
    });
    await account.create();
    await account.advance(HOUR);
    expect(account.output()[1]).toMatchObject({ 'species-metadata': { 'failure-reason': 'ClientError: unreadable' } });
    expect(account.records('answer').some(({ objectIndex }) => objectIndex === 1)).toBe(false);
  });
});

describe('a job that is stopped', () => {
  const slow = { workers: { answerTime: '5m' } } as const;

  test('is Stopping for some minutes, then Stopped, keeps its labels and sends nothing more (I3)', async () => {
    const account = openAccount({ objects: 200 });
    await account.create();
    await account.advance(10 * MINUTE);
    expect(await account.call('StopLabelingJob', { LabelingJobName: JOB })).toEqual({ kind: 'ok', body: {} });
    expect((await account.describe()).LabelingJobStatus).toBe('Stopping');
    const before = account.records('answer').filter(({ action }) => action === 'accepted').length;
    await account.advance(DAY);
    const described = await account.describe();
    expect(described.LabelingJobStatus).toBe('Stopped');
    expect(account.records('answer').filter(({ action }) => action === 'accepted')).toHaveLength(before);
    expect(account.output().filter((line) => 'species' in line)).toHaveLength(described.LabelCounters.TotalLabeled);
    expect(account.bus.events.map(({ detail }) => detail)).toEqual([{ LabelingJobStatus: 'Stopped' }]);
  });

  test('goes from Initializing to Stopped without output when it is stopped at once', async () => {
    const account = openAccount();
    await account.create();
    await account.call('StopLabelingJob', { LabelingJobName: JOB });
    await account.advance(DAY);
    expect(account.records('status').map(({ to }) => to)).toEqual(['Stopping', 'Stopped']);
    expect(account.output()).toEqual([]);
    expect((await account.describe()).LabelingJobOutput).toBeUndefined();
  });

  test('loses the tasks that are open by default', async () => {
    const account = openAccount({ script: { jobs: [slow] } });
    await account.create();
    await account.advance(4 * MINUTE);
    await account.call('StopLabelingJob', { LabelingJobName: JOB });
    await account.advance(2 * DAY);
    expect(account.output().filter((line) => 'species' in line)).toEqual([]);
  });

  test('publishes the open tasks up to a day later if the script says so, without counting them (I1)', async () => {
    const account = openAccount({ script: { jobs: [{ ...slow, openTasks: 'late' }] } });
    await account.create();
    await account.advance(4 * MINUTE);
    await account.call('StopLabelingJob', { LabelingJobName: JOB });
    await account.advance(30 * MINUTE);
    expect(account.output().filter((line) => 'species' in line)).toEqual([]);
    await account.advance(DAY);
    expect(account.output().filter((line) => 'species' in line)).toHaveLength(5);
    expect(account.records('labeled').every(({ late }) => late)).toBe(true);
    expect((await account.describe()).LabelCounters.TotalLabeled).toBe(0);
  });

  test('consolidates what was answered at the end if the script says so', async () => {
    const account = openAccount({ objects: 3, script: { jobs: [{ workers: { count: 1 }, openTasks: 'at-end' }] } });
    await account.create(withHuman(createRequest(), { NumberOfHumanWorkersPerDataObject: 2 }));
    await account.advance(HOUR);
    await account.call('StopLabelingJob', { LabelingJobName: JOB });
    await account.advance(HOUR);
    expect((await account.describe()).LabelCounters.TotalLabeled).toBe(3);
  });

  test('can be stopped by somebody else', async () => {
    const account = openAccount({ script: { jobs: [{ workers: { count: 0 }, stop: { after: '3d' } }] } });
    await account.create();
    await account.advance(4 * DAY);
    expect((await account.describe()).LabelingJobStatus).toBe('Stopped');
    expect(account.records('stop-requested')).toMatchObject([{ by: 'script', atMs: START + 3 * DAY }]);
  });

  test.each(['Stopped', 'Completed'] as const)('by a stopping condition ends %s if the script says so', async (end) => {
    const account = openAccount({ script: { jobs: [{ stoppingCondition: end }] } });
    await account.create({ ...createRequest(), StoppingConditions: { MaxPercentageOfInputDatasetLabeled: 50 } });
    await account.advance(HOUR);
    expect(await account.describe()).toMatchObject({ LabelingJobStatus: end, LabelCounters: { TotalLabeled: 10 } });
  });

  test('does not count 100 % labeled as a stop', async () => {
    const account = openAccount();
    await account.create({ ...createRequest(), StoppingConditions: { MaxPercentageOfInputDatasetLabeled: 100 } });
    await account.advance(HOUR);
    expect((await account.describe()).LabelingJobStatus).toBe('Completed');
    expect(account.records('stop-requested')).toEqual([]);
  });
});

describe('a job that fails or expires', () => {
  const absent = { workers: { count: 0 } };

  test.each(['Failed', 'Completed', 'Stopped'] as const)('ends %s 30 days after its creation', async (expiry) => {
    const account = openAccount({ script: { jobs: [{ ...absent, expiry }] } });
    await account.create();
    await account.advance(30 * DAY - 1);
    expect((await account.describe()).LabelingJobStatus).toBe('InProgress');
    await account.advance(1);
    const described = await account.describe();
    expect(described).toMatchObject({ LabelingJobStatus: expiry, LabelCounters: { Unlabeled: 20 } });
    expect(described.LastModifiedTime - described.CreationTime).toBe(30 * 24 * 3600);
    expect(described.FailureReason?.startsWith('ClientError: ')).toBe(expiry === 'Failed' ? true : undefined);
  });

  test('leaves open objects untouched at 30 days, or marks them expired if the script says so', async () => {
    for (const openTasks of ['untouched', 'expired'] as const) {
      const account = openAccount({ script: { jobs: [{ ...absent, expiry: { openTasks } }] } });
      await account.create();
      await account.advance(31 * DAY);
      const failed = account.output().filter((line) => 'species-metadata' in line);
      expect(failed).toHaveLength(openTasks === 'expired' ? 20 : 0);
    }
  });

  test('fails with the reason and at the age of the script', async () => {
    const account = openAccount({
      script: { jobs: [{ match: { nth: 1 }, ...absent, fail: { after: '2d', reason: 'InternalServerError: x' } }] },
    });
    await account.create();
    await account.advance(2 * DAY);
    expect(await account.describe()).toMatchObject({
      LabelingJobStatus: 'Failed',
      FailureReason: 'InternalServerError: x',
    });
  });

  test.each([
    ['no such manifest', null, 'Unable to read the manifest file'],
    ['an empty manifest', '', 'is empty'],
    ['a line that is not JSON', '{"source":"a"}\n{oops}\n', 'Line 2 is not a JSON object'],
    ['a line without a source', '{"source":"a"}\n{"sauce":"b"}\n', 'Line 2 has neither'],
    ['more than 100,000 objects', manifestOf(100_001), 'the limit for a labeling job is 100000'],
  ])('fails before any worker sees it with %s', async (_, manifest, reason) => {
    const account = openAccount();
    account.store.objects.delete(MANIFEST_URI);
    if (manifest !== null) account.store.write(MANIFEST_URI, manifest);
    await account.create();
    await account.advance(HOUR);
    const described = await account.describe();
    expect(described.LabelingJobStatus).toBe('Failed');
    expect(described.FailureReason).toContain(reason);
    expect(account.records('sent')).toEqual([]);
  });
});

describe('a streaming job', () => {
  const streaming = {
    ...createRequest(),
    InputConfig: { DataSource: { SnsDataSource: { SnsTopicArn: 'arn:aws:sns:us-east-1:123456789012:birds' } } },
  };

  test('is just InProgress until it is stopped', async () => {
    const account = openAccount();
    await account.create(streaming);
    await account.advance(9 * DAY);
    expect((await account.describe()).LabelingJobStatus).toBe('InProgress');
    await account.call('StopLabelingJob', { LabelingJobName: JOB });
    await account.advance(HOUR);
    expect((await account.describe()).LabelingJobStatus).toBe('Stopped');
  });

  test('is stopped by Ground Truth after ten idle days', async () => {
    const account = openAccount();
    await account.create(streaming);
    await account.advance(10 * DAY + HOUR);
    expect((await account.describe()).LabelingJobStatus).toBe('Stopped');
    expect(account.records('stop-requested')).toMatchObject([{ by: 'idle' }]);
  });
});
