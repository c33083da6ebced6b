/** What people are told of a live job without being asked for anything (notifications, not attention). */
import { DAY_MS, HOUR_MS } from '../../decisions/durations.ts';
import type { Observation } from '../../decisions/ending.ts';
import { activitySeen, newFollow, observed, type Follow, type FollowContext } from '../../decisions/follow.ts';
import { noticesOf } from '../../decisions/notices.ts';
import { T0, counters, followOf, observationOf, policyOf } from './builders.ts';

const context = (change: Partial<FollowContext> = {}): FollowContext => ({
  policy: policyOf(),
  streaming: false,
  sentObjects: 100,
  ...change,
});
const later = (follow: Follow, ageMs: number, change: Partial<Observation> = {}): Follow =>
  observed(follow, observationOf({ serviceNowMs: T0 + ageMs, ...change }));
const ids = (follow: Follow, given = context()): string[] => noticesOf(follow, given).map((notice) => notice.id);
const stop = { by: 'person', requestedAtMs: T0 } as const;

describe('the deadline at risk', () => {
  const slow = later(followOf(), DAY_MS, { counters: counters({ totalLabeled: 1 }) });

  test('is told a day after the creation, with what the rate says', () => {
    expect(noticesOf(slow, context())).toEqual([
      {
        kind: 'deadline-at-risk',
        id: 'deadline-at-risk',
        message: 'birds-abcde-001 would end in 99d at its rate of late; its deadline is in 29d',
      },
    ]);
    const still = later(followOf(), DAY_MS);
    expect(noticesOf(still, context())[0]?.message).toBe(
      'birds-abcde-001 would end never at its rate of late; its deadline is in 29d',
    );
  });

  test('is told once', () => {
    expect(ids({ ...slow, noticesTold: ['deadline-at-risk'] })).toEqual([]);
  });

  test('is not told earlier, of a job in time, stopping, streaming, or not in progress', () => {
    expect(ids(later(followOf(), DAY_MS - 1, { counters: counters({ totalLabeled: 1 }) }))).toEqual([]);
    expect(ids(later(followOf(), DAY_MS, { counters: counters({ totalLabeled: 4 }) }))).toEqual([]);
    expect(ids({ ...slow, stop })).toEqual([]);
    expect(ids(slow, context({ streaming: true }))).toEqual([]);
    expect(ids(later(followOf({ status: 'Initializing' }), DAY_MS, { status: 'Initializing' }))).toEqual([]);
    expect(ids(newFollow())).toEqual([]);
  });
});

describe('silence', () => {
  const told = { noticesTold: ['deadline-at-risk'] };
  const still = later(followOf({}, told), 3 * DAY_MS);

  test('is told when the counters stood still for three days', () => {
    expect(noticesOf(still, context())).toEqual([
      { kind: 'silence', id: `silence:${T0}`, message: 'birds-abcde-001 made no progress for 3d' },
    ]);
    expect(ids(later(followOf({}, told), 3 * DAY_MS - 1))).toEqual([]);
  });

  test('is told once, and again after a progress', () => {
    const heard = { ...still, noticesTold: [...told.noticesTold, `silence:${T0}`] };
    expect(ids(heard)).toEqual([]);
    const moved = later(heard, 4 * DAY_MS, { counters: counters({ totalLabeled: 50 }) });
    expect(ids(moved)).toEqual([]);
    expect(ids(later(moved, 7 * DAY_MS, { counters: counters({ totalLabeled: 50 }) }))).toEqual([
      `silence:${T0 + 4 * DAY_MS}`,
    ]);
  });

  test('is not told of a job that is streaming, stopping, or not in progress', () => {
    expect(ids(still, context({ streaming: true }))).toEqual([]);
    expect(ids({ ...still, stop })).toEqual([]);
    expect(ids(later(followOf({ status: 'Initializing' }, told), 3 * DAY_MS, { status: 'Initializing' }))).toEqual([]);
  });

  test('of workers is told where worker events are on', () => {
    const window = {
      windowStartMs: T0,
      windowEndMs: T0 + HOUR_MS,
      accepted: 1,
      submitted: 1,
      declined: 0,
      returned: 0,
      activeWorkers: 1,
      lastActivityMs: T0 + HOUR_MS,
    };
    const quiet = activitySeen(still, window);
    const message = 'no worker did anything on birds-abcde-001 for 3d';
    expect(noticesOf(later(quiet, 3 * DAY_MS + HOUR_MS), context())).toEqual([
      { kind: 'silence', id: `silence:workers:${T0 + HOUR_MS}`, message },
    ]);
  });

  test('of workers is told also after an event with a forged time to come', () => {
    const forgedMs = Date.UTC(9999, 0);
    const window = {
      windowStartMs: forgedMs,
      windowEndMs: forgedMs,
      accepted: 1,
      submitted: 0,
      declined: 0,
      returned: 0,
      activeWorkers: null,
      lastActivityMs: forgedMs,
    };
    const looked = later(activitySeen(followOf({}, told), window), HOUR_MS);
    expect(looked.workers.lastActivityMs).toBe(T0 + HOUR_MS);
    expect(ids(looked)).toEqual([]);
    expect(ids(later(looked, 4 * DAY_MS))).toEqual([`silence:workers:${T0 + HOUR_MS}`]);
  });
});

test('a surge of declines is told with its numbers, also in a streaming job', () => {
  const window = {
    windowStartMs: T0,
    windowEndMs: T0 + HOUR_MS,
    accepted: 12,
    submitted: 2,
    declined: 10,
    returned: 0,
    activeWorkers: 3,
    lastActivityMs: T0 + HOUR_MS,
  };
  const follow = activitySeen(followOf(), window);
  const notice = {
    kind: 'decline-surge',
    id: `decline-surge:${T0}`,
    message: '10 tasks of birds-abcde-001 were declined and 2 answered within 1h',
  };
  expect(noticesOf(follow, context())).toEqual([notice]);
  expect(noticesOf(follow, context({ streaming: true }))).toEqual([notice]);
  expect(noticesOf(activitySeen(newFollow(), window), context())).toEqual([]);
  expect(noticesOf(follow, context({ policy: policyOf({ declineSurge: 11 }) }))).toEqual([]);
  expect(ids({ ...follow, noticesTold: [notice.id] })).toEqual([]);
});
