/**
 * `npm run simulate -- [--seeds 1000] [--from 1] [--minutes M] [--workers N] [--out file [--continue]]`: runs many seeds and writes what
 * came of them, every half minute and at the end. `--seed N [--ledger]` repeats one. A seed and a commit repeat a run.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { addSeed, beginResult, readResult, writeResult, type SeedOutcome, type SimulationResult } from './result.ts';
import { writeResult as writeFormatted } from '../support/result-file.ts';
import { runShards } from './shards.ts';
import { openMachinery, runSeed } from './simulation.ts';

const WRITE_EVERY_MS = 30_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    minutes: { type: 'string', default: '1440' },
    workers: { type: 'string', default: '1' },
    out: { type: 'string' },
    continue: { type: 'boolean', default: false },
    ledger: { type: 'boolean', default: false },
  },
});

const from = Number(values.seed ?? values.from);
const to = from + (values.seed === undefined ? Number(values.seeds) : 1) - 1;
const workers = Number(values.workers);

/** A run that was interrupted goes on where its file ends, if it is the same code. */
const begin = (): SimulationResult => {
  const fresh = beginResult(from, workers);
  if (!values.continue || values.out === undefined || !existsSync(values.out)) return fresh;
  const before = readResult(values.out);
  if (before.commit !== fresh.commit || !before.clean || !fresh.clean || before.seeds.from !== from)
    throw new Error(`${values.out} is of other code (${before.commit}) or other seeds: it cannot be continued`);
  return before;
};

const result = begin();
const secondsBefore = result.seconds;
const startedMs = performance.now();
const elapsedSeconds = (): number => (performance.now() - startedMs) / 1000;
const isOver = (): boolean => elapsedSeconds() > Number(values.minutes) * 60;
let writtenMs = performance.now();

const write = (): void => {
  result.date = new Date().toISOString();
  result.seconds = Math.round((secondsBefore + elapsedSeconds()) * 10) / 10;
  writtenMs = performance.now();
  if (values.out !== undefined) writeResult(values.out, result);
};

const onSeed = (outcome: SeedOutcome): void => {
  addSeed(result, outcome);
  for (const { invariant, chain, text } of outcome.violations.slice(0, 4))
    console.error(`seed ${outcome.seed}: ${invariant} ${chain}: ${text.slice(0, 1_500)}`);
  if (performance.now() - writtenMs > WRITE_EVERY_MS) write();
};

const runHere = async (): Promise<void> => {
  const machinery = await openMachinery();
  for (let seed = result.seeds.to + 1; seed <= to && !isOver(); seed += 1) {
    const { world, ...outcome } = await runSeed(seed, machinery);
    if (values.ledger) for (const record of world.groundTruth.ledger.records) console.log(JSON.stringify(record));
    onSeed(outcome);
  }
  await machinery.close();
};

if (workers === 1) await runHere();
else await runShards({ from: result.seeds.to + 1, to, workers, isOver, onSeed });
write();
if (values.out !== undefined) await writeFormatted(values.out, result);
console.log(JSON.stringify(result, null, 1));
process.exitCode = result.broken.length === 0 ? 0 : 1;
