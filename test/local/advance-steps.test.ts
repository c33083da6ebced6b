/**
 * How far time is moved at once.
 */
import fc from 'fast-check';
import { DAY_MS, HOUR_MS } from '../../decisions/durations.ts';
import { LONGEST_STEP_MS, NEAR_STEP_MS, nextStepMs } from '../../local/advance-steps.ts';

const deadlineMs = 100 * DAY_MS;

test.each([
  ['far from a deadline', deadlineMs - 10 * DAY_MS, 6 * HOUR_MS],
  ['just before it is near: only up to there', deadlineMs - 28 * HOUR_MS, 2 * HOUR_MS],
  ['a moment before it is near: an hour, not a moment', deadlineMs - 26 * HOUR_MS - 1, HOUR_MS],
  ['near it', deadlineMs - 26 * HOUR_MS, HOUR_MS],
  ['at it', deadlineMs, HOUR_MS],
  ['just after it', deadlineMs + 3 * HOUR_MS, HOUR_MS],
  ['long after it', deadlineMs + 3 * HOUR_MS + 1, 6 * HOUR_MS],
])('%s', (_, nowMs, expected) => {
  expect(nextStepMs(nowMs, 50 * DAY_MS, [deadlineMs])).toBe(expected);
});

test('the nearest of several deadlines counts, and never more than what is left', () => {
  const near = deadlineMs - HOUR_MS;
  expect(nextStepMs(near, 50 * DAY_MS, [deadlineMs + 9 * DAY_MS, deadlineMs])).toBe(HOUR_MS);
  expect(nextStepMs(near, 1, [deadlineMs])).toBe(1);
  expect(nextStepMs(near, 50 * DAY_MS, [])).toBe(LONGEST_STEP_MS);
});

test('a hand-over window of 2 h before any deadline is never jumped over, and every advance ends (I3)', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 40 * DAY_MS }),
      fc.integer({ min: 1, max: 60 * DAY_MS }),
      (startMs, durationMs) => {
        const deadline = 30 * DAY_MS;
        const stops = [startMs];
        for (let nowMs = startMs, left = durationMs; left > 0;) {
          const stepMs = nextStepMs(nowMs, left, [deadline]);
          expect(stepMs).toBeGreaterThan(0);
          nowMs += stepMs;
          left -= stepMs;
          stops.push(nowMs);
        }
        const crosses = startMs < deadline - 2 * HOUR_MS && startMs + durationMs > deadline;
        const seen = stops.filter((stop) => stop >= deadline - 2 * HOUR_MS && stop < deadline).length;
        expect(crosses ? seen >= 1 : true).toBe(true);
        expect(NEAR_STEP_MS).toBeLessThan(2 * HOUR_MS);
      },
    ),
  );
});
