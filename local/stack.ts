/**
 * The local stack: a Temporal server, an AWS emulator, the SageMaker simulator, and a worker and a consumer as
 * processes of their own. All on loopback; all gone when this process is gone (reaper.ts).
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { SEARCH_ATTRIBUTES } from '../decisions/search-attributes.ts';
import { InputError, OperationError } from '../errors.ts';
import { type AwsResources, createAwsResources } from './aws-resources.ts';
import { LOCAL_ACCOUNT, LOCAL_CREDENTIALS, LOCAL_REGION } from './child-environment.ts';
import { type MotoServer, startMotoServer } from './moto-server.ts';
import { checkPortIsFree } from './ports.ts';
import { type ProcessExit, type RunningProcess, startProcess } from './processes.ts';
import { ensurePythonEnvironment } from './python-environment.ts';
import { type TemporalServer, findTemporalExecutable, startTemporalServer } from './temporal-server.ts';

/** The processes of the stack. */
export const STACK_PROCESSES = ['temporal', 'moto', 'simulator', 'worker', 'consumer'] as const;
export type StackProcess = (typeof STACK_PROCESSES)[number];

/** Options of {@link startStack}; every port is any free one if left out. */
export type StackOptions = {
  /** For logs and the simulator's state; a temporary folder, removed by `stop`, if left out. */
  dir?: string;
  ports?: { temporal?: number; web?: number; aws?: number; sagemaker?: number };
  /** The simulator's chance: the same seed and script give the same events at the same times of its clock. */
  seed?: number;
  /** `real`: the simulator's clock runs at real speed. `stopped`: only `advance` moves it. */
  clock: 'real' | 'stopped';
  /** Keep what Temporal knows in a file, as a server that outlives its process; in memory if left out. */
  durable?: boolean;
  /** S3 and SQS by another emulator, where the bucket and the queue exist already: what is measured takes a faster one. */
  storage?: { endpoint: string; bucket: string; queueUrl: string };
  /** Processes to leave out. */
  without?: readonly ('worker' | 'consumer')[];
  /** Told, in words for a spinner, what is being done. */
  onProgress?: (what: string) => void;
};

/** What `local --json` prints (DESIGN 8). */
export type StackFacts = {
  temporalAddress: string;
  namespace: string;
  webUrl: string;
  awsEndpoint: string;
  sagemakerEndpoint: string;
  queueUrl: string;
  ruleName: string;
  region: string;
  account: string;
  bucket: string;
  /** null for a process that was left out. */
  pids: Record<StackProcess, number | null>;
  /** The variables that another process needs to use this stack, and nothing else does. */
  env: Record<string, string>;
};

/** A stack that is ready. */
export type Stack = {
  facts: StackFacts;
  /** Where the logs are: `<process>.log`. */
  dir: string;
  /** Resolves when that process has ended, for whatever reason; a process that ends is not started again. Absent if left out. */
  exits: Partial<Record<StackProcess, Promise<ProcessExit>>>;
  /** Ends everything, worker and consumer first; resolves when it is gone. May be called again. */
  stop: () => Promise<void>;
};

/**
 * A script of this project, beside this folder. It keeps the extension of this file: `.ts` in the repository, `.js`
 * in the package.
 */
const script = (path: string): string =>
  fileURLToPath(new URL(`../${path}${extname(import.meta.url)}`, import.meta.url));

const SimulatorReady = z.object({ endpoint: z.url() });

type Started = { pid: number; exited: Promise<ProcessExit>; stop: () => Promise<void> };

/** Waits for all, also after a failure, so that nothing is still starting when the caller cleans up; then throws the first failure. */
const waitForAll = async (tasks: readonly Promise<unknown>[]): Promise<void> => {
  const results = await Promise.allSettled(tasks);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
};

const startServers = async (
  { ports, onProgress, durable = false }: StackOptions,
  dir: string,
  running: Map<StackProcess, Started>,
): Promise<{ temporal: TemporalServer; moto: MotoServer }> => {
  const { python } = await ensurePythonEnvironment('stack', onProgress === undefined ? {} : { onProgress });
  const executable = await findTemporalExecutable(process.env, onProgress);
  onProgress?.('Starting Temporal and the AWS emulator');
  const startingTemporal = startTemporalServer({
    executable,
    logFile: join(dir, 'temporal.log'),
    ...(durable ? { databaseFile: join(dir, 'temporal.db') } : {}),
    searchAttributes: SEARCH_ATTRIBUTES,
    ...(ports?.temporal === undefined ? {} : { port: ports.temporal }),
    ...(ports?.web === undefined ? {} : { uiPort: ports.web }),
  });
  const startingMoto = startMotoServer({
    python,
    logFile: join(dir, 'moto.log'),
    ...(ports?.aws === undefined ? {} : { port: ports.aws }),
  });
  await waitForAll([
    startingTemporal.then((temporal) => running.set('temporal', temporal)),
    startingMoto.then((moto) => running.set('moto', moto)),
  ]);
  return { temporal: await startingTemporal, moto: await startingMoto };
};

const startSimulator = async (
  { ports, seed = 1, clock, storage }: StackOptions,
  dir: string,
  awsEndpoint: string,
): Promise<{ simulator: RunningProcess; endpoint: string }> => {
  const stateFile = join(dir, 'simulator-state.json');
  // The emulators beside it start empty, so a state of an earlier stack would speak of buckets that are gone.
  await rm(stateFile, { force: true });
  const place = ['--account', LOCAL_ACCOUNT, '--region', LOCAL_REGION];
  const endpoints = ['--s3-endpoint', storage?.endpoint ?? awsEndpoint, '--events-endpoint', awsEndpoint];
  const behaviour = ['--seed', String(seed), '--clock', clock, '--state', stateFile];
  const simulator = await startProcess({
    name: 'The SageMaker simulator',
    command: process.execPath,
    args: [script('simulator/main'), '--port', String(ports?.sagemaker ?? 0), ...endpoints, ...place, ...behaviour],
    logFile: join(dir, 'simulator.log'),
    readiness: { kind: 'json-line' },
  });
  const ready = SimulatorReady.safeParse(JSON.parse(simulator.readyLine));
  if (!ready.success) {
    await simulator.stop();
    throw new OperationError(`The SageMaker simulator did not say where it listens: ${simulator.readyLine}`);
  }
  return { simulator, endpoint: ready.data.endpoint };
};

const startRole = (role: 'worker' | 'consumer', env: Record<string, string>, dir: string): Promise<RunningProcess> =>
  startProcess({
    name: role === 'worker' ? 'The worker' : 'The event consumer',
    command: process.execPath,
    args: [script('cli'), 'worker', '--only', role === 'worker' ? 'workflows,activities' : 'events'],
    env,
    logFile: join(dir, `${role}.log`),
    readiness: { kind: 'json-line' },
    graceMs: role === 'worker' ? 5_000 : 3_000,
  });

/**
 * The variables for other processes. Standard names where there are any, so that the AWS SDKs, the AWS CLI, boto3 and
 * the `temporal` CLI follow them too.
 */
const environmentFor = (
  temporal: TemporalServer,
  awsEndpoint: string,
  sagemakerEndpoint: string,
  { queueUrl, workerEventsQueueUrl }: AwsResources,
): Record<string, string> => ({
  TEMPORAL_ADDRESS: temporal.address,
  TEMPORAL_NAMESPACE: temporal.namespace,
  AWS_REGION: LOCAL_REGION,
  AWS_DEFAULT_REGION: LOCAL_REGION,
  AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
  AWS_ENDPOINT_URL: awsEndpoint,
  AWS_ENDPOINT_URL_SAGEMAKER: sagemakerEndpoint,
  LABEL_RELAY_QUEUE_URL: queueUrl,
  LABEL_RELAY_WORKER_EVENTS_QUEUE_URL: workerEventsQueueUrl,
  // `advance` makes a month pass in half a minute of the consumer's time; an hour would never be over.
  LABEL_RELAY_WORKER_EVENTS_WINDOW: '2s',
  // `advance` makes the Describes of a month in half a minute, and no AWS limits them.
  LABEL_RELAY_DESCRIBES_PER_SECOND: '1000',
  // Short polls, so that a stop is quick.
  LABEL_RELAY_POLL_SECONDS: '1',
  LABEL_RELAY_LOCAL_SIMULATOR: sagemakerEndpoint,
  LABEL_RELAY_WEB_URL: temporal.webUrl,
});

const checkPorts = async (ports: StackOptions['ports'] = {}): Promise<void> => {
  const wanted = [
    [ports.temporal, 'the Temporal server'],
    [ports.web, 'the Temporal Web UI'],
    [ports.aws, 'the AWS emulator'],
    [ports.sagemaker, 'the SageMaker simulator'],
  ] as const;
  const taken = new Map<number, string>();
  for (const [port, whatFor] of wanted) {
    if (port === undefined) continue;
    const other = taken.get(port);
    if (other !== undefined)
      throw new InputError(
        `Port ${port} cannot serve both ${other} and ${whatFor}. Give two different ports, or none.`,
      );
    taken.set(port, whatFor);
    await checkPortIsFree(port, whatFor);
  }
};

/**
 * Starts a local stack of its own, whatever else runs on this machine; nothing of the shell's TEMPORAL_* and AWS_*
 * reaches it.
 * @throws InputError for a port in use, or what the first use needs and lacks (Python, the network);
 * OperationError if a process does not start. Nothing is left running then.
 */
export const startStack = async (options: StackOptions): Promise<Stack> => {
  const { without = [], onProgress } = options;
  await checkPorts(options.ports);
  if (options.dir !== undefined) await mkdir(options.dir, { recursive: true });
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'label-relay-')));

  const running = new Map<StackProcess, Started>();
  const stopProcesses = async (): Promise<void> => {
    // The servers last: a worker that shuts down still reports to them.
    await Promise.all([running.get('consumer')?.stop(), running.get('worker')?.stop()]);
    await running.get('simulator')?.stop();
    await Promise.all([running.get('moto')?.stop(), running.get('temporal')?.stop()]);
  };
  const stop = async (): Promise<void> => {
    await stopProcesses();
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
  };

  try {
    const { temporal, moto } = await startServers(options, dir, running);
    const resources = await createAwsResources(moto.endpoint);
    onProgress?.('Starting the SageMaker simulator');
    const { simulator, endpoint } = await startSimulator(options, dir, moto.endpoint);
    running.set('simulator', simulator);

    const { storage } = options;
    const { bucket, queueUrl } = storage ?? resources;
    const env = {
      ...environmentFor(temporal, moto.endpoint, endpoint, { ...resources, queueUrl }),
      ...(storage === undefined
        ? {}
        : { AWS_ENDPOINT_URL_S3: storage.endpoint, AWS_ENDPOINT_URL_SQS: storage.endpoint }),
    };
    const roles = (['worker', 'consumer'] as const).filter((role) => !without.includes(role));
    if (roles.length > 0) onProgress?.(`Starting the ${roles.join(' and the ')}`);
    await waitForAll(roles.map(async (role) => running.set(role, await startRole(role, env, dir))));

    const pidOf = (name: StackProcess): number | null => running.get(name)?.pid ?? null;
    const facts: StackFacts = {
      temporalAddress: temporal.address,
      namespace: temporal.namespace,
      webUrl: temporal.webUrl,
      awsEndpoint: moto.endpoint,
      sagemakerEndpoint: endpoint,
      queueUrl,
      ruleName: resources.ruleName,
      region: LOCAL_REGION,
      account: LOCAL_ACCOUNT,
      bucket,
      pids: {
        temporal: pidOf('temporal'),
        moto: pidOf('moto'),
        simulator: pidOf('simulator'),
        worker: pidOf('worker'),
        consumer: pidOf('consumer'),
      },
      env,
    };
    const exits = Object.fromEntries([...running].map(([name, { exited }]) => [name, exited]));
    return { facts, dir, exits, stop };
  } catch (thrown) {
    await stopProcesses().catch(() => undefined);
    // The logs stay if the error names one of them: then a process had been started.
    if (options.dir === undefined && thrown instanceof InputError) await rm(dir, { recursive: true, force: true });
    throw thrown;
  }
};
