/** The parts of the benchmark, in the order in which they run. A part's code is loaded only when it runs. */
import type { Part } from './figures.ts';

/** `alone`: it takes long, and runs only when it is asked for. */
type Entry = { load: () => Promise<Part>; alone?: true };

/** By name, as `--only` takes it. */
export const PARTS = {
  merge: { load: async () => (await import('./parts/merge.ts')).run },
  's3-merge': { load: async () => (await import('./parts/s3-merge.ts')).run },
  month: { load: async () => (await import('./parts/month.ts')).run },
  reaction: { load: async () => (await import('./parts/reaction.ts')).run },
  intake: { load: async () => (await import('./parts/intake.ts')).run },
  start: { load: async () => (await import('./parts/start.ts')).run },
  growth: { load: async () => (await import('./parts/growth.ts')).run },
  'open-chains': { load: async () => (await import('./parts/open-chains.ts')).run },
  'older-chains': { load: async () => (await import('./parts/older-chains.ts')).run, alone: true },
  describes: { load: async () => (await import('./parts/describes.ts')).run },
  cost: { load: async () => (await import('./parts/cost.ts')).run },
} as const satisfies Record<string, Entry>;

export type PartName = keyof typeof PARTS;

/** What a whole run runs. */
export const isOfWholeRun = (name: PartName): boolean => !('alone' in PARTS[name]);

export const isPartName = (name: string): name is PartName => Object.hasOwn(PARTS, name);
