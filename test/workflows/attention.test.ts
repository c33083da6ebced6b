/** Every reason for which a chain asks a person, apart from those that stand in the outcome table; and how it goes on. */
import { createServer } from 'node:http';
import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import type { ChainState } from '../../decisions/chain-state.ts';
import { HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import { labelingChainWorkflowId } from '../../decisions/names.ts';
import { labelingJobView } from '../../workflows/messages.ts';
import { stopAfterTests, timeSkippingServer } from '../support/servers.ts';
import { manifestText } from './support/spec.ts';
import { World } from './support/world.ts';

let world: World;
beforeAll(async () => {
  world = await World.open(await timeSkippingServer(), { followsTemporal: true, sendsEvents: false });
}, 60_000);
afterEach(() => world.clear());

const reasonOf = (state: ChainState): string | undefined => state.attention?.reason;

const untilFirstJob = (chain: string): Promise<ChainState> =>
  world.until(chain, ({ generations }) => generations.length > 0, { stepMs: 1_000 });

/** How often the chain told people of an attention. */
const toldAttentions = async (chain: string): Promise<number> => {
  const { events } = await world.env.client.workflow.getHandle(labelingChainWorkflowId(chain)).fetchHistory();
  const summaries = (events ?? []).filter(
    ({ activityTaskScheduledEventAttributes: scheduled, userMetadata }) =>
      scheduled?.activityType?.name === 'notify' &&
      Buffer.from(userMetadata?.summary?.data ?? []).includes('asks for attention'),
  );
  return summaries.length;
};

describe('limits', () => {
  test('max-objects-sent: asks when no object more may be sent; amend and resume go on', async () => {
    await world.start('sent', { policy: { maxObjectsSent: 4 } });
    const asked = await world.untilAttention('sent');
    expect(reasonOf(asked)).toBe('max-objects-sent');
    expect(asked.dataset?.labeled).toBe(4);
    expect(await world.resume('sent')).toMatchObject({ kind: 'refused' });
    const { spec } = asked;
    await world.amend('sent', { spec: { ...spec, policy: { ...spec.policy, maxObjectsSent: 20 } } });
    expect(await world.resume('sent')).toEqual({ kind: 'accepted' });
    expect((await world.untilEnded('sent')).end?.status).toBe('labeled');
  });

  test('max-cost: what is committed never exceeds the cap when a job is created (I6)', async () => {
    await world.start('cost', { policy: { price: { perObject: 1 }, maxCost: 6.5 } });
    const asked = await world.untilAttention('cost');
    expect(reasonOf(asked)).toBe('max-cost');
    expect(asked.generations.map(({ input }) => input?.objects)).toEqual([6]);
  });

  test('max-cost: a job of which AWS shows no counters may have been labeled whole, until they are seen (I6)', async () => {
    await world.start('uncounted', {
      jobs: [
        {
          workers: { count: 2, ratePerHour: 0.005 },
          stop: { after: '5m' },
          counters: { zeroFor: '20h' },
          output: { missing: true },
        },
      ],
      policy: { price: { perObject: 1 }, maxCost: 12 },
    });
    expect(reasonOf(await world.untilAttention('uncounted', 10 * MINUTE_MS))).toBe('stopped-outside');
    await world.resume('uncounted');
    const asked = await world.untilAttention('uncounted', 10 * MINUTE_MS);
    expect(asked.attention).toMatchObject({
      reason: 'max-cost',
      message: expect.stringContaining(`every object of ${asked.generations[0]?.name}, of which AWS shows no counters`),
    });
    await world.env.sleep(20 * HOUR_MS);
    expect(await world.resume('uncounted')).toEqual({ kind: 'accepted' });
    // Two labels are counted by now, and no output holds them.
    expect(reasonOf(await world.untilAttention('uncounted', MINUTE_MS))).toBe('labels-missing');
    await world.resume('uncounted', { acceptMissing: true });
    const state = await world.untilEnded('uncounted');
    expect(state.generations[0]?.counters).toMatchObject({ totalLabeled: 2 });
    expect(state.generations.map(({ input }) => input?.sentObjects)).toEqual([10, 2, 8]);
  });

  test('maxJobs ends the chain with its leftovers, and without asking', async () => {
    await world.start('jobs', { jobs: [{ declines: { objects: ['*'] } }], policy: { maxJobs: 1 } });
    const state = await world.untilEnded('jobs');
    expect(state.end).toMatchObject({ status: 'finished', reason: 'the limit of 1 jobs is reached' });
  });
});

describe('the output', () => {
  test('labels-missing: looked for during two hours, then asked; --accept-missing goes on (I1)', async () => {
    await world.start('missing', { jobs: [{ output: { missing: true } }] });
    const asked = await world.untilAttention('missing', 10 * MINUTE_MS);
    expect(asked.attention).toMatchObject({
      reason: 'labels-missing',
      message: expect.stringMatching(/counted 10 labels/),
    });
    expect(world.jobNames('missing')).toHaveLength(1);
    await world.resume('missing', { acceptMissing: true });
    const state = await world.untilEnded('missing');
    expect(state.generations.map(({ newLabels }) => newLabels)).toEqual([0, 10]);
  });

  test('labels-missing: a resume without the flag looks again, and merges what has come meanwhile', async () => {
    await world.start('found', { jobs: [{ output: { missing: true } }] });
    const asked = await world.untilAttention('found', 10 * MINUTE_MS);
    const labeled = manifestText('found', 10).replaceAll('"}', '","species":1}');
    world.s3.store.write(world.outputUri(asked.generations[0]?.name ?? ''), labeled);
    await world.resume('found');
    expect((await world.untilEnded('found')).end?.status).toBe('labeled');
    expect(world.jobNames('found')).toHaveLength(1);
  });

  test('short: the labels that it holds are kept, the rest goes to the next job after --accept-missing', async () => {
    await world.start('short', { jobs: [{ output: { short: 0.6 } }] });
    expect(reasonOf(await world.untilAttention('short', 10 * MINUTE_MS))).toBe('labels-missing');
    await world.resume('short', { acceptMissing: true });
    const state = await world.untilEnded('short');
    expect(state.generations.map(({ newLabels }) => newLabels)).toEqual([6, 4]);
  });

  test('unreadable-output: nothing is merged; mended, it is', async () => {
    await world.start('unreadable', { jobs: [{ output: { missing: true } }] });
    const { generations } = await untilFirstJob('unreadable');
    const uri = world.outputUri(generations[0]?.name ?? '');
    const labeled = manifestText('unreadable', 10).replaceAll('"}', '","species":1}');
    world.s3.store.write(uri, `${labeled}{"source-ref":\n`);
    const asked = await world.untilAttention('unreadable', 10 * MINUTE_MS);
    expect(reasonOf(asked)).toBe('unreadable-output');
    expect(asked.dataset?.labeled).toBe(0);
    world.s3.store.write(uri, labeled);
    await world.resume('unreadable');
    expect((await world.untilEnded('unreadable')).dataset?.labeled).toBe(10);
  });

  test('unreadable-output: a stop ends the question, a resume asks it again; its objects are not sent a second time (I1)', async () => {
    await world.start('unread', { jobs: [{ output: { missing: true } }] });
    const { generations } = await untilFirstJob('unread');
    const uri = world.outputUri(generations[0]?.name ?? '');
    const labeled = manifestText('unread', 10).replaceAll('"}', '","species":1}');
    world.s3.store.write(uri, `${labeled}{"source-ref":\n`);
    await world.untilAttention('unread', 10 * MINUTE_MS);
    await world.stop('unread');
    expect((await world.untilEnded('unread', MINUTE_MS)).end?.status).toBe('stopped');
    expect(await world.resume('unread')).toEqual({ kind: 'accepted' });
    const asked = await world.untilAttention('unread', MINUTE_MS);
    expect(asked.attention).toMatchObject({
      reason: 'unreadable-output',
      generation: 1,
      message: expect.stringContaining('line 11'),
    });
    world.s3.store.write(uri, labeled);
    await world.resume('unread');
    expect((await world.untilEnded('unread')).dataset?.labeled).toBe(10);
    expect(world.jobNames('unread')).toHaveLength(1);
  });

  test('missing where AWS counted no label: nothing is missing; after two hours the input stands in for it', async () => {
    const allBroken = { broken: { objects: ['*'] }, output: { missing: true } };
    await world.start('nothing-missing', { jobs: [allBroken] });
    const state = await world.untilEnded('nothing-missing', 10 * MINUTE_MS);
    expect(state.generations[0]).toMatchObject({ counters: { totalLabeled: 0, failed: 10 }, outcome: 'leftovers' });
    expect(state.dataset?.labeled).toBe(10);
  });

  test('missing of a job that failed without a label: the person is asked about the failure, and at once', async () => {
    const refused = { broken: { objects: ['*/1.jpg'] }, fail: { after: '1d', reason: 'ClientError: AccessDenied' } };
    await world.start('failed-bare', { jobs: [{ ...refused, workers: { count: 0 }, output: { missing: true } }] });
    const asked = await world.untilAttention('failed-bare', 10 * MINUTE_MS);
    expect(asked.attention?.reason).toBe('failed-input');
    expect(asked.generations[0]?.counters).toMatchObject({ totalLabeled: 0, failed: 1 });
    expect((await world.env.currentTimeMs()) - (asked.lastHeardMs ?? 0)).toBeLessThan(HOUR_MS);
  });

  test('unmatched-label: a label that belongs to no object is asked about, with the file that holds it', async () => {
    await world.start('unmatched', { jobs: [{ output: { missing: true }, declines: { objects: ['*/9.jpg'] } }] });
    const { generations } = await untilFirstJob('unmatched');
    const labeled = manifestText('unmatched', 9).replaceAll('"}', '","species":1}');
    const strange = '{"source-ref":"s3://elsewhere/1.jpg","species":1}\n';
    world.s3.store.write(world.outputUri(generations[0]?.name ?? ''), labeled + strange);
    const asked = await world.untilAttention('unmatched', 10 * MINUTE_MS);
    expect(asked.attention).toMatchObject({
      reason: 'unmatched-label',
      message: expect.stringContaining('unmatched.jsonl'),
    });
    expect(asked.dataset?.labeled).toBe(9);
  });
});

describe('the create', () => {
  const refuse = { op: 'CreateLabelingJob', fault: 'ValidationException' as const };

  test('create-refused: the reason is shown; resume goes on with a new name (I3)', async () => {
    await world.start('refused', { api: [{ ...refuse, message: 'TaskTitle is not nice.', nth: 1 }] });
    const asked = await world.untilAttention('refused');
    expect(asked.attention).toMatchObject({ reason: 'create-refused', message: expect.stringContaining('not nice') });
    await world.resume('refused');
    const state = await world.untilEnded('refused');
    expect(state.generations.map(({ outcome }) => outcome)).toEqual(['not-created', 'labeled']);
    expect(world.jobNames('refused')).toEqual([state.generations[1]?.name]);
  });

  test('name-taken: a job of the same name that is not ours is never followed or stopped', async () => {
    world.beforeCall = async (operation, LabelingJobName) => {
      if (operation !== 'CreateLabelingJob') return;
      world.beforeCall = null;
      const { LabelingJobAlgorithmsConfig: _, ...job } = (await world.state('taken')).spec.job;
      await world.simulator.call('CreateLabelingJob', { ...job, LabelingJobName });
    };
    await world.start('taken', {});
    const asked = await world.untilAttention('taken');
    expect(reasonOf(asked)).toBe('name-taken');
    await world.resume('taken');
    const state = await world.untilEnded('taken');
    expect(state.generations.map(({ outcome }) => outcome)).toEqual(['not-created', 'labeled']);
    expect(world.countStops('taken')).toBe(0);
  });

  test('a new role that AWS does not know yet is waited for', async () => {
    await world.start('propagating', { api: [{ ...refuse, message: 'Cannot assume the role', nth: 1, times: 3 }] });
    expect((await world.untilEnded('propagating')).generations).toHaveLength(1);
  });

  test('a full quota is waited for, however long, and is no failure', async () => {
    await world.start('quota', {
      api: [{ op: 'CreateLabelingJob', fault: 'ResourceLimitExceeded', nth: 1, times: 12 }],
    });
    const state = await world.untilEnded('quota');
    expect(state.generations.map(({ outcome }) => outcome)).toEqual(['labeled']);
  });

  test.each(['after-effect-timeout', 'after-effect-error', 'drop', 'ThrottlingException'] as const)(
    'a create that ends with %s is repeated and makes one job (I3)',
    async (fault) => {
      const chain = `lost-${fault.toLowerCase()}`;
      await world.start(chain, { api: [{ op: 'CreateLabelingJob', fault, nth: 1, times: 2 }] });
      expect((await world.untilEnded(chain)).generations).toHaveLength(1);
      expect(world.jobNames(chain)).toHaveLength(1);
    },
  );
});

describe('a live job', () => {
  test('initializing-too-long: asked; over as soon as the job is', async () => {
    await world.start('initializing', { jobs: [{ initializing: '5h' }] });
    const asked = await world.untilAttention('initializing', 30 * MINUTE_MS);
    expect(reasonOf(asked)).toBe('initializing-too-long');
    const state = await world.until('initializing', ({ end }) => end !== null);
    expect(state).toMatchObject({ attention: null, end: { status: 'labeled' } });
  });

  test('initializing-too-long: resumed again and again, it is asked again, and no look is put off by that', async () => {
    await world.start('impatient', { jobs: [{ initializing: '30h' }] });
    const { generations } = await world.untilAttention('impatient', 30 * MINUTE_MS);
    const follower = world.follower(generations[0]?.name ?? '');
    const before = await follower.query(labelingJobView);
    for (let hour = 0; hour < 8; hour += 1) {
      expect(await world.resume('impatient')).toEqual({ kind: 'accepted' });
      await world.env.sleep('1 hour');
      expect(reasonOf(await world.state('impatient'))).toBe('initializing-too-long');
    }
    expect((await follower.query(labelingJobView)).describes).toBeGreaterThan(before.describes);
  });

  test('stop-unconfirmed: our hand-over stop is not confirmed for hours; then it is, and the chain goes on by itself', async () => {
    await world.start('unconfirmed', {
      policy: { lifetime: '3d' },
      jobs: [{ workers: { count: 2, ratePerHour: 0.005 }, stop: { takes: '12h' } }],
    });
    expect(reasonOf(await world.untilAttention('unconfirmed'))).toBe('stop-unconfirmed');
    const state = await world.until('unconfirmed', ({ end }) => end !== null);
    expect(state.generations.map(({ outcome }) => outcome)).toEqual(['expired', 'labeled']);
  });

  test('past-deadline: a job that AWS should have ended is asked about, after the grace', async () => {
    await world.start('past', {
      policy: { lifetime: '3d', handOver: 'off' },
      jobs: [{ workers: { count: 2, ratePerHour: 0.005 } }],
    });
    const asked = await world.untilAttention('past');
    expect(asked.attention).toMatchObject({ reason: 'past-deadline', message: expect.stringContaining('3d 6h') });
    expect(world.jobNames('past')).toHaveLength(1);
  });

  test('unknown-status: followed as a job that is not over', async () => {
    world.shownStatus = (status) => (status === 'InProgress' ? 'Pondering' : status);
    await world.start('pondering', { jobs: [{ workers: { ratePerHour: 1 } }] });
    const asked = await world.untilAttention('pondering');
    expect(asked.attention).toMatchObject({
      reason: 'unknown-status',
      message: expect.stringContaining('"Pondering"'),
    });
    const state = await world.until('pondering', ({ end }) => end !== null);
    expect(state.end?.status).toBe('labeled');
  });

  test('describe-refused: asked after a quarter of an hour, over as soon as AWS lets us look again', async () => {
    const denied = { op: 'DescribeLabelingJob', job: 'blind-*-001', fault: 'AccessDeniedException' as const };
    await world.start('blind', { api: [{ ...denied, nth: 2, times: 40 }], jobs: [{ workers: { ratePerHour: 1 } }] });
    const asked = await world.untilAttention('blind', 10 * MINUTE_MS);
    expect(asked.attention).toMatchObject({
      reason: 'describe-refused',
      message: expect.stringContaining('AccessDeniedException'),
    });
    await world.until('blind', ({ attention }) => attention === null, { stepMs: 10 * MINUTE_MS });
    expect((await world.untilEnded('blind')).generations.map(({ outcome }) => outcome)).toEqual(['labeled']);
  });

  test('describe-refused: a job that may have been created is waited for, never created again (I3)', async () => {
    const job = 'unseen-*-001';
    await world.start('unseen', {
      api: [
        { op: 'CreateLabelingJob', job, fault: 'after-effect-timeout', nth: 1 },
        { op: 'DescribeLabelingJob', job, fault: 'AccessDeniedException', nth: 1, times: 20 },
      ],
    });
    expect(reasonOf(await world.untilAttention('unseen', 10 * MINUTE_MS))).toBe('describe-refused');
    const state = await world.until('unseen', ({ end }) => end !== null);
    expect(state).toMatchObject({ attention: null, end: { status: 'labeled' } });
    expect(world.jobNames('unseen')).toHaveLength(1);
  });

  test('job-gone: Describe denies the job for half an hour; then a person is asked, and only a resume starts another', async () => {
    const absent = { op: 'DescribeLabelingJob', job: 'gone-*-001', fault: 'ResourceNotFound' as const };
    await world.start('gone', { api: [{ ...absent, nth: 2, times: 1000 }], jobs: [{ workers: { ratePerHour: 1 } }] });
    expect(reasonOf(await world.untilAttention('gone'))).toBe('job-gone');
    expect(world.jobNames('gone')).toHaveLength(1);
  });

  test('job-gone: a job that AWS never showed is not written off: what it published is merged, and nothing is sent again (I1)', async () => {
    const absent = { op: 'DescribeLabelingJob', job: 'never-seen-*-001', fault: 'ResourceNotFound' as const };
    await world.start('never-seen', { api: [{ ...absent, nth: 1, times: 1000 }] });
    expect(reasonOf(await world.untilAttention('never-seen'))).toBe('job-gone');
    await world.env.sleep('1 day');
    await world.sync();
    await world.resume('never-seen');
    const state = await world.untilEnded('never-seen', MINUTE_MS);
    expect(state).toMatchObject({ end: { status: 'labeled' }, generations: [{ outcome: 'gone', newLabels: 10 }] });
    expect(world.jobNames('never-seen')).toHaveLength(1);
  });

  test('describe-refused: a resume while AWS still refuses does not end the question', async () => {
    await world.start('blind-still', { jobs: [{ workers: { count: 0 } }] });
    await world.until('blind-still', ({ generations }) => generations[0]?.status === 'InProgress');
    world.fail('refused', 'DescribeLabelingJob');
    await world.untilAttention('blind-still', 10 * MINUTE_MS);
    expect(await world.resume('blind-still')).toEqual({ kind: 'accepted' });
    await world.env.sleep(10 * MINUTE_MS);
    expect(reasonOf(await world.state('blind-still'))).toBe('describe-refused');
    world.beforeCall = null;
    await world.until('blind-still', ({ attention }) => attention === null, { stepMs: 10 * MINUTE_MS });
  });

  test('describe-refused: a chain that comes back to it after S3 was mended asks once, and not over and over', async () => {
    const policy = { notify: { webhook: { url: 'http://127.0.0.1:9/' } } };
    await world.start('blind-twice', { jobs: [{ workers: { count: 0 } }], policy });
    const { spec } = await world.until('blind-twice', ({ generations }) => generations[0]?.status === 'InProgress');
    world.fail('refused', 'DescribeLabelingJob');
    await world.untilAttention('blind-twice', 10 * MINUTE_MS);
    world.s3.fault = (method) => (method === 'PUT' ? 'AccessDenied' : null);
    await world.amend('blind-twice', { spec });
    await world.until('blind-twice', ({ attention }) => attention?.reason === 'storage-refused', { stepMs: MINUTE_MS });
    world.s3.fault = null;
    await world.resume('blind-twice');
    await world.env.sleep(10 * MINUTE_MS);
    expect(reasonOf(await world.state('blind-twice'))).toBe('describe-refused');
    await world.env.sleep(10 * MINUTE_MS);
    // Of Describe, of S3, and of Describe once more.
    expect(await toldAttentions('blind-twice')).toBe(3);
  });

  test('job-workflow-failed: asked; resume starts another follower for the same job (I3)', async () => {
    let refused = false;
    world.beforeCall = (operation) => {
      if (operation !== 'DescribeLabelingJob' || refused) return;
      refused = true;
      throw ApplicationFailure.nonRetryable('the follower breaks');
    };
    await world.start('follower', {});
    expect((await world.untilAttention('follower')).attention).toMatchObject({
      reason: 'job-workflow-failed',
      message: expect.stringContaining('the follower breaks'),
    });
    await world.resume('follower');
    expect((await world.untilEnded('follower')).end?.status).toBe('labeled');
    expect(world.jobNames('follower')).toHaveLength(1);
  });
});

describe('files and S3', () => {
  test('storage-refused: asked; mended and resumed, the merge is made', async () => {
    await world.start('storage', {});
    await untilFirstJob('storage');
    world.s3.fault = (method, uri) => (method === 'PUT' && uri.includes('/datasets/') ? 'AccessDenied' : null);
    const asked = await world.untilAttention('storage');
    expect(asked.attention).toMatchObject({
      reason: 'storage-refused',
      message: expect.stringContaining('AccessDenied'),
    });
    world.s3.fault = null;
    await world.resume('storage');
    expect((await world.untilEnded('storage')).end?.status).toBe('labeled');
  });

  test('storage-refused: amended meanwhile, the chain still waits for its answer, and tells nobody anew', async () => {
    await world.start('refused-amended', { policy: { notify: { webhook: { url: 'http://127.0.0.1:9/' } } } });
    await untilFirstJob('refused-amended');
    world.s3.fault = (method) => (method === 'PUT' ? 'AccessDenied' : null);
    const asked = await world.untilAttention('refused-amended');
    expect(reasonOf(asked)).toBe('storage-refused');
    const { spec } = asked;
    await world.amend('refused-amended', { spec: { ...spec, policy: { ...spec.policy, maxJobs: 7 } } });
    await world.env.sleep('1 hour');
    const amended = await world.state('refused-amended');
    expect(reasonOf(amended)).toBe('storage-refused');
    expect(amended.spec.policy.maxJobs).toBe(7);
    world.s3.fault = null;
    await world.resume('refused-amended');
    expect((await world.untilEnded('refused-amended')).dataset?.labeled).toBe(10);
    expect(await toldAttentions('refused-amended')).toBe(1);
  });

  test('storage-refused when the chain has ended: mended and resumed, its last record is written, and it stays ended', async () => {
    const handle = await world.start('refused-end', {});
    world.s3.fault = (method, uri) => {
      const hasEnded = [...world.s3.store.objects.keys()].some((one) =>
        one.startsWith('s3://data/out/refused-end/final/'),
      );
      return method === 'PUT' && uri.includes('/record/') && hasEnded ? 'AccessDenied' : null;
    };
    const asked = await world.untilAttention('refused-end');
    expect(asked).toMatchObject({ attention: { reason: 'storage-refused' }, end: { status: 'labeled' } });
    expect(asked.attention?.actions).toEqual([expect.stringMatching(/^label-relay resume refused-end /)]);
    world.s3.fault = null;
    expect(await world.resume('refused-end')).toEqual({ kind: 'accepted' });
    expect(await handle.result()).toMatchObject({ status: 'labeled' });
    expect(world.records('refused-end').at(-1)).toMatchObject({
      state: { end: { status: 'labeled' }, attention: null },
    });
    expect(world.jobNames('refused-end')).toHaveLength(1);
  });

  test('storage-refused when the chain has ended: cancelled, it closes as soon as its last record can be written', async () => {
    const handle = await world.start('refused-cancel', {});
    world.s3.fault = (method, uri) => {
      const keys = [...world.s3.store.objects.keys()];
      const hasEnded = keys.some((one) => one.startsWith('s3://data/out/refused-cancel/final/'));
      return method === 'PUT' && uri.includes('/record/') && hasEnded ? 'AccessDenied' : null;
    };
    await world.untilAttention('refused-cancel');
    await handle.cancel();
    await world.until('refused-cancel', ({ attention }) => attention === null);
    world.s3.fault = null;
    expect(await handle.result()).toMatchObject({ status: 'labeled' });
  });

  test('storage-refused on top of another question: mended, the other question is asked again', async () => {
    world.s3.fault = (method, uri) =>
      method === 'PUT' && uri.includes('/record/') && world.jobNames('two-questions').length > 0
        ? 'AccessDenied'
        : null;
    await world.start('two-questions', { jobs: [{ workers: { ratePerHour: 0.5 }, stop: { after: '5h' } }] });
    expect(reasonOf(await world.untilAttention('two-questions'))).toBe('storage-refused');
    world.s3.fault = null;
    await world.resume('two-questions');
    await world.env.sleep('3 days');
    expect(reasonOf(await world.state('two-questions'))).toBe('stopped-outside');
    expect(world.jobNames('two-questions')).toHaveLength(1);
  });

  test('storage-refused on top of a limit: mended, the limit is asked about; raised meanwhile, it is not', async () => {
    world.s3.fault = (method, uri) =>
      method === 'PUT' && uri.includes('/record/') && world.jobNames('limit').length > 0 ? 'AccessDenied' : null;
    await world.start('limit', { policy: { maxObjectsSent: 4 } });
    expect(reasonOf(await world.untilAttention('limit'))).toBe('storage-refused');
    world.s3.fault = null;
    expect(await world.resume('limit')).toEqual({ kind: 'accepted' });
    expect(reasonOf(await world.untilAttention('limit', MINUTE_MS))).toBe('max-objects-sent');
    await world.stop('limit');
    await world.untilEnded('limit');
  });

  test('storage-refused for the record of the next job: it is not created before its record is written (I3)', async () => {
    world.s3.fault = (method, uri) =>
      method === 'PUT' && uri.includes('/record/') && world.jobNames('no-record').length > 0 ? 'AccessDenied' : null;
    await world.start('no-record', {
      jobs: [{ workers: { ratePerHour: 0.5 }, fail: { after: '1h', reason: 'Internal error' } }],
    });
    expect(reasonOf(await world.untilAttention('no-record'))).toBe('storage-refused');
    await world.env.sleep('3 days');
    expect(world.jobNames('no-record')).toHaveLength(1);
    world.s3.fault = null;
    await world.resume('no-record');
    expect((await world.untilEnded('no-record')).end?.status).toBe('labeled');
    expect(world.jobNames('no-record')).toHaveLength(2);
  });

  test('an outage of S3 is no question: it is tried until it works (I7)', async () => {
    let failures = 0;
    world.s3.fault = (method, uri) => {
      if (method !== 'PUT' || !uri.includes('/datasets/0001') || failures >= 6) return null;
      failures += 1;
      return 'InternalError';
    };
    await world.start('outage', {});
    expect((await world.untilEnded('outage')).end?.status).toBe('labeled');
    expect(failures).toBe(6);
  });

  test('unusable-input: a bad manifest given to amend never fails the chain; without it the chain goes on', async () => {
    const handle = await world.start('unusable', { jobs: [{ workers: { ratePerHour: 1 } }] });
    await untilFirstJob('unusable');
    await world.amend('unusable', { manifestUri: 's3://data/unusable/nothing.manifest' });
    const asked = await world.untilAttention('unusable');
    expect(asked.attention).toMatchObject({
      reason: 'unusable-input',
      message: expect.stringMatching(
        /nothing.manifest does not exist; nothing of it was added. .* give it again .*: label-relay amend unusable --manifest s3:/,
      ),
    });
    expect(await world.resume('unusable')).toEqual({ kind: 'accepted' });
    expect((await world.untilEnded('unusable')).end?.status).toBe('labeled');
    expect((await handle.describe()).status.name).not.toBe('FAILED');
  });

  test('unusable-input: a manifest that was mended and given again before the resume is added', async () => {
    const manifestUri = 's3://data/mended/more.manifest';
    await world.start('mended', { jobs: [{ workers: { ratePerHour: 1 } }] });
    await untilFirstJob('mended');
    await world.amend('mended', { manifestUri });
    await world.untilAttention('mended');
    world.s3.store.write(manifestUri, manifestText('mended', 5, 100));
    expect(await world.amend('mended', { manifestUri })).toEqual({ kind: 'accepted' });
    expect(await world.resume('mended')).toEqual({ kind: 'accepted' });
    expect((await world.untilEnded('mended')).dataset).toMatchObject({ total: 15, labeled: 15 });
  });

  test('at the very start what cannot be used fails the workflow with its sentence, and takes no name', async () => {
    world.s3.store.write('s3://data/bad/input.manifest', '{"source-ref":\n');
    const handle = await world.start('bad', { objects: 0 });
    await expect(handle.result()).rejects.toMatchObject({
      cause: { cause: { message: expect.stringContaining('line 1') } },
    });
    expect([...world.s3.store.objects.keys()].filter((uri) => uri.startsWith('s3://data/out/bad/record'))).toEqual([]);
  });
});

test('attention is shown until it is answered, and a stop answers it by ending the chain', async () => {
  await world.start('answered', { jobs: [{ workers: { ratePerHour: 0.5 }, stop: { after: '5h' } }] });
  await world.untilAttention('answered');
  await world.env.sleep(72 * HOUR_MS);
  expect(reasonOf(await world.state('answered'))).toBe('stopped-outside');
  expect(await world.stop('answered')).toEqual({ kind: 'accepted' });
  expect((await world.untilEnded('answered')).end).toMatchObject({ status: 'stopped', reason: 'enough' });
});

/** A receiver that drops what it has seen, as it may; what it was told, by kind. */
const startReceiver = async (): Promise<{
  url: string;
  told: Map<string, string>;
  facts: Record<string, unknown>[];
}> => {
  const told = new Map<string, string>();
  const facts: Record<string, unknown>[] = [];
  const news = z.object({ id: z.string(), kind: z.string(), facts: z.record(z.string(), z.unknown()) });
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { id, kind, facts: given } = news.parse(JSON.parse(body));
      if (!told.has(id)) facts.push({ kind, ...given });
      told.set(id, kind);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stopAfterTests(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`, told, facts };
};

describe('a receiver that drops repeats', () => {
  const hears = async (chain: string, told: Map<string, string>, kind: string, times: number): Promise<void> => {
    const heard = (): number => [...told.values()].filter((one) => one === kind).length;
    await world.until(chain, () => heard() >= times, { stepMs: 10_000 });
    expect(heard()).toBe(times);
  };

  test('hears the same question again after a resume that changed nothing', async () => {
    const { url, told } = await startReceiver();
    await world.start('again', { jobs: [{ output: { missing: true } }], policy: { notify: { webhook: { url } } } });
    await world.untilAttention('again', 10 * MINUTE_MS);
    await hears('again', told, 'attention', 1);
    expect(await world.resume('again')).toEqual({ kind: 'accepted' });
    await world.untilAttention('again', 10 * MINUTE_MS);
    await hears('again', told, 'attention', 2);
  });

  test('hears of the end that late labels made, with the final manifest that holds them', async () => {
    const { url, told, facts } = await startReceiver();
    const late = { workers: { count: 10, answerTime: '1h' }, openTasks: 'late', lateLabels: '3h' } as const;
    const handle = await world.start('late-end', { jobs: [late], policy: { notify: { webhook: { url } } } });
    const isLive = ({ generations }: ChainState): boolean => generations[0]?.status === 'InProgress';
    await world.until('late-end', isLive, { stepMs: MINUTE_MS });
    await world.env.sleep(20 * MINUTE_MS);
    await world.stop('late-end');
    const { end: first } = await world.untilEnded('late-end', 10 * MINUTE_MS);
    await hears('late-end', told, 'chain-finished', 1);
    await world.env.sleep(25 * HOUR_MS);
    await world.sync();
    await handle.result();
    const { end: last } = await world.state('late-end');
    expect([first?.status, last?.status]).toEqual(['stopped', 'labeled']);
    expect(facts.filter(({ kind }) => kind === 'chain-finished')).toMatchObject([
      { status: 'stopped', finalManifest: first?.finalManifestUri },
      { status: 'labeled', finalManifest: last?.finalManifestUri },
    ]);
  });

  test('hears of the same end again after a resume in the same run that came to nothing', async () => {
    const { url, told } = await startReceiver();
    const jobs = [{ workers: { ratePerHour: 0.5 }, stop: { after: '5h' } }];
    await world.start('same-run', { jobs, policy: { notify: { webhook: { url } } } });
    await world.untilAttention('same-run');
    await world.stop('same-run');
    await world.untilEnded('same-run', MINUTE_MS);
    await hears('same-run', told, 'chain-finished', 1);
    world.s3.fault = (method, uri) => (method === 'PUT' && !uri.includes('/record/') ? 'AccessDenied' : null);
    expect(await world.resume('same-run')).toEqual({ kind: 'accepted' });
    await world.untilAttention('same-run', MINUTE_MS);
    await world.stop('same-run');
    world.s3.fault = null;
    await world.untilEnded('same-run', MINUTE_MS);
    await hears('same-run', told, 'chain-finished', 2);
  });

  test('hears of each object that is set aside, also of a job whose output AWS has written again, and after the end', async () => {
    const { url, told, facts } = await startReceiver();
    const declined = { workers: { ratePerHour: 0.5 }, declines: { objects: ['*/0.jpg', '*/1.jpg'] } };
    const policy = { maxAttemptsPerObject: 1, notify: { webhook: { url } } };
    await world.start('aside', { jobs: [{ ...declined, stop: { after: '5h' } }], policy });
    const { generations, spec, dataset } = await world.untilAttention('aside', 10 * MINUTE_MS);
    expect(dataset?.setAside).toBeGreaterThan(0);
    const uri = world.outputUri(generations[0]?.name ?? '');
    const metadata = `${spec.job.LabelAttributeName}-metadata`;
    /** AWS writes the output again, with a failure more. */
    const failOneMore = (): void => {
      const lines = (world.s3.store.text(uri) ?? '').trimEnd().split('\n');
      const failure = lines
        .find((line) => line.includes('failure-reason'))
        ?.match(new RegExp(`"${metadata}": (\\{[^}]*\\})`));
      const untouched = lines.findIndex((line) => !line.includes(metadata));
      lines[untouched] = lines[untouched]?.replace(/}$/, `,"${metadata}":${failure?.[1]}}`) ?? '';
      world.s3.store.write(uri, `${lines.join('\n')}\n`);
    };
    failOneMore();
    await world.resume('aside');
    await world.until('aside', (state) => state.generations.length > 1, { stepMs: 10_000 });
    await hears('aside', told, 'objects-set-aside', 2);
    expect(facts.filter(({ kind }) => kind === 'objects-set-aside').map(({ setAside }) => setAside)).toEqual([
      dataset?.setAside,
      (dataset?.setAside ?? 0) + 1,
    ]);
    await world.stop('aside');
    await world.untilEnded('aside', MINUTE_MS);
    failOneMore();
    await world.env.sleep(25 * HOUR_MS);
    await hears('aside', told, 'objects-set-aside', 3);
  });

  test('hears of the same end again after a resume that came to nothing', async () => {
    const { url, told } = await startReceiver();
    const jobs = [{ workers: { ratePerHour: 0.5 }, stop: { after: '5h' } }];
    const handle = await world.start('twice', { jobs, policy: { notify: { webhook: { url } } } });
    await world.untilAttention('twice');
    await world.stop('twice');
    const { spec, generations } = await world.untilEnded('twice');
    await hears('twice', told, 'chain-finished', 1);
    // Its late look is not of this test, and may be over.
    await handle.terminate().catch(() => undefined);
    world.s3.fault = (method, uri) => (method === 'PUT' && !uri.includes('/record/') ? 'AccessDenied' : null);
    await world.run('twice', { kind: 'resume', spec, options: { acceptMissing: false, retrySetAside: false } });
    expect(reasonOf(await world.untilAttention('twice'))).toBe('storage-refused');
    await world.stop('twice');
    world.s3.fault = null;
    const state = await world.untilEnded('twice');
    expect(state.generations).toHaveLength(generations.length);
    await hears('twice', told, 'chain-finished', 2);
  });
});

describe('a question that S3 came in the way of', () => {
  test('stands again once S3 is mended: in the list, in the record, and an amendment is recorded while it waits', async () => {
    const late = { workers: { count: 3, answerTime: '1h' }, stop: { after: '90m' } };
    const handle = await world.start('put-back', { jobs: [late] });
    await world.until('put-back', ({ generations }) => generations[0]?.status === 'InProgress', { stepMs: MINUTE_MS });
    world.s3.fault = (method, uri) => (method === 'PUT' && uri.includes('/record/') ? 'AccessDenied' : null);
    await world.until('put-back', ({ attention }) => attention?.reason === 'storage-refused');
    world.s3.fault = null;
    await world.resume('put-back');
    await world.env.sleep(HOUR_MS);
    expect((await handle.describe()).searchAttributes['LabelingAttention']).toEqual(['stopped-outside']);
    await world.amend('put-back', { manifestUri: 's3://data/put-back/more.manifest' });
    await world.env.sleep(HOUR_MS);
    expect(world.records('put-back').at(-1)).toMatchObject({
      pending: { manifestUris: ['s3://data/put-back/more.manifest'] },
      state: { attention: { reason: 'stopped-outside' } },
    });
  });

  test('of a live job keeps it from being followed no longer than S3 does', async () => {
    await world.start('live-again', { jobs: [{ initializing: '4h' }] });
    const { spec } = await world.until('live-again', ({ attention }) => attention?.reason === 'initializing-too-long');
    world.s3.fault = (method) => (method === 'PUT' ? 'AccessDenied' : null);
    await world.amend('live-again', { spec });
    await world.until('live-again', ({ attention }) => attention?.reason === 'storage-refused', { stepMs: MINUTE_MS });
    world.s3.fault = null;
    await world.resume('live-again');
    const state = await world.until('live-again', ({ end }) => end !== null);
    expect(state).toMatchObject({ attention: null, end: { status: 'labeled' } });
  });
});
