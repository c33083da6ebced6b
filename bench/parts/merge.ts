/**
 * How fast a job's output is merged into a dataset, and in how much memory. The baseline is a pass that reads the dataset
 * and JSON.parses every line.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { atLeast, atMost, figure, median, timed, type Figure, type Part, type Taken } from '../figures.ts';
import { makeChainFiles, mergeFiles, ORDERS, parseEveryLine, sentEvery, type Order } from '../merge-files.ts';

const titles: Record<Order, string> = {
  'in-order': 'output in order',
  shuffled: 'output shuffled and re-serialised',
};
const speedBars: Record<Order, number> = { 'in-order': 1, shuffled: 0.5 };

const passShape = z.object({ cpu: z.number(), wall: z.number(), peakMb: z.number() });
const passScript = fileURLToPath(new URL('../merge-pass.ts', import.meta.url));

const passAlone = async (directory: string, order: Order): Promise<z.infer<typeof passShape>> => {
  const { stdout } = await promisify(execFile)(process.execPath, [passScript, directory, order]);
  return passShape.parse(JSON.parse(stdout));
};

const cpuOf = (taken: readonly Taken[]): number => median(taken.map(({ cpu }) => cpu));
const wallOf = (taken: readonly Taken[]): number => median(taken.map(({ wall }) => wall));

const measureSpeed = async (directory: string, objects: number): Promise<Figure[]> => {
  const parse: Taken[] = [];
  const merges: Record<Order, Taken[]> = { 'in-order': [], shuffled: [] };
  // In turns, so that a busy minute of the machine hits all alike. The first round only warms up.
  for (let round = 0; round < 4; round += 1) {
    const parsed = await timed(() => parseEveryLine(directory));
    if (round > 0) parse.push(parsed);
    for (const order of ORDERS) {
      const merged = await timed(() => mergeFiles(directory, order));
      if (round > 0) merges[order].push(merged);
    }
  }
  const baseline = { what: 'JSON.parse of every dataset line, processor time', value: cpuOf(parse), unit: 's' };
  const note = `${objects} lines, ${objects / sentEvery('late')} of them in the output`;
  return ORDERS.flatMap((order) => [
    figure(`merge: ${titles[order]}, speed`, cpuOf(parse) / cpuOf(merges[order]), '×', {
      baseline,
      bar: atLeast(speedBars[order]),
      note,
    }),
    figure(`merge: ${titles[order]}, wall time`, wallOf(merges[order]), 's', {
      baseline: { ...baseline, what: 'the same pass, wall time', value: wallOf(parse) },
    }),
  ]);
};

const measureMemory = async (directory: string, outputLines: number): Promise<Figure[]> => {
  const figures: Figure[] = [];
  for (const order of ORDERS) {
    const { cpu, wall, peakMb } = await passAlone(directory, order);
    const what = `merge: ${outputLines.toLocaleString('en')} lines of ${titles[order]}`;
    figures.push(
      figure(`${what}, peak memory`, peakMb, 'MB', { bar: atMost(350), note: 'of the whole process' }),
      figure(`${what}, lines per second of processor time`, outputLines / cpu, '/s', {
        note: `${wall.toFixed(1)} s of wall time`,
      }),
    );
  }
  return figures;
};

/** See the head of this file. */
export const run: Part = async ({ quick, directory }) => {
  const objects = quick ? 100_000 : 1_000_000;
  const late = join(directory, 'late');
  await makeChainFiles(late, objects, 'late');
  const speed = await measureSpeed(late, objects);
  const memory = await measureMemory(late, objects / sentEvery('late'));
  const first = join(directory, 'first');
  await makeChainFiles(first, objects, 'first');
  return [...speed, ...memory, ...(await measureMemory(first, objects))];
};
