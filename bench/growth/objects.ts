/**
 * What a merge costs per line of the dataset, the more lines there are. Every size is measured over equally many lines, so that the
 * collection of garbage and the like, which do not come with each merge, weigh alike.
 */
import { join } from 'node:path';
import { rm } from 'node:fs/promises';
import { figure, median, timed, type Figure } from '../figures.ts';
import { makeChainFiles, mergeFiles, ORDERS, type Order } from '../merge-files.ts';
import { GROWTH_BAR } from './bar.ts';

/** Code that is new to a process is slow; of a larger dataset one merge. */
const WARM_UP_LINES = 100_000;

/** Merges a dataset until so many lines are through; microseconds of processor time per line. */
const costPerLine = async (directory: string, objects: number, order: Order, lines: number): Promise<number> => {
  const { cpu } = await timed(async () => {
    for (let merged = 0; merged < lines; merged += objects) await mergeFiles(directory, order);
  });
  return (cpu * 1e6) / lines;
};

/** The figures of each size but the smallest, in both orders. `rounds`: turns that are measured. */
export const measureObjects = async (
  directory: string,
  { sizes, rounds }: { sizes: readonly number[]; rounds: number },
): Promise<Figure[]> => {
  const [smallest = 0] = sizes;
  const lines = sizes.at(-1) ?? 0;
  const filesOf = (objects: number): string => join(directory, String(objects));
  for (const objects of sizes) await makeChainFiles(filesOf(objects), objects, 'late');
  const costs: Record<Order, Map<number, number[]>> = { 'in-order': new Map(), shuffled: new Map() };
  // In turns, so that a busy minute of the machine hits all alike. The first round only warms up.
  for (let round = 0; round <= rounds; round += 1) {
    for (const objects of sizes) {
      for (const order of ORDERS) {
        const cost = await costPerLine(filesOf(objects), objects, order, round === 0 ? WARM_UP_LINES : lines);
        if (round === 0) costs[order].set(objects, []);
        else costs[order].get(objects)?.push(cost);
      }
    }
  }
  for (const objects of sizes) await rm(filesOf(objects), { recursive: true });
  return sizes.slice(1).flatMap((objects) =>
    ORDERS.map((order) => {
      const base = costs[order].get(smallest) ?? [];
      const growth = (costs[order].get(objects) ?? []).map((cost, round) => cost / (base[round] ?? Number.NaN));
      return figure(
        `growth: merge ${order}, ${objects.toLocaleString('en')} objects, cost per line`,
        median(growth),
        '×',
        {
          baseline: { what: `${smallest} objects`, value: median(base), unit: 'µs per line' },
          bar: GROWTH_BAR,
          note: `the median of ${rounds} turns of ${lines.toLocaleString('en')} lines, from ${Math.min(...growth).toFixed(2)} to ${Math.max(...growth).toFixed(2)}`,
        },
      );
    }),
  );
};
