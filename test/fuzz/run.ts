/** `npm run fuzz -- [--runs 100000] [--seed S] [--out file]`: the long form. Prints the counterexample and the seed that repeats it. */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { writeResult } from '../support/result-file.ts';
import { PROPERTIES } from './properties.ts';
import type { FuzzResult } from './result.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '100000' }, seed: { type: 'string' }, out: { type: 'string' } },
});
const git = (...args: string[]): string =>
  execFileSync('git', args, { encoding: 'utf8', cwd: import.meta.dirname }).trim();
// Of the code that is loaded now: a long run must not name a commit that came later.
const commit = git('rev-parse', 'HEAD');
const clean = git('status', '--porcelain', '--untracked-files=no', '--', ':/', ':!/test/fuzz/result.json') === '';

const numRuns = Number(values.runs);
const seed = values.seed === undefined ? Date.now() % 1_000_000_007 : Number(values.seed);
const startedMs = performance.now();
const results: FuzzResult['results'] = [];
for (const { name, property } of PROPERTIES) {
  const details = await fc.check(property, { numRuns, seed });
  results.push({ name, runs: details.numRuns, failed: details.failed });
  console.error(`${details.failed ? 'FAILED' : 'ok'}  ${details.numRuns}  ${name}`);
  if (details.failed) console.error(fc.defaultReportMessage(details));
}
const seconds = Math.round((performance.now() - startedMs) / 1000);
const summary: FuzzResult = { commit, clean, date: new Date().toISOString(), seed, seconds, results };
console.log(JSON.stringify(summary, null, 1));
if (values.out !== undefined) await writeResult(values.out, summary);
process.exitCode = results.some(({ failed }) => failed) ? 1 : 0;
