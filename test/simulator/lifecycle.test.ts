/** The life of a job in memory, one test per thing that Ground Truth does. */
import { createRequest, DAY, HOUR, MANIFEST_URI, MINUTE, openAccount, START, withHuman } from './support/fixtures.ts';

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
