/**
 * `npm run runbook -- [--step NAME] [--out <file>]`: runs the steps of docs/operate.md as they stand there, in their order, on a local stack with
 * real processes, and looks at the chain after each; `--step`: only up to that one. Exit 0: all held; 1: not; 2: bad input.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MINUTE_MS } from '../../decisions/durations.ts';
import { InputError, messageOf } from '../../errors.ts';
import { writeResult } from '../support/result-file.ts';
import { commitId } from '../chaos/snapshot.ts';
import { AROUND, checkEnd } from './checks.ts';
import { resultShape, type RunbookResult } from './result.ts';
import { StepShell } from './shell.ts';
import { readSteps } from './steps.ts';
import { openWorld } from './world.ts';

/** The longest that any of them may take: they wait for rollouts. */
const STEP_LIMIT_MS = 3 * MINUTE_MS;

const readOptions = () => {
  try {
    return parseArgs({ options: { step: { type: 'string' }, out: { type: 'string' } } }).values;
  } catch (thrown) {
    throw new InputError(`${messageOf(thrown)}; accepted: --step NAME --out <file>`);
  }
};

const say = (line: string): void => void process.stderr.write(`${line}\n`);

const main = async (): Promise<void> => {
  const { step: last, out } = readOptions();
  const all = await readSteps();
  const names = all.map(({ name }) => name);
  if (last !== undefined && !names.includes(last))
    throw new InputError(`docs/operate.md has no step "${last}", only ${names.join(', ')}`);
  const steps = last === undefined ? all : all.slice(0, names.indexOf(last) + 1);

  const dir = await mkdtemp(join(tmpdir(), 'label-relay-runbook-'));
  const startMs = Date.now();
  const done: RunbookResult['steps'] = [];
  const world = await openWorld(dir);
  const shell = new StepShell(dir, world.env);
  let end: string[] = [];
  try {
    for (const step of steps) {
      const around = AROUND[step.name];
      if (around === undefined)
        throw new InputError(`nobody looks at what the step ${step.name} did: add it to AROUND`);
      await around.before?.(world, dir);
      const stepMs = performance.now();
      say(`${step.name} …`);
      await shell.run(step, STEP_LIMIT_MS);
      const seconds = Math.round((performance.now() - stepMs) / 100) / 10;
      const held = await around.after(world);
      say(`${step.name}: ${seconds} s\n${held.map((sentence) => `  ${sentence}`).join('\n')}`);
      done.push({ ...step, seconds, held });
    }
    if (last === undefined) end = await checkEnd(world);
    for (const sentence of end) say(`  ${sentence}`);
  } catch (thrown) {
    say(`the log of the steps stays in ${shell.logFile}`);
    throw thrown;
  } finally {
    await shell.close();
    await world.close();
  }
  await rm(dir, { recursive: true, force: true });
  const date = new Date(startMs).toISOString();
  const result = resultShape.parse({ commit: await commitId('HEAD'), date, steps: done, end });
  if (out !== undefined) await writeResult(out, result);
  process.stdout.write(`${done.length} steps done, everything held\n`);
};

try {
  await main();
} catch (thrown) {
  process.stderr.write(`${messageOf(thrown)}\n`);
  process.exitCode = thrown instanceof InputError ? 2 : 1;
}
