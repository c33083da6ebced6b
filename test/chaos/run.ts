/**
 * `npm run chaos -- [--minutes 60] [--seed N] [--chains 200] [--with <commit>] [--out <file>]`: real processes, real kills. The
 * product runs as it is in the commit HEAD; `--with` names another commit whose worker takes turns with it in the roll-outs.
 * Prints the seed; the result goes to the file only if one is named. Exit 0: every promise held; 1: not; 2: bad input.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MINUTE_MS } from '../../decisions/durations.ts';
import { InputError, messageOf } from '../../errors.ts';
import { runChaos } from './chaos.ts';
import { scheduleOf } from './schedule.ts';
import { writeResult } from '../support/result-file.ts';
import { commitId, unpackCommit } from './snapshot.ts';
import type { Build } from './stack.ts';

/** So many promises broken are printed; the file has them all. */
const PRINTED = 30;

const positive = (name: string, text: string): number => {
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) > 0) return Number(text);
  throw new InputError(`--${name} is "${text}", expected a number above 0`);
};

const readOptions = () => {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({ options: { minutes: text, seed: text, chains: text, with: text, out: text } }).values;
  } catch (thrown) {
    throw new InputError(
      `${messageOf(thrown)}; accepted: --minutes 60 --seed 7 --chains 200 --with <commit> --out <file>`,
    );
  }
};

const main = async (): Promise<number> => {
  const given = readOptions();
  const minutes = positive('minutes', given.minutes ?? '60');
  const chains = Math.round(positive('chains', given.chains ?? '200'));
  const seed = Math.round(positive('seed', given.seed ?? String((Date.now() % 1_000_000) + 1)));
  const commit = await commitId('HEAD');
  const other = await commitId(given.with ?? 'HEAD').catch(() => {
    throw new InputError(`--with is "${given.with}", which is no commit of this repository`);
  });
  const startMs = Date.now();
  const say = (line: string): void => {
    const seconds = Math.round((Date.now() - startMs) / 1000);
    process.stderr.write(
      `${String(Math.floor(seconds / 60)).padStart(3)}:${String(seconds % 60).padStart(2, '0')} ${line}\n`,
    );
  };
  process.stdout.write(`seed ${seed}, commit ${commit}, ${minutes} minutes, ${chains} chains\n`);

  const dir = await mkdtemp(join(tmpdir(), 'label-relay-chaos-'));
  say(`logs in ${dir}`);
  const first: Build = { root: await unpackCommit(commit, join(dir, 'first')), buildId: `${commit}-a` };
  const second: Build = { root: await unpackCommit(other, join(dir, 'second')), buildId: `${other}-b` };
  const durationMs = minutes * MINUTE_MS;
  const faults = scheduleOf(seed, durationMs);
  const result = await runChaos({ dir, seed, chains, durationMs, faults, builds: [first, second], say });
  const document = {
    commit,
    otherCommit: other,
    date: new Date(startMs).toISOString(),
    seed,
    minutes,
    minutesInAll: Math.round((Date.now() - startMs) / MINUTE_MS),
    requestedChains: chains,
    ...result,
  };
  if (given.out !== undefined) await writeResult(given.out, document);
  const { violations, ...rest } = document;
  process.stdout.write(`${JSON.stringify(rest, null, 2)}\n`);
  for (const violation of violations.slice(0, PRINTED)) process.stdout.write(`broken: ${violation}\n`);
  process.stdout.write(`${violations.length} promises broken; seed ${seed}\n`);
  // With something to look into, the logs and the database stay.
  if (violations.length > 0) say(`logs stay in ${dir}`);
  else await rm(dir, { recursive: true, force: true });
  return violations.length > 0 ? 1 : 0;
};

try {
  process.exitCode = await main();
} catch (thrown) {
  process.stderr.write(`${messageOf(thrown)}\n`);
  process.exitCode = thrown instanceof InputError ? 2 : 1;
}
