/**
 * How long `label-relay worker` takes from the start of its process to its first workflow task, with the bundle that the package
 * brings and without, both of the built package; and how long the command line takes to say what it can.
 */
import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../decisions/search-attributes.ts';
import { connectToLocalTemporal } from '../../local/local-clients.ts';
import { startTemporalServer } from '../../local/temporal-server.ts';
import { atMost, figure, median, type Figure, type Part } from '../figures.ts';
import { startOpenJob } from '../open-jobs.ts';

const runFile = promisify(execFile);

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
/** Below node_modules, so that the built package finds its dependencies and nobody keeps it. */
const BUILDS = path('../../node_modules/.cache/label-relay-bench');
const TASK_COMPLETED = 7;
const TASK_FAILED = 9;

type Code = 'prebuilt' | 'bundling';

const commandOf = (code: Code): string => join(BUILDS, code, 'cli.js');

/** The built package, and a copy that lacks the bundle. */
const build = async (): Promise<void> => {
  await mkdir(BUILDS, { recursive: true });
  // Says, as the package's own does, that its files are modules.
  await cp(path('../../package.json'), join(BUILDS, 'package.json'));
  await runFile(process.execPath, [path('../../scripts/build.ts'), join(BUILDS, 'prebuilt')]);
  await cp(join(BUILDS, 'prebuilt'), join(BUILDS, 'bundling'), { recursive: true });
  await rm(join(BUILDS, 'bundling', 'workflow-bundle.js'));
};

/** Milliseconds from the start of the process to the end of its first workflow task, by the server's clock. */
const firstTaskMs = async (client: Client, address: string, code: Code, number: number): Promise<number> => {
  const taskQueue = `${code}-${number}`;
  const handle = await startOpenJob(client, taskQueue, number);
  const startMs = Date.now();
  const child = spawn(process.execPath, [commandOf(code), 'worker', '--only', 'workflows,activities'], {
    env: { PATH: process.env['PATH'], TEMPORAL_ADDRESS: address, LABEL_RELAY_TASK_QUEUE: taskQueue },
    stdio: 'ignore',
  });
  try {
    for (let look = 0; look < 1_200; look += 1) {
      const { events } = await handle.fetchHistory();
      if (events?.some(({ eventType }) => eventType === TASK_FAILED) === true)
        throw new Error('the first workflow task failed');
      const done = events?.find(({ eventType }) => eventType === TASK_COMPLETED)?.eventTime;
      if (done) return Number(done.seconds ?? 0) * 1e3 + (done.nanos ?? 0) / 1e6 - startMs;
      if (child.exitCode !== null) throw new Error(`the worker ended with ${child.exitCode}`);
      await sleep(100);
    }
    throw new Error('the worker took no task within two minutes');
  } finally {
    child.kill('SIGKILL');
    await handle.terminate().catch(() => undefined);
  }
};

const workerStart = async (directory: string, rounds: number): Promise<Figure> => {
  const server = await startTemporalServer({
    logFile: join(directory, 'temporal.log'),
    searchAttributes: SEARCH_ATTRIBUTES,
  });
  const connection = await connectToLocalTemporal(server.address);
  try {
    const client = new Client({ connection });
    const prebuilt: number[] = [];
    const bundling: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      prebuilt.push(await firstTaskMs(client, server.address, 'prebuilt', 2 * round));
      bundling.push(await firstTaskMs(client, server.address, 'bundling', 2 * round + 1));
    }
    return figure(
      'start: worker to its first task with the prebuilt bundle',
      median(prebuilt) / median(bundling),
      '×',
      {
        baseline: { what: 'bundling at the start', value: median(bundling) / 1e3, unit: 's' },
        bar: atMost(0.4),
        note: `${(median(prebuilt) / 1e3).toFixed(2)} s`,
      },
    );
  } finally {
    await connection.close();
    await server.stop();
  }
};

const wallMs = async (args: readonly string[]): Promise<number> => {
  const start = performance.now();
  await runFile(process.execPath, [...args]);
  return performance.now() - start;
};

const commandLine = async (rounds: number): Promise<Figure[]> => {
  const cli = commandOf('prebuilt');
  const bare: number[] = [];
  const help: number[] = [];
  const showHelp: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    bare.push(await wallMs(['-e', '0']));
    help.push(await wallMs([cli, '--help']));
    showHelp.push(await wallMs([cli, 'show', '--help']));
  }
  const baseline = { what: 'node -e 0', value: median(bare), unit: 'ms' };
  return [
    figure('start: label-relay --help', median(help) / median(bare), '×', {
      baseline,
      bar: atMost(3),
      note: `${median(help).toFixed(0)} ms`,
    }),
    figure('start: label-relay show --help', median(showHelp) / median(bare), '×', { baseline }),
  ];
};

/** See the head of this file. */
export const run: Part = async ({ quick, directory }) => {
  try {
    await build();
    return [...(await commandLine(quick ? 5 : 15)), await workerStart(directory, quick ? 2 : 9)];
  } finally {
    await rm(BUILDS, { recursive: true, force: true });
  }
};
