/**
 * Three real kills in the middle of chains: of the worker, of the consumer, and of the Temporal server, which comes back on its
 * database file. The long form, with everything else that can be hit, is `npm run chaos`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChaos } from './chaos.ts';
import { FAULT_KINDS, scheduleOf, targetOf, type Fault } from './schedule.ts';

const SECOND_MS = 1_000;

test('kill -9 of the worker, the consumer and the Temporal server loses no label and no workflow (I1 to I7)', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'label-relay-test-'));
  const said: string[] = [];
  const kill = (kind: Fault['kind'], atMs: number): Fault => ({ kind, atMs, forMs: SECOND_MS, mode: 'open' });
  const result = await runChaos({
    dir,
    seed: 11,
    chains: 3,
    durationMs: 12 * SECOND_MS,
    faults: [
      kill('kill-worker', 7 * SECOND_MS),
      kill('kill-consumer', 8 * SECOND_MS),
      kill('kill-temporal', 9 * SECOND_MS),
    ],
    builds: [{ root: fileURLToPath(new URL('../..', import.meta.url)), buildId: null }],
    say: (line) => void said.push(line),
  });
  expect({ violations: result.violations, said: result.violations.length > 0 ? said : [] }).toEqual({
    violations: [],
    said: [],
  });
  expect(result.faults).toEqual({ 'kill-worker': 1, 'kill-consumer': 1, 'kill-temporal': 1 });
  // Nothing is held by a run in which nothing happens.
  expect(result.jobs).toBeGreaterThanOrEqual(5);
  expect(result.labels).toBeGreaterThan(10);
  expect(result.deadLetters).toBe(4);
  await rm(dir, { recursive: true, force: true });
  // A call that dies with its worker is tried again after its time-out.
}, 400_000);

describe('a schedule', () => {
  const hour = scheduleOf(7, 3_600 * SECOND_MS);

  test('follows from its seed', () => {
    expect(scheduleOf(7, 3_600 * SECOND_MS)).toEqual(hour);
    expect(scheduleOf(8, 3_600 * SECOND_MS)).not.toEqual(hour);
  });

  test('of an hour has every kind of fault, some at the same time, and is over in time', () => {
    expect([...new Set(hour.map(({ kind }) => kind))].toSorted()).toEqual([...FAULT_KINDS].toSorted());
    const overlapping = hour.filter(({ atMs }, index) =>
      hour.slice(0, index).some((one) => one.atMs + one.forMs > atMs),
    );
    expect(overlapping.length).toBeGreaterThan(5);
    expect(Math.max(...hour.map(({ atMs, forMs }) => atMs + forMs))).toBeLessThanOrEqual(3_600 * SECOND_MS);
  });

  test('never hits the same thing twice at once', () => {
    for (const [index, fault] of hour.entries()) {
      const same = hour.slice(0, index).filter(({ kind }) => targetOf(kind) === targetOf(fault.kind));
      for (const { atMs, forMs } of same) expect(fault.atMs).toBeGreaterThanOrEqual(atMs + forMs);
    }
  });
});
