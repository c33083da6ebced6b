/** Whether a job is stopped before its deadline; its forecast; and what a person should know about a live job. */
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import type { Observation } from '../../decisions/ending.ts';
import {
  deadlineOf,
  forecastOf,
  handOver,
  newFollow,
  nextLookMs,
  observed,
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
const DEADLINE = 30 * DAY_MS;

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
