/**
 * `npm run simulate -- [--seeds 1000] [--from 1] [--seconds S] [--seed N] [--out file]`: runs many seeds and writes what came of them. A seed
 * and a commit repeat a run.
 */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { addCounts, openMachinery, runSeed, type Counts, type SeedResult } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    seconds: { type: 'string', default: '86400' },
    out: { type: 'string' },
    ledger: { type: 'boolean', default: false },
  },
});

const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const machinery = await openMachinery();
const startedMs = performance.now();
const total: Counts = {};
const broken: Pick<SeedResult, 'seed' | 'violations'>[] = [];
let done = 0;
let relaunched = 0;
for (let seed = first; seed < first + count; seed += 1) {
  const result = await runSeed(seed, machinery);
  done += 1;
  addCounts(total, result.counts);
  if ((result.counts['relaunches'] ?? 0) > 0) relaunched += 1;
  if (values.ledger) for (const record of result.world.groundTruth.ledger.records) console.log(JSON.stringify(record));
  if (result.violations.length > 0) {
    broken.push({ seed, violations: result.violations });
    for (const { invariant, chain, text } of result.violations.slice(0, 4))
      console.error(`seed ${seed}: ${invariant} ${chain}: ${text.slice(0, 1_500)}`);
  }
  if ((performance.now() - startedMs) / 1000 > Number(values.seconds)) break;
}
await machinery.close();
const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
const summary = {
  commit: git('rev-parse', 'HEAD'),
  date: new Date().toISOString().slice(0, 10),
  seeds: { from: first, to: first + done - 1, count: done, relaunched },
  seconds,
  broken,
  counts: total,
};
console.log(JSON.stringify(summary, null, 1));
if (values.out !== undefined) await writeFile(values.out, `${JSON.stringify(summary, null, 1)}\n`);
process.exitCode = broken.length === 0 ? 0 : 1;
