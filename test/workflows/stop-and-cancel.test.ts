/** A stop, a cancel or a resume that comes at an awkward time: it is obeyed (I5), and nobody is left hanging. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../decisions/durations.ts';
import type { ChainState } from '../../decisions/chain-state.ts';
import type { Spec } from '../../decisions/spec.ts';
import { timeSkippingServer } from '../support/servers.ts';
import { World } from './support/world.ts';

let world: World;
beforeAll(async () => {
  world = await World.open(await timeSkippingServer(), { followsTemporal: true, sendsEvents: false });
}, 60_000);
afterEach(() => world.clear());

/** Workers who answer for an hour, and whose open tasks are published up to a day after a stop. */
const late = { workers: { count: 3, answerTime: '1h' }, openTasks: 'late' as const, lateLabels: '3h' };
const stoppedOutside = { ...late, stop: { after: '90m' } };
const options = { acceptMissing: false, retrySetAside: false };
const untilInProgress = (chain: string, generation: number) =>
  world.until(chain, ({ generations }) => generations[generation - 1]?.status === 'InProgress', { stepMs: MINUTE_MS });

test('I5: a cancel while a resume reads the record is a stop: no further job is created', async () => {
  const first = await world.start('reading', { jobs: [stoppedOutside] });
  const { spec } = await world.untilAttention('reading');
  await first.terminate();
  world.s3.fault = (method) => (method === 'GET' ? 'InternalError' : null);
  const second = await world.run('reading', { kind: 'resume', spec, options });
  await sleep(300);
  await second.cancel();
  await sleep(300);
  world.s3.fault = null;
  const state = await world.untilEnded('reading', 10 * MINUTE_MS);
  expect(state.end).toMatchObject({ status: 'stopped', reason: 'the workflow was cancelled' });
  expect(world.jobNames('reading')).toHaveLength(1);
});

test('a resume of a chain that was stopped while its record was refused goes on at once, whatever was asked before', async () => {
  await world.start('refused-record', { jobs: [stoppedOutside] });
  const { spec } = await world.untilAttention('refused-record');
  world.s3.fault = (method) => (method === 'PUT' ? 'AccessDenied' : null);
  await world.amend('refused-record', { spec });
  await world.until('refused-record', ({ attention }) => attention?.reason === 'storage-refused', {
    stepMs: MINUTE_MS,
  });
  await world.stop('refused-record');
  world.s3.fault = null;
  await world.untilEnded('refused-record', 10 * MINUTE_MS);
  expect(await world.resume('refused-record')).toEqual({ kind: 'accepted' });
  const { attention } = await world.until('refused-record', ({ generations }) => generations.length === 2, {
    stepMs: MINUTE_MS,
  });
  expect(attention).toBeNull();
});

test('a chain that is to stop and that S3 refuses says so, and tries at once when it is asked to stop again', async () => {
  await world.start('refused-stop', { jobs: [stoppedOutside] });
  await world.untilAttention('refused-stop');
  world.s3.fault = (method) => (method === 'PUT' ? 'AccessDenied' : null);
  await world.stop('refused-stop');
  const { hindrance } = await world.until('refused-stop', (state) => typeof state.hindrance === 'string', {
    stepMs: MINUTE_MS,
  });
  expect(hindrance).toMatch(/AccessDenied/);
  expect(await world.resume('refused-stop')).toMatchObject({
    kind: 'refused',
    message: expect.stringContaining('label-relay stop refused-stop'),
  });
  // The wait is six hours by now.
  await world.env.sleep('9h');
  world.s3.fault = null;
  await world.stop('refused-stop');
  const state = await world.until('refused-stop', ({ end }) => end !== null, { stepMs: MINUTE_MS, steps: 30 });
  expect(state.end?.status).toBe('stopped');
  expect(state.hindrance).toBeNull();
});

test('a resume or a stop that comes while an ended chain is amended is refused: it would be accepted and lost', async () => {
  const first = await world.start('amending', {});
  const { spec } = await world.untilEnded('amending');
  await first.result();
  world.s3.fault = (method) => (method === 'PUT' ? 'InternalError' : null);
  const amendment = { spec: { ...spec, policy: { ...spec.policy, maxJobs: 9 } }, manifestUri: null };
  const second = await world.run('amending', { kind: 'amend', spec, amendment });
  await sleep(300);
  const refused = {
    kind: 'refused',
    message: 'the chain amending has ended and is being amended; try again in a moment',
  };
  expect(await world.resume('amending')).toEqual(refused);
  expect(await world.stop('amending')).toEqual(refused);
  world.s3.fault = null;
  await world.env.sleep(MINUTE_MS);
  expect(await second.result()).toMatchObject({ status: 'labeled' });
});

test('law 2: a late look that S3 refused is none: a cancel after it looks before the chain closes', async () => {
  const handle = await world.start('refused-look', { jobs: [late] });
  await untilInProgress('refused-look', 1);
  await world.env.sleep(20 * MINUTE_MS);
  await world.stop('refused-look');
  const before = await world.untilEnded('refused-look', 10 * MINUTE_MS);
  const output = world.outputUri(before.generations[0]?.name ?? '');
  world.s3.fault = (_method, uri) => (uri === output ? 'AccessDenied' : null);
  await world.env.sleep(DAY_MS + 10 * MINUTE_MS);
  await world.sync();
  world.s3.fault = null;
  await handle.cancel();
  await handle.result().catch(() => undefined);
  const after = await world.state('refused-look');
  expect(after.phase).toEqual({ kind: 'ended', lateLookDone: true });
  expect(after.dataset?.labeled).toBeGreaterThan(before.dataset?.labeled ?? 0);
});

test('a cancelled chain closes although AWS shows neither its job nor any counters', async () => {
  const zeros = { counters: { zeroFor: '30d' }, output: { late: '90m' }, workers: { ratePerHour: 1000 } };
  const handle = await world.start('hidden', { jobs: [zeros] });
  await world.until('hidden', ({ phase }) => phase.kind === 'settling', { stepMs: MINUTE_MS });
  world.fail('refused', 'DescribeLabelingJob');
  await handle.cancel();
  await handle.result().catch(() => undefined);
  world.beforeCall = null;
  const { phase, dataset } = await world.state('hidden');
  expect(phase).toEqual({ kind: 'ended', lateLookDone: true });
  // Doubted for longer than the output took.
  expect(dataset?.labeled).toBe(10);
});

test('I5: a stop reaches a job whose follower was lost, as soon as that shows', async () => {
  const first = await world.start('unfollowed', { jobs: [{ workers: { count: 0 } }] });
  const { spec, generations } = await untilInProgress('unfollowed', 1);
  await first.terminate();
  await world.run('unfollowed', { kind: 'resume', spec, options });
  await world.until('unfollowed', ({ resumption }) => resumption === 1, { stepMs: MINUTE_MS });
  await world.env.sleep(MINUTE_MS);
  await world.follower(generations[0]?.name ?? '').terminate();
  await world.stop('unfollowed');
  await world.env.sleep(HOUR_MS);
  await world.sync();
  expect(world.countStops('unfollowed')).toBe(1);
});

test.each(['AccessDenied', 'InternalError'] as const)(
  'I5: a stop reaches the live job although S3 answers %s to the record of an amendment',
  async (fault) => {
    const chain = `unwritten-${fault.toLowerCase()}`;
    await world.start(chain, { jobs: [{ workers: { count: 0 } }] });
    const { spec } = await untilInProgress(chain, 1);
    world.s3.fault = (method) => (method === 'PUT' ? fault : null);
    await world.amend(chain, { spec });
    await world.env.sleep(MINUTE_MS);
    expect(await world.stop(chain)).toEqual({ kind: 'accepted' });
    await world.env.sleep(MINUTE_MS);
    expect(world.countStops(chain)).toBe(1);
    world.s3.fault = null;
    expect((await world.untilEnded(chain, 10 * MINUTE_MS)).end?.status).toBe('stopped');
    expect(world.countStops(chain)).toBe(1);
  },
);

/** A chain with a live job, whose own workflow and the job's are terminated; its spec. */
const startAndLose = async (chain: string): Promise<Spec> => {
  const first = await world.start(chain, { jobs: [{ workers: { count: 0 } }] });
  const { spec, generations } = await untilInProgress(chain, 1);
  await first.terminate();
  await world.follower(generations[0]?.name ?? '').terminate();
  return spec;
};

test('I5: a stop reaches a job that AWS does not show to its new follower', async () => {
  const spec = await startAndLose('unshown');
  world.fail('refused', 'DescribeLabelingJob');
  await world.run('unshown', { kind: 'resume', spec, options });
  await world.until('unshown', ({ attention }) => attention?.reason === 'describe-refused', { stepMs: MINUTE_MS });
  await world.stop('unshown');
  // The next look is minutes away.
  await world.env.sleep(SECOND_MS);
  expect(world.countStops('unshown')).toBe(1);
  world.beforeCall = null;
  const state = await world.until('unshown', ({ end }) => end !== null, { stepMs: 10 * MINUTE_MS });
  expect(state).toMatchObject({ end: { status: 'stopped' }, generations: [{ status: 'Stopped' }] });
});

test('I5: a stop reaches the job while a look at it gets no answer', async () => {
  await world.start('unanswered', { jobs: [{ workers: { count: 0 } }] });
  await untilInProgress('unanswered', 1);
  world.fail('outage', 'DescribeLabelingJob');
  // The next reconcile is under way then.
  await world.env.sleep(7 * HOUR_MS);
  await world.stop('unanswered');
  await world.env.sleep(MINUTE_MS);
  expect(world.countStops('unanswered')).toBe(1);
  world.beforeCall = null;
  const state = await world.untilEnded('unanswered', 10 * MINUTE_MS);
  expect(state).toMatchObject({ end: { status: 'stopped' }, generations: [{ status: 'Stopped' }] });
  expect(world.countStops('unanswered')).toBe(1);
});

test('I5: a stop reaches a job whose new follower gets no answer', async () => {
  const spec = await startAndLose('unanswered-new');
  world.fail('outage', 'DescribeLabelingJob');
  await world.run('unanswered-new', { kind: 'resume', spec, options });
  await world.until('unanswered-new', ({ resumption }) => resumption === 1, { stepMs: MINUTE_MS });
  await world.env.sleep(MINUTE_MS);
  await world.stop('unanswered-new');
  await world.env.sleep(MINUTE_MS);
  expect(world.countStops('unanswered-new')).toBe(1);
  world.beforeCall = null;
  const state = await world.untilEnded('unanswered-new', 10 * MINUTE_MS);
  expect(state).toMatchObject({ end: { status: 'stopped' }, generations: [{ status: 'Stopped' }] });
});

test('a stop that AWS refused before anybody saw the job is not called unconfirmed at the first look', async () => {
  const spec = await startAndLose('undated');
  world.fail('refused', 'DescribeLabelingJob', 'StopLabelingJob');
  await world.run('undated', { kind: 'resume', spec, options });
  await world.until('undated', ({ attention }) => attention?.reason === 'describe-refused', { stepMs: MINUTE_MS });
  await world.stop('undated');
  await world.env.sleep(10 * MINUTE_MS);
  world.beforeCall = null;
  const reasons = new Set<string | undefined>();
  const isOver = ({ attention, end }: ChainState): boolean => {
    reasons.add(attention?.reason);
    return end !== null;
  };
  await world.until('undated', isOver, { stepMs: MINUTE_MS });
  expect([...reasons].filter((reason) => reason === 'stop-unconfirmed')).toEqual([]);
  expect(world.countStops('undated')).toBe(1);
});

test('I5: a job that Describe does not show for a moment is not called never created because a stop came then', async () => {
  const spec = await startAndLose('behind');
  let looks = 0;
  world.beforeCall = async (operation) => {
    if (operation !== 'DescribeLabelingJob' || looks >= 2) return;
    looks += 1;
    if (looks === 1) await world.stop('behind');
    throw Object.assign(new Error('there is no such job'), {
      name: 'ResourceNotFound',
      $metadata: { httpStatusCode: 400 },
    });
  };
  await world.run('behind', { kind: 'resume', spec, options });
  const state = await world.untilEnded('behind', MINUTE_MS);
  expect(looks).toBe(2);
  expect(state.generations).toMatchObject([{ status: 'Stopped', outcome: 'stopped-by-us' }]);
});

test('I5: a cancel of the job beside a stop that AWS does not answer ends neither', async () => {
  await world.start('stopped-twice', { jobs: [{ workers: { count: 0 } }] });
  const { generations } = await untilInProgress('stopped-twice', 1);
  const follower = world.follower(generations[0]?.name ?? '');
  world.fail('outage', 'DescribeLabelingJob', 'StopLabelingJob');
  // The next reconcile is under way then.
  await world.env.sleep(7 * HOUR_MS);
  await world.stop('stopped-twice');
  await world.env.sleep(MINUTE_MS);
  await follower.cancel();
  await world.env.sleep(MINUTE_MS);
  expect((await follower.describe()).status.name).toBe('RUNNING');
  world.beforeCall = null;
  await world.env.sleep(HOUR_MS);
  expect(world.countStops('stopped-twice')).toBe(1);
});

describe('I5: a stop that AWS refused because the job is Initializing is sent again although AWS does not show the job', () => {
  const stop = { whenInitializing: 'ValidationException' as const };
  const story = { jobs: [{ workers: { count: 0 }, initializing: '2h', stop }] };

  test('to the follower that created it', async () => {
    world.fail('refused', 'DescribeLabelingJob');
    await world.start('unseen', story);
    await world.until('unseen', ({ attention }) => attention?.reason === 'describe-refused', { stepMs: MINUTE_MS });
    await world.stop('unseen');
    await world.env.sleep(4 * HOUR_MS);
    expect(world.countStops('unseen')).toBe(1);
  });

  test('to a new follower', async () => {
    const first = await world.start('unseen-anew', story);
    await world.env.sleep(MINUTE_MS);
    const { spec } = await world.state('unseen-anew');
    await first.terminate();
    await world.follower(world.jobNames('unseen-anew')[0] ?? '').terminate();
    world.fail('refused', 'DescribeLabelingJob');
    await world.run('unseen-anew', { kind: 'resume', spec, options });
    await world.until('unseen-anew', ({ attention }) => attention?.reason === 'describe-refused', {
      stepMs: MINUTE_MS,
    });
    await world.stop('unseen-anew');
    await world.env.sleep(4 * HOUR_MS);
    expect(world.countStops('unseen-anew')).toBe(1);
  });
});

test('a stopped chain that S3 refused goes on at once when it is resumed after S3 was mended', async () => {
  await world.start('refused-end', { jobs: [stoppedOutside] });
  const { spec } = await world.untilAttention('refused-end');
  await world.stop('refused-end');
  await world.untilEnded('refused-end', MINUTE_MS);
  world.s3.fault = (method) => (method === 'PUT' ? 'AccessDenied' : null);
  await world.amend('refused-end', { spec });
  await world.until('refused-end', (state) => typeof state.hindrance === 'string', { stepMs: MINUTE_MS });
  // The wait is six hours by now.
  await world.env.sleep('9h');
  world.s3.fault = null;
  expect(await world.resume('refused-end')).toEqual({ kind: 'accepted' });
  await world.env.sleep(10 * MINUTE_MS);
  expect((await world.state('refused-end')).generations).toHaveLength(2);
});

/** As if the chain had been resumed elsewhere meanwhile: a record of a later resumption lies there. */
const resumedElsewhere = (chain: string): void => {
  const last = JSON.stringify(world.records(chain).at(-1));
  world.s3.store.write(`s3://data/out/${chain}/record/0007-000000.json`, last);
};

test('I3: of two resumes that race, the one whose record comes second leaves everything to the other and closes', async () => {
  const first = await world.start('raced', { jobs: [stoppedOutside] });
  const { spec } = await world.untilAttention('raced');
  await first.terminate();
  world.s3.fault = (method, uri) => {
    if (method === 'GET' && uri.includes('/record/0000-')) resumedElsewhere('raced');
    return null;
  };
  const second = await world.run('raced', { kind: 'resume', spec, options });
  expect(await second.result()).toMatchObject({ status: 'stopped', reason: expect.stringContaining('elsewhere') });
  world.s3.fault = null;
  expect(world.jobNames('raced')).toHaveLength(1);
});

describe('a stop while AWS shows counters of zero', () => {
  const zeros = { counters: { zeroFor: '100m' }, workers: { ratePerHour: 1000 } };

  test.each([
    ['the output is on its way: a resume waits for it, and nothing is sent again', {}],
    ['the same where money is limited', { price: { perObject: 0.1 }, maxCost: 100 }],
  ])('%s (I1, law 2)', async (_what, policy) => {
    const chain = 'price' in policy ? 'zero-money' : 'zero-late';
    await world.start(chain, { jobs: [{ ...zeros, output: { late: '90m', every: '1d' } }], policy });
    await world.until(chain, ({ phase }) => phase.kind === 'settling', { stepMs: MINUTE_MS });
    await world.stop(chain);
    const stopped = await world.untilEnded(chain, MINUTE_MS);
    expect(stopped).toMatchObject({ end: { status: 'stopped' }, dataset: { labeled: 0 } });
    await world.resume(chain);
    const state = await world.untilEnded(chain, MINUTE_MS);
    expect(state).toMatchObject({ end: { status: 'labeled' }, generations: [{ newLabels: 10 }] });
    expect(world.jobNames(chain)).toHaveLength(1);
  });

  test('the output is missing: a resume asks for the labels that AWS counts by then (law 2)', async () => {
    await world.start('zero-missing', { jobs: [{ ...zeros, output: { missing: true } }] });
    await world.until('zero-missing', ({ phase }) => phase.kind === 'settling', { stepMs: MINUTE_MS });
    await world.stop('zero-missing');
    await world.untilEnded('zero-missing', 10 * MINUTE_MS);
    await world.resume('zero-missing');
    expect((await world.untilAttention('zero-missing', MINUTE_MS)).attention?.reason).toBe('labels-missing');
    expect(world.jobNames('zero-missing')).toHaveLength(1);
  });
});
