/** When a job will be done, from its rate of the last days. */
import fc from 'fast-check';
import { DAY_MS, HOUR_MS } from '../../decisions/durations.ts';
import { forecast, sampled, type ProgressSample } from '../../decisions/forecast.ts';

const now = (total: number, nowMs: number) => ({ total, nowMs });

test('nothing is said without samples, without objects, or from less than an hour', () => {
  expect(forecast([], now(10, 0))).toBeNull();
  expect(forecast([{ atMs: 0, done: 0 }], now(10, 0))).toBeNull();
  expect(
    forecast(
      [
        { atMs: 0, done: 0 },
        { atMs: HOUR_MS, done: 5 },
      ],
      now(0, HOUR_MS),
    ),
  ).toBeNull();
  expect(
    forecast(
      [
        { atMs: 0, done: 0 },
        { atMs: HOUR_MS - 1, done: 5 },
      ],
      now(10, HOUR_MS),
    ),
  ).toBeNull();
});

test('at a steady rate the rest takes as long as the rate says', () => {
  expect(
    forecast(
      [
        { atMs: 0, done: 0 },
        { atMs: HOUR_MS, done: 5 },
      ],
      now(20, HOUR_MS),
    ),
  ).toEqual({
    endMs: 4 * HOUR_MS,
    ratePerHour: 5,
    remaining: 15,
  });
});

test('a job with nothing left ends now, however young', () => {
  expect(forecast([{ atMs: 0, done: 3 }], now(3, 7))).toEqual({ endMs: 7, ratePerHour: 0, remaining: 0 });
  expect(forecast([{ atMs: 0, done: 4 }], now(3, 7))).toMatchObject({ remaining: 0 });
});

test('a job that stands still never ends', () => {
  expect(
    forecast(
      [
        { atMs: 0, done: 3 },
        { atMs: DAY_MS, done: 3 },
      ],
      now(9, DAY_MS),
    ),
  ).toMatchObject({
    endMs: Number.POSITIVE_INFINITY,
    ratePerHour: 0,
  });
});

test('only the last three days count: a team that went home shows, a late start is forgiven', () => {
  const wentHome = [
    { atMs: 0, done: 0 },
    { atMs: DAY_MS, done: 50 },
    { atMs: 2 * DAY_MS, done: 50 },
    { atMs: 5 * DAY_MS, done: 50 },
  ];
  expect(forecast(wentHome, now(100, 5 * DAY_MS))?.endMs).toBe(Number.POSITIVE_INFINITY);
  const lateStart = [
    { atMs: 0, done: 0 },
    { atMs: 20 * DAY_MS, done: 0 },
    { atMs: 21 * DAY_MS, done: 50 },
  ];
  expect(forecast(lateStart, now(100, 21 * DAY_MS))?.endMs).toBe(22 * DAY_MS);
});

test('a sample of less than an hour ago is no base for a rate', () => {
  const samples = [
    { atMs: 0, done: 0 },
    { atMs: 10 * DAY_MS - HOUR_MS + 1, done: 10 },
    { atMs: 10 * DAY_MS, done: 240 },
  ];
  expect(forecast(samples, now(480, 10 * DAY_MS))?.ratePerHour).toBeCloseTo(1, 9);
});

test('samples stay few: the first, and the last three days five hours apart', () => {
  let samples: ProgressSample[] = [];
  for (let hour = 0; hour <= 24 * 30; hour += 1) samples = sampled(samples, { atMs: hour * HOUR_MS, done: hour });
  expect(samples[0]).toEqual({ atMs: 0, done: 0 });
  expect(samples.at(-1)).toEqual({ atMs: 720 * HOUR_MS, done: 720 });
  expect(samples.length).toBeGreaterThan(12);
  expect(samples.length).toBeLessThan(20);
  const gaps = samples.slice(2, -1).map((sample, index) => sample.atMs - (samples[index + 1]?.atMs ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5 * HOUR_MS);
  expect(samples[1]?.atMs).toBeGreaterThanOrEqual((720 - 72) * HOUR_MS);
});

test('the newest sample is always there, and takes the place of one that is too near', () => {
  const one = { atMs: 0, done: 0 };
  expect(sampled([], one)).toEqual([one]);
  const two = sampled([one], { atMs: 1, done: 1 });
  expect(two).toEqual([one, { atMs: 1, done: 1 }]);
  expect(sampled(two, { atMs: 2, done: 2 })).toEqual([one, { atMs: 2, done: 2 }]);
  const far = sampled(two, { atMs: 5 * HOUR_MS, done: 9 });
  expect(far).toEqual([one, { atMs: 5 * HOUR_MS, done: 9 }]);
  expect(sampled(far, { atMs: 6 * HOUR_MS, done: 10 })).toEqual([
    one,
    { atMs: 5 * HOUR_MS, done: 9 },
    { atMs: 6 * HOUR_MS, done: 10 },
  ]);
});

test('whatever is sampled, a forecast is never in the past and never throws', () => {
  const sample = fc.record({ atMs: fc.integer({ min: 0, max: 40 * DAY_MS }), done: fc.nat(1_000) });
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 60 }), fc.nat(2_000), (given, total) => {
      const ordered = given.toSorted((a, b) => a.atMs - b.atMs);
      const samples = ordered.reduce<ProgressSample[]>((all, one) => sampled(all, one), []);
      const nowMs = ordered.at(-1)?.atMs ?? 0;
      expect(forecast(samples, { total, nowMs })?.endMs ?? nowMs).toBeGreaterThanOrEqual(nowMs);
      expect(samples.length).toBeLessThanOrEqual(20);
    }),
  );
});
