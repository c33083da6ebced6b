/**
 * `advance` on a real server, with workflows that wait as ours do.
 */
import { fileURLToPath } from 'node:url';
import { msToTs } from '@temporalio/common/lib/time.js';
import { Worker } from '@temporalio/worker';
import { DAY_MS, HOUR_MS } from '../../decisions/durations.ts';
import { type AdvanceStep, advance } from '../../local/advance.ts';
import { stopAfterTests, temporalDevServer } from '../support/servers.ts';
import { type FakeClock, startFakeClock } from './fake-clock.ts';
import { type sampleChain, type sampleJob, type sampleLongRunner, type sampleStumbler } from './sample-workflows.ts';

const taskQueue = 'samples';
let clock: FakeClock;
const notes = new Map<string, number[]>();
const stumbles = new Map<string, number>();

beforeAll(async () => {
  const { env } = await temporalDevServer();
  clock = await startFakeClock();
  stopAfterTests(clock.stop);
  const worker = await Worker.create({
    connection: env.nativeConnection,
    taskQueue,
    workflowsPath: fileURLToPath(new URL('./sample-workflows.ts', import.meta.url)),
    activities: {
      note: (name: string) => {
        notes.set(name, [...(notes.get(name) ?? []), clock.now()]);
        return Promise.resolve(clock.now());
      },
      stumble: (name: string) => {
        const count = (stumbles.get(name) ?? 0) + 1;
        stumbles.set(name, count);
        return count === 1 ? Promise.reject(new Error('The first time it fails.')) : Promise.resolve();
      },
    },
  });
  const running = worker.run();
  stopAfterTests(async () => {
    worker.shutdown();
    await running;
  });
});

const move = async (durationMs: number): Promise<AdvanceStep[]> => {
  const { env } = await temporalDevServer();
  const steps: AdvanceStep[] = [];
  await advance({
    connection: env.connection,
    taskQueue,
    simulatorEndpoint: clock.endpoint,
    durationMs,
    onStep: (step) => steps.push(step),
  });
  return steps;
};

const start = async <T extends unknown[]>(type: string, workflowId: string, args: T) => {
  const { env } = await temporalDevServer();
  return await env.client.workflow.start(type, { taskQueue, workflowId, args });
};

test('30 days fire each of the 6-hour timers once, each at a time of its own (I7)', async () => {
  const args: Parameters<typeof sampleJob> = ['month', 30 * DAY_MS];
  const handle = await start('sampleJob', 'month', args);
  await move(30 * DAY_MS);
  await expect(handle.result()).resolves.toBe(120);
  const times = notes.get('month') ?? [];
  expect(new Set(times.slice(1).map((time, index) => time - (times[index] ?? 0)))).toEqual(new Set([6 * HOUR_MS]));
});

test('a chain of four jobs over 40 days runs one job after another, in steps of an hour near a deadline', async () => {
  const args: Parameters<typeof sampleChain> = ['chain', [29.5 * DAY_MS, 2 * DAY_MS, 3 * DAY_MS, 5 * DAY_MS]];
  const handle = await start('sampleChain', 'chain', args);
  const beforeMs = clock.now();
  const steps = await move(41 * DAY_MS);
  const wakes = await handle.result();
  expect(wakes).toHaveLength(4);
  expect(clock.now() - beforeMs).toBe(41 * DAY_MS);
  const near = steps.filter(({ stepMs }) => stepMs <= HOUR_MS).length;
  expect(near).toBeGreaterThanOrEqual(12);
  expect(near).toBeLessThan(40);
});

test('nothing open moves only the clock', async () => {
  const beforeMs = clock.now();
  expect((await move(2 * DAY_MS)).map(({ moved }) => moved)).toEqual(Array.from({ length: 8 }, () => 0));
  expect(clock.now() - beforeMs).toBe(2 * DAY_MS);
});

test('a retry back-off is skipped, and a wait longer than the advance stays pending', async () => {
  const args: Parameters<typeof sampleStumbler> = ['stumbler'];
  const handle = await start('sampleStumbler', 'stumbler', args);
  await move(6 * HOUR_MS);
  expect(stumbles.get('stumbler')).toBe(2);
  const { status, raw } = await handle.describe();
  expect(status.name).toBe('RUNNING');
  expect(raw.workflowExtendedInfo?.timeSkippingInfo?.effectiveConfig?.enabled).toBe(false);
  await handle.terminate();
});

test('a workflow that continues as new under way reaches its end in time', async () => {
  const args: Parameters<typeof sampleLongRunner> = ['runner', 10];
  const handle = await start('sampleLongRunner', 'runner', args);
  await move(2.5 * DAY_MS);
  await handle.result();
  expect(notes.get('runner')).toHaveLength(10);
});

test('a fast-forward that a killed advance left behind is cancelled before it jumps over anything', async () => {
  const { env } = await temporalDevServer();
  const args: Parameters<typeof sampleChain> = ['left', [2 * DAY_MS]];
  const handle = await start('sampleChain', 'left', args);
  const isSkipping = async () =>
    (await handle.describe()).raw.workflowExtendedInfo?.timeSkippingInfo?.effectiveConfig?.enabled ?? false;
  await env.connection.workflowService.updateWorkflowExecutionOptions({
    namespace: 'default',
    workflowExecution: { workflowId: 'left' },
    workflowExecutionOptions: {
      timeSkippingConfig: {
        enabled: true,
        disablePropagation: true,
        fastForwardConfig: { id: 'left', duration: msToTs('300 days') },
      },
    },
    updateMask: { paths: ['time_skipping_config'] },
  });
  // The chain waits for its job, so its own time stands still and the fast-forward stays pending.
  await expect(isSkipping()).resolves.toBe(true);
  await move(6 * HOUR_MS);
  await expect(isSkipping()).resolves.toBe(false);
  await move(2 * DAY_MS);
  await expect(handle.result()).resolves.toEqual([8]);
});

test('an advance that is told to stop leaves no fast-forward behind', async () => {
  const { env } = await temporalDevServer();
  const args: Parameters<typeof sampleJob> = ['stopped', 20 * DAY_MS];
  const handle = await start('sampleJob', 'stopped', args);
  const stop = new AbortController();
  const beforeMs = clock.now();
  await advance({
    connection: env.connection,
    taskQueue,
    simulatorEndpoint: clock.endpoint,
    durationMs: 20 * DAY_MS,
    onStep: () => stop.abort(),
    signal: stop.signal,
  });
  expect(clock.now() - beforeMs).toBe(6 * HOUR_MS);
  const { raw } = await handle.describe();
  expect(raw.workflowExtendedInfo?.timeSkippingInfo?.effectiveConfig?.enabled).toBe(false);
  await handle.terminate();
});

test('two advances at once are made one after the other', async () => {
  const args: Parameters<typeof sampleJob> = ['twice', 4 * DAY_MS];
  const handle = await start('sampleJob', 'twice', args);
  const beforeMs = clock.now();
  await Promise.all([move(2 * DAY_MS), move(2 * DAY_MS)]);
  await expect(handle.result()).resolves.toBe(16);
  expect(clock.now() - beforeMs).toBe(4 * DAY_MS);
});

test('a wrong duration and an absent simulator are each said in one line', async () => {
  const { env } = await temporalDevServer();
  const options = { connection: env.connection, taskQueue, simulatorEndpoint: 'http://127.0.0.1:1', durationMs: 1 };
  await expect(advance({ ...options, durationMs: -1 })).rejects.toThrow(/Time moves forward only/);
  await expect(advance(options)).rejects.toMatchObject({
    name: 'InputError',
    message: expect.stringMatching(/clock at http:\/\/127\.0\.0\.1:1 does not answer \(.+\)\. Start a stack/),
  });
});
