/** Whether a merge costs more per line the more lines there are. The baseline is the smallest dataset, warm. */
import { join } from 'node:path';
import { rm } from 'node:fs/promises';
import { atMost, figure, median, timed, type Figure, type Part } from '../figures.ts';
import { makeChainFiles, mergeFiles, ORDERS, type Order } from '../merge-files.ts';

/** Enough lines in all that every size is measured over the same work. */
const repeatsFor = (objects: number, largest: number): number => Math.max(2, Math.min(40, largest / objects));

const microsecondsPerLine = async (
  directory: string,
  objects: number,
  order: Order,
  repeats: number,
): Promise<number> => {
  const taken: number[] = [];
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const { cpu } = await timed(() => mergeFiles(directory, order));
    taken.push((cpu * 1e6) / objects);
  }
  return median(taken);
};

/** See the head of this file. */
export const run: Part = async ({ quick, directory }): Promise<Figure[]> => {
  const sizes = quick ? [1_000, 10_000, 100_000] : [1_000, 10_000, 100_000, 1_000_000];
  const [smallest = 0] = sizes;
  const figures: Figure[] = [];
  const first: Partial<Record<Order, number>> = {};
  for (const objects of sizes) {
    const files = join(directory, String(objects));
    await makeChainFiles(files, objects, 'late');
    for (const order of ORDERS) {
      const repeats = repeatsFor(objects, sizes.at(-1) ?? objects);
      if (objects === smallest) await microsecondsPerLine(files, objects, order, 60);
      const cost = await microsecondsPerLine(files, objects, order, repeats);
      const base = (first[order] ??= cost);
      if (objects === smallest) continue;
      figures.push(
        figure(`growth: merge ${order}, ${objects.toLocaleString('en')} objects, cost per line`, cost / base, '×', {
          baseline: { what: `${smallest} objects`, value: base, unit: 'µs per line' },
          bar: atMost(1.2),
        }),
      );
    }
    await rm(files, { recursive: true });
  }
  return figures;
};
