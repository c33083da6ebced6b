/** What a run of many seeds came to: the file `result.json`, from which the figures in docs/promises.md are made. */
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { addCounts, type SeedResult } from './simulation.ts';

const whole = z.int().min(0);

export const resultSchema = z.object({
  /** The commit whose code ran. */
  commit: z.string(),
  /** False: files differed from that commit. */
  clean: z.boolean(),
  /** UTC, when the file was written. */
  date: z.string(),
  /** Every seed from the first to the last of these was lived through. */
  seeds: z.object({ from: whole, to: z.int(), count: whole, relaunched: whole }),
  /** Elapsed, over all runs that were continued, and how many processes shared the work. */
  seconds: z.number(),
  workers: whole,
  /** Seeds in which a promise was broken, and how. */
  broken: z.array(
    z.object({
      seed: z.int(),
      violations: z.array(z.object({ invariant: z.string(), chain: z.string(), text: z.string() })),
    }),
  ),
  counts: z.record(z.string(), z.number()),
});

export type SimulationResult = z.infer<typeof resultSchema>;

/** One seed as it counts for the whole. */
export type SeedOutcome = Pick<SeedResult, 'seed' | 'violations' | 'counts'>;

const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8', cwd: import.meta.dirname });

/** An empty result of the code as it is. */
export const beginResult = (from: number, workers: number): SimulationResult => ({
  commit: git('rev-parse', 'HEAD').trim(),
  clean: git('status', '--porcelain', '--untracked-files=no', '--', ':/', ':!/test/simulation/result.json') === '',
  date: new Date().toISOString(),
  seeds: { from, to: from - 1, count: 0, relaunched: 0 },
  seconds: 0,
  workers,
  broken: [],
  counts: {},
});

/** Adds the next seed; seeds must come in order. */
export const addSeed = (result: SimulationResult, { seed, violations, counts }: SeedOutcome): void => {
  const { seeds } = result;
  if (seed !== seeds.to + 1) throw new Error(`seed ${seed} does not follow seed ${seeds.to}`);
  seeds.to = seed;
  seeds.count += 1;
  if ((counts['relaunches'] ?? 0) > 0) seeds.relaunched += 1;
  addCounts(result.counts, counts);
  if (violations.length > 0) result.broken.push({ seed, violations });
};

export const readResult = (path: string): SimulationResult =>
  resultSchema.parse(JSON.parse(readFileSync(path, 'utf8')));

/** Replaces the file in one step, so that a run that is killed leaves a whole one. */
export const writeResult = (path: string, result: SimulationResult): void => {
  writeFileSync(`${path}.part`, `${JSON.stringify(result, null, 1)}\n`);
  renameSync(`${path}.part`, path);
};
