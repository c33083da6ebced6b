/**
 * `npm run cluster-check -- [--minutes 15] [--seed N] [--chains 200] [--figures full|quick|none] [--out <file>]`: chains on a real
 * Temporal cluster while its processes and ours are killed with -9. The product runs as it is in the commit HEAD. Needs PostgreSQL's programs, and Go
 * the first time. The result goes to the file only if one is named. Exit 0: every promise held; 1: not; 2: bad input.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MINUTE_MS } from '../../decisions/durations.ts';
import { InputError, messageOf } from '../../errors.ts';
import { childEnvironment } from '../../local/child-environment.ts';
import { runCommand } from '../../local/commands.ts';
import { writeResult } from '../support/result-file.ts';
import { commitId, unpackCommit } from '../chaos/snapshot.ts';
import { checkCluster } from './check.ts';
import { measureFigures } from './figures.ts';
import { SERVER_VERSION, findPrograms } from './programs.ts';
import { resultShape, type ClusterResult } from './result.ts';
import { startTemporalCluster } from './temporal-cluster.ts';

/** So many promises broken are printed; the file has them all. */
const PRINTED = 30;
const ACCEPTED = '--minutes 15 --seed 7 --chains 200 --figures full --out <file>';

const positive = (name: string, text: string): number => {
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) > 0) return Number(text);
  throw new InputError(`--${name} is "${text}", expected a number above 0`);
};

const readOptions = () => {
  const text = { type: 'string' } as const;
  try {
    const options = { minutes: text, seed: text, chains: text, figures: text, out: text };
    const { figures = 'full', ...given } = parseArgs({ options }).values;
    if (!['full', 'quick', 'none'].includes(figures))
      throw new Error(`--figures is "${figures}", expected full, quick or none`);
    return { figures, ...given };
  } catch (thrown) {
    throw new InputError(`${messageOf(thrown)}; accepted: ${ACCEPTED}`);
  }
};

const main = async (): Promise<number> => {
  const { figures, ...given } = readOptions();
  const minutes = positive('minutes', given.minutes ?? '15');
  const chains = Math.round(positive('chains', given.chains ?? '200'));
  const seed = Math.round(positive('seed', given.seed ?? String((Date.now() % 1_000_000) + 1)));
  const commit = await commitId('HEAD');
  const startMs = Date.now();
  const say = (line: string): void => {
    const seconds = Math.round((Date.now() - startMs) / 1000);
    const minute = String(Math.floor(seconds / 60)).padStart(3);
    process.stderr.write(`${minute}:${String(seconds % 60).padStart(2, '0')} ${line}\n`);
  };
  const programs = await findPrograms(say);
  process.stdout.write(`seed ${seed}, commit ${commit}, ${minutes} minutes, ${chains} chains\n`);

  const dir = await mkdtemp(join(tmpdir(), 'label-relay-cluster-'));
  say(`logs in ${dir}`);
  const root = await unpackCommit(commit, join(dir, 'product'));
  const ours = join(dir, 'ours');
  await mkdir(ours);
  const cluster = await startTemporalCluster(programs, dir, say);
  say(`the cluster is at ${cluster.address}`);
  let result: ClusterResult;
  const keep = async (): Promise<void> => {
    if (given.out !== undefined) await writeResult(given.out, result);
  };
  try {
    const common = { cluster, root, dir: ours, seed, say };
    const checked = await checkCluster({ ...common, chains, durationMs: minutes * MINUTE_MS });
    const { output: postgresql } = await runCommand(programs.postgres, ['--version'], childEnvironment());
    result = resultShape.parse({
      commit,
      date: new Date(startMs).toISOString(),
      seed,
      cores: availableParallelism(),
      temporalServer: SERVER_VERSION.slice(1),
      postgresql: `PostgreSQL ${/\d[\d.]*/.exec(postgresql)?.[0] ?? ''}`.trim(),
      requestedChains: chains,
      minutes,
      ...checked,
      quickFigures: figures === 'quick',
      figures: null,
    });
    // Before the figures, which may fail: what was found with kills is not lost with them.
    await keep();
    if (figures !== 'none')
      result = { ...result, figures: await measureFigures({ ...common, quick: figures === 'quick' }) };
    await keep();
  } finally {
    await cluster.stop();
  }
  const { violations, ...rest } = result;
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
