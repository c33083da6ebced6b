/**
 * `npm run bench`: runs the parts one after another, prints each figure beside its bar, and writes `results.json` and
 * `results.svg`; then the figures in docs/performance.md. Exit code 0 when every part ran, also where a bar was missed.
 *
 *     npm run bench -- [--quick] [--only <part>]…
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { chartOf } from './chart.ts';
import { figureShape, type Figure } from './figures.ts';
import { isOfWholeRun, isPartName, PARTS, type PartName } from './parts.ts';
import { CHART, merged, readResults, recordRepeat, RESULTS, type Results } from './results.ts';
import { tableOf } from './table.ts';
import { writePerformancePage } from '../scripts/performance-page.ts';

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
/** So that a part that hangs does not hide the others. */
const PART_LIMIT_MS = 75 * 60_000;

const commitNow = (): string => {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: file('.'), encoding: 'utf8' }).trim();
  const isDirty =
    git('status', '--porcelain', '--untracked-files=no', '--', '..', ':!results*', ':!../docs/performance.md') !== '';
  return git('rev-parse', '--short', 'HEAD') + (isDirty ? '+' : '');
};

/** Runs one part in a process of its own; null if it failed. Its own words pass to stderr. */
const runPart = async (name: PartName, quick: boolean): Promise<Figure[] | null> => {
  const directory = await mkdtemp(join(tmpdir(), `label-relay-bench-${name}-`));
  try {
    const args = [...process.execArgv, file('./run-part.ts'), name, '--directory', directory];
    const child = spawn(process.execPath, quick ? [...args, '--quick'] : args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: PART_LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    if (code !== 0) return null;
    return z.array(figureShape).parse(JSON.parse(output.trimEnd().split('\n').at(-1) ?? ''));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

const keep = async (measured: readonly Figure[], commit: string): Promise<void> => {
  const parts = merged((await readResults())?.parts ?? [], measured);
  const results: Results = {
    commit,
    date: new Date().toISOString(),
    cores: availableParallelism(),
    quick: false,
    parts,
  };
  await writeFile(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(CHART, chartOf(parts));
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
  },
});
const unknown = values.only.filter((name) => !isPartName(name));
if (unknown.length > 0) {
  process.stderr.write(`There is no part ${unknown.join(', ')}. Parts: ${Object.keys(PARTS).join(', ')}\n`);
  process.exit(2);
}
const names = Object.keys(PARTS).filter(isPartName);
const wanted =
  values.only.length === 0 ? names.filter(isOfWholeRun) : names.filter((name) => values.only.includes(name));

const commit = commitNow();
const failed: PartName[] = [];
for (const name of wanted) {
  process.stderr.write(`${name}…\n`);
  const start = performance.now();
  const measured = await runPart(name, values.quick).catch((thrown: unknown) => {
    process.stderr.write(`${String(thrown)}\n`);
    return null;
  });
  if (measured === null) {
    failed.push(name);
    continue;
  }
  process.stdout.write(`${tableOf(measured)}\n`);
  process.stderr.write(`${name}: ${((performance.now() - start) / 1e3).toFixed(0)} s\n\n`);
  // A quick run is for the eye: the figures that are kept come from whole parts. Written after each, since one part computes with
  // the figures of another.
  if (!values.quick) await keep(measured, commit);
}

if (!values.quick) {
  const results = await readResults();
  if (results !== null && values.only.length === 0 && failed.length === 0) await recordRepeat(results);
  await writePerformancePage();
}
if (failed.length > 0) {
  process.stderr.write(`These parts could not run: ${failed.join(', ')}\n`);
  process.exitCode = 1;
}
