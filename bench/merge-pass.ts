/**
 * One merge in a process of its own, for its memory: `node bench/merge-pass.ts <directory> <order>`. Prints
 * what it took.
 */
import { timed } from './figures.ts';
import { peakMemoryMb } from './memory.ts';
import { mergeFiles, ORDERS } from './merge-files.ts';

const [directory = '', wanted] = process.argv.slice(2);
const order = ORDERS.find((each) => each === wanted);
if (order === undefined) throw new Error(`merge-pass <directory> ${ORDERS.join('|')}`);
const taken = await timed(() => mergeFiles(directory, order));
process.stdout.write(`${JSON.stringify({ ...taken, peakMb: peakMemoryMb() })}\n`);
