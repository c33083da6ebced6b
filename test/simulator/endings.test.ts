/** How a job ends before everything is labeled, in memory, one test per way. */
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

describe('a job that is stopped', () => {
  /** An account whose job was stopped a minute before its first answers. */
  const stopWithOpenTasks = async (rules: { openTasks?: 'late'; lateLabels?: string } = {}) => {
    const account = openAccount({ script: { jobs: [{ workers: { answerTime: '5m' }, ...rules }] } });
    await account.create();
    await account.advance(4 * MINUTE);
    await account.call('StopLabelingJob', { LabelingJobName: JOB });
    return account;
  };

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
    const account = await stopWithOpenTasks();
    await account.advance(2 * DAY);
    expect(account.output().filter((line) => 'species' in line)).toEqual([]);
  });

  test('publishes the open tasks up to a day later if the script says so, without counting them (I1)', async () => {
    const account = await stopWithOpenTasks({ openTasks: 'late' });
    await account.advance(30 * MINUTE);
    expect(account.output().filter((line) => 'species' in line)).toEqual([]);
    await account.advance(DAY);
    expect(account.output().filter((line) => 'species' in line)).toHaveLength(5);
    expect(account.records('labeled').every(({ late }) => late)).toBe(true);
    expect((await account.describe()).LabelCounters.TotalLabeled).toBe(0);
  });

  test('publishes the open tasks as late as the script says', async () => {
    const account = await stopWithOpenTasks({ openTasks: 'late', lateLabels: '30h' });
    await account.advance(29 * HOUR);
    expect(account.output().filter((line) => 'species' in line)).toEqual([]);
    await account.advance(HOUR);
    expect(account.output().filter((line) => 'species' in line)).toHaveLength(5);
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
