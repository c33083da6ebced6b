/**
 * What a person does by hand in the Temporal Web UI: cancel, terminate and reset of a chain and of a job, on a real
 * server; and what only a real server shows: bursts of signals and continue-as-new.
 */
import { randomUUID } from 'node:crypto';
import { labelingChainWorkflowId } from '../../decisions/names.ts';
import type { ChainState } from '../../decisions/chain-state.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import { advance } from '../../local/advance.ts';
import { labelingJobView, reportEnding, stateChange, stopLabelingJob } from '../../workflows/messages.ts';
import { temporalDevServer } from '../support/servers.ts';
import { expectNothingPaidTwice } from './support/paid-once.ts';
import { manifestText } from './support/spec.ts';
import { TASK_QUEUE, World, type JobScript, type RecordedChain, type Story } from './support/world.ts';

let world: World;
beforeAll(async () => {
  const { env } = await temporalDevServer();
  world = await World.open(env, { followsTemporal: false, sendsEvents: true });
}, 90_000);
afterEach(() => world.clear());

const options = { acceptMissing: false, retrySetAside: false };
const slow = { workers: { count: 2, ratePerHour: 0.005 } };

const pass = async (durationMs: number, stepMs?: number): Promise<void> => {
  await advance({
    connection: world.env.connection,
    taskQueue: TASK_QUEUE,
    simulatorEndpoint: world.simulator.endpoint,
    durationMs,
    ...(stepMs === undefined ? {} : { stepMs }),
  });
};

/** Waits at real speed. */
const soon = async <Found>(look: () => Promise<Found | null>): Promise<Found> => {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = await look().catch(() => null);
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('it did not happen in ten seconds');
};

const soonState = (chain: string, wanted: (state: ChainState) => boolean): Promise<ChainState> =>
  soon(async () => {
    const state = await world.state(chain);
    return wanted(state) ? state : null;
  });

/** Waits until the newest record of a chain is as wanted. */
const soonRecord = (chain: string, wanted: (record: RecordedChain) => boolean): Promise<true> =>
  soon(async () => {
    const record = world.records(chain).at(-1);
    return record !== undefined && wanted(record) ? true : null;
  });

/** A stop of ours was sent to AWS. */
const isStopping = ({ generations }: ChainState): boolean => (generations[0]?.stop ?? null) !== null;

const chainOf = (chain: string) => world.env.client.workflow.getHandle(labelingChainWorkflowId(chain));

/** Starts a chain and lets its first job come to InProgress. */
const startLive = async (chain: string, story: Story): Promise<{ state: ChainState; jobName: string }> => {
  await world.start(chain, story);
  await soonState(chain, ({ generations }) => typeof generations[0]?.createdAtMs === 'number');
  await pass(10 * MINUTE_MS);
  const state = await soonState(chain, ({ generations }) => generations[0]?.status === 'InProgress');
  return { state, jobName: state.generations[0]?.name ?? '' };
};

const passUntil = async (
  chain: string,
  wanted: (state: ChainState) => boolean,
  stepMs: number,
  steps = 40,
): Promise<ChainState> => {
  for (let step = 0; step < steps; step += 1) {
    // Right after a reset nobody has run it yet.
    const state = await world.state(chain).catch(() => null);
    if (state !== null && wanted(state)) return state;
    await pass(stepMs);
  }
  const { end, attention, phase, generations } = await world.state(chain);
  throw new Error(`${chain} is not as wanted: ${JSON.stringify({ end, attention, phase, generations })}`);
};

const passUntilEnded = (chain: string, stepMs = 2 * HOUR_MS, steps = 12): Promise<ChainState> =>
  passUntil(chain, ({ end }) => end !== null, stepMs, steps);

/** The workflow tasks of a workflow, or of one run of it. */
const tasksOf = async (workflowId: string, runId?: string) => {
  const { events } = await world.env.client.workflow.getHandle(workflowId, runId).fetchHistory();
  return (events ?? []).filter((event) => (event.workflowTaskCompletedEventAttributes ?? null) !== null);
};

/** Resets a workflow, or an earlier run of it, to its workflow task with this number (the first is 1), as the Web UI does. */
const reset = async (workflowId: string, task: number | 'last', ofRun?: string): Promise<void> => {
  const handle = world.env.client.workflow.getHandle(workflowId, ofRun);
  const completed = await tasksOf(workflowId, ofRun);
  const event = task === 'last' ? completed.at(-1) : completed[task - 1];
  const { runId } = await handle.describe();
  await world.env.connection.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId, runId },
    workflowTaskFinishEventId: event?.eventId ?? null,
    reason: 'by hand',
    requestId: randomUUID(),
  });
};

describe('cancel', () => {
  test('of a chain: the paid job is stopped, confirmed by Describe, its labels kept; then the chain ends (I2, I5)', async () => {
    const { jobName } = await startLive('cancelled', { jobs: [slow] });
    await chainOf('cancelled').cancel();
    await soonState('cancelled', isStopping);
    const state = await passUntilEnded('cancelled', 10 * MINUTE_MS);
    expect(state.end).toMatchObject({ status: 'stopped', reason: 'the workflow was cancelled' });
    expect(state.end?.finalManifestUri).not.toBeNull();
    await expect(chainOf('cancelled').result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    expect(world.simulator.groundTruth.jobs.find(({ name }) => name === jobName)?.status).toBe('Stopped');
    expect(world.countStops('cancelled')).toBe(1);
  });

  test('of a chain that was resumed in the workflow that was cancelled: its job is stopped, too (I5)', async () => {
    // Nobody takes its news, so it stays open after its end.
    const policy = { notify: { webhook: { url: 'http://127.0.0.1:9/' } } };
    await startLive('again', { jobs: [slow, slow], policy });
    await chainOf('again').cancel();
    await soonState('again', isStopping);
    await passUntilEnded('again', 10 * MINUTE_MS);
    expect(await world.resume('again')).toEqual({ kind: 'accepted' });
    await soonState('again', ({ generations }) => typeof generations[1]?.createdAtMs === 'number');
    expect(world.countStops('again')).toBe(1);
    await chainOf('again').cancel();
    await soonState('again', ({ stopRequested }) => stopRequested !== null);
    const state = await passUntilEnded('again', 10 * MINUTE_MS);
    expect(state.generations.map(({ status }) => status)).toEqual(['Stopped', 'Stopped']);
    expect(world.countStops('again')).toBe(2);
  });

  test('of a chain that ended without a job and was resumed while it told of that: its job is stopped, too (I5)', async () => {
    const policy = { notify: { webhook: { url: 'http://127.0.0.1:9/' } } };
    const full = { op: 'CreateLabelingJob', job: 'at-once-*-001', fault: 'ResourceLimitExceeded' as const };
    await world.start('at-once', { api: [{ ...full, nth: 1, times: 100 }], jobs: [slow, slow], policy });
    await soonState('at-once', ({ phase }) => phase.kind === 'job');
    await chainOf('at-once').cancel();
    const ended = await soonState('at-once', ({ end }) => end !== null);
    expect(ended.phase).toEqual({ kind: 'ended', lateLookDone: true });
    expect(await world.resume('at-once')).toEqual({ kind: 'accepted' });
    await soonState('at-once', ({ generations }) => typeof generations[1]?.createdAtMs === 'number');
    await chainOf('at-once').cancel();
    await soonState('at-once', ({ stopRequested }) => stopRequested !== null);
    const state = await passUntilEnded('at-once', 10 * MINUTE_MS);
    expect(state.generations.map(({ status }) => status)).toEqual(['NotCreated', 'Stopped']);
  });

  test('of a job: the job is stopped and the chain ends stopped, without another job', async () => {
    const { jobName } = await startLive('cancelled-job', { jobs: [slow] });
    await world.follower(jobName).cancel();
    await soonState('cancelled-job', isStopping);
    const state = await passUntilEnded('cancelled-job', 10 * MINUTE_MS);
    expect(state.end?.status).toBe('stopped');
    expect(world.jobNames('cancelled-job')).toHaveLength(1);
  });
});

describe('terminate', () => {
  test('of a chain: its job stays followed; resume attaches to the follower and makes no second job (I3)', async () => {
    const { state: before, jobName } = await startLive('terminated', { jobs: [{ workers: { ratePerHour: 1 } }] });
    await chainOf('terminated').terminate('by hand');
    expect((await world.follower(jobName).describe()).status.name).toBe('RUNNING');
    await world.run('terminated', { kind: 'resume', spec: before.spec, options });
    await soonState('terminated', ({ phase }) => phase.kind === 'job');
    const state = await passUntilEnded('terminated', 6 * HOUR_MS);
    expect(state.end?.status).toBe('labeled');
    expect(world.jobNames('terminated')).toHaveLength(1);
  });

  test('of a chain, then resume, then stop: the stop reaches the job through its old follower', async () => {
    const { state: before } = await startLive('terminated-stop', { jobs: [slow] });
    await chainOf('terminated-stop').terminate('by hand');
    await world.run('terminated-stop', { kind: 'resume', spec: before.spec, options });
    await soonState('terminated-stop', ({ phase }) => phase.kind === 'job');
    await world.stop('terminated-stop');
    await soonState('terminated-stop', isStopping);
    expect((await passUntilEnded('terminated-stop', 10 * MINUTE_MS)).end?.status).toBe('stopped');
  });

  test('of a chain, then resume and stop while S3 takes no record: the stop reaches the live job all the same (I5)', async () => {
    const { state: before } = await startLive('unrecorded', { jobs: [slow] });
    await chainOf('unrecorded').terminate('by hand');
    world.s3.fault = (method) => (method === 'PUT' ? 'InternalError' : null);
    await world.run('unrecorded', { kind: 'resume', spec: before.spec, options });
    await soonState('unrecorded', ({ resumption }) => resumption === 1);
    expect(await world.stop('unrecorded')).toEqual({ kind: 'accepted' });
    await soon(() => Promise.resolve(world.countStops('unrecorded') === 1 ? true : null));
    world.s3.fault = null;
    expect((await passUntilEnded('unrecorded', 10 * MINUTE_MS)).end?.status).toBe('stopped');
    expect(world.countStops('unrecorded')).toBe(1);
  });

  test('of a chain, resumed long after its job has ended: the ending is read again and its labels merged (I1)', async () => {
    const fail = { after: '1d', reason: 'Internal error' };
    const { state: before, jobName } = await startLive('long-after', { jobs: [{ ...slow, fail }] });
    await chainOf('long-after').terminate('by hand');
    await pass(2 * DAY_MS, 12 * HOUR_MS);
    expect((await world.follower(jobName).describe()).status.name).toBe('COMPLETED');
    await world.run('long-after', { kind: 'resume', spec: before.spec, options });
    const state = await passUntilEnded('long-after', 6 * HOUR_MS);
    expect(state.generations.map(({ outcome }) => outcome)).toEqual(['failed-transient', 'labeled']);
    expect(state.generations[0]?.newLabels).toBe(2);
  });

  test('of a chain before our hand-over stop: the job’s tag tells the resumed chain who stopped it', async () => {
    const { state: before, jobName } = await startLive('handed-unheard', { policy: { lifetime: '2d' }, jobs: [slow] });
    await chainOf('handed-unheard').terminate('by hand');
    await pass(42 * HOUR_MS, 6 * HOUR_MS);
    await pass(6 * HOUR_MS, HOUR_MS);
    expect((await world.follower(jobName).describe()).status.name).toBe('COMPLETED');
    await world.run('handed-unheard', { kind: 'resume', spec: before.spec, options });
    const state = await passUntilEnded('handed-unheard', 6 * HOUR_MS);
    expect(state.generations.map(({ outcome }) => outcome)).toEqual(['expired', 'labeled']);
  });

  test('of a chain while its stop is under way, then resume: the stop is taken back, the next job goes on', async () => {
    const { state: before } = await startLive('taken-back', { jobs: [{ ...slow, stop: { takes: '2h' } }] });
    await world.stop('taken-back');
    await soonState('taken-back', isStopping);
    await soonRecord('taken-back', ({ state }) => isStopping(state));
    await chainOf('taken-back').terminate('by hand');
    await world.run('taken-back', { kind: 'resume', spec: before.spec, options });
    await soonState('taken-back', ({ phase }) => phase.kind === 'job');
    const state = await passUntilEnded('taken-back', HOUR_MS);
    expect(state.end?.status).toBe('labeled');
    expect(state.generations.map(({ outcome }) => outcome)).toEqual(['stopped-by-us', 'labeled']);
  });

  test('of a chain that has ended and was amended since: the amendment stands in its record, a resume finds it', async () => {
    const { state: before } = await startLive('amended-late', { jobs: [slow] });
    await world.stop('amended-late');
    expect((await passUntilEnded('amended-late', 10 * MINUTE_MS)).phase).toMatchObject({ lateLookDone: false });
    const manifestUri = 's3://data/amended-late/further.manifest';
    world.s3.store.write(manifestUri, manifestText('amended-late', 5, 8));
    expect(await world.amend('amended-late', { manifestUri })).toEqual({ kind: 'accepted' });
    await soonRecord('amended-late', ({ pending }) => pending.manifestUris.includes(manifestUri));
    await chainOf('amended-late').terminate('by hand');
    await world.run('amended-late', { kind: 'resume', spec: before.spec, options });
    const state = await passUntilEnded('amended-late', HOUR_MS);
    expect(state.dataset).toMatchObject({ total: 13, labeled: 13 });
  });

  test('of a chain whose name begins anew elsewhere: what the old job reports is not taken for news of the new one (I1, I3)', async () => {
    const { state: before, jobName: old } = await startLive('anew', { jobs: [{ workers: { ratePerHour: 1 } }] });
    await chainOf('anew').terminate('by hand');
    await world.prepare('anew', { jobs: [{ workers: { count: 0 } }] });
    const { job } = before.spec;
    const spec = { ...before.spec, job: { ...job, OutputConfig: { S3OutputPath: 's3://data/elsewhere' } } };
    await world.run('anew', { kind: 'start', spec });
    await soonState('anew', ({ generations }) => typeof generations[0]?.createdAtMs === 'number');
    await pass(2 * DAY_MS, 12 * HOUR_MS);
    expect((await world.follower(old).describe()).status.name).toBe('COMPLETED');
    const after = await world.state('anew');
    expect(after.phase).toMatchObject({ kind: 'job' });
    expect(after.generations).toMatchObject([{ status: 'InProgress', outcome: null }]);
    expect(after.generations[0]?.name).not.toBe(old);
    expect(world.jobNames('anew')).toEqual([old, after.generations[0]?.name]);
  });

  test('of a job: another follower takes the same job over, never a new job (I3)', async () => {
    const { jobName } = await startLive('lost', { jobs: [{ workers: { ratePerHour: 1 } }] });
    const { runId } = await world.follower(jobName).describe();
    await world.follower(jobName).terminate('by hand');
    await soon(async () => ((await world.follower(jobName).describe()).runId === runId ? null : true));
    const state = await passUntilEnded('lost', 6 * HOUR_MS);
    expect(state.end?.status).toBe('labeled');
    expect(world.jobNames('lost')).toHaveLength(1);
  });

  test('of a job after our hand-over stop: the next follower knows of the stop, so the chain goes on by itself', async () => {
    const { jobName } = await startLive('lost-stop', {
      policy: { lifetime: '2d' },
      jobs: [{ ...slow, stop: { takes: '50m' } }],
    });
    for (let hour = 0; hour < 50; hour += 1) {
      if (isStopping(await world.state('lost-stop'))) break;
      await pass(hour < 42 ? 6 * HOUR_MS : HOUR_MS, HOUR_MS);
      if (hour < 42) hour += 5;
    }
    await world.follower(jobName).terminate('by hand');
    const state = await passUntilEnded('lost-stop', 2 * HOUR_MS);
    expect(state.generations.map(({ outcome }) => outcome)).toEqual(['expired', 'labeled']);
  });
});

describe('reset', () => {
  test.each([
    ['to its beginning', 1],
    ['to its last task', 'last'],
  ] as const)('of a chain %s: no create is repeated, the job is followed to its end (I3, I8)', async (_how, task) => {
    const chain = task === 1 ? 'reset-first' : 'reset-last';
    await startLive(chain, { jobs: [{ workers: { ratePerHour: 1 } }] });
    await reset(labelingChainWorkflowId(chain), task);
    await soonState(chain, ({ phase }) => phase.kind === 'job');
    const state = await passUntilEnded(chain, 6 * HOUR_MS);
    expect(state.end?.status).toBe('labeled');
    expect(world.jobNames(chain)).toHaveLength(1);
  });

  test('of a chain to its beginning while its second job is live: both are found again, none is created twice (I3, I8)', async () => {
    const fail = { after: '1d', reason: 'Internal error' };
    await startLive('reset-second', { jobs: [{ ...slow, fail }, { workers: { ratePerHour: 1 } }] });
    const isLive = ({ generations }: ChainState): boolean => generations[1]?.status === 'InProgress';
    const before = await passUntil('reset-second', isLive, 2 * HOUR_MS);
    expect(before.generations.map(({ status }) => status)).toEqual(['Failed', 'InProgress']);
    await reset(labelingChainWorkflowId('reset-second'), 1);
    const state = await passUntilEnded('reset-second', 2 * HOUR_MS);
    expect(state.end?.status).toBe('labeled');
    expect(state.generations.map(({ name }) => name)).toEqual(before.generations.map(({ name }) => name));
    expect(world.jobNames('reset-second')).toHaveLength(2);
  });

  /** A chain whose first job AWS refused until it asked a person; its second one is live. */
  const untilSecondAfterRefusal = async (chain: string): Promise<ChainState> => {
    const refuse = {
      op: 'CreateLabelingJob',
      fault: 'ValidationException' as const,
      message: 'TaskTitle is not nice.',
    };
    await world.start(chain, { api: [{ ...refuse, nth: 1 }], jobs: [slow, slow] });
    await soonState(chain, ({ attention }) => attention?.reason === 'create-refused');
    await world.resume(chain);
    await soonRecord(chain, ({ state }) => state.generations.length === 2);
    return passUntil(chain, ({ generations }) => generations[1]?.status === 'InProgress', 10 * MINUTE_MS);
  };

  test('of a chain whose first job was refused: it is not created beside the live one, though AWS would take it now (I3)', async () => {
    const before = await untilSecondAfterRefusal('reset-refused');
    await reset(labelingChainWorkflowId('reset-refused'), 1);
    const after = await passUntil('reset-refused', ({ generations }) => generations[1]?.status === 'InProgress', 1);
    expect(after.generations.map(({ name }) => name)).toEqual(before.generations.map(({ name }) => name));
    expect(world.jobNames('reset-refused')).toEqual([before.generations[1]?.name]);
  });

  test('of that chain to any of its tasks: whatever it repeats, the job that was refused is not created (I3)', async () => {
    const before = await untilSecondAfterRefusal('reset-anywhere');
    const isLive = ({ generations }: ChainState): boolean => generations[1]?.status === 'InProgress';
    const workflowId = labelingChainWorkflowId('reset-anywhere');
    const { runId } = await chainOf('reset-anywhere').describe();
    const tasks = (await tasksOf(workflowId, runId)).length;
    expect(tasks).toBeGreaterThan(8);
    for (let task = 2; task <= tasks; task += 1) {
      await reset(workflowId, task, runId);
      const after = await passUntil('reset-anywhere', isLive, MINUTE_MS);
      expect(after.generations.map(({ name }) => name)).toEqual(before.generations.map(({ name }) => name));
      expect([task, world.jobNames('reset-anywhere')]).toEqual([task, [before.generations[1]?.name]]);
    }
  }, 60_000);

  test('of the workflow of a job that was refused: it creates nothing, as its chain has gone on without it (I3)', async () => {
    const before = await untilSecondAfterRefusal('reset-refused-job');
    const jobName = before.generations[0]?.name ?? '';
    await reset(world.follower(jobName).workflowId, 1);
    await pass(10 * MINUTE_MS);
    const why = { kind: 'outdated', message: expect.stringContaining('the chain has gone on without it') };
    expect(await soon(() => world.follower(jobName).result())).toMatchObject({ kind: 'not-created', why });
    expect(world.jobNames('reset-refused-job')).toEqual([before.generations[1]?.name]);
  });

  /** A chain whose second job is decided, and labels of the first are published after that. */
  const untilSecondAndLate = async (chain: string, second: JobScript): Promise<ChainState> => {
    const fail = { after: '90m', reason: 'Internal error' };
    const workers = { count: 3, answerTime: '1h' };
    await startLive(chain, { jobs: [{ workers, openTasks: 'late', lateLabels: '20h', fail }, second] });
    await passUntil(chain, ({ generations }) => generations[1]?.status === 'InProgress', 2 * HOUR_MS);
    await pass(30 * HOUR_MS, 6 * HOUR_MS);
    return world.state(chain);
  };
  const isAskingOrOver = ({ attention, end }: ChainState): boolean => attention !== null || end !== null;
  const resetToStart = (chain: string) => reset(labelingChainWorkflowId(chain), 1);

  test('of a chain after late labels: its live job is known by what it was really sent, and its labels find their objects (I1)', async () => {
    // Its workers begin on the fourth day.
    await untilSecondAndLate('reset-late', { workers: { from: '4d', ratePerHour: 1 } });
    await resetToStart('reset-late');
    const state = await passUntil('reset-late', isAskingOrOver, 6 * HOUR_MS);
    expect(state).toMatchObject({ attention: null, end: { status: 'labeled' }, dataset: { labeled: 10 } });
    expect(world.jobNames('reset-late')).toHaveLength(2);
  });

  test('of a chain after late labels, whose follower was terminated: the same job is followed again, no other is created (I3)', async () => {
    const before = await untilSecondAndLate('reset-lost', { workers: { count: 0 } });
    const second = before.generations[1]?.name ?? '';
    await world.follower(second).terminate('by hand');
    await resetToStart('reset-lost');
    const state = await passUntil('reset-lost', ({ generations }) => generations[1]?.status === 'InProgress', HOUR_MS);
    expect(state).toMatchObject({ attention: null, generations: [{}, { name: second, input: { objects: 7 } }] });
    expect(world.jobNames('reset-lost')).toHaveLength(2);
  });

  test('of a chain whose second job is over: what was asked stands again, and nothing is paid twice (I1)', async () => {
    await untilSecondAndLate('reset-over', { workers: { count: 1, ratePerHour: 1 }, stop: { after: '4h' } });
    await resetToStart('reset-over');
    const asked = await passUntil('reset-over', isAskingOrOver, HOUR_MS);
    expect(asked.attention?.reason).toBe('stopped-outside');
    await world.resume('reset-over');
    await passUntilEnded('reset-over', 2 * HOUR_MS);
    expectNothingPaidTwice(world, 'reset-over');
  });

  test('of a chain that was amended since: the amendment that the reset repeats makes no job a stranger (I1, I3)', async () => {
    const stopped = { workers: { count: 1, ratePerHour: 1 }, stop: { after: '4h' } };
    const { state } = await startLive('reset-amend', { jobs: [stopped, { workers: { count: 0 } }] });
    await passUntil('reset-amend', ({ attention }) => attention !== null, HOUR_MS);
    const { job } = state.spec;
    const HumanTaskConfig = { ...job.HumanTaskConfig, TaskTitle: 'Name this bird' };
    await world.amend('reset-amend', { spec: { ...state.spec, job: { ...job, HumanTaskConfig } } });
    await world.resume('reset-amend');
    const isLive = ({ generations }: ChainState): boolean => generations[1]?.status === 'InProgress';
    const before = await passUntil('reset-amend', isLive, HOUR_MS);
    await resetToStart('reset-amend');
    const after = await passUntil('reset-amend', isLive, HOUR_MS);
    expect(after).toMatchObject({ attention: null, dataset: before.dataset, generations: [{ status: 'Stopped' }, {}] });
    expect(after.spec.job.HumanTaskConfig.TaskTitle).toBe('Name this bird');
  });

  test('of a chain that was stopped and resumed since: the stop that the reset repeats leaves no live job alone (I5)', async () => {
    await startLive('reset-stop', { jobs: [{ workers: { count: 1, ratePerHour: 1 } }, { workers: { count: 0 } }] });
    await pass(3 * HOUR_MS);
    await world.stop('reset-stop');
    await passUntilEnded('reset-stop', 10 * MINUTE_MS);
    await world.resume('reset-stop');
    const isLive = ({ generations }: ChainState): boolean => generations[1]?.status === 'InProgress';
    const before = await passUntil('reset-stop', isLive, HOUR_MS);
    await resetToStart('reset-stop');
    const after = await passUntil('reset-stop', isLive, HOUR_MS);
    expect(after).toMatchObject({ end: null, stopRequested: null, dataset: before.dataset });
    await world.stop('reset-stop');
    expect((await passUntilEnded('reset-stop', HOUR_MS)).generations[1]?.status).toBe('Stopped');
  });

  test('of a job to its beginning: the create finds its own job, and the chain hears the ending (I3)', async () => {
    const { jobName } = await startLive('reset-job', { jobs: [{ workers: { ratePerHour: 1 } }] });
    const workflowId = world.follower(jobName).workflowId;
    await reset(workflowId, 1);
    await soon(async () => (await world.follower(jobName).query(labelingJobView)).observation);
    const state = await passUntilEnded('reset-job', 6 * HOUR_MS);
    expect(state.end?.status).toBe('labeled');
    expect(world.jobNames('reset-job')).toHaveLength(1);
  });

  test('of a job while its stop is under way: the stop that is repeated before the create finds the job there (I1, I3)', async () => {
    const stop = { takes: '6h' };
    const { jobName } = await startLive('reset-stopping', { jobs: [{ workers: { ratePerHour: 1 }, stop }] });
    await pass(HOUR_MS);
    await world.stop('reset-stopping');
    await pass(10 * MINUTE_MS);
    await soonState('reset-stopping', isStopping);
    await reset(world.follower(jobName).workflowId, 1);
    const state = await passUntilEnded('reset-stopping', HOUR_MS);
    expect(state.generations).toMatchObject([{ status: 'Stopped', outcome: 'stopped-by-us' }]);
    expect(state.generations[0]?.newLabels).toBeGreaterThan(0);
  });
});

test('a stop that comes while the follower greets its chain, and that AWS refuses, is sent again within a minute (I5)', async () => {
  const { jobName } = await startLive('greeted', { jobs: [slow] });
  let stops = 0;
  world.beforeCall = (operation) => {
    if (operation !== 'StopLabelingJob') return;
    stops += 1;
    if (stops > 1) return;
    throw Object.assign(new Error('not now'), { name: 'ValidationException', $metadata: { httpStatusCode: 400 } });
  };
  const follower = world.follower(jobName);
  await follower.signal(reportEnding, { greet: true });
  await follower.signal(stopLabelingJob, { reason: 'enough' });
  await soon(() => Promise.resolve(stops > 0 ? true : null));
  await pass(MINUTE_MS, 10_000);
  expect({ stops, taken: world.countStops('greeted') }).toEqual({ stops: 2, taken: 1 });
});

test('2,000 events in a burst: each is counted, the job continues as new, and few Describes are made (law 1)', async () => {
  const { jobName } = await startLive('burst', { jobs: [slow] });
  const handle = world.follower(jobName);
  const before = await handle.query(labelingJobView);
  const { runId } = await handle.describe();
  for (let sent = 0; sent < 2_000; sent += 100) {
    const hundred = Array.from({ length: 100 }, (_, index) => ({ status: 'InProgress', eventId: `${sent + index}` }));
    await Promise.all(hundred.map((change) => handle.signal(stateChange, change)));
  }
  await pass(30 * MINUTE_MS);
  const after = await soon(async () => {
    const view = await handle.query(labelingJobView);
    return view.events >= before.events + 2_000 ? view : null;
  });
  expect(after.events - before.events).toBe(2_000);
  expect(after.describes - before.describes).toBeLessThan(10);
  await soon(async () => ((await handle.describe()).runId === runId ? null : true));
  expect(after.observation?.status).toBe('InProgress');
}, 60_000);
