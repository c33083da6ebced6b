/** Which fault hits what, when and for how long: all of it follows from a seed. */
import { MINUTE_MS, SECOND_MS } from '../../decisions/durations.ts';
import { Draw } from '../simulation/temporal/draw.ts';
import type { GateMode } from './gateway.ts';

/** `kill-*`: SIGKILL. `freeze-*`: SIGSTOP, later SIGCONT. `two-versions`: a second build of the worker polls beside the first, which is then killed. */
export const FAULT_KINDS = [
  'kill-worker',
  'kill-consumer',
  'kill-simulator',
  'kill-temporal',
  'freeze-worker',
  'freeze-consumer',
  'freeze-simulator',
  'freeze-temporal',
  'queue-away',
  's3-away',
  'two-versions',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** One fault. Times in milliseconds; `atMs` from the start of the disturbed phase. */
export type Fault = { kind: FaultKind; atMs: number; forMs: number; mode: GateMode };

/** What a fault hits; two faults never hit the same thing at once. */
export const targetOf = (kind: FaultKind): string => {
  if (kind === 'two-versions') return 'worker';
  return kind.endsWith('-away') ? kind : kind.slice(kind.indexOf('-') + 1);
};

/** The modes in which a service is away. */
const AWAY_MODES = ['refused', 'unavailable', 'cut-after', 'silent'] as const;

const durationMsOf = (kind: FaultKind, draw: Draw): number => {
  if (kind === 'two-versions') return draw.int(20, 60) * SECOND_MS;
  if (kind.startsWith('kill-')) return draw.pick([0, 1, 5, 20]) * SECOND_MS;
  if (kind.startsWith('freeze-')) return MINUTE_MS;
  return draw.int(10, 90) * SECOND_MS;
};

/** Longest quiet between two faults that do not overlap. */
const LONGEST_GAP_S = 15;
const OVERLAPS = 0.35;

const shuffled = <Item>(items: readonly Item[], draw: Draw): Item[] =>
  items
    .map((item) => ({ item, at: draw.unit() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);

/** Faults for so long, in the order of their beginning; every one is over by then. Every kind comes up before one comes up again. */
export const scheduleOf = (seed: number, durationMs: number, kinds: readonly FaultKind[] = FAULT_KINDS): Fault[] => {
  const draw = new Draw(seed);
  const faults: Fault[] = [];
  const busyUntilMs = new Map<string, number>();
  let bag: FaultKind[] = [];
  let nextMs = 10 * SECOND_MS;
  for (;;) {
    if (bag.length === 0) bag = shuffled(kinds, draw);
    const kind = bag.pop();
    if (kind === undefined) return faults;
    const target = targetOf(kind);
    const atMs = Math.max(nextMs, busyUntilMs.get(target) ?? 0);
    const forMs = durationMsOf(kind, draw);
    const endMs = atMs + forMs;
    if (endMs > durationMs) return faults.toSorted((a, b) => a.atMs - b.atMs);
    faults.push({ kind, atMs, forMs, mode: kind.endsWith('-away') ? draw.pick(AWAY_MODES) : 'open' });
    busyUntilMs.set(target, endMs + SECOND_MS);
    const gapMs = draw.int(1, LONGEST_GAP_S) * SECOND_MS;
    nextMs = draw.chance(OVERLAPS) ? atMs + Math.floor(forMs / 2) : endMs + gapMs;
  }
};
