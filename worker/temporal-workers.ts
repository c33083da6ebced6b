/**
 * This process's Temporal workers: the one on our task queue, and those on the task queues of Describes. They have one
 * life: they run, and end, together.
 */
import { Worker, type NativeConnection, type WorkerOptions as WorkerCreateOptions } from '@temporalio/worker';
import { lazyActivities, type AllActivities } from './lazy-activities.ts';
import { placesOf, type Config } from '../config.ts';
import { pollPlacesOfJobs, startDescribeQueues, type DescribeQueues } from './describe-queues.ts';
import { encryptionOf } from '../payload-encryption.ts';
import { countActivities, type OurMetrics } from '../telemetry/metrics.ts';
import type { SpanExport } from '../telemetry/span-export.ts';
import { traceActivities, traceAwsCall, traceSinks } from '../telemetry/tracing.ts';
import { workflowOptions, type WorkflowCode } from './workflow-code.ts';

export type TemporalWorkersOptions = {
  connection: NativeConnection;
  config: Config;
  /** Null without the role. */
  code: WorkflowCode | null;
  runsActivities: boolean;
  metrics: OurMetrics;
  /** Where spans of workflows go; null: nowhere. */
  spans: SpanExport | null;
};

/** Longer than any quick activity; a long merge heartbeats, is cancelled and tried again elsewhere. */
const SHUTDOWN_GRACE = '30 seconds';

/** How workflow tasks come to a worker. */
export const workflowTaskOptions = {
  /**
   * A task waits so long for the worker that has its workflow in memory. The SDK's ten seconds are how long every chain stands still after a
   * worker was killed; to rebuild a workflow elsewhere takes a fraction of a second.
   */
  stickyQueueScheduleToStartTimeout: '2 seconds',
  /**
   * The share of the ten polls that is for workflows which no worker has in memory. A server divides a task queue into four partitions, and a poll
   * waits at one of them: the SDK's two polls leave the other partitions of a backlog waiting, as after an outage.
   */
  nonStickyToStickyPollRatio: 0.5,
} as const satisfies Partial<WorkerCreateOptions>;

/** Chains live for months: they move to a new version of the worker instead of holding an old one up. */
const versioning = ({ deploymentVersion: version }: Config): Pick<WorkerCreateOptions, 'workerDeploymentOptions'> =>
  version === null
    ? {}
    : { workerDeploymentOptions: { version, useWorkerVersioning: true, defaultVersioningBehavior: 'AUTO_UPGRADE' } };

const activitiesOf = (
  { temporaryDirectory, webhookSecret, regions, accounts }: Config,
  metrics: OurMetrics,
): AllActivities =>
  lazyActivities(
    { around: traceAwsCall, attempted: metrics.countAwsCall },
    { temporaryDirectory, webhookSecret, regions, accounts },
  );

/** What our workers on all task queues have in common. */
const sharedOf = ({ payloadKeys }: Config): Pick<WorkerCreateOptions, 'shutdownGraceTime' | 'dataConverter'> => ({
  shutdownGraceTime: SHUTDOWN_GRACE,
  ...encryptionOf(payloadKeys),
});

/** The worker on our task queue and, once it runs and has the role, those on the task queues of Describes. */
export class TemporalWorkers {
  readonly #main: Worker;
  readonly #startDescribes: (() => DescribeQueues) | null;
  #describes: DescribeQueues | null = null;
  #running: Promise<void> = Promise.resolve();

  private constructor(main: Worker, startDescribes: (() => DescribeQueues) | null) {
    this.#main = main;
    this.#startDescribes = startDescribes;
  }

  static async create({
    connection,
    config,
    code,
    runsActivities,
    metrics,
    spans,
  }: TemporalWorkersOptions): Promise<TemporalWorkers> {
    const { namespace } = config.temporal;
    const { taskQueue } = config;
    const shared = sharedOf(config);
    const activities = runsActivities ? activitiesOf(config, metrics) : null;
    const watching = [traceActivities, countActivities(metrics)];
    const activity = runsActivities ? [...watching, pollPlacesOfJobs(() => workers.#describes)] : [];
    const main = await Worker.create({
      ...shared,
      connection,
      namespace,
      taskQueue,
      maxCachedWorkflows: config.cachedWorkflows,
      ...workflowTaskOptions,
      ...versioning(config),
      ...(code === null ? { interceptors: { activity } } : workflowOptions(code, { activity })),
      // Also without traces here: a workflow may have been told of one elsewhere.
      sinks: traceSinks((span, workflowId) => spans?.take(span, workflowId)),
      ...(activities === null ? {} : { activities }),
    });
    const startDescribes = (all: AllActivities) => (): DescribeQueues =>
      startDescribeQueues({
        connection,
        namespace,
        taskQueue,
        perSecond: config.describesPerSecond,
        places: placesOf(config).places,
        activities: { describeLabelingJob: all.describeLabelingJob },
        shared: { ...shared, interceptors: { activity: watching } },
      });
    const workers: TemporalWorkers = new TemporalWorkers(main, activities === null ? null : startDescribes(activities));
    return workers;
  }

  /** Settles when one of them ends, which none does before it is told to; rejects if one fails. */
  run(): Promise<void> {
    this.#running = this.#main.run();
    this.#describes = this.#startDescribes?.() ?? null;
    return this.#describes === null ? this.#running : Promise.race([this.#running, this.#describes.finished]);
  }

  get polls(): { workflows: boolean; activities: boolean } {
    const { workflowPollerState, activityPollerState } = this.#main.getStatus();
    return {
      workflows: workflowPollerState === 'POLLING',
      activities: activityPollerState === 'POLLING' && (this.#describes?.isPolling() ?? false),
    };
  }

  /** Takes nothing more, and finishes what is under way. May be called again. */
  async end(): Promise<void> {
    if (this.#main.getState() === 'RUNNING') this.#main.shutdown();
    this.#describes?.shutdown();
    await Promise.all([this.#running, this.#describes?.finished]);
  }
}
