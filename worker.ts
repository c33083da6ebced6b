/**
 * The processes that run chains: workflows and activities (a Temporal worker) and events (the consumer of the SQS
 * queue), together or apart.
 */
import { Client } from '@temporalio/client';
import { NativeConnection, type Logger } from '@temporalio/worker';
import { watched } from './activities/watch-calls.ts';
import { RECEIVE_MS, timeouts } from './aws-timeouts.ts';
import type { Config } from './config.ts';
import { connect, isOperatorsOnly, unreachable } from './connection.ts';
import { SEARCH_ATTRIBUTES } from './decisions/search-attributes.ts';
import { InputError, OperationError, messageOf } from './errors.ts';
import { encryptionOf } from './payload-encryption.ts';
import { watchCounts } from './telemetry/counts.ts';
import type { Readiness } from './telemetry/health.ts';
import { createMetrics, type OurMetrics } from './telemetry/metrics.ts';
import { installRuntime, stderrLogger } from './telemetry/runtime.ts';
import type { SpanExport } from './telemetry/span-export.ts';
import { traceSignals } from './telemetry/tracing.ts';
import { eventStreamSettings, type EventStreamSettings } from './worker/event-stream-settings.ts';
import { TemporalWorkers } from './worker/temporal-workers.ts';
import { workflowCode } from './worker/workflow-code.ts';
import type { EventStream } from './events/event-stream.ts';

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

/** A server that lacks a search attribute wedges workflow tasks for ever: better not to start. */
const checkSearchAttributes = async (
  connection: NativeConnection,
  namespace: string,
  logger: Logger,
): Promise<void> => {
  const listed = await connection.operatorService.listSearchAttributes({ namespace }).catch((thrown: unknown) => {
    if (!isOperatorsOnly(thrown)) throw thrown;
    return null;
  });
  if (listed === null) {
    logger.warn('This identity may not list search attributes: a missing one would hold every workflow up', {
      namespace,
      needed: Object.keys(SEARCH_ATTRIBUTES).join(', '),
    });
    return;
  }
  const { customAttributes } = listed;
  const missing = Object.keys(SEARCH_ATTRIBUTES).filter((name) => !(name in customAttributes));
  if (missing.length > 0) {
    throw new InputError(
      `the namespace ${namespace} lacks the search attributes ${missing.join(', ')}; register them with: label-relay setup`,
    );
  }
};

const createEventStream = async (
  client: Client,
  { region, ...settings }: EventStreamSettings,
  logger: Logger,
  metrics: OurMetrics,
): Promise<EventStream> => {
  // Loaded only in this role, with the AWS client that it brings.
  const [{ SQSClient }, { startEventStream }] = await Promise.all([
    import('@aws-sdk/client-sqs'),
    import('./events/event-stream.ts'),
  ]);
  return startEventStream({
    ...settings,
    // Polls are counted, not traced: a trace begins with an event.
    sqs: watched(new SQSClient({ ...(region === null ? {} : { region }), ...timeouts(RECEIVE_MS) }), {
      around: (_call, run) => run(),
      attempted: metrics.countAwsCall,
    }),
    client,
    onMetric: metrics.countEvent,
    logger: {
      info: (message, fields) => logger.info(message, fields),
      warn: (message, fields) => logger.warn(message, fields),
      error: (message, fields) => logger.error(message, fields),
    },
  });
};

/** The reader of the log is a workflow of its own; here it is only made sure that it runs where it is wanted, and nowhere else. */
const settleWorkerLog = async (
  client: Client,
  config: Config,
  { accounts }: EventStreamSettings,
  logger: Logger,
): Promise<void> => {
  const { region, taskQueue, workerEvents, workerEventsWindowMs: windowMs } = config;
  if (region === null) return;
  const { followLog, leaveLog } = await import('./events/worker-log.ts');
  const reader = { client, taskQueue, logger };
  if (workerEvents === 'log') await followLog(reader, { region, accounts, windowMs });
  else await leaveLog(reader, region);
};

const connectNative = async (config: Config): Promise<NativeConnection> => {
  try {
    return await NativeConnection.connect({ ...config.temporal.connectionOptions });
  } catch (thrown) {
    throw unreachable(config, thrown);
  }
};

/** What runs now; the health endpoints look at it. */
type Running = { workers: TemporalWorkers | null; stream: EventStream | null };

const isReceiving = (stream: EventStream): boolean => {
  const { stateChanges, workerEvents } = stream.stats();
  return stateChanges.receiving && (workerEvents?.receiving ?? true);
};

/** Whether each role takes work now: no part does before it is started, in an outage, or once it is stopping. */
const readinessOf = (roles: readonly Role[], { workers, stream }: Running): Readiness =>
  Object.fromEntries(
    roles.map((role) => {
      switch (role) {
        case 'workflows':
        case 'activities':
          return [role, workers?.polls[role] ?? false];
        case 'events':
          return [role, stream !== null && isReceiving(stream)];
      }
    }),
  );

/** Runs until `signal` is aborted and everything under way is finished. Throws InputError for what the configuration lacks. */
export const runWorker = async (options: WorkerOptions): Promise<void> => {
  const { config, roles, onReady } = options;
  const settings = roles.includes('events') ? eventStreamSettings(config) : null;
  const logger = stderrLogger('INFO');
  const metrics = createMetrics(installRuntime(logger, config.metricsAddress).metricMeter);
  const now: Running = { workers: null, stream: null };
  const { healthPort } = config;
  // Loaded only if asked for, as the export of spans: they are large, and chains wait for a worker that starts.
  const health =
    healthPort === null
      ? null
      : await (await import('./telemetry/health.ts')).startHealthServer(healthPort, () => readinessOf(roles, now));
  const spans = config.traces ? (await import('./telemetry/span-export.ts')).startSpanExport() : null;
  try {
    await runRoles({ ...options, settings, spans }, logger, metrics, now, () =>
      onReady?.({ healthPort: health?.port ?? null }),
    );
  } finally {
    await health?.close();
    await spans?.shutdown();
  }
};

const runRoles = async (
  options: WorkerOptions & { settings: EventStreamSettings | null; spans: SpanExport | null },
  logger: Logger,
  metrics: OurMetrics,
  now: Running,
  onReady: () => void,
): Promise<void> => {
  const { config, roles, signal, settings, spans } = options;
  const { namespace } = config.temporal;
  const runsWorker = roles.includes('workflows') || roles.includes('activities');
  const connection = runsWorker ? await connectNative(config) : null;
  // The native connection drops the texts of errors that the event stream reads.
  const events =
    settings === null
      ? null
      : await connect(config, [traceSignals]).catch(async (thrown: unknown) => {
          await connection?.close();
          throw thrown;
        });
  let stopCounting = (): void => undefined;
  let workers: TemporalWorkers | null = null;
  try {
    if (connection !== null) await checkSearchAttributes(connection, namespace, logger);
    // Before the workers are there: one that never ran would hold its connection, and this process.
    if (events !== null && settings !== null) await settleWorkerLog(events.client, config, settings, logger);
    if (connection !== null) {
      const code = roles.includes('workflows') ? workflowCode(config.payloadKeys.length > 0) : null;
      const runsActivities = roles.includes('activities');
      workers = await TemporalWorkers.create({ connection, config, code, runsActivities, metrics, spans });
    }
    const stream =
      events === null || settings === null ? null : await createEventStream(events.client, settings, logger, metrics);
    Object.assign(now, { workers, stream } satisfies Running);
    if (connection !== null && roles.includes('workflows') && config.metricsAddress !== null)
      stopCounting = watchCounts(
        new Client({ connection, namespace, ...encryptionOf(config.payloadKeys) }),
        metrics.setCounts,
        (why) => logger.warn('Chains and jobs cannot be counted for the metrics', { why: messageOf(why) }),
      );
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    const running = workers?.run();
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
    await workers?.end();
    if (!signal.aborted) throw new OperationError('the worker stopped by itself; see the log lines before this one');
  } catch (thrown) {
    if (thrown instanceof InputError || thrown instanceof OperationError) throw thrown;
    throw new OperationError(`the worker failed: ${messageOf(thrown)}`, { cause: thrown });
  } finally {
    await workers?.end().catch(() => undefined);
    await events?.connection.close().catch(() => undefined);
    await connection?.close().catch(() => undefined);
  }
};
