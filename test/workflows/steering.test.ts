/** How a person steers: stop in every phase, resume of every ending, amend, adopt, late labels, and the record in S3. */
import type { ChainState } from '../../decisions/chain-state.ts';
import { MINUTE_MS } from '../../decisions/durations.ts';
import type { Spec } from '../../decisions/spec.ts';
import type { CommandResult } from '../../workflows/messages.ts';
import { timeSkippingServer } from '../support/servers.ts';
import { manifestText, manifestUriOf, specOf } from './support/spec.ts';
import { World } from './support/world.ts';

let world: World;
beforeAll(async () => {
  world = await World.open(await timeSkippingServer(), { followsTemporal: true, sendsEvents: false });
}, 60_000);
afterEach(() => world.clear());

const options = { acceptMissing: false, retrySetAside: false };
const slow = { workers: { count: 2, ratePerHour: 0.005 } };

const until = (chain: string, wanted: (state: ChainState) => boolean): Promise<ChainState> =>
  world.until(chain, wanted, { stepMs: 1_000 });

const untilStatus = (chain: string, status: string): Promise<ChainState> =>
  world.until(chain, ({ generations }) => generations.at(-1)?.status === status, { stepMs: 10_000 });

describe('stop', () => {
  test('of a running job: stopped at AWS, confirmed by Describe, its labels kept, the final manifest whole (I2)', async () => {
    await world.start('running', { jobs: [slow] });
    await untilStatus('running', 'InProgress');
    await world.env.sleep('1 day');
    expect(await world.stop('running', 'budget')).toEqual({ kind: 'accepted' });
    const state = await world.untilEnded('running', 10 * MINUTE_MS);
    expect(state.end).toMatchObject({ status: 'stopped' });
    expect(state.generations[0]).toMatchObject({ status: 'Stopped', outcome: 'stopped-by-us', stop: { by: 'person' } });
    expect(state.dataset?.labeled).toBeGreaterThan(0);
    expect((world.s3.store.text(state.end?.finalManifestUri ?? '') ?? '').trim().split('\n')).toHaveLength(10);
    expect(world.countStops('running')).toBe(1);
  });

  test('while Initializing, which AWS refuses: asked for again as soon as the job is InProgress', async () => {
    await world.start('initializing', {
      jobs: [{ ...slow, initializing: '40m', stop: { whenInitializing: 'ValidationException' } }],
    });
    await untilStatus('initializing', 'Initializing');
    await world.stop('initializing');
    const state = await world.untilEnded('initializing', 10 * MINUTE_MS);
    expect(state.end?.status).toBe('stopped');
    expect(world.countStops('initializing')).toBe(1);
  });

  test('while the create is tried: no job is made after the stop (I5)', async () => {
    await world.start('creating', { api: [{ op: 'CreateLabelingJob', fault: 'ResourceLimitExceeded' }] });
    await until('creating', ({ generations }) => generations.length > 0);
    await world.stop('creating');
    const state = await world.untilEnded('creating', MINUTE_MS);
    expect(state.end?.status).toBe('stopped');
    expect(state.generations[0]?.outcome).toBe('not-created');
    expect(world.jobNames('creating')).toEqual([]);
  });

  test('while the create is under way and AWS accepts it: the job is found and stopped (I5)', async () => {
    await world.start('accepted', {
      api: [{ op: 'CreateLabelingJob', fault: 'after-effect-timeout', times: 3 }],
      jobs: [slow],
    });
    await until('accepted', () => world.jobNames('accepted').length > 0);
    await world.stop('accepted');
    const state = await world.untilEnded('accepted', MINUTE_MS);
    expect(state.end?.status).toBe('stopped');
    expect(state.generations[0]?.status).toBe('Stopped');
    expect(world.countStops('accepted')).toBe(1);
  });

  test('during a back-off: no further job (I5)', async () => {
    await world.start('backing-off', { jobs: [{ ...slow, fail: { after: '1h', reason: 'Internal error' } }] });
    await world.until('backing-off', ({ failuresInRow }) => failuresInRow === 1, { stepMs: MINUTE_MS });
    await world.stop('backing-off');
    expect((await world.untilEnded('backing-off', MINUTE_MS)).end?.status).toBe('stopped');
    expect(world.jobNames('backing-off')).toHaveLength(1);
  });

  test('while the next job is being recorded: it is not created, and the last record does not hold it (I5)', async () => {
    await world.start('recording', { jobs: [{ ...slow, fail: { after: '1h', reason: 'Internal error' } }] });
    let isStopped = false;
    const stops: Promise<CommandResult>[] = [];
    world.s3.fault = (method, uri) => {
      if (isStopped || method !== 'PUT' || !uri.includes('/jobs/002-')) return null;
      if (stops.length === 0) stops.push(world.stop('recording').finally(() => (isStopped = true)));
      return 'InternalError';
    };
    const state = await world.untilEnded('recording');
    expect(await Promise.all(stops)).toEqual([{ kind: 'accepted' }]);
    expect(state).toMatchObject({ end: { status: 'stopped' }, generations: [{ generation: 1 }] });
    expect(world.jobNames('recording')).toHaveLength(1);
    const lengths = world.records('recording').map((record) => record.state.generations.length);
    expect(lengths).toEqual([0, 1, 2, 1]);
  });

  test('during settling: the labels that are paid for are waited for, then the chain ends', async () => {
    await world.start('settling', {
      jobs: [{ output: { late: '70m', every: '30d' }, stop: { after: '1h' }, ...slow }],
    });
    await world.until('settling', ({ phase }) => phase.kind === 'settling', { stepMs: MINUTE_MS });
    await world.stop('settling');
    const state = await world.untilEnded('settling', MINUTE_MS);
    expect(state.end?.status).toBe('stopped');
    expect(state.dataset?.labeled).toBe(state.generations[0]?.counters?.totalLabeled);
  });

  test('after a create that AWS took without an answer, and a full quota: the job is found and stopped (I1, I5)', async () => {
    const job = 'lost-create-*';
    await world.start('lost-create', {
      jobs: [slow],
      api: [
        { op: 'CreateLabelingJob', job, fault: 'after-effect-timeout', nth: 1 },
        { op: 'CreateLabelingJob', job, fault: 'ResourceLimitExceeded', nth: 2, times: 50 },
      ],
    });
    await until('lost-create', () => world.jobNames('lost-create').length === 1);
    await world.env.sleep('2 minutes');
    await world.stop('lost-create');
    const state = await world.untilEnded('lost-create', 10 * MINUTE_MS);
    expect(state.end?.status).toBe('stopped');
    expect(state.generations[0]).toMatchObject({ status: 'Stopped', outcome: 'stopped-by-us' });
  });

  test('races with the end of the job: a labeled chain is labeled', async () => {
    await world.start('race', { jobs: [{ stop: { whenEnded: 'ValidationException' } }] });
    await untilStatus('race', 'InProgress');
    await world.simulator.advance(0);
    world.beforeCall = async (operation) => {
      if (operation === 'StopLabelingJob') await world.simulator.advance(12 * 3_600_000);
    };
    await world.stop('race');
    expect((await world.untilEnded('race', 10 * MINUTE_MS)).end?.status).toBe('labeled');
  });

  test('races with our own hand-over: the chain ends, nothing is started', async () => {
    await world.start('both', { policy: { lifetime: '3d' }, jobs: [{ ...slow, stop: { takes: '1h' } }] });
    await world.until('both', ({ generations }) => generations[0]?.stop?.by === 'hand-over', {
      stepMs: 30 * MINUTE_MS,
    });
    await world.stop('both');
    const state = await world.untilEnded('both', 10 * MINUTE_MS);
    expect(state.end?.status).toBe('stopped');
    expect(world.jobNames('both')).toHaveLength(1);
  });
});

describe('resume', () => {
  const stopped = async (chain: string): Promise<ChainState> => {
    const handle = await world.start(chain, { jobs: [slow] });
    await untilStatus(chain, 'InProgress');
    await world.env.sleep('1 day');
    await world.stop(chain);
    await handle.result();
    return world.state(chain);
  };

  test('of a running chain is refused', async () => {
    await world.start('busy', { jobs: [slow] });
    await untilStatus('busy', 'InProgress');
    expect(await world.resume('busy')).toMatchObject({ kind: 'refused', message: expect.stringContaining('running') });
  });

  test('of an ended one whose workflow is closed: from the record, keeping name, generation and suffix', async () => {
    const before = await stopped('closed');
    await world.run('closed', { kind: 'resume', spec: before.spec, options });
    const state = await world.untilEnded('closed');
    expect(state.end?.status).toBe('labeled');
    expect(state).toMatchObject({ suffix: before.suffix, firstRunId: before.firstRunId, resumption: 1 });
    expect(state.generations.map(({ generation }) => generation)).toEqual([1, 2]);
    expect(state.generations[1]?.input?.objects).toBe(10 - (before.dataset?.labeled ?? 0));
  });

  test('of one that Temporal has forgotten: the spec only names the place', async () => {
    const before = await stopped('forgotten');
    const place = specOf('forgotten', { job: { LabelAttributeName: 'anything' } });
    await world.run('forgotten', { kind: 'resume', spec: place, options });
    const state = await world.untilEnded('forgotten');
    expect(state.spec.job.LabelAttributeName).toBe('species');
    expect(state.generations).toHaveLength(before.generations.length + 1);
  });

  test('of a labeled chain without new work changes nothing', async () => {
    const handle = await world.start('done', {});
    await handle.result();
    const before = await world.state('done');
    const again = await world.run('done', { kind: 'resume', spec: before.spec, options });
    expect(await again.result()).toMatchObject({ status: 'labeled' });
    expect(world.records('done').at(-1)?.state.resumption).toBe(0);
  });

  test('--retry-set-aside gives set-aside objects new attempts', async () => {
    const declines = { declines: { objects: ['*/3.jpg'] } };
    const handle = await world.start('retry', { jobs: [declines], policy: { maxAttemptsPerObject: 1 } });
    await handle.result();
    const { spec, dataset } = await world.state('retry');
    expect(dataset?.setAside).toBe(1);
    await world.run('retry', { kind: 'resume', spec, options: { ...options, retrySetAside: true } });
    const state = await world.untilEnded('retry');
    expect(state.dataset).toMatchObject({ labeled: 10, setAside: 0 });
    expect(state.generations.map(({ input }) => input?.objects)).toEqual([10, 1]);
  });
});

describe('amend', () => {
  test('of a chain that has ended and still waits for late labels: in the record at once, so that a terminate loses nothing', async () => {
    const handle = await world.start('late-amended', { jobs: [{ ...slow, stop: { after: '1d' }, openTasks: 'late' }] });
    await world.untilAttention('late-amended');
    await world.stop('late-amended');
    const before = await world.untilEnded('late-amended', 10 * MINUTE_MS);
    expect(before.phase).toEqual({ kind: 'ended', lateLookDone: false });
    const more = 's3://data/late-amended/more.manifest';
    world.s3.store.write(more, manifestText('late-amended', 3, 100));
    expect(await world.amend('late-amended', { manifestUri: more })).toEqual({ kind: 'accepted' });
    await world.env.sleep(MINUTE_MS);
    await handle.terminate('by hand');
    expect(world.records('late-amended').at(-1)?.pending.manifestUris).toEqual([more]);
    await world.run('late-amended', { kind: 'resume', spec: before.spec, options });
    const after = await world.until('late-amended', ({ end }) => end?.status === 'labeled');
    expect(after.dataset?.total).toBe(13);
  });

  test('of a chain that has ended and only waits for a receiver of its news: recorded at once, and a resume goes on in it', async () => {
    const policy = { notify: { webhook: { url: 'http://127.0.0.1:9/' } } };
    const handle = await world.start('news', { policy });
    const { phase } = await world.untilEnded('news', MINUTE_MS);
    expect(phase).toEqual({ kind: 'ended', lateLookDone: true });
    const more = 's3://data/news/more.manifest';
    world.s3.store.write(more, manifestText('news', 3, 100));
    expect(await world.amend('news', { manifestUri: more })).toEqual({ kind: 'accepted' });
    await until('news', () => world.records('news').at(-1)?.pending.manifestUris[0] === more);
    expect(await world.resume('news')).toEqual({ kind: 'accepted' });
    const after = await world.until('news', ({ dataset, end }) => dataset?.total === 13 && end?.status === 'labeled');
    expect(after.dataset).toMatchObject({ total: 13, labeled: 13 });
    expect(await handle.result()).toMatchObject({ status: 'labeled' });
  });

  test('while an output is waited for: in the record at once', async () => {
    const spec = await world.prepare('settling-amended', { jobs: [{ output: { every: '3h', late: '2h' } }] });
    await world.run('settling-amended', { kind: 'start', spec });
    await world.until('settling-amended', ({ phase }) => phase.kind === 'settling', { stepMs: MINUTE_MS });
    const written = world.records('settling-amended').length;
    await world.amend('settling-amended', { spec: { ...spec, policy: { ...spec.policy, maxJobs: 7 } } });
    await world.env.sleep(MINUTE_MS);
    expect(world.records('settling-amended')).toHaveLength(written + 1);
    expect(world.records('settling-amended').at(-1)?.state.spec.policy.maxJobs).toBe(7);
    await world.untilEnded('settling-amended');
  });

  test('of a running chain holds from the next job on, and stands in the record at once', async () => {
    await world.start('amended', { jobs: [{ ...slow, stop: { after: '1d' } }] });
    const { spec } = await untilStatus('amended', 'InProgress');
    const HumanTaskConfig = { ...spec.job.HumanTaskConfig, TaskTitle: 'Another title' };
    await world.amend('amended', { spec: { ...spec, job: { ...spec.job, HumanTaskConfig } } });
    await world.untilAttention('amended');
    await world.resume('amended');
    await world.untilEnded('amended');
    const titles = world.simulator.groundTruth.jobs
      .filter(({ name }) => name.startsWith('amended-'))
      .map(({ request }) => request.HumanTaskConfig.TaskTitle);
    expect(titles).toEqual(['Name the bird', 'Another title']);
  });

  test('during a back-off: the job that is waited for keeps to the new limit (I6)', async () => {
    await world.start('amended-waiting', { jobs: [{ ...slow, fail: { after: '1h', reason: 'Internal error' } }] });
    const { spec } = await world.until('amended-waiting', ({ failuresInRow }) => failuresInRow === 1, {
      stepMs: 30_000,
    });
    expect(world.jobNames('amended-waiting')).toHaveLength(1);
    await world.amend('amended-waiting', { spec: { ...spec, policy: { ...spec.policy, maxObjectsSent: 12 } } });
    const asked = await world.untilAttention('amended-waiting');
    expect(asked.attention?.reason).toBe('max-objects-sent');
    expect(asked.generations.map(({ input }) => input?.sentObjects)).toEqual([10, 2]);
  });

  test('while the next input is written: it is written anew for the new limit, and no job is created from the old one (I6)', async () => {
    await world.start('amended-writing', { jobs: [{ ...slow, stop: { after: '1d' } }] });
    const { spec } = await world.untilAttention('amended-writing');
    const policy = { ...spec.policy, maxObjectsSent: 11 };
    const answers: Promise<CommandResult>[] = [];
    let isAmended = false;
    world.s3.fault = (method, uri) => {
      if (isAmended || method !== 'PUT' || !uri.includes('/jobs/002-')) return null;
      if (answers.length === 0) {
        answers.push(world.amend('amended-writing', { spec: { ...spec, policy } }).finally(() => (isAmended = true)));
      }
      return 'InternalError';
    };
    await world.resume('amended-writing');
    const asked = await world.until('amended-writing', ({ attention }) => attention?.reason === 'max-objects-sent');
    expect(await Promise.all(answers)).toEqual([{ kind: 'accepted' }]);
    expect(asked.generations.map(({ input }) => input?.sentObjects)).toEqual([10, 1]);
  });

  test('copies a new category file into the chain’s folder; the job uses the copy', async () => {
    world.s3.store.write('s3://data/categories.json', '{"labels":[{"label":"crow"},{"label":"owl"}]}');
    await world.start('categories', { jobs: [{ ...slow, stop: { after: '1d' } }] });
    const { spec } = await untilStatus('categories', 'InProgress');
    const job = { ...spec.job, LabelCategoryConfigS3Uri: 's3://data/categories.json' };
    await world.amend('categories', { spec: { ...spec, job } });
    await world.untilAttention('categories');
    await world.resume('categories');
    const state = await world.untilEnded('categories');
    expect(state.spec.job.LabelCategoryConfigS3Uri).toMatch(/^s3:\/\/data\/out\/categories\/assets\/label-categories-/);
    const second = world.simulator.groundTruth.jobs.find(({ name }) => name === state.generations[1]?.name);
    expect(second?.request.LabelCategoryConfigS3Uri).toBe(state.spec.job.LabelCategoryConfigS3Uri);
  });

  test('of an ended chain is written to its record; a resume then labels the further objects (I2)', async () => {
    const handle = await world.start('more', {});
    await handle.result();
    const { spec } = await world.state('more');
    world.s3.store.write('s3://data/more/further.manifest', manifestText('more', 5, 8));
    const amendment = { spec: null, manifestUri: 's3://data/more/further.manifest' };
    const amending = await world.run('more', { kind: 'amend', spec, amendment });
    expect(await amending.result()).toMatchObject({ status: 'labeled' });
    expect(world.records('more').at(-1)?.pending.manifestUris).toEqual(['s3://data/more/further.manifest']);
    await world.run('more', { kind: 'resume', spec, options });
    const state = await world.untilEnded('more');
    expect(state.dataset).toMatchObject({ total: 13, labeled: 13 });
    expect(state.generations.map(({ input }) => input?.objects)).toEqual([10, 3]);
    const tallies = [...world.s3.store.objects.keys()].filter((uri) => /^s3:..data.out.more.datasets.*tally/.test(uri));
    expect(tallies.map((uri) => JSON.parse(world.s3.store.text(uri) ?? ''))).toContainEqual(
      expect.objectContaining({ manifestUri: 's3://data/more/further.manifest', added: 3, known: 2, total: 13 }),
    );
  });
});

describe('amendments that are not taken', () => {
  const streamingJob = {
    InputConfig: { DataSource: { SnsDataSource: { SnsTopicArn: 'arn:aws:sns:us-east-1:123456789012:objects' } } },
  };

  test('a streaming chain takes no manifest, and ends by itself as it would have', async () => {
    await world.start('stream', { job: streamingJob, objects: 0 });
    await untilStatus('stream', 'InProgress');
    expect(await world.amend('stream', { manifestUri: 's3://data/stream/more.manifest' })).toEqual({
      kind: 'refused',
      message: expect.stringMatching(/^the chain stream labels what its SNS topic brings: it takes no manifest/),
    });
    expect((await world.untilEnded('stream')).end?.status).toBe('finished');
  });

  test('the later one of two that were made from the same spec: it would undo the earlier one without a word', async () => {
    await world.start('two', { jobs: [slow] });
    const { spec: basis } = await untilStatus('two', 'InProgress');
    const dear: Spec = {
      ...basis,
      policy: { ...basis.policy, price: { perAnswer: 1, perObject: 0, currency: 'USD' }, maxCost: 12 },
    };
    const long: Spec = { ...basis, policy: { ...basis.policy, maxJobs: 30 } };
    expect(await world.amend('two', { spec: dear, basis })).toEqual({ kind: 'accepted' });
    expect(await world.amend('two', { spec: long, basis })).toEqual({
      kind: 'refused',
      message: expect.stringMatching(/^the spec of the chain two changed meanwhile; .*amend again$/),
    });
    expect((await world.state('two')).spec).toEqual(dear);
    // Terminated while it writes its record, it would leave the time-skipping server standing.
    await world.stop('two');
    await world.untilEnded('two');
  });

  test('by a job that is decided and not created, when both workflows are lost: another job holds to them (I6)', async () => {
    const limits = { price: { perAnswer: 1 }, maxCost: 10 };
    const full = { op: 'CreateLabelingJob', fault: 'ResourceLimitExceeded', times: 6 } as const;
    const handle = await world.start('dear', { policy: limits, api: [full] });
    const isDecided = ({ generations }: ChainState): boolean => generations.length > 0;
    const { spec, generations } = await world.until('dear', isDecided, { stepMs: MINUTE_MS });
    await world.env.sleep(MINUTE_MS);
    const jobName = generations[0]?.name ?? '';
    await handle.terminate();
    await world.follower(jobName).terminate();
    const { HumanTaskConfig } = spec.job;
    const five = { ...spec.job, HumanTaskConfig: { ...HumanTaskConfig, NumberOfHumanWorkersPerDataObject: 5 } };
    const amendment = { spec: { ...spec, job: five }, manifestUri: null, basis: spec };
    await (await world.run('dear', { kind: 'amend', spec, amendment })).result();
    await world.run('dear', { kind: 'resume', spec, options });
    const state = await world.untilAttention('dear');
    expect(state.attention?.reason).toBe('max-cost');
    expect(state.generations[0]).toMatchObject({
      outcome: 'not-created',
      failureReason: expect.stringMatching(/^the chain was amended/),
    });
    expect(state.generations.map(({ input }) => input?.objects)).toEqual([10, 2]);
    expect(world.jobNames('dear')).toEqual([state.generations[1]?.name]);
  });
});

describe('adopt', () => {
  const foreign = async (
    name: string,
    manifestUri: string,
    tags: { Key: string; Value: string }[] = [],
  ): Promise<void> => {
    const answer = await world.simulator.call('CreateLabelingJob', {
      ...specOf(name, { manifestUri }).job,
      LabelingJobName: name,
      Tags: [{ Key: 'team', Value: 'birds' }, ...tags],
    });
    expect(answer.kind).toBe('ok');
  };

  const adopt = async (chain: string, jobName: string, datasetUri = manifestUriOf(chain)) => {
    const inputManifestUri = manifestUriOf(chain);
    const spec = specOf(chain, { manifestUri: datasetUri });
    return world.run(chain, { kind: 'adopt', spec, jobName, manifestUri: datasetUri, inputManifestUri });
  };

  test('a running job becomes generation 1, tagged as ours, its labels merged', async () => {
    await world.prepare('adopted');
    await foreign('theirs-1', manifestUriOf('adopted'));
    await adopt('adopted', 'theirs-1');
    const state = await world.untilEnded('adopted');
    expect(state.end?.status).toBe('labeled');
    expect(state.generations).toMatchObject([{ generation: 1, name: 'theirs-1', outcome: 'labeled', newLabels: 10 }]);
    const job = world.simulator.groundTruth.jobs.find(({ name }) => name === 'theirs-1');
    expect(Object.fromEntries(job?.tags ?? [])).toMatchObject({ team: 'birds', 'label-relay:chain': 'adopted' });
  });

  test('a running job that Describe denies for a moment to its next follower is not gone (I3)', async () => {
    await world.prepare('adopted-hidden');
    await world.simulator.script({
      jobs: [{ match: { name: 'theirs-hidden' }, workers: { count: 2, ratePerHour: 1 } }],
    });
    await foreign('theirs-hidden', manifestUriOf('adopted-hidden'));
    const first = await adopt('adopted-hidden', 'theirs-hidden');
    const { spec } = await world.until('adopted-hidden', ({ generations }) => generations[0]?.status === 'InProgress');
    await first.terminate();
    await world.follower('theirs-hidden').terminate();
    let denied = 0;
    world.beforeCall = (operation) => {
      if (operation !== 'DescribeLabelingJob' || (denied += 1) > 2) return;
      const absent = { name: 'ResourceNotFound', $metadata: { httpStatusCode: 400 } };
      throw Object.assign(new Error('no such job'), absent);
    };
    const options = { acceptMissing: false, retrySetAside: false };
    await world.run('adopted-hidden', { kind: 'resume', spec, options });
    const state = await world.untilEnded('adopted-hidden');
    expect(state.generations).toMatchObject([{ name: 'theirs-hidden', outcome: 'labeled', newLabels: 10 }]);
    expect(denied).toBeGreaterThan(2);
  });

  test('a finished job goes to settling at once, and what it left goes to a job of our own (I1)', async () => {
    await world.prepare('adopted-over');
    await world.simulator.script({
      jobs: [{ match: { name: 'theirs-2' }, workers: { count: 2, ratePerHour: 0.005 }, stop: { after: '1d' } }],
    });
    await foreign('theirs-2', manifestUriOf('adopted-over'));
    await world.env.sleep('3 days');
    await world.sync();
    await adopt('adopted-over', 'theirs-2');
    const asked = await world.untilAttention('adopted-over', MINUTE_MS);
    expect(asked.attention?.reason).toBe('stopped-outside');
    await world.resume('adopted-over');
    const state = await world.untilEnded('adopted-over');
    const [first, second] = state.generations;
    expect(second?.input?.objects).toBe(10 - (first?.newLabels ?? 0));
    expect(second?.name).toMatch(/^adopted-over-.{5}-002$/);
    expect(state.dataset?.labeled).toBe(10);
  });

  test('an old job is handed over at once: its age counts from its creation', async () => {
    await world.prepare('adopted-old');
    await world.simulator.script({
      jobs: [{ match: { name: 'theirs-3' }, workers: { count: 2, ratePerHour: 0.005 } }],
    });
    await foreign('theirs-3', manifestUriOf('adopted-old'));
    await world.env.sleep('719 hours');
    await world.sync();
    await adopt('adopted-old', 'theirs-3');
    const state = await world.untilEnded('adopted-old');
    expect(state.generations[0]).toMatchObject({ outcome: 'expired', stop: { by: 'hand-over' } });
    expect(state.end?.status).toBe('labeled');
  });

  test('a larger dataset in another order: each line of the job finds its object', async () => {
    await world.prepare('adopted-part', { objects: 4 });
    const lines = manifestText('adopted-part', 12).trim().split('\n').toReversed();
    world.s3.store.write('s3://data/adopted-part/whole.manifest', lines.map((line) => `${line}\n`).join(''));
    await foreign('theirs-4', manifestUriOf('adopted-part'));
    await adopt('adopted-part', 'theirs-4', 's3://data/adopted-part/whole.manifest');
    const state = await world.untilEnded('adopted-part');
    expect(state.dataset).toMatchObject({ total: 12, labeled: 12 });
    expect(state.generations.map(({ newLabels }) => newLabels)).toEqual([4, 8]);
  });

  test('a streaming job is followed until AWS ends it, never stopped or continued by us', async () => {
    const SnsDataSource = { SnsTopicArn: 'arn:aws:sns:us-east-1:123456789012:objects' };
    const spec = specOf('adopted-stream', { job: { InputConfig: { DataSource: { SnsDataSource } } } });
    const request = { ...spec.job, LabelingJobName: 'theirs-8' };
    expect(await world.simulator.call('CreateLabelingJob', request)).toMatchObject({ kind: 'ok' });
    await world.run('adopted-stream', {
      kind: 'adopt',
      spec,
      jobName: 'theirs-8',
      manifestUri: null,
      inputManifestUri: null,
    });
    const state = await world.untilEnded('adopted-stream');
    expect(state).toMatchObject({ end: { status: 'finished' }, dataset: null });
    expect(state.generations).toMatchObject([{ name: 'theirs-8', outcome: 'streaming', stop: null }]);
    expect(state.end?.reason).toContain('GroundTruth-theirs-8');
    expect(world.jobNames('adopted-stream')).toEqual([]);
  });

  test('one that failed before its first record is tried again under the same name; a chain with a record keeps its job', async () => {
    await world.prepare('adopted-again');
    await foreign('theirs-7', manifestUriOf('adopted-again'));
    world.s3.fault = (method, uri) => (method === 'PUT' && uri.includes('/record/') ? 'AccessDenied' : null);
    const failed = await adopt('adopted-again', 'theirs-7');
    await expect(failed.result()).rejects.toBeInstanceOf(Error);
    world.s3.fault = null;
    await adopt('adopted-again', 'theirs-7');
    expect((await world.untilEnded('adopted-again')).dataset?.labeled).toBe(10);
    await world.clear();
    const third = await adopt('adopted-again', 'theirs-7');
    await expect(third.result()).rejects.toMatchObject({
      cause: { message: expect.stringContaining('the chain adopted-again') },
    });
  });

  test('a dataset that lacks a label of the job’s input is refused: the object would be paid for again (I1)', async () => {
    await world.prepare('adopted-chained', { objects: 4 });
    const [first = '', ...rest] = manifestText('adopted-chained', 4).trim().split('\n');
    const labeled = first.replace(/}$/, ',"species":3,"species-metadata":{"job-name":"labeling-job/before"}}');
    const chained = 's3://data/adopted-chained/chained.manifest';
    world.s3.store.write(chained, [labeled, ...rest].map((line) => `${line}\n`).join(''));
    await foreign('theirs-9', chained);
    const adoption = { kind: 'adopt', jobName: 'theirs-9', inputManifestUri: chained } as const;
    const original = manifestUriOf('adopted-chained');
    const spec = specOf('adopted-chained', { manifestUri: original });
    const lacking = await world.run('adopted-chained', { ...adoption, spec, manifestUri: original });
    await expect(lacking.result()).rejects.toMatchObject({
      cause: {
        cause: {
          message: expect.stringMatching(/line 1: this object of the job has a label that the dataset .* lacks/),
        },
      },
    });
    const whole = specOf('adopted-chained', { manifestUri: chained });
    await world.run('adopted-chained', { ...adoption, spec: whole, manifestUri: chained });
    const state = await world.untilEnded('adopted-chained');
    expect(state.dataset).toMatchObject({ total: 4, labeled: 4, doubled: 0 });
    expect(state.generations.map(({ newLabels }) => newLabels)).toEqual([3]);
  });

  test('a dataset that lacks an object of the job is refused with its line, a job of another chain with its chain', async () => {
    await world.prepare('adopted-bad');
    world.s3.store.write('s3://data/adopted-bad/part.manifest', manifestText('adopted-bad', 3));
    await foreign('theirs-5', manifestUriOf('adopted-bad'));
    const lacking = await adopt('adopted-bad', 'theirs-5', 's3://data/adopted-bad/part.manifest');
    await expect(lacking.result()).rejects.toMatchObject({
      cause: { cause: { message: expect.stringContaining('line 4') } },
    });
    await foreign('theirs-6', manifestUriOf('adopted-bad'), [{ Key: 'label-relay:chain', Value: 'other' }]);
    const taken = await adopt('adopted-bad', 'theirs-6');
    await expect(taken.result()).rejects.toMatchObject({
      cause: { message: expect.stringContaining('the chain other') },
    });
  });
});

describe('late labels', () => {
  test('of the last job are merged a day later; the first label of an object stays, a second is counted as doubled', async () => {
    const busy = { workers: { count: 3, answerTime: '1h' }, openTasks: 'late' as const };
    const handle = await world.start('late', { jobs: [{ ...busy, stop: { after: '90m' } }] });
    // In small steps: the next job is to have the objects before their late labels can be read, half an hour on.
    await world.untilAttention('late', 5 * MINUTE_MS);
    await world.resume('late');
    await handle.result();
    const state = await world.state('late');
    const late = world.simulator
      .ledger()
      .filter((record) => record.kind === 'labeled' && record.late && record.job.startsWith('late-'));
    expect(late.length).toBeGreaterThan(0);
    expect(state.dataset).toMatchObject({ labeled: 10, doubled: late.length });
  });

  test('that were the last ones make a stopped chain labeled', async () => {
    const busy = { workers: { count: 10, answerTime: '1h' }, openTasks: 'late' as const };
    const handle = await world.start('late-last', { jobs: [busy] });
    await untilStatus('late-last', 'InProgress');
    await world.env.sleep('20 minutes');
    await world.stop('late-last');
    expect((await world.untilEnded('late-last', 10 * MINUTE_MS)).end?.status).toBe('stopped');
    await handle.result();
    const { end, dataset } = await world.state('late-last');
    expect(dataset?.labeled).toBe(10);
    expect(end?.status).toBe('labeled');
  });
});

describe('the record', () => {
  test('is written before each create, and holds everything for the next', async () => {
    await world.start('recorded', { jobs: [{ ...slow, fail: { after: '1h', reason: 'Internal error' } }] });
    await world.untilEnded('recorded');
    const decided = world.records('recorded').filter(({ state }) => state.phase.kind === 'job');
    expect(decided.map(({ state }) => state.generations.length)).toEqual([1, 2]);
    const created = world.simulator
      .ledger()
      .filter((record) => record.kind === 'created' && record.job.startsWith('recorded-'));
    expect(created).toHaveLength(2);
  });

  test('a run whose chain was resumed elsewhere closes at its next record, and creates no job (I3)', async () => {
    const handle = await world.start('stale', { jobs: [{ ...slow, fail: { after: '1h', reason: 'Internal error' } }] });
    await untilStatus('stale', 'InProgress');
    const newest = world.records('stale').at(-1);
    const elsewhere = { ...newest, version: 1, state: { ...newest?.state, resumption: 1 } };
    world.s3.store.write('s3://data/out/stale/record/0001-000000.json', JSON.stringify(elsewhere));
    expect(await handle.result()).toMatchObject({
      status: 'stopped',
      reason: expect.stringContaining('resumed elsewhere'),
    });
    expect(world.jobNames('stale')).toHaveLength(1);
    expect(world.records('stale').at(-1)?.state.resumption).toBe(1);
  });
});
