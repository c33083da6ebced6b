/**
 * Runs one part in a process of its own, so that its memory and its warmth are its own, and prints its figures as the
 * last line of stdout. Started by run.ts.
 */
import { parseArgs } from 'node:util';
import { PARTS, isPartName } from './parts.ts';

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, directory: { type: 'string' } },
  allowPositionals: true,
});
const [name = ''] = positionals;
if (!isPartName(name) || values.directory === undefined)
  throw new Error('run-part <part> --directory <empty directory>');
const part = await PARTS[name].load();
const figures = await part({ quick: values.quick, directory: values.directory });
process.stdout.write(`\n${JSON.stringify(figures)}\n`, () => process.exit(0));
