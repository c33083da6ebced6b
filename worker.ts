/**
 * The processes that run chains: workflows and activities (a Temporal worker) and events (the consumer of the SQS
 * queue), together or apart.
 */
import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { SQSClient } from '@aws-sdk/client-sqs';
import { Client } from '@temporalio/client';
import { NativeConnection, Worker, type Logger, type WorkerOptions as WorkerCreateOptions } from '@temporalio/worker';
import { createActivities } from './activities/index.ts';
import { standardClients } from './activities/clients.ts';
import type { Config } from './config.ts';
import { connect, unreachable } from './connection.ts';
import { SEARCH_ATTRIBUTES } from './decisions/search-attributes.ts';
import { InputError, OperationError, messageOf } from './errors.ts';
import { watchChainCounts } from './telemetry/chain-counts.ts';
import { startHealthServer, type Readiness } from './telemetry/health.ts';
import { countActivities, createMetrics, type OurMetrics } from './telemetry/metrics.ts';
import { installRuntime, stderrLogger } from './telemetry/runtime.ts';
import {
  startEventStream,
  type EventStream,
  type EventStreamOptions,
  type WorkerEventSource,
} from './events/event-stream.ts';

export const ROLES = ['workflows', 'activities', 'events'] as const;
export type Role = (typeof ROLES)[number];

export type WorkerOptions = {
  config: Config;
  roles: readonly Role[];
  /** Called once everything polls; `healthPort` is null if the endpoints are off. */
  onReady?: (facts: { healthPort: number | null }) => void;
  /** Aborted: stop taking work, finish what is under way, return. */
  signal: AbortSignal;
};

/** Longer than any quick activity; a long merge heartbeats, is cancelled and tried again elsewhere. */
const SHUTDOWN_GRACE = '30 seconds';

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

/** Workflow code, beside this file: bundled by the build in the package (.js), bundled now in the repository (.ts). */
export const workflowCode = (): Pick<WorkerCreateOptions, 'workflowBundle' | 'workflowsPath'> => {
  const extension = extname(import.meta.url);
  const bundle = fileURLToPath(new URL('./workflow-bundle.js', import.meta.url));
  if (extension === '.js' && existsSync(bundle)) return { workflowBundle: { codePath: bundle } };
  return { workflowsPath: fileURLToPath(new URL(`./workflows/index${extension}`, import.meta.url)) };
};

/** Chains live for months: they move to a new version of the worker instead of holding an old one up. */
const versioning = ({ deploymentVersion: version }: Config): Pick<WorkerCreateOptions, 'workerDeploymentOptions'> =>
  version === null
    ? {}
    : { workerDeploymentOptions: { version, useWorkerVersioning: true, defaultVersioningBehavior: 'AUTO_UPGRADE' } };

const createWorker = async (
  connection: NativeConnection,
  { config, roles }: WorkerOptions,
  metrics: OurMetrics,
): Promise<Worker> => {
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
    ...versioning(config),
    ...(roles.includes('workflows') ? workflowCode() : {}),
    ...(roles.includes('activities') ? { activities, interceptors: { activity: [countActivities(metrics)] } } : {}),
  });
};

const accountOfQueue = (queueUrl: string): string[] => /\/(\d{12})\/[^/]+$/.exec(queueUrl)?.slice(1) ?? [];

const workerEventSource = (config: Config, awsRegion: { region?: string }): WorkerEventSource => {
  const { workerEvents, workerEventsQueueUrl: queueUrl, workerEventsWindowMs: windowMs } = config;
  switch (workerEvents) {
    case 'off':
      return { kind: 'off' };
    case 'log':
      return { kind: 'log', logs: new CloudWatchLogsClient(awsRegion), windowMs };
    case 'eventbridge':
      if (queueUrl === null)
        throw new InputError(
          'LABEL_RELAY_WORKER_EVENTS is eventbridge and LABEL_RELAY_WORKER_EVENTS_QUEUE_URL is not set; give the URL of the queue of worker events',
        );
      if (queueUrl === config.queueUrl)
        throw new InputError(
          'LABEL_RELAY_WORKER_EVENTS_QUEUE_URL is the queue of state changes; worker events need a queue of their own',
        );
      return { kind: 'eventbridge', queueUrl, windowMs };
  }
};

type EventStreamSettings = Omit<EventStreamOptions, 'client' | 'logger' | 'onMetric'>;

/** Checked before anything is started: a worker that was created and never ran keeps its process alive. */
const eventStreamSettings = (config: Config): EventStreamSettings => {
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
  const awsRegion = region === null ? {} : { region };
  return {
    sqs: new SQSClient(awsRegion),
    queueUrl,
    accounts,
    regions,
    waitTimeS: config.pollS,
    workerEvents: workerEventSource(config, awsRegion),
  };
};

const createEventStream = (
  client: Client,
  settings: EventStreamSettings,
  logger: Logger,
  metrics: OurMetrics,
): EventStream =>
  startEventStream({
    ...settings,
    client,
    onMetric: metrics.countEvent,
    logger: {
      info: (message, fields) => logger.info(message, fields),
      warn: (message, fields) => logger.warn(message, fields),
      error: (message, fields) => logger.error(message, fields),
    },
  });

const connectNative = async (config: Config): Promise<NativeConnection> => {
  try {
    return await NativeConnection.connect({ ...config.temporal.connectionOptions });
  } catch (thrown) {
    throw unreachable(config, thrown);
  }
};

/** What runs now; the health endpoints look at it. */
type Running = { worker: Worker | null; stream: EventStream | null };

/** Whether each role takes work now: no part does before it is started, in an outage, or once it is stopping. */
const readinessOf = (roles: readonly Role[], { worker, stream }: Running): Readiness =>
  Object.fromEntries(
    roles.map((role) => {
      switch (role) {
        case 'workflows':
          return [role, worker?.getStatus().workflowPollerState === 'POLLING'];
        case 'activities':
          return [role, worker?.getStatus().activityPollerState === 'POLLING'];
        case 'events':
          return [role, stream?.stats().stateChanges.receiving ?? false];
      }
    }),
  );

/** Runs until `signal` is aborted and everything under way is finished. Throws InputError for what the configuration lacks. */
export const runWorker = async (options: WorkerOptions): Promise<void> => {
  const { config, roles, onReady } = options;
  const settings = roles.includes('events') ? eventStreamSettings(config) : null;
  const logger = stderrLogger('INFO');
  const metrics = createMetrics(installRuntime(logger, config.metricsAddress).metricMeter);
  const now: Running = { worker: null, stream: null };
  const { healthPort } = config;
  const health = healthPort === null ? null : await startHealthServer(healthPort, () => readinessOf(roles, now));
  try {
    await runRoles({ ...options, settings }, logger, metrics, now, () =>
      onReady?.({ healthPort: health?.port ?? null }),
    );
  } finally {
    await health?.close();
  }
};

const runRoles = async (
  options: WorkerOptions & { settings: EventStreamSettings | null },
  logger: Logger,
  metrics: OurMetrics,
  now: Running,
  onReady: () => void,
): Promise<void> => {
  const { config, roles, signal, settings } = options;
  const { namespace } = config.temporal;
  const runsWorker = roles.includes('workflows') || roles.includes('activities');
  const connection = runsWorker ? await connectNative(config) : null;
  // The native connection drops the texts of errors that the event stream reads.
  const events =
    settings === null
      ? null
      : await connect(config).catch(async (thrown: unknown) => {
          await connection?.close();
          throw thrown;
        });
  let stopCounting = (): void => undefined;
  try {
    if (connection !== null) await checkSearchAttributes(connection, namespace);
    const worker = connection === null ? null : await createWorker(connection, options, metrics);
    const stream =
      events === null || settings === null ? null : createEventStream(events.client, settings, logger, metrics);
    Object.assign(now, { worker, stream } satisfies Running);
    if (connection !== null && roles.includes('workflows') && config.metricsAddress !== null)
      stopCounting = watchChainCounts(new Client({ connection, namespace }), metrics.setChains);
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    const running = worker?.run();
    onReady();
    // A worker that fails ends the process too; whoever supervises it starts another.
    try {
      await Promise.race([stopped, ...(running === undefined ? [] : [running])]);
    } finally {
      stopCounting();
      await stream?.stop();
      if (stream !== null) {
        const { stateChanges, workerEvents } = stream.stats();
        const counts = { stateChanges: stateChanges.counts, workerEvents: workerEvents?.counts };
        logger.info('The event stream has stopped; nothing taken is left unfinished', counts);
      }
    }
    if (worker !== null && worker.getState() === 'RUNNING') worker.shutdown();
    await running;
    if (!signal.aborted) throw new OperationError('the worker stopped by itself; see the log lines before this one');
  } catch (thrown) {
    if (thrown instanceof InputError || thrown instanceof OperationError) throw thrown;
    throw new OperationError(`the worker failed: ${messageOf(thrown)}`, { cause: thrown });
  } finally {
    await events?.connection.close().catch(() => undefined);
    await connection?.close().catch(() => undefined);
  }
};
