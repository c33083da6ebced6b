/**
 * The processes that run chains: workflows and activities (a Temporal worker) and events (the consumer of the SQS
 * queue), together or apart.
 */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SQSClient } from '@aws-sdk/client-sqs';
import { Client } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker, type LogEntry, type Logger } from '@temporalio/worker';
import { createActivities } from './activities/index.ts';
import { standardClients } from './activities/clients.ts';
import type { Config } from './config.ts';
import { unreachable } from './connection.ts';
import { SEARCH_ATTRIBUTES } from './decisions/search-attributes.ts';
import { InputError, OperationError, messageOf } from './errors.ts';
import { startConsumer, type RunningConsumer } from './events/consumer.ts';

export const ROLES = ['workflows', 'activities', 'events'] as const;
export type Role = (typeof ROLES)[number];

export type WorkerOptions = {
  config: Config;
  roles: readonly Role[];
  /** Called once everything polls. */
  onReady?: () => void;
  /** Aborted: stop taking work, finish what is under way, return. */
  signal: AbortSignal;
};

/** Longer than any quick activity; a long merge heartbeats, is cancelled and tried again elsewhere. */
const SHUTDOWN_GRACE = '30 seconds';

const jsonLine = ({ level, message, meta, timestampNanos }: LogEntry): string =>
  JSON.stringify(
    { time: new Date(Number(timestampNanos / 1_000_000n)).toISOString(), level, message, ...meta },
    (_key, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value instanceof Error ? value.message : value,
  );

/** Structured logs, one JSON line each, on stderr. */
export const stderrLogger = (level: 'DEBUG' | 'INFO' | 'WARN'): Logger =>
  new DefaultLogger(level, (entry) => process.stderr.write(`${jsonLine(entry)}\n`));

/** A server that lacks a search attribute wedges workflow tasks for ever: better not to start. */
const checkSearchAttributes = async (connection: NativeConnection, namespace: string): Promise<void> => {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.keys(SEARCH_ATTRIBUTES).filter((name) => !(name in customAttributes));
  if (missing.length > 0) {
    throw new InputError(
      `the namespace ${namespace} lacks the search attributes ${missing.join(', ')}; register them with: label-relay setup`,
    );
  }
};

/** Workflow code: beside this file, as it is in the repository (.ts) or in the package (.js). */
const workflowsPath = (): string =>
  fileURLToPath(new URL(`./workflows/index${extname(import.meta.url)}`, import.meta.url));

const createWorker = async (connection: NativeConnection, { config, roles }: WorkerOptions): Promise<Worker> => {
  const activities = createActivities({
    ...standardClients(),
    temporaryDirectory: config.temporaryDirectory,
    webhookSecret: config.webhookSecret,
    regions: config.regions,
    accounts: config.accounts,
  });
  return Worker.create({
    connection,
    namespace: config.temporal.namespace,
    taskQueue: config.taskQueue,
    shutdownGraceTime: SHUTDOWN_GRACE,
    ...(roles.includes('workflows') ? { workflowsPath: workflowsPath() } : {}),
    ...(roles.includes('activities') ? { activities } : {}),
  });
};

const accountOfQueue = (queueUrl: string): string[] => /\/(\d{12})\/[^/]+$/.exec(queueUrl)?.slice(1) ?? [];

const createConsumer = (connection: NativeConnection, { config }: WorkerOptions, logger: Logger): RunningConsumer => {
  const { queueUrl, region } = config;
  if (queueUrl === null)
    throw new InputError('LABEL_RELAY_QUEUE_URL is not set; give the URL of the queue of state-change events');
  const regions = config.regions.length > 0 ? config.regions : region === null ? [] : [region];
  if (regions.length === 0)
    throw new InputError('AWS_REGION is not set; give the region of the queue, or LABEL_RELAY_REGIONS');
  const accounts = config.accounts.length > 0 ? config.accounts : accountOfQueue(queueUrl);
  if (accounts.length === 0)
    throw new InputError(
      'LABEL_RELAY_ACCOUNTS is not set and the queue URL names no account; give the account ids whose events are believed',
    );
  return startConsumer({
    client: new Client({ connection, namespace: config.temporal.namespace }),
    sqs: new SQSClient(region === null ? {} : { region }),
    queueUrl,
    accounts,
    regions,
    logger: {
      info: (message, fields) => logger.info(message, fields),
      warn: (message, fields) => logger.warn(message, fields),
      error: (message, fields) => logger.error(message, fields),
    },
  });
};

/** Runs until `signal` is aborted and everything under way is finished. Throws InputError for what the configuration lacks. */
export const runWorker = async (options: WorkerOptions): Promise<void> => {
  const { config, roles, signal, onReady } = options;
  const logger = stderrLogger('INFO');
  Runtime.install({ logger, shutdownSignals: [] });
  let connection: NativeConnection;
  try {
    connection = await NativeConnection.connect({ ...config.temporal.connectionOptions });
  } catch (thrown) {
    throw unreachable(config, thrown);
  }
  try {
    const runsWorker = roles.includes('workflows') || roles.includes('activities');
    if (runsWorker) await checkSearchAttributes(connection, config.temporal.namespace);
    const worker = runsWorker ? await createWorker(connection, options) : null;
    const consumer = roles.includes('events') ? createConsumer(connection, options, logger) : null;
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    const running = worker?.run();
    onReady?.();
    // A worker that fails ends the process too; whoever supervises it starts another.
    await Promise.race([stopped, ...(running === undefined ? [] : [running])]);
    await consumer?.stop();
    if (worker !== null && worker.getState() === 'RUNNING') worker.shutdown();
    await running;
    if (!signal.aborted) throw new OperationError('the worker stopped by itself; see the log lines before this one');
  } catch (thrown) {
    if (thrown instanceof InputError || thrown instanceof OperationError) throw thrown;
    throw new OperationError(`the worker failed: ${messageOf(thrown)}`, { cause: thrown });
  } finally {
    await connection.close().catch(() => undefined);
  }
};
