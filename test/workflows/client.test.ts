/** The client API against a real server: what the commands adopt, amend and resume do, checks before them included. */
import { isDeepStrictEqual } from 'node:util';
import { Client, QueryNotRegisteredError, type WorkflowClientInterceptor } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { InputError, LabelRelay, type Change, type ListFilter } from '../../client.ts';
import { HOUR_MS } from '../../decisions/durations.ts';
import { advance } from '../../local/advance.ts';
import { stopAfterTests, temporalDevServer } from '../support/servers.ts';
import { manifestText, manifestUriOf, specOf } from './support/spec.ts';
import { TASK_QUEUE, World } from './support/world.ts';

let world: World;
let relay: LabelRelay;
beforeAll(async () => {
  const { env } = await temporalDevServer();
  world = await World.open(env, { followsTemporal: false, sendsEvents: true });
  relay = new LabelRelay({ client: env.client, taskQueue: TASK_QUEUE, workerWaitMs: 10_000 });
  stopAfterTests(() => world.clear());
}, 90_000);

const arnOf = (name: string): string => `arn:aws:sagemaker:us-east-1:123456789012:labeling-job/${name}`;

/** The same server through a client whose calls these see. */
const relayThrough = (interceptor: WorkflowClientInterceptor): LabelRelay => {
  const { connection, options } = world.env.client;
  const client = new Client({ connection, namespace: options.namespace, interceptors: { workflow: [interceptor] } });
  return new LabelRelay({ client, taskQueue: TASK_QUEUE, workerWaitMs: 10_000 });
};

/** A chain whose first labeling job AWS has shown. */
const startSmall = async (chain: string): Promise<void> => {
  world.s3.store.write(manifestUriOf(chain), manifestText(chain, 4));
  await relay.startChain({ chain, job: specOf(chain).job });
  for (let look = 0; look < 200; look += 1) {
    if (typeof (await relay.get(chain)).jobs[0]?.arn === 'string') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the job of ${chain} is not shown`);
};

/** A labeling job that somebody started without us. */
const startForeign = async (name: string, chain: string): Promise<void> => {
  world.s3.store.write(manifestUriOf(chain), manifestText(chain, 6));
  const { kind } = await world.simulator.call('CreateLabelingJob', {
    ...specOf(chain).job,
    LabelingJobName: name,
    Tags: [{ Key: 'team', Value: 'birds' }],
  });
  expect(kind).toBe('ok');
};

const untilEnded = async (chain: string): Promise<void> => {
  for (let step = 0; step < 20; step += 1) {
    const { status } = await relay.get(chain);
    if (status !== 'running') return;
    await advance({
      connection: world.env.connection,
      taskQueue: TASK_QUEUE,
      simulatorEndpoint: world.simulator.endpoint,
      durationMs: HOUR_MS,
    });
  }
};

const untilFirstJob = async (chain: string): Promise<void> => {
  for (let look = 0; look < 200 && (await relay.get(chain)).generation === 0; look += 1)
    await new Promise((resolve) => setTimeout(resolve, 50));
};

const untilClosed = async (chain: string): Promise<void> => {
  for (let look = 0; look < 200; look += 1) {
    const { status } = await world.env.client.workflow.getHandle(`labeling-chain:${chain}`).describe();
    if (status.name !== 'RUNNING') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${chain} stays open`);
};

const problem = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'it worked',
    (thrown: unknown) => (thrown instanceof InputError ? thrown.message : `no InputError: ${String(thrown)}`),
  );

test('adopt: the request is rebuilt from Describe, the job tagged, followed and merged', async () => {
  await startForeign('theirs-1', 'taken-over');
  const dry = await relay.adopt(arnOf('theirs-1'), { chain: 'taken-over', dryRun: true });
  expect(dry).toMatchObject({ started: false, preflight: { objects: { total: 6 } } });
  await relay.adopt(arnOf('theirs-1'), { chain: 'taken-over', policy: { maxAttemptsPerObject: 5 } });
  const { document, spec } = await relay.detail('taken-over');
  expect(document).toMatchObject({ generation: 1, jobs: [{ name: 'theirs-1', sent: 6 }] });
  expect(spec?.policy.maxAttemptsPerObject).toBe(5);
  const { HumanTaskConfig, ...rest } = specOf('taken-over').job;
  const UiConfig = { UiTemplateS3Uri: expect.stringContaining('/out/taken-over/assets/ui-template-') };
  expect(spec?.job).toEqual({
    ...rest,
    HumanTaskConfig: { ...HumanTaskConfig, UiConfig },
    Tags: [{ Key: 'team', Value: 'birds' }],
  });
  await untilEnded('taken-over');
  expect(await relay.get('taken-over')).toMatchObject({ status: 'labeled', objects: { labeled: 6 } });
});

test('adopt refuses what is no job, is not there, belongs to a chain, or has objects that the dataset lacks', async () => {
  expect(await problem(relay.adopt('birds', { chain: 'x' }))).toMatch(/not the ARN of a labeling job/);
  expect(await problem(relay.adopt(arnOf('nowhere'), { chain: 'x' }))).toMatch(/no labeling job nowhere/);
  expect(await problem(relay.adopt(arnOf('theirs-1'), { chain: 'other' }))).toMatch(/belongs to the chain taken-over/);
  expect(await problem(relay.adopt(arnOf('theirs-1'), { chain: 'taken-over' }))).toMatch(/the chain taken-over exists/);
  await startForeign('theirs-2', 'lacking');
  world.s3.store.write('s3://data/lacking/part.manifest', manifestText('lacking', 2));
  const datasetUri = 's3://data/lacking/part.manifest';
  expect(await problem(relay.adopt(arnOf('theirs-2'), { chain: 'lacking', datasetUri }))).toMatch(
    /line 3: this object/,
  );
});

test('an ended chain: resume without work is refused, amend adds objects to its record, then resume labels them', async () => {
  world.s3.store.write(manifestUriOf('grown'), manifestText('grown', 4));
  const { chain, policy: _, ...spec } = specOf('grown');
  await relay.startChain({ chain, job: spec.job });
  await untilEnded('grown');
  await untilClosed('grown');
  expect(await problem(relay.resume('grown'))).toMatch(/is labeled; give it further objects first/);
  const missing = relay.amend('grown', { manifestUri: 's3://data/grown/nothing.manifest' });
  expect(await problem(missing)).toMatch(/nothing.manifest does not exist/);
  world.s3.store.write('s3://data/grown/more.manifest', manifestText('grown', 3, 4));
  await relay.amend('grown', { manifestUri: 's3://data/grown/more.manifest', changes: { policy: { maxJobs: 9 } } });
  expect(await relay.get('grown')).toMatchObject({ status: 'labeled', objects: { total: 4 } });
  await relay.resume('grown');
  await untilEnded('grown');
  expect(await relay.get('grown')).toMatchObject({ status: 'labeled', objects: { total: 7, labeled: 7 } });
  expect((await relay.detail('grown')).spec?.policy.maxJobs).toBe(9);
});

test('two amendments at once: the later one is told that the spec changed, and undoes nothing', async () => {
  world.s3.store.write(manifestUriOf('amended-twice'), manifestText('amended-twice', 4));
  await relay.startChain({ chain: 'amended-twice', job: specOf('amended-twice').job });
  await untilFirstJob('amended-twice');
  const changes: Change[] = [{ changes: { policy: { maxFailures: 7 } } }, { changes: { policy: { maxJobs: 30 } } }];
  const told = await Promise.all(changes.map((change) => problem(relay.amend('amended-twice', change))));
  // On a slow machine the second may have read what the first one made.
  const refused = /^the spec of the chain amended-twice changed meanwhile/;
  expect(told).toContain('it worked');
  expect(told.filter((one) => one !== 'it worked' && !refused.test(one))).toEqual([]);
  const isTaken = (index: number): boolean => told[index] === 'it worked';
  expect((await relay.detail('amended-twice')).spec?.policy).toMatchObject({
    ...(isTaken(0) ? { maxFailures: 7 } : {}),
    ...(isTaken(1) ? { maxJobs: 30 } : {}),
  });
  for (const change of changes) await relay.amend('amended-twice', change);
  expect((await relay.detail('amended-twice')).spec?.policy).toMatchObject({ maxFailures: 7, maxJobs: 30 });
  await relay.stop('amended-twice');
});

/** Temporal's visibility store lags behind. */
const listed = async (filter: ListFilter, wanted: readonly string[]): Promise<string[]> => {
  let found: string[] = [];
  for (let look = 0; look < 200; look += 1) {
    found = (await relay.list(filter)).map(({ chain }) => chain).toSorted();
    if (JSON.stringify(found) === JSON.stringify(wanted.toSorted())) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return found;
};

test('a resume is refused while another chain is open on the same manifest and label attribute: both would pay', async () => {
  world.s3.store.write(manifestUriOf('first-of-two'), manifestText('first-of-two', 4));
  const { job } = specOf('first-of-two');
  await relay.startChain({ chain: 'first-of-two', job });
  await world.env.client.workflow.getHandle('labeling-chain:first-of-two').cancel();
  await untilEnded('first-of-two');
  await untilClosed('first-of-two');
  await relay.startChain({ chain: 'second-of-two', job });
  expect(await listed({ text: 'second-of-two' }, ['second-of-two'])).toEqual(['second-of-two']);
  const both = /the chain second-of-two is open on the same manifest and label attribute; two would pay twice/;
  expect(await problem(relay.resume('first-of-two'))).toMatch(both);
  await relay.stop('second-of-two');
});

test('a manifest that is added to a chain belongs to it alone: neither is another chain started on it, nor is it taken from one', async () => {
  for (const name of ['grows', 'neighbour']) world.s3.store.write(manifestUriOf(name), manifestText(name, 4));
  world.s3.store.write('s3://data/grows/more.manifest', manifestText('grows', 3, 4));
  const { job } = specOf('grows');
  await relay.startChain({ chain: 'grows', job });
  await relay.startChain({ chain: 'neighbour', job: specOf('neighbour').job });
  await untilFirstJob('grows');
  await relay.amend('grows', { manifestUri: 's3://data/grows/more.manifest' });
  expect(await listed({ text: 'neighbour' }, ['neighbour'])).toEqual(['neighbour']);
  const taken = (chain: string): RegExp =>
    new RegExp(`the chain ${chain} is open on the same manifest and label attribute; two would pay twice`);
  expect(await problem(relay.amend('grows', { manifestUri: manifestUriOf('neighbour') }))).toMatch(taken('neighbour'));
  const other = {
    ...job,
    InputConfig: { DataSource: { S3DataSource: { ManifestS3Uri: 's3://data/grows/more.manifest' } } },
  };
  let told = '';
  for (let look = 0; look < 100 && !taken('grows').test(told); look += 1) {
    told = await problem(relay.startChain({ chain: 'other-team', job: other }, { dryRun: true }));
  }
  expect(told).toMatch(taken('grows'));
  for (const name of ['grows', 'neighbour']) await relay.stop(name);
});

test('an ended chain whose record names a file that is gone is mended by an amendment', async () => {
  const chain = 'file-gone';
  world.s3.store.write(manifestUriOf(chain), manifestText(chain, 4));
  await relay.startChain({ chain, job: specOf(chain).job });
  await untilFirstJob(chain);
  await world.env.client.workflow.getHandle(`labeling-chain:${chain}`).terminate();
  const categories = 's3://data/file-gone/categories.json';
  world.s3.store.write(categories, '{"labels":[{"label":"crow"}]}');
  await relay.amend(chain, { changes: { job: { LabelCategoryConfigS3Uri: categories } } });
  world.s3.store.objects.delete(categories);
  // Before its next job the record names the file that is gone: to name another one must be possible.
  const others = 's3://data/file-gone/others.json';
  world.s3.store.write(others, '{"labels":[{"label":"crow"}]}');
  await relay.amend(chain, { changes: { job: { LabelCategoryConfigS3Uri: others } } });
  expect((await relay.detail(chain)).spec?.job.LabelCategoryConfigS3Uri).toBe(others);
});

test('a chain that was terminated and amended since is failed, in the list as by itself, and a resume shows what it knows', async () => {
  world.s3.store.write(manifestUriOf('amended-after'), manifestText('amended-after', 4));
  await relay.startChain({ chain: 'amended-after', job: specOf('amended-after').job });
  await untilFirstJob('amended-after');
  await world.env.client.workflow.getHandle('labeling-chain:amended-after').terminate();
  await relay.amend('amended-after', { changes: { policy: { maxJobs: 9 } } });
  expect(await relay.get('amended-after')).toMatchObject({
    status: 'failed',
    reason: expect.stringMatching(/^it was amended after .*; go on by: label-relay resume amended-after$/),
  });
  expect(await listed({ text: 'amended-after', status: 'failed' }, ['amended-after'])).toEqual(['amended-after']);
  await relay.resume('amended-after');
  expect(await relay.get('amended-after')).toMatchObject({ generation: 1, objects: { total: 4 } });
  await relay.stop('amended-after');
});

test('list filters by attention, by its reason, by work team (as amended) and by name', async () => {
  const begin = async (chain: string): Promise<void> => {
    world.s3.store.write(manifestUriOf(chain), manifestText(chain, 4));
    await relay.startChain({ chain, job: specOf(chain).job });
    for (let look = 0; look < 200 && typeof (await relay.get(chain)).jobs[0]?.arn !== 'string'; look += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
  };
  await begin('listed-stopped');
  const [job] = (await relay.get('listed-stopped')).jobs;
  await world.simulator.call('StopLabelingJob', { LabelingJobName: job?.name });
  await untilEnded('listed-stopped');
  expect((await relay.get('listed-stopped')).attention).toMatchObject({ reason: 'stopped-outside' });
  await begin('listed-running');

  const text = 'listed-';
  expect(await listed({ attention: true, text }, ['listed-stopped'])).toEqual(['listed-stopped']);
  expect(await listed({ attention: 'stopped-outside', text }, ['listed-stopped'])).toEqual(['listed-stopped']);
  expect(await listed({ attention: 'max-cost' }, [])).toEqual([]);
  expect(await listed({ status: 'running', text }, ['listed-running'])).toEqual(['listed-running']);
  const team = specOf('listed-stopped').job.HumanTaskConfig.WorkteamArn;
  const both = ['listed-running', 'listed-stopped'];
  expect(await listed({ workTeam: team, text }, both)).toEqual(both);

  const other = team.replace(/[^/]+$/, 'night-shift');
  await relay.amend('listed-stopped', { changes: { job: { HumanTaskConfig: { WorkteamArn: other } } } });
  await relay.resume('listed-stopped');
  expect(await listed({ workTeam: 'night-shift' }, ['listed-stopped'])).toEqual(['listed-stopped']);
  expect(await listed({ workTeam: team, text }, ['listed-running'])).toEqual(['listed-running']);
  await relay.stop('listed-stopped');
  await relay.stop('listed-running');
});

test('list tells how ended chains ended also where no worker answers a query', async () => {
  const unanswered = relayThrough({ query: () => Promise.reject(new Error('no worker')) });
  const of = async (chain: string): Promise<string | undefined> =>
    (await unanswered.list({ text: chain })).find((one) => one.chain === chain)?.status;
  const shown = async (chain: string, status: string): Promise<string | undefined> => {
    for (let look = 0; look < 200 && (await of(chain)) !== status; look += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    return of(chain);
  };
  await world.env.client.workflow.getHandle('labeling-chain:listed-running').cancel();
  await untilEnded('listed-running');
  expect(await shown('listed-running', 'stopped')).toBe('stopped');
  expect(await of('grown')).toBe('labeled');
  // Still open for its late look; a resume takes its end back.
  expect(await shown('listed-stopped', 'stopped')).toBe('stopped');
  const stopped = await world.env.client.workflow.getHandle('labeling-chain:listed-stopped').describe();
  expect(stopped.status.name).toBe('RUNNING');
  await relay.resume('listed-stopped');
  expect(await shown('listed-stopped', 'running')).toBe('running');
  await relay.stop('listed-stopped');
}, 60_000);

test('list and show say the same of a chain that was terminated: after its end how it ended, before it what to do', async () => {
  const stepMs = 50;
  const until = async (isSo: () => Promise<boolean>): Promise<void> => {
    for (let look = 0; look < 200 && !(await isSo()); look += 1)
      await new Promise((resolve) => setTimeout(resolve, stepMs));
  };
  for (const chain of ['ended-then', 'asked-then']) await startSmall(chain);
  await relay.stop('ended-then');
  await world.simulator.call('StopLabelingJob', { LabelingJobName: (await relay.get('asked-then')).jobs[0]?.name });
  await untilEnded('ended-then');
  await untilEnded('asked-then');
  expect((await relay.get('asked-then')).status).toBe('attention');
  for (const chain of ['ended-then', 'asked-then']) {
    await world.env.client.workflow.getHandle(`labeling-chain:${chain}`).terminate();
    const { status, attention, reason } = await relay.get(chain);
    expect({ status, attention, reason }).toEqual({
      status: chain === 'ended-then' ? 'stopped' : 'failed',
      attention: null,
      reason: expect.stringContaining(chain === 'ended-then' ? 'asked by a person' : 'label-relay resume asked-then'),
    });
    await until(async () => (await relay.list({ text: chain }))[0]?.status === status);
    expect((await relay.list({ text: chain }))[0]?.status).toBe(status);
  }
}, 60_000);

test('list tells of completed chains whose key is not at hand as much as is not encrypted', async () => {
  const { connection, options } = world.env.client;
  const decode = (): Promise<never> => Promise.reject(new Error('this key cannot decrypt it'));
  const codec = { encode: (payloads: Payload[]) => Promise.resolve(payloads), decode };
  const client = new Client({ connection, namespace: options.namespace, dataConverter: { payloadCodecs: [codec] } });
  const listed = await new LabelRelay({ client, taskQueue: TASK_QUEUE }).list();
  expect(listed.find(({ chain }) => chain === 'grown')).toMatchObject({
    status: 'labeled',
    remaining: 0,
    workTeam: null,
  });
});

test('where no worker takes the checks, although one was there a moment ago, a start says so and leaves nothing behind', async () => {
  const { client } = world.env;
  const taskQueue = 'was-polled';
  // A poller that is gone still counts for a while.
  await client.withDeadline(Date.now() + 500, () =>
    client.workflowService
      .pollWorkflowTaskQueue({ namespace: 'default', taskQueue: { name: taskQueue }, identity: 'gone' })
      .catch(() => undefined),
  );
  const lonely = new LabelRelay({ client, taskQueue, workerWaitMs: 3_000 });
  world.s3.store.write(manifestUriOf('lonely'), manifestText('lonely', 4));
  expect(await problem(lonely.startChain({ chain: 'lonely', job: specOf('lonely').job }))).toMatch(
    /^no worker polls the task queue was-polled/,
  );
  expect(await problem(relay.get('lonely'))).toMatch(/there is no chain lonely/);
});

test('a watch that waits for a worker ends as soon as it is aborted', async () => {
  const patient = new LabelRelay({ client: world.env.client, taskQueue: 'nobody-polls', workerWaitMs: 3_600_000 });
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 300);
  for await (const detail of patient.watch('grown', { signal: abort.signal })) expect(detail).toBe('nothing');
  expect(abort.signal.aborted).toBe(true);
});

test('a watch that goes on from an earlier one yields only what is new, and an aborted one ends at once', async () => {
  const chain = 'watched';
  world.s3.store.write(manifestUriOf(chain), manifestText(chain, 4));
  await relay.startChain({ chain, job: specOf(chain).job });
  let last = await relay.detail(chain);
  for (let quiet = 0; quiet < 10;) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const next = await relay.detail(chain);
    quiet = typeof next.document.jobs[0]?.arn === 'string' && isDeepStrictEqual(next, last) ? quiet + 1 : 0;
    last = next;
  }
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 300);
  for await (const detail of relay.watch(chain, { after: last, signal: abort.signal, pollMs: 3_600_000 }))
    expect(detail).toBe('nothing new');
  await relay.stop(chain, 'seen enough');
  for await (const detail of relay.watch(chain, { after: last, pollMs: 20 })) {
    expect(isDeepStrictEqual(detail, last)).toBe(false);
    break;
  }
});

test('a watch that has begun goes on through an outage, and gives up after the time it was given', async () => {
  const { env } = await temporalDevServer();
  let isAway = false;
  const flaky = new Client({ connection: env.connection, namespace: env.namespace ?? 'default' });
  const describe = flaky.workflow.getHandle.bind(flaky.workflow);
  flaky.workflow.getHandle = (...args: Parameters<typeof describe>) => {
    if (isAway) throw new Error('away');
    return describe(...args);
  };
  const away = new LabelRelay({ client: flaky, taskQueue: TASK_QUEUE });
  const statuses: string[] = [];
  const watching = (async () => {
    for await (const { document } of away.watch('watched', { pollMs: 10, outageMs: 200 }))
      statuses.push(document.status);
  })();
  while (statuses.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  isAway = true;
  await expect(watching).rejects.toThrow('away');
  await expect(away.watch('watched').next()).rejects.toThrow('away');
});

test('who waits for a chain puts no question to its workflows until something has changed: each is a billed action', async () => {
  await startSmall('quiet');
  let asked = 0;
  let looks = 0;
  const counting = relayThrough({
    query: (input, next) => {
      asked += 1;
      return next(input);
    },
    describe: (input, next) => {
      looks += 1;
      return next(input);
    },
  });
  let seen = 0;
  const abort = new AbortController();
  const watching = (async () => {
    for await (const _detail of counting.watch('quiet', { pollMs: 10, signal: abort.signal })) seen += 1;
  })();
  const pass = async (count: number): Promise<void> => {
    for (const until = looks + count; looks < until;) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  // What AWS answers first may still be under way.
  await pass(60);
  const before = asked;
  await pass(60);
  expect(asked).toBe(before);
  const seenBefore = seen;
  await relay.stop('quiet');
  for (let look = 0; look < 200 && seen === seenBefore; look += 1)
    await new Promise((resolve) => setTimeout(resolve, 50));
  expect(seen).toBeGreaterThan(seenBefore);
  abort.abort();
  await watching;
});

describe('a chain whose workflow was terminated because the workers cannot carry it out again', () => {
  let isOld = true;
  const rolledBack = () =>
    relayThrough({
      query: (input, next) => (isOld ? Promise.reject(new QueryNotRegisteredError('no such query', 3)) : next(input)),
    });

  test('is shown with what to do, and goes on from its record without a spec', async () => {
    await startSmall('rolled-back');
    await expect(rolledBack().get('rolled-back')).rejects.toThrow(/cannot be read; is its worker of another version/);
    await world.env.client.workflow.getHandle('labeling-chain:rolled-back').terminate();
    const { status, reason } = await rolledBack().get('rolled-back');
    expect(status).toBe('failed');
    expect(reason).toMatch(/terminated: no worker can carry it out again.*label-relay resume rolled-back$/);
    await rolledBack().amend('rolled-back', { changes: { policy: { maxJobs: 7 } } });
    await untilClosed('rolled-back');
    isOld = false;
    await rolledBack().resume('rolled-back');
    const { document, spec } = await relay.detail('rolled-back');
    expect({ generation: document.generation, maxJobs: spec?.policy.maxJobs }).toEqual({ generation: 1, maxJobs: 7 });
  });

  test('is shown as what it ended as, where it had ended', async () => {
    isOld = true;
    expect(await rolledBack().get('grown')).toMatchObject({
      status: 'labeled',
      reason: expect.stringMatching(
        /^its workflow is completed: no worker can carry it out again[^;]*; its record has the rest$/,
      ),
    });
  });

  test('is not shown as empty where only nobody answers', async () => {
    await world.env.client.workflow.getHandle('labeling-chain:rolled-back').terminate();
    const unanswered = relayThrough({ query: () => Promise.reject(new Error('away')) });
    await expect(unanswered.get('rolled-back')).rejects.toThrow('away');
  });
});

test('who waits for a chain hears within minutes that the workers are gone, though the server still names them', async () => {
  await startSmall('left-alone');
  const { connection, options } = world.env.client;
  const client = new Client({ connection, namespace: options.namespace });
  const pollers = [{ lastAccessTime: { seconds: 1_700_000_000 } }];
  const describeTaskQueue = () => Promise.resolve({ pollers });
  Object.defineProperty(client, 'workflowService', {
    value: Object.assign(Object.create(client.workflowService), { describeTaskQueue }),
  });
  const left = new LabelRelay({ client, taskQueue: TASK_QUEUE });
  const { now } = Date;
  const startedMs = now();
  // A minute for a second.
  Date.now = () => startedMs + (now() - startedMs) * 60;
  try {
    const watching = (async () => {
      for await (const { document } of left.watch('left-alone', { pollMs: 50, outageMs: 60_000 }))
        expect(document.status).toBe('running');
    })();
    await expect(watching).rejects.toThrow(/left-alone goes on, but: no worker polls the task queue/);
  } finally {
    Date.now = now;
  }
});

test('a clock of the client that is minutes ahead hides no worker', async () => {
  const { now } = Date;
  Date.now = () => now() + 4 * 60_000;
  try {
    expect((await relay.get('grown')).status).toBe('labeled');
  } finally {
    Date.now = now;
  }
});

test('a start whose worker may not write is refused with what its workflow failed with', async () => {
  world.s3.store.write(manifestUriOf('unwritable'), manifestText('unwritable', 4));
  world.s3.fault = (method) => (method === 'PUT' ? 'AccessDenied' : null);
  try {
    expect(await problem(relay.startChain({ chain: 'unwritable', job: specOf('unwritable').job }))).toMatch(
      /AccessDenied/,
    );
  } finally {
    world.s3.fault = null;
  }
});
