/**
 * Durations as people write and read them.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, formatDuration, parseDurationMs } from '../../decisions/durations.ts';

test.each([
  ['90s', 90 * SECOND_MS],
  ['30m', 30 * MINUTE_MS],
  ['1h', HOUR_MS],
  ['2d', 2 * DAY_MS],
  ['1.5h', 90 * MINUTE_MS],
  [' 2d ', 2 * DAY_MS],
])('"%s" is read', (text, ms) => {
  expect(parseDurationMs(text)).toBe(ms);
});

test.each(['', '5', 'd', '2 d', '-2d', '2w', '2D', '1d2h', '1e3s', '.5h', 'Infinityd', `${'9'.repeat(20)}d`])(
  '"%s" is no duration',
  (text) => {
    expect(parseDurationMs(text)).toBeNull();
  },
);

test.each([
  [0, '0s'],
  [999, '0s'],
  [-5, '0s'],
  [45 * SECOND_MS, '45s'],
  [2 * HOUR_MS, '2h'],
  [29 * DAY_MS + 22 * HOUR_MS + 5 * MINUTE_MS, '29d 22h'],
  [DAY_MS + MINUTE_MS, '1d'],
])('%d ms is "%s"', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
