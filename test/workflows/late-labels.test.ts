/** Labels that are published late: whenever a job is about to be created, and when the chain is over, they are read first. */
import type { ChainState, Generation } from '../../decisions/chain-state.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import { labelingChainWorkflowId } from '../../decisions/names.ts';
import { timeSkippingServer } from '../support/servers.ts';
import { expectNothingPaidTwice } from './support/paid-once.ts';
import { manifestText } from './support/spec.ts';
import { World } from './support/world.ts';

let world: World;
beforeAll(async () => {
  world = await World.open(await timeSkippingServer(), { followsTemporal: true, sendsEvents: false });
}, 60_000);
afterEach(() => world.clear());

/** Workers who answer for an hour, and whose open tasks are published up to a day after a stop. */
const late = { workers: { count: 3, answerTime: '1h' }, openTasks: 'late' as const };
const stoppedOutside = { ...late, stop: { after: '90m' } };

const outcomes = ({ generations }: ChainState): unknown[] => generations.map(({ outcome }) => outcome);

const lateLabels = (chain: string): number =>
  world.simulator
    .ledger()
    .filter((record) => record.kind === 'labeled' && record.late && record.job.startsWith(`${chain}-`)).length;

/** Adds a line to the output of a job, as AWS would by writing it again. */
const addToOutput = (job: Generation | undefined, line: string): void => {
  const uri = world.outputUri(job?.name ?? '');
  world.s3.store.write(uri, `${world.s3.store.text(uri)}${line}\n`);
};
const STRANGER = '{"source-ref":"s3://data/nobody.jpg","species":1}';

test('I1: published while a person is waited for, they are merged before the next input is written', async () => {
  await world.start('asked-long', { jobs: [stoppedOutside] });
  await world.untilAttention('asked-long');
  await world.env.sleep(2 * DAY_MS);
  await world.resume('asked-long');
  const state = await world.untilEnded('asked-long');
  expect(await activitiesOf('asked-long')).toContain('mergeLateLabels');
  expect(outcomes(state)).toEqual(['stopped-outside', 'labeled']);
  expect(lateLabels('asked-long')).toBeGreaterThan(0);
  // The second job was sent only what nobody had labeled, so no label came twice.
  expect(state.dataset?.doubled).toBe(0);
  expect(state.generations.reduce((sum, { newLabels }) => sum + newLabels, 0)).toBe(10);
  expectNothingPaidTwice(world, 'asked-long');
});

/** The activities of a chain's workflow so far, in order. */
const activitiesOf = async (chain: string): Promise<string[]> => {
  const { events } = await world.env.client.workflow.getHandle(labelingChainWorkflowId(chain)).fetchHistory();
  return (events ?? []).flatMap(
    ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name ?? [],
  );
};

test('I1: published while the next job runs, they are merged together with its output, which is told of them then', async () => {
  const nobody = { workers: { count: 0 }, stop: { after: '3d' } };
  await world.start('during-next', { jobs: [{ ...stoppedOutside, lateLabels: '30h' }, nobody] });
  await world.untilAttention('during-next');
  await world.resume('during-next');
  const asked = await world.until('during-next', ({ generations, attention }) => {
    return generations[1]?.outcome === 'stopped-outside' && attention !== null;
  });
  expect(lateLabels('during-next')).toBeGreaterThan(0);
  const labels = asked.generations.map(({ newLabels }) => newLabels);
  expect(labels).toEqual([asked.dataset?.labeled, 0]);
  const merges = (await activitiesOf('during-next')).filter((name) => name === 'settleAndMerge');
  // One for the first job; of the second, the one that finds them and the one that is given their job.
  expect(merges).toHaveLength(3);
});

test('a job that follows a merge at once does not wait for another look at the outputs', async () => {
  await world.start('at-once', {
    job: { StoppingConditions: { MaxHumanLabeledObjectCount: 4 } },
    policy: { stoppingConditions: 'per-job' },
  });
  const state = await world.untilEnded('at-once');
  expect(outcomes(state)).toEqual(['stopping-condition', 'stopping-condition', 'labeled']);
  const activities = await activitiesOf('at-once');
  const afterMerges = activities.filter(
    (name, index) => activities[index - 1] === 'settleAndMerge' && name !== 'settleAndMerge',
  );
  expect(afterMerges).toEqual(['writeInputAndRecord', 'writeInputAndRecord', 'writeFinal']);
});

test('I1: published while a full quota is waited for, they make the input outdated: it is not created, the next one is', async () => {
  await world.start('quota-late', {
    // Long after the person was asked, so that the next input is written before them.
    jobs: [{ ...stoppedOutside, lateLabels: '20h' }],
    api: [{ op: 'CreateLabelingJob', job: 'quota-late-*-002', fault: 'ResourceLimitExceeded', times: 200 }],
  });
  await world.untilAttention('quota-late');
  await world.resume('quota-late');
  const state = await world.untilEnded('quota-late');
  expect(outcomes(state)).toEqual(['stopped-outside', 'not-created', 'labeled']);
  expect(state.generations[1]?.failureReason).toMatch(/changed before it was created/);
  expect(world.jobNames('quota-late')).toHaveLength(2);
  expectNothingPaidTwice(world, 'quota-late');
});

test('an output of an earlier job that somebody deleted keeps no job from being created', async () => {
  await world.start('deleted', { jobs: [{ ...stoppedOutside, openTasks: 'never' }] });
  const asked = await world.untilAttention('deleted');
  world.s3.store.objects.delete(world.outputUri(asked.generations[0]?.name ?? ''));
  await world.resume('deleted');
  const state = await world.untilEnded('deleted');
  expect(outcomes(state)).toEqual(['stopped-outside', 'labeled']);
  expectNothingPaidTwice(world, 'deleted');
});

test('I1, law 2: an output that changed and cannot be read keeps no job from being created', async () => {
  await world.start('unreadable-late', { jobs: [stoppedOutside] });
  const asked = await world.untilAttention('unreadable-late');
  await world.env.sleep(2 * DAY_MS);
  await world.sync();
  world.s3.store.write(world.outputUri(asked.generations[0]?.name ?? ''), '{"source-ref":\n');
  await world.resume('unreadable-late');
  const state = await world.until('unreadable-late', ({ attention }) => attention?.reason === 'unreadable-output');
  expect(state.generations.map(({ status }) => status)).toEqual(['Stopped', 'Completed']);
  expect(world.jobNames('unreadable-late')).toHaveLength(2);
});

test('I1: an output that cannot be read keeps the late labels of no other one from the dataset', async () => {
  const nobody = { workers: { count: 0 }, stop: { after: '3d' } };
  await world.start('one-unreadable', {
    jobs: [{ stop: { after: '90m' }, workers: { count: 1, ratePerHour: 1 } }, stoppedOutside, nobody],
  });
  await world.untilAttention('one-unreadable');
  await world.resume('one-unreadable');
  const asked = await world.until('one-unreadable', ({ generations, attention }) => {
    return generations[1]?.outcome === 'stopped-outside' && attention !== null;
  });
  await world.env.sleep(2 * DAY_MS);
  await world.sync();
  addToOutput(asked.generations[0], '{"source-ref":');
  expect(lateLabels('one-unreadable')).toBeGreaterThan(0);
  await world.resume('one-unreadable');
  const third = await world.until('one-unreadable', ({ generations }) => generations[2]?.outcome !== undefined);
  const labeled = asked.generations.reduce((sum, { newLabels }) => sum + newLabels, lateLabels('one-unreadable'));
  expect(third.generations[2]?.input?.objects).toBe(10 - labeled);
  // The merge of the third job reads the rest too, and then a person is asked about the one that cannot be read.
  const again = await world.until('one-unreadable', ({ attention }) => attention?.reason === 'unreadable-output');
  expect(again).toMatchObject({ attention: { generation: 1 }, generations: { 2: { outcome: 'stopped-outside' } } });
  expectNothingPaidTwice(world, 'one-unreadable');
});

test('law 2: a late label that belongs to no object is asked about before the next job', async () => {
  await world.start('late-stranger', { jobs: [stoppedOutside] });
  const asked = await world.untilAttention('late-stranger');
  await world.env.sleep(2 * DAY_MS);
  await world.sync();
  addToOutput(asked.generations[0], STRANGER);
  await world.resume('late-stranger');
  const { attention } = await world.until('late-stranger', (state) => state.attention?.reason === 'unmatched-label');
  expect(attention?.message).toMatch(/^1 labeled lines of the output of late-stranger-.*-001 match no object: s3:/);
  expect(world.jobNames('late-stranger')).toHaveLength(1);
  await world.resume('late-stranger');
  expect((await world.untilEnded('late-stranger')).end?.status).toBe('labeled');
});

test('law 2: after a stop of a chain whose labels are missing, a resume asks for them again; --accept-missing goes on', async () => {
  await world.start('stopped-missing', { jobs: [{ output: { missing: true } }] });
  await world.untilAttention('stopped-missing', 10 * MINUTE_MS);
  await world.stop('stopped-missing');
  await world.untilEnded('stopped-missing', 10 * MINUTE_MS);
  await world.resume('stopped-missing');
  const asked = await world.untilAttention('stopped-missing', MINUTE_MS);
  expect(asked.attention).toMatchObject({
    reason: 'labels-missing',
    message: expect.stringMatching(/^AWS counted 10 labels of stopped-missing-.*-001; s3:.* holds 0$/),
  });
  await world.resume('stopped-missing');
  expect((await world.untilAttention('stopped-missing', MINUTE_MS)).attention?.reason).toBe('labels-missing');
  expect(world.jobNames('stopped-missing')).toHaveLength(1);
  await world.resume('stopped-missing', { acceptMissing: true });
  const state = await world.untilEnded('stopped-missing');
  expect(state.generations.map(({ newLabels }) => newLabels)).toEqual([0, 10]);
});

test('law 2: a stranger that the look after the end finds, when nobody can be asked, is told when the chain is resumed', async () => {
  // Nothing comes late: AWS does not write over what is added here.
  await world.start('stranger-after', { jobs: [{ workers: { count: 1, ratePerHour: 2 }, stop: { after: '90m' } }] });
  const { generations, spec } = await world.untilAttention('stranger-after');
  await world.stop('stranger-after');
  await world.untilEnded('stranger-after', 10 * MINUTE_MS);
  await world.env.sleep(20 * HOUR_MS);
  await world.sync();
  addToOutput(generations[0], STRANGER);
  await world.until('stranger-after', ({ phase }) => phase.kind === 'ended' && phase.lateLookDone);
  const options = { acceptMissing: false, retrySetAside: false };
  await world.run('stranger-after', { kind: 'resume', spec, options });
  const { attention } = await world.until('stranger-after', (state) => state.attention !== null, { stepMs: MINUTE_MS });
  expect(attention).toMatchObject({ reason: 'unmatched-label', message: expect.stringMatching(/^1 labeled lines/) });
  expect(world.jobNames('stranger-after')).toHaveLength(1);
});

test('of two odd things in one merge both are asked about, one after the other', async () => {
  const broken = { broken: { fraction: 0.9 }, workers: { from: '6h' } };
  await world.start('both', {
    objects: 40,
    policy: { maxAttemptsPerObject: 1 },
    jobs: [{ workers: { count: 1, ratePerHour: 2 }, stop: { after: '90m' } }, broken],
  });
  await world.untilAttention('both');
  await world.resume('both');
  const { generations } = await world.until('both', ({ generations: [, second] }) => second?.status === 'InProgress');
  await world.env.sleep(2 * HOUR_MS);
  await world.sync();
  addToOutput(generations[0], STRANGER);
  expect((await world.untilAttention('both')).attention?.reason).toBe('many-set-aside');
  await world.resume('both');
  const asked = await world.until('both', ({ attention }) => attention?.reason === 'unmatched-label');
  expect(asked.attention?.message).toMatch(/^1 labeled lines of the output of both-.*-001 match no object: s3:/);
  await world.resume('both');
  await world.untilEnded('both');
});

test('law 2: after a stop of a chain whose output could not be read, what is missing of it when it is mended is asked about', async () => {
  await world.start('stopped-unreadable', { jobs: [{ output: { missing: true } }] });
  const { generations } = await world.until(
    'stopped-unreadable',
    ({ generations: [first] }) => typeof first?.arn === 'string',
    { stepMs: MINUTE_MS },
  );
  const uri = world.outputUri(generations[0]?.name ?? '');
  const labeled = (objects: number): string =>
    manifestText('stopped-unreadable', objects).replaceAll('"}', '","species":1}');
  world.s3.store.write(uri, `${labeled(10)}{"source-ref":\n`);
  expect((await world.untilAttention('stopped-unreadable', 10 * MINUTE_MS)).attention?.reason).toBe(
    'unreadable-output',
  );
  await world.stop('stopped-unreadable');
  await world.untilEnded('stopped-unreadable', 10 * MINUTE_MS);
  world.s3.store.write(uri, labeled(4));
  await world.resume('stopped-unreadable');
  const asked = await world.untilAttention('stopped-unreadable', MINUTE_MS);
  expect(asked.attention).toMatchObject({ reason: 'labels-missing', message: expect.stringMatching(/ holds 4$/) });
  expect(world.jobNames('stopped-unreadable')).toHaveLength(1);
});

test('a late merge that the chain did not take keeps no merge of the same outputs by another policy from being written', async () => {
  await world.start('not-taken', { jobs: [{ ...stoppedOutside, lateLabels: '3h', broken: { objects: ['*/9.jpg'] } }] });
  const { spec } = await world.untilAttention('not-taken');
  await world.stop('not-taken');
  await world.untilEnded('not-taken', 10 * MINUTE_MS);
  world.s3.fault = (method, uri) => (method === 'PUT' && uri.includes('/final/') ? 'AccessDenied' : null);
  await world.env.sleep(DAY_MS + 2 * HOUR_MS);
  await world.sync();
  world.s3.fault = null;
  await world.amend('not-taken', { spec: { ...spec, policy: { ...spec.policy, maxAttemptsPerObject: 1 } } });
  await world.resume('not-taken');
  const state = await world.until('not-taken', ({ generations }) => generations[1]?.status === 'Completed');
  expect(state).toMatchObject({ attention: null, dataset: { setAside: 1 } });
});

test('law 2: labels that were missing at a stop and came since are merged by the resume, and nothing is asked', async () => {
  await world.start('stopped-found', { jobs: [{ output: { missing: true } }] });
  const { generations } = await world.untilAttention('stopped-found', 10 * MINUTE_MS);
  await world.stop('stopped-found');
  await world.untilEnded('stopped-found', 10 * MINUTE_MS);
  const labeled = manifestText('stopped-found', 10).replaceAll('"}', '","species":1}');
  world.s3.store.write(world.outputUri(generations[0]?.name ?? ''), labeled);
  await world.resume('stopped-found');
  const state = await world.untilEnded('stopped-found');
  expect(state).toMatchObject({ end: { status: 'labeled' }, generations: [{ newLabels: 10, awaitedLabels: null }] });
  expect(world.jobNames('stopped-found')).toHaveLength(1);
});

test('law 2: a cancelled chain takes its late look at once, and what is published by then is in the final manifest', async () => {
  const handle = await world.start('cancelled-late', { jobs: [late], policy: { lateLabels: '4d' } });
  await world.until('cancelled-late', ({ generations }) => generations[0]?.status === 'InProgress', {
    stepMs: MINUTE_MS,
  });
  await world.env.sleep(20 * MINUTE_MS);
  await world.stop('cancelled-late');
  const before = await world.untilEnded('cancelled-late', 10 * MINUTE_MS);
  await world.until('cancelled-late', () => lateLabels('cancelled-late') > 0);
  await world.env.sleep(HOUR_MS);
  expect((await world.state('cancelled-late')).phase).toEqual({ kind: 'ended', lateLookDone: false });
  await handle.cancel();
  await expect(handle.result()).rejects.toBeInstanceOf(Error);
  const after = await world.state('cancelled-late');
  expect(after.phase).toEqual({ kind: 'ended', lateLookDone: true });
  const labeled = (after.dataset?.labeled ?? 0) - (before.dataset?.labeled ?? 0);
  expect(labeled).toBeGreaterThan(0);
  const final = world.s3.store.text(after.end?.finalManifestUri ?? '') ?? '';
  expect(final.split('\n').filter((line) => line.includes('"species"'))).toHaveLength(after.dataset?.labeled ?? -1);
});

test('law 2: a cancelled chain does not believe counters of zero, since it takes no later look: its labels are waited for', async () => {
  const zeros = { counters: { zeroFor: '100m' }, output: { late: '90m' }, workers: { ratePerHour: 1000 } };
  const handle = await world.start('cancelled-zero', { jobs: [zeros] });
  await world.until('cancelled-zero', ({ phase }) => phase.kind === 'settling', { stepMs: MINUTE_MS });
  await handle.cancel();
  await handle.result().catch(() => undefined);
  const { generations, dataset } = await world.state('cancelled-zero');
  expect(generations).toMatchObject([{ newLabels: 10, counters: { totalLabeled: 10 } }]);
  expect(dataset).toMatchObject({ labeled: 10, remaining: 0 });
});

test('law 2: a cancelled chain that still waits for a receiver of its news looks after that, and what came meanwhile is in its final manifest', async () => {
  const handle = await world.start('cancelled-news', {
    jobs: [{ ...late, lateLabels: '3h' }],
    policy: { notify: { webhook: { url: 'http://127.0.0.1:9/' } } },
  });
  await world.until('cancelled-news', ({ generations }) => generations[0]?.status === 'InProgress', {
    stepMs: MINUTE_MS,
  });
  await world.env.sleep(20 * MINUTE_MS);
  await handle.cancel();
  const before = await world.untilEnded('cancelled-news', 10 * MINUTE_MS);
  expect(lateLabels('cancelled-news')).toBe(0);
  await expect(handle.result()).rejects.toBeInstanceOf(Error);
  const after = await world.state('cancelled-news');
  expect(after.phase).toEqual({ kind: 'ended', lateLookDone: true });
  expect(lateLabels('cancelled-news')).toBeGreaterThan(0);
  expect(after.dataset?.labeled).toBe((before.dataset?.labeled ?? 0) + lateLabels('cancelled-news'));
});

test('law 2: a chain that is terminated before its late look takes it when it is resumed', async () => {
  const handle = await world.start('terminated-late', { jobs: [late] });
  await world.until('terminated-late', ({ generations }) => generations[0]?.status === 'InProgress', {
    stepMs: MINUTE_MS,
  });
  await world.env.sleep(20 * MINUTE_MS);
  await world.stop('terminated-late');
  const before = await world.untilEnded('terminated-late', 10 * MINUTE_MS);
  await handle.terminate('by hand');
  await world.env.sleep(2 * DAY_MS);
  const options = { acceptMissing: false, retrySetAside: false };
  await (await world.run('terminated-late', { kind: 'resume', spec: before.spec, options })).result();
  const after = await world.state('terminated-late');
  expect(lateLabels('terminated-late')).toBeGreaterThan(0);
  expect(after.dataset?.labeled).toBe(10);
  expectNothingPaidTwice(world, 'terminated-late');
});
