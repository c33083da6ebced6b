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
  deadlineOf,
  eventArrived,
  forecastOf,
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
    if (looks > 0) expect(nextLookMs(followOf({}, { absentLooks: looks }), context(), 0)).toBe(seconds * SECOND_MS);
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

  test('jitter only lengthens, by at most a twentieth of the period', () => {
    const follow = followOf({ serviceNowMs: T0 + DAY_MS });
    expect(nextLookMs(follow, context(), 1)).toBe(6.3 * HOUR_MS);
    expect(nextLookMs(follow, context(), 0.5)).toBe(6.15 * HOUR_MS);
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

describe('the hand-over', () => {
  const near = (beforeMs: number, change: Partial<Observation> = {}): Follow =>
    followOf({ serviceNowMs: T0 + DEADLINE - beforeMs, ...change });

  test('is two hours before the deadline', () => {
    expect(deadlineOf(observationOf(), policyOf())).toBe(T0 + DEADLINE);
    expect(handOver(near(5 * HOUR_MS), context())).toEqual({ kind: 'at', atMs: T0 + DEADLINE - 2 * HOUR_MS });
    expect(nextLookMs(near(5 * HOUR_MS), context(), 0)).toBe(3 * HOUR_MS);
    expect(handOver(near(2 * HOUR_MS), context())).toEqual({
      kind: 'now',
      why: '2h before its deadline; nothing says that it will end in time',
    });
    expect(handOver(near(2 * HOUR_MS + 1), context()).kind).toBe('at');
  });

  test('says when the job would have ended', () => {
    const samples = [
      { atMs: T0 + DEADLINE - DAY_MS, done: 0 },
      { atMs: T0 + DEADLINE - 2 * HOUR_MS, done: 22 },
    ];
    expect(handOver({ ...near(2 * HOUR_MS), samples, done: 22 }, context())).toEqual({
      kind: 'now',
      why: '2h before its deadline; it would end 3d 6h from now',
    });
  });

  test('is not for a job whose forecast ends it in time: that is asked again every half hour', () => {
    const samples = [
      { atMs: T0 + DEADLINE - DAY_MS, done: 0 },
      { atMs: T0 + DEADLINE - 2 * HOUR_MS, done: 97 },
    ];
    const makesIt = {
      ...near(2 * HOUR_MS, { counters: counters({ totalLabeled: 97, unlabeled: 3 }) }),
      samples,
      done: 97,
    };
    expect(handOver(makesIt, context())).toEqual({ kind: 'at', atMs: T0 + DEADLINE - 90 * MINUTE_MS });
    expect(nextLookMs(makesIt, context(), 0)).toBe(30 * MINUTE_MS);
  });

  test('has a margin of half an hour: a forecast that is a little wrong does not end in an expiry', () => {
    const rate = (remainingMs: number) => {
      const samples = [
        { atMs: T0 + DEADLINE - 2 * HOUR_MS - HOUR_MS * 10, done: 0 },
        { atMs: T0 + DEADLINE - 2 * HOUR_MS, done: 1_000 },
      ];
      const left = Math.round((remainingMs / HOUR_MS) * 100);
      return handOver({ ...near(2 * HOUR_MS), samples, done: 1_000 }, context({}, { sentObjects: 1_000 + left })).kind;
    };
    expect(rate(1.49 * HOUR_MS)).toBe('at');
    expect(rate(1.51 * HOUR_MS)).toBe('now');
  });

  test('is not for a streaming job, one that is stopping, over, stopped by us, or past its deadline', () => {
    const no = { kind: 'no' };
    expect(handOver(newFollow(), context())).toEqual(no);
    expect(handOver(near(HOUR_MS), context({}, { streaming: true }))).toEqual(no);
    expect(handOver(near(HOUR_MS, { status: 'Stopping' }), context())).toEqual(no);
    expect(handOver(near(HOUR_MS, { status: 'Completed' }), context())).toEqual(no);
    expect(handOver({ ...near(HOUR_MS), stop: person }, context())).toEqual(no);
    expect(handOver(near(0), context())).toEqual(no);
    expect(handOver(near(1), context()).kind).toBe('now');
    expect(handOver(near(HOUR_MS), context({ handOver: 'off' }))).toEqual(no);
  });

  test('is for a status that we do not know, and for a job that never left Initializing', () => {
    expect(handOver(near(HOUR_MS, { status: 'Paused' }), context()).kind).toBe('now');
    expect(handOver(near(HOUR_MS, { status: 'Initializing' }), context()).kind).toBe('now');
  });

  test('follows the lifetime and the time of the policy', () => {
    const follow = followOf({ serviceNowMs: T0 + DAY_MS });
    expect(handOver(follow, context({ lifetime: '10d', handOver: '1d' }))).toEqual({
      kind: 'at',
      atMs: T0 + 9 * DAY_MS,
    });
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

describe('trouble with a live job', () => {
  const reasons = (follow: Follow, given = context()): string[] =>
    troublesOf(follow, given).map((trouble) => trouble.reason);
  const messages = (follow: Follow, given = context()): string[] =>
    troublesOf(follow, given).map((trouble) => trouble.message);

  test('none before the first look, with a usual job, and with one that is over', () => {
    expect(troublesOf(newFollow(), context())).toEqual([]);
    expect(troublesOf(followOf({ serviceNowMs: T0 + 20 * DAY_MS }), context())).toEqual([]);
    expect(
      troublesOf(followOf({ status: 'Failed', serviceNowMs: T0 + 40 * DAY_MS }, { stop: person }), context()),
    ).toEqual([]);
  });

  test('a status that we do not know', () => {
    expect(messages(followOf({ status: 'Paused' }))).toEqual([
      'birds-abcde-001 has the status "Paused", which we do not know',
    ]);
    expect(messages(followOf({ status: 'x'.repeat(100) }))[0]).toContain(`"${'x'.repeat(40)}"`);
  });

  test('Initializing for too long', () => {
    const after = (ageMs: number, status = 'Initializing') => followOf({ status, serviceNowMs: T0 + ageMs });
    expect(messages(after(2 * HOUR_MS))).toEqual(['birds-abcde-001 is still Initializing after 2h']);
    expect(reasons(after(2 * HOUR_MS))).toEqual(['initializing-too-long']);
    expect(reasons(after(2 * HOUR_MS - 1))).toEqual([]);
    expect(reasons(after(2 * HOUR_MS, 'InProgress'))).toEqual([]);
  });

  test('a stop that AWS does not confirm', () => {
    const after = (sinceMs: number) => followOf({ status: 'Stopping', serviceNowMs: T0 + sinceMs }, { stop: person });
    expect(messages(after(6 * HOUR_MS))).toEqual(['birds-abcde-001 is Stopping 6h after it was asked to stop']);
    expect(reasons(after(6 * HOUR_MS))).toEqual(['stop-unconfirmed']);
    expect(reasons(after(6 * HOUR_MS - 1))).toEqual([]);
  });

  test('a job that outlives its deadline; a streaming one has none', () => {
    const after = (ageMs: number) => followOf({ serviceNowMs: T0 + ageMs });
    expect(messages(after(DEADLINE + 6 * HOUR_MS))).toEqual([
      'birds-abcde-001 is InProgress 30d 6h after its creation; AWS should have ended it at 30d',
    ]);
    expect(reasons(after(DEADLINE + 6 * HOUR_MS))).toEqual(['past-deadline']);
    expect(reasons(after(DEADLINE + 6 * HOUR_MS - 1))).toEqual([]);
    expect(reasons(after(DEADLINE + 6 * HOUR_MS), context({}, { streaming: true }))).toEqual([]);
  });

  test('is told once', () => {
    const follow = followOf({ status: 'Paused' });
    expect(reasons({ ...follow, troublesTold: ['unknown-status'] })).toEqual([]);
  });
});

describe('the forecast of a job', () => {
  test('is null before the first look and for a streaming job', () => {
    expect(forecastOf(newFollow(), context())).toBeNull();
    expect(forecastOf(followOf({ counters: counters({ unlabeled: 5 }) }), context({}, { streaming: true }))).toBeNull();
  });

  test('zero counters on a young job are not "done": the input says how much there is', () => {
    expect(forecastOf(followOf(), context())).toBeNull();
    expect(forecastOf(followOf(), context({}, { sentObjects: null }))).toBeNull();
    const day = observed(followOf(), at(DAY_MS, { counters: counters({ totalLabeled: 20, failed: 5, unlabeled: 0 }) }));
    expect(forecastOf(day, context())).toMatchObject({ remaining: 75, endMs: T0 + 4 * DAY_MS });
  });

  test('counts what AWS counts where the input is not known', () => {
    const day = observed(
      followOf(),
      at(DAY_MS, { counters: counters({ totalLabeled: 10, failed: 10, unlabeled: 40 }) }),
    );
    expect(forecastOf(day, context({}, { sentObjects: null }))).toMatchObject({
      remaining: 40,
      endMs: T0 + 3 * DAY_MS,
    });
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
          expect(waitMs).toBeLessThanOrEqual(6.3 * HOUR_MS);
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
