/** `npm run fuzz -- [--runs 100000] [--seed S] [--out file]`: the long form. Prints the counterexample and the seed that repeats it. */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { PROPERTIES } from './properties.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '100000' }, seed: { type: 'string' }, out: { type: 'string' } },
});
const numRuns = Number(values.runs);
const seed = values.seed === undefined ? Date.now() % 1_000_000_007 : Number(values.seed);
const results: { name: string; runs: number; failed: boolean }[] = [];
for (const { name, property } of PROPERTIES) {
  const details = await fc.check(property, { numRuns, seed });
  results.push({ name, runs: details.numRuns, failed: details.failed });
  console.error(`${details.failed ? 'FAILED' : 'ok'}  ${details.numRuns}  ${name}`);
  if (details.failed) console.error(fc.defaultReportMessage(details));
}
const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
const summary = { commit, date: new Date().toISOString().slice(0, 10), seed, results };
console.log(JSON.stringify(summary, null, 1));
if (values.out !== undefined) await writeFile(values.out, `${JSON.stringify(summary, null, 1)}\n`);
process.exitCode = results.some(({ failed }) => failed) ? 1 : 0;
