/**
 * The Temporal dev server of the local stack: which program it is, how it is set up, and its life.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './commands.ts';
import { connectToLocalTemporal } from './local-clients.ts';
import { checkPortIsFree, findFreePort, LOOPBACK, startAgainOnClash } from './ports.ts';
import { type RunningProcess, startProcess } from './processes.ts';
import { ensurePythonEnvironment } from './python-environment.ts';

/**
 * All workflows lie on the one shard of this server, and a shard may look for tasks 20 times a second: each turn of a workflow would wait
 * 50 ms. Clusters have hundreds of shards.
 */
const ONE_SHARD = ['history.transferProcessorMaxPollRPS=10000', 'history.visibilityProcessorMaxPollRPS=10000'];

/** The oldest Temporal *server* that can skip time on a real server; the one inside the pinned wheel. */
const OLDEST_SERVER = [1, 32, 0] as const;

/**
 * Time skipping allowed, and the timers tuned for it: 40 timers of 6 h take 40 s with the server's defaults and 1 s
 * with these. The skip count is per fast-forward and 200 by default; at the limit the server stops without a word.
 */
const TIME_SKIPPING = [
  'frontend.WorkflowTimeSkippingEnabled=true',
  'history.timerProcessorMaxTimeShift="1ms"',
  'history.timerProcessorMaxPollRPS=10000',
  'history.timerProcessorMaxPollHostRPS=10000',
  'frontend.WorkflowTimeSkippingMaxSkipPerSession=5000',
  // A run that continues as new within a second is held back for the rest of it, and a fast-forward then passes by
  // without waking it.
  'history.workflowIdReuseMinimalInterval="0s"',
];

/** Options of {@link startTemporalServer}. */
export type TemporalServerOptions = {
  /** gRPC port; any free one if left out. */
  port?: number;
  /** Port of the Web UI; any free one if left out. */
  uiPort?: number;
  /** Where workflows outlive the server; in memory if left out. */
  databaseFile?: string;
  logFile: string;
  /** Name → type, registered before any worker connects. */
  searchAttributes: Readonly<Record<string, string>>;
  /** The program; {@link findTemporalExecutable} if left out. */
  executable?: string;
  /** Further settings, each `key=value` as in the server's dynamic configuration. */
  settings?: readonly string[];
};

/** A Temporal dev server that answers. */
export type TemporalServer = {
  /** `host:port` for gRPC. */
  address: string;
  webUrl: string;
  namespace: 'default';
  pid: number;
  logFile: string;
  exited: RunningProcess['exited'];
  stop: () => Promise<void>;
};

/** The server's version in what `temporal --version` prints (`temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)`), if it is new enough. */
export const hasNewEnoughServer = (versionLine: string): boolean => {
  const match = /\bServer (\d+)\.(\d+)\.(\d+)/.exec(versionLine);
  if (match === null) return false;
  const version = match.slice(1).map(Number);
  for (const [index, oldest] of OLDEST_SERVER.entries()) {
    const part = version[index] ?? 0;
    if (part !== oldest) return part > oldest;
  }
  return true;
};

/**
 * The `temporal` program: the one on PATH if its server is new enough, else the pinned one (which is fetched first).
 * @throws InputError as {@link ensurePythonEnvironment} does.
 */
export const findTemporalExecutable = async (
  env: NodeJS.ProcessEnv = process.env,
  onProgress?: (what: string) => void,
): Promise<string> => {
  const { code, output } = await runCommand('temporal', ['--version'], { PATH: env['PATH'] });
  if (code === 0 && hasNewEnoughServer(output)) return 'temporal';
  const { bin } = await ensurePythonEnvironment('stack', { env, ...(onProgress === undefined ? {} : { onProgress }) });
  return join(bin, 'temporal');
};

/** The port opens before the namespace exists, so being ready means that the namespace can be described. */
const answers = async (address: string): Promise<boolean> => {
  const connection = await connectToLocalTemporal(address, 2_000);
  try {
    await connection.workflowService.describeNamespace({ namespace: 'default' });
    return true;
  } finally {
    await connection.close();
  }
};

const argumentsFor = (
  port: number,
  uiPort: number,
  { databaseFile, searchAttributes, settings = [] }: TemporalServerOptions,
) =>
  [
    ['server', 'start-dev', '--ip', LOOPBACK, '--port', String(port)],
    ['--ui-ip', LOOPBACK, '--ui-port', String(uiPort), '--ui-disable-news-fetch'],
    ['--disable-config-file', '--disable-config-env', '--log-level', 'warn'],
    databaseFile === undefined ? [] : ['--db-filename', databaseFile],
    ...[...TIME_SKIPPING, ...ONE_SHARD, ...settings].map((value) => ['--dynamic-config-value', value]),
    ...Object.entries(searchAttributes).map(([name, type]) => ['--search-attribute', `${name}=${type}`]),
  ].flat();

/**
 * How its log tells that it lost a port. It listens on two that we choose and on five that it chooses by itself a moment before; of
 * those, a lost one ends in a panic.
 */
const LOST_A_PORT = /address already in use|^panic: /m;

/**
 * Starts a dev server on loopback, able to skip time.
 * @throws InputError if a chosen port is in use; OperationError if the server does not start.
 */
export const startTemporalServer = async (options: TemporalServerOptions): Promise<TemporalServer> => {
  const command = options.executable ?? (await findTemporalExecutable());
  if (options.port !== undefined) await checkPortIsFree(options.port, 'the Temporal server');
  if (options.uiPort !== undefined) await checkPortIsFree(options.uiPort, 'the Temporal Web UI');
  const logged = async (): Promise<string> => readFile(options.logFile, 'utf8').catch(() => '');
  let before = 0;
  const start = async (): Promise<TemporalServer> => {
    const port = options.port ?? (await findFreePort());
    const uiPort = options.uiPort ?? (await findFreePort());
    const address = `${LOOPBACK}:${port}`;
    before = (await logged()).length;
    const { pid, logFile, exited, stop } = await startProcess({
      name: 'The Temporal dev server',
      command,
      args: argumentsFor(port, uiPort, options),
      logFile: options.logFile,
      readiness: { kind: 'check', check: () => answers(address) },
    });
    return { address, webUrl: `http://${LOOPBACK}:${uiPort}`, namespace: 'default', pid, logFile, exited, stop };
  };
  return await startAgainOnClash(start, async () => LOST_A_PORT.test((await logged()).slice(before)));
};
