import type { WorkerEvent } from '../../events/handling.ts';
import { startWorkerActivity } from '../../events/worker-activity.ts';
import { createWorkerWindows, SURGE_WINDOW_MS, WINDOW_MS } from '../../events/worker-windows.ts';
import { fakeTemporal, grpcFailure, notFound } from './fake-temporal.ts';
import { ACCOUNT, REGION, WORKTEAM_ARN } from './recorded-events.ts';

const event = (action: WorkerEvent['action'], timeMs = 1_000, jobName = 'birds-001'): WorkerEvent => ({
  kind: 'worker-event',
  place: { account: ACCOUNT, region: REGION, jobName },
  workteamArn: WORKTEAM_ARN,
  action,
  timeMs,
});

const onTestClock = () => {
  let nowMs = 0;
  return { windows: createWorkerWindows(() => nowMs), advance: (ms: number) => void (nowMs += ms) };
};

test('a window of an hour is one message with the counts, and its times come from the events', () => {
  const { windows, advance } = onTestClock();
  for (const action of ['accepted', 'accepted', 'submitted', 'returned'] as const) windows.count(event(action, 5_000));
  windows.count(event('declined', 2_000));
  windows.count(event('submitted', 9_000));
  advance(WINDOW_MS - 1);
  expect(windows.takeDue()).toEqual([]);
  advance(1);
  expect(windows.takeDue()).toEqual([
    {
      place: { account: ACCOUNT, region: REGION, jobName: 'birds-001' },
      activity: {
        workteamArn: WORKTEAM_ARN,
        windowStartMs: 2_000,
        windowEndMs: 9_000,
        accepted: 2,
        submitted: 2,
        declined: 1,
        returned: 1,
        activeWorkers: null,
        lastActivityMs: 9_000,
      },
    },
  ]);
  advance(10 * WINDOW_MS);
  expect(windows.takeDue()).toEqual([]);
});

test('thirty days of a busy job and team stay far below the 10,000 signals of a run', () => {
  const { windows, advance } = onTestClock();
  let messages = 0;
  for (let minute = 0; minute < 30 * 24 * 60; minute++) {
    windows.count(event('submitted'));
    messages += windows.takeDue().length;
    advance(60_000);
  }
  expect(messages).toBeGreaterThan(700);
  expect(messages).toBeLessThanOrEqual(720);
});

test('a surge of declines is told after five minutes', () => {
  const { windows, advance } = onTestClock();
  for (let n = 0; n < 5; n++) windows.count(event('declined'));
  advance(SURGE_WINDOW_MS);
  expect(windows.takeDue().map(({ activity }) => activity.declined)).toEqual([5]);
});

test('declines that submits outnumber are no surge', () => {
  const { windows, advance } = onTestClock();
  for (let n = 0; n < 5; n++) windows.count(event('declined'));
  for (let n = 0; n < 5; n++) windows.count(event('submitted'));
  advance(SURGE_WINDOW_MS);
  expect(windows.takeDue()).toEqual([]);
});

test('jobs and work teams have windows of their own, and job names differ without regard to case', () => {
  const { windows } = onTestClock();
  windows.count(event('submitted', 1, 'birds-001'));
  windows.count(event('submitted', 1, 'BIRDS-001'));
  windows.count(event('submitted', 1, 'birds-002'));
  windows.count({ ...event('submitted'), workteamArn: 'unknown' });
  expect(windows.takeDue({ everything: true }).map(({ activity }) => activity.submitted)).toEqual([2, 1, 1]);
});

test('an action that AWS has not documented is tolerated and opens no window', () => {
  const { windows } = onTestClock();
  windows.count(event('other'));
  expect(windows.takeDue({ everything: true })).toEqual([]);
});

test('workers are told apart, and who they are never leaves the window', () => {
  const { windows } = onTestClock();
  for (const worker of ['canary-worker-1', 'canary-worker-2', 'canary-worker-1'])
    windows.count(event('submitted'), worker);
  const closed = windows.takeDue({ everything: true });
  expect(closed.map(({ activity }) => activity.activeWorkers)).toEqual([2]);
  expect(JSON.stringify(closed)).not.toContain('canary');
});

test('memory is bounded: beyond 10,000 windows events are dropped', () => {
  const { windows } = onTestClock();
  const taken = Array.from({ length: 10_001 }, (_, n) => windows.count(event('submitted', 1, `job-${n}`)));
  expect(taken.indexOf(false)).toBe(10_000);
  expect(windows.count(event('submitted', 1, 'job-0'))).toBe(true);
});

describe('on the way to the workflow', () => {
  test('each window is one workerActivity signal, sent when the counter stops', async () => {
    const { client, sent } = fakeTemporal();
    const counter = startWorkerActivity(client);
    counter.count(event('accepted'));
    counter.count(event('submitted'));
    await counter.stop();
    expect(sent).toMatchObject([
      {
        workflowId: `labeling-job:${ACCOUNT}:${REGION}:birds-001`,
        signal: 'workerActivity',
        args: [{ accepted: 1, submitted: 1, activeWorkers: null }],
      },
    ]);
  });

  test('an outage keeps the window, a closed workflow forgets it', async () => {
    let failure: Error | null = grpcFailure(14, 'refused');
    const { client, sent } = fakeTemporal(() => {
      if (failure) throw failure;
    });
    const counter = startWorkerActivity(client);
    counter.count(event('submitted'));
    await counter.flush({ everything: true });
    failure = notFound('workflow execution already completed');
    await counter.flush();
    failure = null;
    await counter.stop();
    expect(sent).toHaveLength(2);
  });
});
