/**
 * Whether a unit of work costs more the more there is: a line of a merge with more objects, a job with more generations before it, a
 * chain with more chains open. The baseline is the smallest of each.
 */
import { DefaultLogger, Runtime } from '@temporalio/worker';
import type { Part } from '../figures.ts';
import { measureChains } from '../growth/chains.ts';
import { measureGenerations } from '../growth/generations.ts';
import { measureObjects } from '../growth/objects.ts';

/** See the head of this file. */
export const run: Part = async ({ quick, directory }) => {
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  return quick
    ? [
        ...(await measureObjects(directory, { sizes: [1_000, 10_000], rounds: 3 })),
        ...(await measureGenerations({ chains: 2, generations: 4, warmUp: 2, longJobDays: 1 })),
        ...(await measureChains(directory, { sizes: [50], few: 10, turns: 2 })),
      ]
    : [
        ...(await measureObjects(directory, { sizes: [1_000, 10_000, 100_000, 1_000_000], rounds: 3 })),
        ...(await measureGenerations({ chains: 8, generations: 24, warmUp: 6, longJobDays: 20 })),
        ...(await measureChains(directory, { sizes: [100, 1_000, 10_000], few: 10, turns: 8 })),
      ];
};
