/** Mistakes that other projects make with labeling jobs, held against whole chains: each would fail one of these tests. */
import type { ChainState } from '../../decisions/chain-state.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import { labelingJobView, stateChange } from '../../workflows/messages.ts';
import { timeSkippingServer } from '../support/servers.ts';
import { manifestUriOf } from './support/spec.ts';
import { World, type Story } from './support/world.ts';

let world: World;
beforeAll(async () => {
  world = await World.open(await timeSkippingServer(), { followsTemporal: true, sendsEvents: false });
}, 60_000);
afterEach(() => world.clear());

const slow = { workers: { count: 2, ratePerHour: 0.005 } };

const runToEnd = async (chain: string, story: Story): Promise<ChainState> => {
  await world.start(chain, story);
  return world.untilEnded(chain);
};

const untilStatus = (chain: string, status: string): Promise<ChainState> =>
  world.until(chain, ({ generations }) => generations.at(-1)?.status === status, { stepMs: 10_000 });

test('no event ever arrives: the chain is labeled all the same (I7)', async () => {
  const state = await runToEnd('silent', { jobs: [slow], policy: { lifetime: '3d' } });
  expect(state.end?.status).toBe('labeled');
});

test('an event arrives before the job exists: its workflow is there and takes it', async () => {
  await world.start('early', { api: [{ op: 'CreateLabelingJob', fault: 'ResourceLimitExceeded', nth: 1 }] });
  const { generations } = await world.until('early', (state) => state.generations.length > 0, { stepMs: 1_000 });
  const follower = world.follower(generations[0]?.name ?? '');
  await follower.signal(stateChange, { status: 'Completed', eventId: 'early' });
  expect((await follower.query(labelingJobView)).events).toBe(1);
  expect((await world.untilEnded('early')).end?.status).toBe('labeled');
});

test('the same event five times, and once more under another id: one look within ten seconds, one merge', async () => {
  await world.start('repeated', { jobs: [slow] });
  const { generations } = await untilStatus('repeated', 'InProgress');
  const follower = world.follower(generations[0]?.name ?? '');
  const before = (await follower.query(labelingJobView)).describes;
  for (const eventId of ['a', 'a', 'a', 'a', 'a', 'b'])
    await follower.signal(stateChange, { status: 'InProgress', eventId });
  await world.env.sleep(9_000);
  const after = await follower.query(labelingJobView);
  expect(after.events).toBe(6);
  expect(after.describes - before).toBeLessThanOrEqual(1);
});

test('an event that says Completed while Describe says InProgress changes nothing (law 1)', async () => {
  await world.start('lying', { jobs: [slow] });
  const { generations } = await untilStatus('lying', 'InProgress');
  const follower = world.follower(generations[0]?.name ?? '');
  await follower.signal(stateChange, { status: 'Completed', eventId: 'a' });
  await world.env.sleep('1 day');
  expect((await follower.query(labelingJobView)).observation?.status).toBe('InProgress');
  expect(world.jobNames('lying')).toHaveLength(1);
});

test('Describe lags behind the event of the ending: it is looked at again until it is confirmed', async () => {
  await world.start('lagging', { jobs: [{ describeLag: '3m' }] });
  const { generations } = await untilStatus('lagging', 'InProgress');
  await world.follower(generations[0]?.name ?? '').signal(stateChange, { status: 'Completed', eventId: 'a' });
  expect((await world.untilEnded('lagging', MINUTE_MS)).end?.status).toBe('labeled');
});

test('a job is waited for longer than 23 hours, 4, 7, 14 and 29 days', async () => {
  await world.start('patient', { jobs: [slow], policy: { reconcile: { every: '2d' } } });
  for (const days of [1, 3, 3, 7, 15]) {
    await world.env.sleep(days * DAY_MS);
    const { generations, attention } = await world.state('patient');
    expect(generations).toHaveLength(1);
    expect(attention).toBeNull();
  }
  expect((await world.untilEnded('patient')).generations.map(({ outcome }) => outcome)).toEqual(['expired', 'labeled']);
});

test('Initializing goes to Stopping without InProgress: followed to its end', async () => {
  await world.start('never-began', { jobs: [{ initializing: '2h', stop: { after: '10m' } }] });
  const state = await world.untilAttention('never-began', 10 * MINUTE_MS);
  expect(state.attention?.reason).toBe('stopped-outside');
  expect(state.generations[0]).toMatchObject({ status: 'Stopped', newLabels: 0 });
});

test('a user stops the job with leftovers: no next job', async () => {
  await world.start('user-stop', { jobs: [{ ...slow, stop: { after: '1d' } }] });
  await world.untilAttention('user-stop');
  await world.env.sleep('60 days');
  expect(world.jobNames('user-stop')).toHaveLength(1);
});

test('Failed for another reason than expiry: nothing is labeled again', async () => {
  const state = await runToEnd('failed', { jobs: [{ ...slow, fail: { after: '3h', reason: 'Internal error' } }] });
  const [first, second] = state.generations;
  expect(first?.newLabels).toBe(2);
  expect(second?.input?.objects).toBe(8);
});

test('only objects remain that fail for ever: the chain ends and reports them', async () => {
  const broken = { broken: { objects: ['*/0.jpg', '*/1.jpg'], reason: 'The object cannot be shown.' } };
  const state = await runToEnd('broken', { jobs: [broken, broken, broken, broken] });
  expect(state.end?.status).toBe('labeled');
  expect(state.dataset).toMatchObject({ labeled: 8, setAside: 2 });
  const report = (world.s3.store.text(state.end?.leftoverReportUri ?? '') ?? '').trim().split('\n');
  expect(report.map((line) => JSON.parse(line))).toMatchObject([
    { setAside: true, attempts: 3, lastReason: expect.stringContaining('cannot be shown') },
    { setAside: true, attempts: 3 },
  ]);
});

test('a result is stored before its source is let go, with more than 50 objects: what a record names is in S3 by then, whole', async () => {
  const stored = new Map<string, ReadonlySet<string>>();
  const refused = new Set<string>();
  world.s3.fault = (method, uri) => {
    if (method !== 'PUT' || !uri.startsWith('s3://data/out/stored/')) return null;
    if (uri.includes('/record/')) stored.set(uri, new Set(world.s3.store.objects.keys()));
    // Every file is refused once: what was half stored must not be named.
    if (refused.has(uri)) return null;
    refused.add(uri);
    return 'InternalError';
  };
  const recordsAtCreate: number[] = [];
  world.beforeCall = (operation) => {
    if (operation === 'CreateLabelingJob') recordsAtCreate.push(stored.size);
  };
  await world.start('stored', { objects: 120, jobs: [{ workers: { ratePerHour: 1 } }], policy: { lifetime: '3d' } });
  const { generations, dataset } = await world.untilEnded('stored');
  expect(generations.map(({ outcome }) => outcome)).toEqual(['expired', 'labeled']);
  expect(dataset).toMatchObject({ total: 120, labeled: 120 });
  expect(recordsAtCreate[0]).toBeGreaterThan(0);
  expect(recordsAtCreate[1]).toBeGreaterThan(recordsAtCreate[0] ?? 0);
  const labelsKnown = [...stored].map(([uri, before]) => {
    const { state }: { state: ChainState } = JSON.parse(world.s3.store.text(uri) ?? '');
    const { manifestUri = '', statesUri = '', labeled = -1 } = state.dataset ?? {};
    expect(before).toContain(manifestUri);
    expect(before).toContain(statesUri);
    const lines = (world.s3.store.text(manifestUri) ?? '').trim().split('\n');
    expect(lines).toHaveLength(120);
    expect(lines.filter((line) => line.includes('"species"'))).toHaveLength(labeled);
    return labeled;
  });
  // Labels are only added from one record to the next.
  expect(labelsKnown).toEqual(labelsKnown.toSorted((a, b) => a - b));
  expect(new Set(labelsKnown).size).toBe(3);
});

test('the same file name in two folders is two objects', async () => {
  const uris = ['s3://data/a/1.jpg', 's3://data/b/1.jpg', 's3://data/b/1.jpg'];
  world.s3.store.write(manifestUriOf('folders'), uris.map((uri) => `{"source-ref":"${uri}"}\n`).join(''));
  const state = await runToEnd('folders', { objects: 0 });
  expect(state.dataset).toMatchObject({ total: 3, labeled: 3 });
});

test('two chains in the same minute, with the same first six characters, have jobs of their own', async () => {
  await world.prepare('samename-b');
  await world.start('samename-a', {});
  await world.start('samename-b', {});
  await world.untilEnded('samename-a');
  await world.untilEnded('samename-b');
  const names = [...world.jobNames('samename-a'), ...world.jobNames('samename-b')];
  expect(new Set(names).size).toBe(2);
});

test('more than ten jobs: each slice is labeled, none is forgotten', async () => {
  await world.start('slices', { objects: 60, policy: { maxObjectsPerJob: 5 } });
  const state = await world.untilEnded('slices', HOUR_MS);
  expect(state.generations).toHaveLength(12);
  expect(state.dataset).toMatchObject({ total: 60, labeled: 60 });
}, 30_000);

test('a late older status never turns a job back', async () => {
  await world.start('older', { jobs: [{ workers: { ratePerHour: 1 } }] });
  await untilStatus('older', 'InProgress');
  let shown = 0;
  world.shownStatus = (status) => (status === 'Completed' && (shown += 1) === 1 ? 'Completed' : status);
  const state = await world.untilEnded('older', HOUR_MS);
  expect(state.generations[0]?.status).toBe('Completed');
  const { generations } = state;
  const follower = world.follower(generations[0]?.name ?? '');
  await expect(follower.signal(stateChange, { status: 'InProgress', eventId: 'late' })).rejects.toThrow(
    /not found|completed/i,
  );
  expect((await world.state('older')).end?.status).toBe('labeled');
});
