/**
 * What a part of the benchmark hands back. It owns the shape of one figure, how it is held to its bar, and how parts
 * measure: processor time beside wall time, because machines are shared.
 */
import { z } from 'zod';

const amount = z.strictObject({ what: z.string(), value: z.number(), unit: z.string() });

/** One line of `results.json`. */
export const figureShape = z.strictObject({
  /** `<part>: <what>`, the same in every run. */
  name: z.string(),
  value: z.number(),
  /** `×` for a ratio to the baseline of the same run. */
  unit: z.string(),
  /** What the value is compared with, measured in the same run; null where there is nothing to compare. */
  baseline: amount.nullable(),
  /** What it should be; null where a figure is only reported. */
  bar: z.strictObject({ kind: z.enum(['at most', 'at least']), value: z.number() }).nullable(),
  /** null without a bar. */
  met: z.boolean().nullable(),
  /** The conditions under which it holds, where the name does not say them. */
  note: z.string().optional(),
});

export type Figure = z.infer<typeof figureShape>;
export type Baseline = z.infer<typeof amount>;
export type Bar = NonNullable<Figure['bar']>;

export const atMost = (value: number): Bar => ({ kind: 'at most', value });
export const atLeast = (value: number): Bar => ({ kind: 'at least', value });

/** Four significant digits: no figure here is better than that. */
const rounded = (value: number): number => Number(value.toPrecision(4));

/** Makes a figure and holds it to its bar. */
export const figure = (
  name: string,
  value: number,
  unit: string,
  { baseline = null, bar = null, note }: { baseline?: Baseline | null; bar?: Bar | null; note?: string } = {},
): Figure => ({
  name,
  value: rounded(value),
  unit,
  baseline: baseline === null ? null : { ...baseline, value: rounded(baseline.value) },
  bar,
  met: bar === null ? null : bar.kind === 'at most' ? value <= bar.value : value >= bar.value,
  ...(note === undefined ? {} : { note }),
});

/** Options of every part. */
export type PartOptions = {
  /** Smaller amounts, for a run of two minutes: the figures are rougher and no bar was set for them. */
  quick: boolean;
  /** An empty directory of the part's own; the runner removes it. */
  directory: string;
};

/** Measures and reports. A part that throws is reported as failed; the others still run. */
export type Part = (options: PartOptions) => Promise<Figure[]>;

/** What a piece of work took, in seconds. `cpu` is all threads of this process, collection of garbage included. */
export type Taken = { cpu: number; wall: number };

/** Times one piece of work. */
export const timed = async (work: () => Promise<void>): Promise<Taken> => {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (user + system) / 1e6, wall: (performance.now() - start) / 1e3 };
};

/** The value below which this share of the values lies (nearest rank). */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
};

export const median = (values: readonly number[]): number => percentile(values, 0.5);
