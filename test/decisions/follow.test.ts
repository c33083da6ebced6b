/** How one job is followed: when it is looked at, when it is stopped, what is told. Law 1 in numbers. */
import fc from 'fast-check';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../decisions/durations.ts';
import type { Observation } from '../../decisions/ending.ts';
import {
  LOOKS_AFTER_EVENT_MS,
  LOOKS_AFTER_STOP_MS,
  MIN_BETWEEN_LOOKS_MS,
  absent,
  activitySeen,
  eventArrived,
  handOver,
  isGone,
  looked,
  newFollow,
  nextLookMs,
  observed,
  stopAsked,
  troublesOf,
  type Follow,
  type FollowContext,
} from '../../decisions/follow.ts';
import { T0, counters, followOf, observationOf, policyOf } from './builders.ts';

const context = (policy: object = {}, change: Partial<FollowContext> = {}): FollowContext => ({
  policy: policyOf(policy),
  streaming: false,
  sentObjects: 100,
  ...change,
});
const at = (ageMs: number, change: Partial<Observation> = {}): Observation =>
  observationOf({ serviceNowMs: T0 + ageMs, ...change });
const person = { by: 'person', requestedAtMs: T0 } as const;
const handingOver = { by: 'hand-over', requestedAtMs: T0 } as const;
const DEADLINE = 30 * DAY_MS;

describe('what was observed', () => {
  test('a newer look takes the place of an older one; an older one changes nothing', () => {
    const first = observed(newFollow(), at(10, { status: 'InProgress' }));
    expect(observed(first, at(5, { status: 'Initializing' })).observation?.status).toBe('InProgress');
    expect(observed(first, at(10, { status: 'Stopping' })).observation?.status).toBe('Stopping');
  });

  test('a terminal status is final', () => {
    const over = followOf({ status: 'Completed' });
    expect(observed(over, at(DAY_MS, { status: 'InProgress' })).observation).toBe(over.observation);
  });

  test('progress is a counter that grew or a status that changed', () => {
    const first = followOf({ counters: counters({ totalLabeled: 1, failed: 1 }) });
    expect(first).toMatchObject({ progressAtMs: T0, done: 2 });
    const same = observed(first, at(HOUR_MS, { counters: counters({ totalLabeled: 2 }) }));
    expect(same).toMatchObject({ progressAtMs: T0, done: 2 });
    const less = observed(same, at(2 * HOUR_MS));
    expect(less).toMatchObject({ progressAtMs: T0, done: 2 });
    expect(less.samples.at(-1)).toEqual({ atMs: T0 + 2 * HOUR_MS, done: 2 });
    expect(observed(less, at(3 * HOUR_MS, { counters: counters({ failed: 3 }) }))).toMatchObject({
      progressAtMs: T0 + 3 * HOUR_MS,
      done: 3,
    });
    expect(observed(less, at(3 * HOUR_MS, { status: 'Stopping' }))).toMatchObject({ progressAtMs: T0 + 3 * HOUR_MS });
  });

  test('a job that Describe does not know is gone only after ten looks in a row, in about half an hour', () => {
    let follow = newFollow();
    let waitedMs = 0;
    for (let look = 1; look <= 10; look += 1) {
      expect(isGone(follow)).toBe(false);
      follow = absent(follow);
      waitedMs += nextLookMs(follow, context(), 0);
    }
    expect(isGone(follow)).toBe(true);
    expect(waitedMs).toBeGreaterThan(20 * MINUTE_MS);
    expect(waitedMs).toBeLessThan(40 * MINUTE_MS);
    expect(observed(follow, at(0)).absentLooks).toBe(0);
    expect(observed({ ...follow, observation: at(0, { status: 'Failed' }) }, at(1)).absentLooks).toBe(0);
  });

  test.each([
    [0, 10],
    [1, 10],
    [2, 20],
    [3, 40],
    [5, 160],
    [6, 300],
    [9, 300],
  ])('after %d looks that found nothing the next is in %d s', (looks, seconds) => {
    expect(nextLookMs({ ...newFollow(), absentLooks: looks }, context(), 0)).toBe(seconds * SECOND_MS);
    // Also where an earlier look had found it.
    const lost = followOf({}, { absentLooks: Math.max(1, looks) });
    expect(nextLookMs(lost, context(), 0)).toBe(seconds * SECOND_MS);
  });
});

describe('reconcile', () => {
  test.each([
    [0, 5 * MINUTE_MS],
    [2 * MINUTE_MS, 3 * MINUTE_MS],
    [5 * MINUTE_MS, 25 * MINUTE_MS],
    [30 * MINUTE_MS, 90 * MINUTE_MS],
    [2 * HOUR_MS, 6 * HOUR_MS],
    [10 * DAY_MS, 6 * HOUR_MS],
  ])('at an age of %d ms the next look without an event is in %d ms', (ageMs, waitMs) => {
    const follow = followOf({ serviceNowMs: T0 + ageMs });
    expect(nextLookMs(follow, context(), 0)).toBe(waitMs);
  });

  test('a job created within a second is looked at once at each age, though the service tells whole seconds only', () => {
    const createdAtMs = T0 + 109;
    const looksMs: number[] = [];
    for (let nowMs = T0 + 300; nowMs < T0 + 3 * HOUR_MS;) {
      const serviceNowMs = Math.floor(nowMs / SECOND_MS) * SECOND_MS;
      looksMs.push(nowMs - T0);
      nowMs += nextLookMs(observed(newFollow(), observationOf({ createdAtMs, serviceNowMs })), context(), 0);
    }
    expect(looksMs).toHaveLength(4);
  });

  test('jitter only lengthens, by at most a tenth of the period', () => {
    const follow = followOf({ serviceNowMs: T0 + DAY_MS });
    expect(nextLookMs(follow, context(), 1)).toBe(6.6 * HOUR_MS);
    expect(nextLookMs(follow, context(), 0.5)).toBe(6.3 * HOUR_MS);
    expect(nextLookMs(followOf(), context(), 1)).toBe(5 * MINUTE_MS);
  });

  test('the policy’s own ages may stand in any order', () => {
    const follow = followOf({ serviceNowMs: T0 + MINUTE_MS });
    expect(nextLookMs(follow, context({ reconcile: { first: ['1h', '2m'], every: '3h' } }), 0)).toBe(MINUTE_MS);
    expect(nextLookMs(follow, context({ reconcile: { first: [], every: '3h' } }), 0)).toBe(3 * HOUR_MS);
  });

  test('law 1: never less than 10 s after the last look', () => {
    expect(MIN_BETWEEN_LOOKS_MS).toBe(10 * SECOND_MS);
    expect(nextLookMs(followOf({ serviceNowMs: T0 + 5 * MINUTE_MS - 1 }), context(), 0)).toBe(10 * SECOND_MS);
  });
});

/** The times of all looks at a job from its creation, without any event; `status` says what Describe answers then. */
const looksOf = (
  given: FollowContext,
  observe: (ageMs: number, follow: Follow) => Partial<Observation>,
  untilMs: number,
): { looks: number[]; follow: Follow } => {
  let follow = newFollow();
  const looks: number[] = [];
  for (let ageMs = 0; ageMs <= untilMs;) {
    const due = follow.observation === null ? { kind: 'no' } : handOver(follow, given);
    if (due.kind === 'now') follow = stopAsked(follow, { by: 'hand-over', requestedAtMs: T0 + ageMs });
    follow = observed(follow, at(ageMs, observe(ageMs, follow)));
    looks.push(ageMs);
    if (handOver(follow, given).kind === 'now') continue;
    ageMs += nextLookMs(follow, given, 0);
    follow = looked(follow);
  }
  return { looks, follow };
};

test('I7: a job of 30 days without any event costs at most 140 looks, and is handed over two hours before its deadline', () => {
  const { looks, follow } = looksOf(context(), () => ({ status: 'InProgress' }), DEADLINE);
  expect(follow.stop).toEqual({ by: 'hand-over', requestedAtMs: T0 + DEADLINE - 2 * HOUR_MS });
  expect(looks.length).toBeLessThanOrEqual(140);
  expect(looks.slice(1, 5)).toEqual([5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 8 * HOUR_MS]);
});

test('I7: a job that makes its deadline just in time is looked at again every half hour, and costs at most 140 looks too', () => {
  const perHour = 100 / 719;
  const { looks, follow } = looksOf(
    context(),
    (ageMs) => ({
      status: 'InProgress',
      counters: counters({ totalLabeled: Math.floor((ageMs / HOUR_MS) * perHour) }),
    }),
    DEADLINE - HOUR_MS,
  );
  expect(looks.length).toBeLessThanOrEqual(140);
  expect(follow.observation?.status).toBe('InProgress');
});

describe('looks after an event', () => {
  test('that says the job is over, if Describe does not confirm it: 10 s, 1 min and 5 min after', () => {
    expect(LOOKS_AFTER_EVENT_MS).toEqual([10 * SECOND_MS, MINUTE_MS, 5 * MINUTE_MS]);
    let follow = eventArrived(followOf({ serviceNowMs: T0 + DAY_MS }), 'Completed');
    const seen: number[] = [];
    for (let ms = 0; follow.looksMs.length > 0;) {
      ms += nextLookMs(follow, context(), 0);
      seen.push(ms);
      follow = looked(observed(follow, at(DAY_MS + ms)));
    }
    expect(seen).toEqual([10 * SECOND_MS, MINUTE_MS, 5 * MINUTE_MS]);
    expect(nextLookMs(follow, context(), 0)).toBe(6 * HOUR_MS);
  });

  test('a reconcile that is due between them does not use one up', () => {
    const follow = eventArrived(followOf({ serviceNowMs: T0 + 5 * MINUTE_MS - 15 * SECOND_MS }), 'Failed');
    expect(nextLookMs(looked(follow), context(), 0)).toBe(50 * SECOND_MS);
  });

  test.each(['InProgress', 'Stopping', 'expired', ''])(
    'that says "%s" are none: it has woken us, no more',
    (status) => {
      const follow = followOf();
      expect(eventArrived(follow, status)).toBe(follow);
    },
  );

  test('a flood of events adds none', () => {
    const once = eventArrived(followOf(), 'Completed');
    expect(eventArrived(once, 'Completed')).toBe(once);
    expect(eventArrived(looked(once), 'Stopped')).toEqual(looked(once));
  });
});

describe('our stop', () => {
  test('is looked after at 10 s, 1, 5 and 15 min, then hourly', () => {
    expect(LOOKS_AFTER_STOP_MS).toEqual([10 * SECOND_MS, MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS]);
    let follow = stopAsked(followOf({ serviceNowMs: T0 + DAY_MS }), { by: 'person', requestedAtMs: T0 + DAY_MS });
    const seen: number[] = [];
    for (let ms = 0; seen.length < 6;) {
      ms += nextLookMs(follow, context(), 0);
      seen.push(ms);
      follow = looked(observed(follow, at(DAY_MS + ms, { status: 'Stopping' })));
    }
    expect(seen).toEqual([10 * SECOND_MS, MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, 75 * MINUTE_MS, 135 * MINUTE_MS]);
  });

  test('for a person takes the place of a hand-over, never the other way round', () => {
    expect(stopAsked(followOf({}, { stop: handingOver }), person).stop).toBe(person);
    expect(stopAsked(followOf({}, { stop: person }), handingOver).stop).toBe(person);
  });
});

describe('looks that a time asks for', () => {
  test('just after the deadline, and when its grace is over', () => {
    const stopped = (ageMs: number) => followOf({ serviceNowMs: T0 + ageMs });
    const policy = { handOver: 'off', reconcile: { every: '5d' }, deadlineGrace: '6h' };
    expect(nextLookMs(stopped(DEADLINE - HOUR_MS), context(policy), 0)).toBe(HOUR_MS + MINUTE_MS);
    expect(nextLookMs(stopped(DEADLINE + MINUTE_MS), context(policy), 0)).toBe(6 * HOUR_MS - MINUTE_MS);
    expect(nextLookMs(stopped(DEADLINE + 6 * HOUR_MS), context(policy), 0)).toBe(5 * DAY_MS);
  });

  test('when Initializing has lasted too long', () => {
    const policy = { initializingWithin: '40m', reconcile: { first: [], every: '6h' } };
    const young = { serviceNowMs: T0 + 10 * MINUTE_MS, status: 'Initializing' };
    expect(nextLookMs(followOf(young), context(policy), 0)).toBe(30 * MINUTE_MS);
    expect(nextLookMs(followOf({ ...young, status: 'InProgress' }), context(policy), 0)).toBe(6 * HOUR_MS);
    expect(nextLookMs(followOf({ ...young, serviceNowMs: T0 + 40 * MINUTE_MS }), context(policy), 0)).toBe(6 * HOUR_MS);
  });

  test('none of them for a streaming job', () => {
    const policy = { reconcile: { first: [], every: '20d' } };
    const follow = followOf({ serviceNowMs: T0 + 20 * DAY_MS, status: 'Initializing' });
    expect(nextLookMs(follow, context(policy, { streaming: true }), 0)).toBe(20 * DAY_MS);
  });
});

test('worker events are kept and wake nobody', () => {
  const window = {
    windowStartMs: T0,
    windowEndMs: T0 + HOUR_MS,
    accepted: 5,
    submitted: 1,
    declined: 3,
    returned: 1,
    activeWorkers: 2,
    lastActivityMs: T0 + 9,
  };
  const follow = activitySeen(activitySeen(followOf(), window), window);
  expect(follow.workers).toMatchObject({ declined: 6, submitted: 2, lastActivityMs: T0 + 9 });
  expect(follow.surge).toMatchObject({ declined: 6, submitted: 2 });
  expect(nextLookMs(follow, context(), 0)).toBe(nextLookMs(followOf(), context(), 0));
});

test('law 1: whatever the history, the next look is 10 s to one lengthened period away, and nothing throws', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('look' as const),
      afterMs: fc.integer({ min: -HOUR_MS, max: 10 * DAY_MS }),
      status: fc.constantFrom('Initializing', 'InProgress', 'Stopping', 'Completed', 'Paused', ''),
      labeled: fc.nat(200),
    }),
    fc.record({ kind: fc.constant('event' as const), status: fc.string({ maxLength: 12 }) }),
    fc.record({ kind: fc.constant('end-event' as const) }),
    fc.record({ kind: fc.constant('absent' as const) }),
    fc.record({ kind: fc.constant('stop' as const), by: fc.constantFrom('person' as const, 'hand-over' as const) }),
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.boolean(),
      (steps, jitter, streaming) => {
        const given = context({}, { streaming });
        let follow = newFollow();
        let nowMs = T0;
        for (const one of steps) {
          switch (one.kind) {
            case 'look':
              nowMs += one.afterMs;
              follow = looked(
                observed(
                  follow,
                  at(nowMs - T0, { status: one.status, counters: counters({ totalLabeled: one.labeled }) }),
                ),
              );
              break;
            case 'event':
              follow = eventArrived(follow, one.status);
              break;
            case 'end-event':
              follow = eventArrived(follow, 'Completed');
              break;
            case 'absent':
              follow = absent(follow);
              break;
            case 'stop':
              follow = stopAsked(follow, { by: one.by, requestedAtMs: nowMs });
              break;
          }
          const waitMs = nextLookMs(follow, given, jitter);
          expect(waitMs).toBeGreaterThanOrEqual(10 * SECOND_MS);
          expect(waitMs).toBeLessThan(6.6 * HOUR_MS + SECOND_MS);
          troublesOf(follow, given);
          handOver(follow, given);
          expect(follow.looksMs.length).toBeLessThanOrEqual(4);
          expect(follow.samples.length).toBeLessThanOrEqual(30);
          expect(JSON.parse(JSON.stringify(follow))).toEqual(follow);
        }
      },
    ),
    { numRuns: 200 },
  );
});
