import { setTimeout as sleepFor } from 'node:timers/promises';
import { BreakerStopped, createBreaker, outageVisibilityS, PROBE_WAITS_MS, TRUST_MS } from '../../events/breaker.ts';

/** A breaker on a clock of its own; `failing` probes fail before one succeeds. */
const onTestClock = (failing: number) => {
  let nowMs = 1_000_000;
  const waits: number[] = [];
  const changes: unknown[] = [];
  let probes = 0;
  const breaker = createBreaker({
    probe: async () => ++probes > failing,
    onChange: (change) => changes.push(change),
    sleep: async (ms) => {
      waits.push(ms);
      nowMs += ms;
    },
    now: () => nowMs,
  });
  return { breaker, waits, changes, probes: () => probes, advance: (ms: number) => (nowMs += ms) };
};

test('after an outage it asks after 30 s, 2, 10, 60 min and then every 6 h', async () => {
  const { breaker, waits, changes } = onTestClock(6);
  breaker.trip();
  await breaker.pass();
  const [first, second, third, fourth, last] = PROBE_WAITS_MS;
  expect(waits).toEqual([first, second, third, fourth, last, last, last]);
  const openForMs = waits.reduce((sum, ms) => sum + ms, 0);
  expect(changes).toEqual([{ kind: 'opened' }, { kind: 'closed', openForMs }]);
});

test('a consumer that starts in an outage probes before it takes any message (I4)', async () => {
  const { breaker, waits, probes } = onTestClock(2);
  await breaker.pass();
  expect(probes()).toBe(3);
  expect(waits).toEqual([30_000, 120_000]);
});

test('while answers are fresh it costs no probe; an idle consumer asks once a minute', async () => {
  const { breaker, probes, advance } = onTestClock(0);
  breaker.answered();
  await breaker.pass();
  advance(TRUST_MS - 1);
  await breaker.pass();
  expect(probes()).toBe(0);
  advance(1);
  await breaker.pass();
  expect(probes()).toBe(1);
});

test('receivers that wait together ask as one, and all go on when one probe succeeds (I7)', async () => {
  const { breaker, waits, probes } = onTestClock(4);
  breaker.trip();
  await Promise.all([breaker.pass(), breaker.pass(), breaker.pass()]);
  // With a series of probes of its own, a receiver that just failed one would sleep for hours beyond the outage.
  expect(waits).toEqual([...PROBE_WAITS_MS]);
  expect(probes()).toBe(5);
});

test('stopping ends the longest wait at once', async () => {
  const breaker = createBreaker({
    probe: async () => false,
    sleep: async (ms, signal) => sleepFor(ms, undefined, { signal }),
  });
  breaker.trip();
  const passing = breaker.pass();
  breaker.stop();
  await expect(passing).rejects.toThrow(BreakerStopped);
  await expect(breaker.pass()).rejects.toThrow(BreakerStopped);
});

test('five receives that meet one outage take more than an hour, so no number of consumers dead-letters it (I4)', () => {
  const beforeTheLastReceiveS = [1, 2, 3, 4].reduce((sum, receives) => sum + outageVisibilityS(receives), 0);
  expect(beforeTheLastReceiveS).toBeGreaterThan(3600);
  expect(outageVisibilityS(5)).toBe(21_600);
  expect(outageVisibilityS(50)).toBe(21_600);
  expect(outageVisibilityS(0)).toBe(30);
});
