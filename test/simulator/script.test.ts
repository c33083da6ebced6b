/** What a script can do beyond the life of one job: matching, faults of API, events and output, and its own mistakes. */
import { parseScript, ScriptError, type ScriptSource } from '../../simulator/script.ts';
import { createRequest, DAY, errorOf, HOUR, MINUTE, openAccount } from './support/fixtures.ts';

const JOB = 'birds-00000-001';
const named = { LabelingJobName: JOB };

const mistakesOf = (source: unknown): string => {
  try {
    parseScript(source);
  } catch (error) {
    if (error instanceof ScriptError) return error.message;
    throw error;
  }
  return '';
};

describe('a script with mistakes', () => {
  test('is refused with the path of every mistake', () => {
    const message = mistakesOf({ jobs: [{ workers: { count: -1 } }, { fail: { after: '2 days' } }], apis: [] });
    expect(message).toContain('jobs.0.workers.count: ');
    expect(message).toContain('jobs.1.fail.after: "2 days" is no duration such as 90s, 30m, 1h or 2d');
    expect(message).toContain('jobs.1.fail.reason: ');
    expect(message).toContain('Unrecognized key: "apis"');
  });
});

describe('rules match jobs', () => {
  const after = async (script: ScriptSource, request = createRequest()): Promise<string[]> => {
    const account = openAccount({ script });
    await account.create({ ...createRequest('other'), LabelAttributeName: 'other' });
    await account.create({ ...request, Tags: [{ Key: 'label-relay:generation', Value: '2' }] });
    await account.advance(40 * DAY);
    return [(await account.describe('other')).LabelingJobStatus, (await account.describe()).LabelingJobStatus];
  };
  const fail = { after: '1m', reason: 'x' };

  test.each([
    ['a glob on the name', { name: 'birds-*' }],
    ['the number in the account', { nth: 2 }],
    ['any tag', { tags: { 'label-relay:generation': '2' } }],
  ])('by %s', async (_, match) => {
    expect(await after({ jobs: [{ match, fail }] })).toEqual(['Completed', 'Failed']);
  });

  test('and later rules are laid over earlier ones, section by section', async () => {
    const account = openAccount({
      script: { jobs: [{ workers: { count: 0, answerTime: '2m' } }, { match: { nth: 1 }, workers: { count: 1 } }] },
    });
    await account.create();
    await account.advance(5 * HOUR);
    const answers = account.records('answer');
    expect((answers[1]?.atMs ?? 0) - (answers[0]?.atMs ?? 0)).toBe(2 * MINUTE);
    expect(new Set(answers.map(({ workerId }) => workerId)).size).toBe(1);
  });
});

describe('faults of the API', () => {
  test('hit the nth matching call only', async () => {
    const account = openAccount({
      script: { api: [{ op: 'DescribeLabelingJob', nth: 2, fault: 'ThrottlingException' }] },
    });
    await account.create();
    expect((await account.call('DescribeLabelingJob', named)).kind).toBe('ok');
    expect(errorOf(await account.call('DescribeLabelingJob', named))).toBe('ThrottlingException: Rate exceeded');
    expect((await account.call('DescribeLabelingJob', named)).kind).toBe('ok');
  });

  test('hit several calls in a row, or every call for a job', async () => {
    const account = openAccount({
      script: {
        api: [
          { op: 'CreateLabelingJob', nth: 1, times: 2, fault: 'AccessDeniedException', message: 'no' },
          { op: 'StopLabelingJob', job: 'birds-*', fault: 'ServiceUnavailable' },
        ],
      },
    });
    expect(errorOf(await account.create())).toBe('AccessDeniedException: no');
    expect(errorOf(await account.create())).toBe('AccessDeniedException: no');
    expect(errorOf(await account.create())).toBe('ok');
    expect(errorOf(await account.call('StopLabelingJob', named))).toMatch(/^ServiceUnavailable/);
    expect(errorOf(await account.call('StopLabelingJob', named))).toMatch(/^ServiceUnavailable/);
  });

  test('can cut the connection before or after the effect', async () => {
    const account = openAccount({
      script: {
        api: [
          { op: 'CreateLabelingJob', nth: 1, fault: 'drop' },
          { op: 'CreateLabelingJob', nth: 2, fault: 'after-effect-timeout' },
        ],
      },
    });
    expect((await account.create()).kind).toBe('dropped');
    expect(account.groundTruth.jobs).toHaveLength(0);
    expect((await account.create()).kind).toBe('dropped');
    expect(account.groundTruth.jobs).toHaveLength(1);
    expect(errorOf(await account.create())).toMatch(/^ResourceInUse/);
  });

  test('StopLabelingJob on a job that ended is refused or taken, as the script says', async () => {
    for (const [whenEnded, answer] of [
      ['ValidationException', /^ValidationException: .* in status Completed/],
      ['ok', /^ok$/],
    ] as const) {
      const account = openAccount({ script: { jobs: [{ stop: { whenEnded } }] } });
      await account.create();
      await account.advance(DAY);
      expect(errorOf(await account.call('StopLabelingJob', named))).toMatch(answer);
    }
  });

  test('a script that is replaced changes calls at once and jobs from the next on', async () => {
    const account = openAccount();
    await account.create();
    account.groundTruth.setScript(
      parseScript({
        jobs: [{ fail: { after: '1m', reason: 'x' } }],
        api: [{ op: 'ListTags', fault: 'InternalFailure' }],
      }),
    );
    await account.create(createRequest('second'));
    await account.advance(DAY);
    expect((await account.describe()).LabelingJobStatus).toBe('Completed');
    expect((await account.describe('second')).LabelingJobStatus).toBe('Failed');
    expect(errorOf(await account.call('ListTags', {}))).toMatch(/^InternalFailure/);
  });
});

describe('Describe', () => {
  test('may answer with what was true some time ago', async () => {
    const account = openAccount({ script: { jobs: [{ describeLag: '10m' }] } });
    await account.create();
    await account.advance(5 * MINUTE);
    expect((await account.describe()).LabelingJobStatus).toBe('Initializing');
    await account.advance(7 * MINUTE);
    expect((await account.describe()).LabelingJobStatus).toBe('InProgress');
  });

  test('may not yet agree with the event of an ending (law 1)', async () => {
    const account = openAccount({ script: { jobs: [{ events: { beforeDescribe: '2m' } }] } });
    await account.create();
    while (account.bus.events.length === 0) await account.groundTruth.advanceTo(account.groundTruth.nextMs ?? 0);
    expect((await account.describe()).LabelingJobStatus).toBe('InProgress');
    await account.advance(2 * MINUTE);
    expect((await account.describe()).LabelingJobStatus).toBe('Completed');
  });

  test('may show zeros at first, and count failed objects as unlabeled', async () => {
    const account = openAccount({
      script: { jobs: [{ declines: { fraction: 1 }, counters: { zeroFor: '1h', unlabeledIncludesFailed: true } }] },
    });
    await account.create();
    await account.advance(30 * MINUTE);
    expect((await account.describe()).LabelCounters).toMatchObject({ Unlabeled: 0, FailedNonRetryableError: 0 });
    await account.advance(HOUR);
    expect((await account.describe()).LabelCounters).toMatchObject({ Unlabeled: 20, FailedNonRetryableError: 20 });
  });
});

describe('events', () => {
  const run = async (events: NonNullable<ScriptSource['jobs']>[number]['events']) => {
    const account = openAccount({ script: { jobs: [{ events }] } });
    await account.create();
    await account.advance(DAY);
    return account;
  };

  test('can be lost, which the ledger tells (I4)', async () => {
    const account = await run({ drop: 1 });
    expect(account.bus.events).toEqual([]);
    expect(account.records('event')).toMatchObject([{ status: 'Completed', dropped: true }]);
  });

  test('can come several times, each with an id of its own (I4)', async () => {
    const { bus } = await run({ repeat: 4 });
    expect(new Set(bus.events.map(({ id }) => id)).size).toBe(5);
    expect(new Set(bus.events.map(({ time }) => time)).size).toBe(1);
  });

  test('can come late, with the time of the change', async () => {
    const account = await run({ delay: '3h' });
    const [event] = account.records('event');
    const ended = account.records('status').at(-1);
    expect((event?.atMs ?? 0) - (ended?.atMs ?? 0)).toBe(3 * HOUR);
    expect(Math.abs(Date.parse(account.bus.events[0]?.time ?? '') - (ended?.atMs ?? 0))).toBeLessThan(1000);
  });

  test('can tell of other statuses', async () => {
    const { bus } = await run({ statuses: ['Initializing', 'InProgress', 'Completed'] });
    expect(bus.events.map(({ detail }) => detail['LabelingJobStatus'])).toEqual([
      'Initializing',
      'InProgress',
      'Completed',
    ]);
  });

  test('can tell of everything a worker does', async () => {
    const { bus } = await run({ workers: true, statuses: [] });
    expect(bus.events).toHaveLength(40);
    expect(bus.events[0]).toMatchObject({
      'detail-type': 'SageMaker Ground Truth Labeling Job Task Status Change',
      resources: [],
      detail: {
        State: 'Accepted',
        'labeling-job-arn': `arn:aws:sagemaker:us-east-1:123456789012:labeling-job/${JOB}`,
        'workteam-team-arn': 'arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/birders',
      },
    });
  });
});

describe('the output manifest', () => {
  const run = async (output: NonNullable<ScriptSource['jobs']>[number]['output']) => {
    const account = openAccount({ script: { jobs: [{ output }] } });
    await account.create();
    await account.advance(DAY);
    return account;
  };
  const sources = (lines: Record<string, unknown>[]): unknown[] => lines.map((line) => line['source-ref']);

  test('can be missing', async () => {
    expect((await run({ missing: true })).output()).toEqual([]);
  });

  test('can be short, and then only what it holds is readable', async () => {
    const account = await run({ short: 0.5 });
    expect(account.output()).toHaveLength(10);
    expect(account.records('published').flatMap(({ newlyReadable }) => newlyReadable)).toHaveLength(10);
  });

  test('can be shuffled', async () => {
    const account = await run({ shuffled: true });
    const inOrder = Array.from({ length: 20 }, (_, index) => `s3://birds/${index}.jpg`);
    expect(sources(account.output())).not.toEqual(inOrder);
    expect(new Set(sources(account.output()))).toEqual(new Set(inOrder));
  });

  test('can be written anew', async () => {
    const { store } = await run({ serialization: 'compact' });
    const text = store.text(`s3://data/out/${JOB}/manifests/output/output.manifest`);
    expect(text?.startsWith('{"source-ref":"s3://birds/0.jpg","species":')).toBe(true);
  });

  test('can be complete before the event, or hours after it', async () => {
    const before = await run({ late: '0s' });
    expect(before.records('published').at(-1)?.atMs).toBe(before.records('event')[0]?.atMs);
    const after = await run({ late: '5h' });
    const lateMs = (after.records('published').at(-1)?.atMs ?? 0) - (after.records('event')[0]?.atMs ?? 0);
    expect(lateMs).toBe(5 * HOUR);
  });
});
