/**
 * The task queues of Describes, one for each account and region, and this process's workers on them. Temporal holds the
 * rate of a task queue, so that all processes together stay under the limit that AWS has for an account and region.
 *
 * A queue that nobody polls would hold its jobs up, so the places are not only those of the configuration: every open
 * job's is polled, and that of a job which this process is asked to create.
 */
import { Client } from '@temporalio/client';
import {
  Worker,
  type ActivityInterceptorsFactory,
  type NativeConnection,
  type WorkerOptions as WorkerCreateOptions,
} from '@temporalio/worker';
import { describeTaskQueue, placeOfWorkflowId, type AwsPlace } from '../decisions/names.ts';
import { readingWhatItCan } from '../unreadable-payloads.ts';

/** How often the open jobs are listed. A self-hosted namespace answers 10 such calls a second. */
const LIST_PERIOD_MS = 60_000;

/** The first list waits until a worker that has just started took its first tasks: it only finds places that nobody named. */
const FIRST_LIST_MS = 1_000;

const OPEN_JOBS = `WorkflowType = 'labelingJob' AND ExecutionStatus = 'Running'`;

/** One Describe takes about 0.1 s: a few polls serve every rate that AWS allows. */
const POLLS = 4;

export type DescribeQueuesOptions = {
  connection: NativeConnection;
  namespace: string;
  /** Our task queue, from whose name theirs are made. */
  taskQueue: string;
  /** For each place, all workers together. */
  perSecond: number;
  /** Known beforehand. */
  places: readonly AwsPlace[];
  activities: object;
  /** What our workers have in common. */
  shared: Pick<WorkerCreateOptions, 'shutdownGraceTime' | 'dataConverter' | 'interceptors'>;
};

export type DescribeQueues = {
  /** Polls the place's queue from now on; nothing if it is polled already. */
  poll: (place: AwsPlace) => void;
  isPolling: () => boolean;
  /** Rejects if one of the workers fails; else it settles when all have shut down. */
  finished: Promise<void>;
  /** Takes nothing more; `finished` tells when what is under way is done. */
  shutdown: () => void;
};

/** Starts to poll. Without worker versioning: a Describe is the same for every build, and a queue that comes later would keep the next build from becoming current. */
export const startDescribeQueues = (options: DescribeQueuesOptions): DescribeQueues => {
  const { connection, namespace, taskQueue, perSecond, activities, shared } = options;
  const workers = new Map<string, Worker | null>();
  const runs: Promise<void>[] = [];
  const { promise: finished, resolve, reject } = Promise.withResolvers<void>();
  let ending = false;

  const run = async (queue: string): Promise<void> => {
    const worker = await Worker.create({
      ...shared,
      connection,
      namespace,
      taskQueue: queue,
      activities,
      maxTaskQueueActivitiesPerSecond: perSecond,
      maxConcurrentActivityTaskPolls: POLLS,
    });
    workers.set(queue, worker);
    const running = worker.run();
    if (ending) worker.shutdown();
    await running;
  };
  const poll = (place: AwsPlace): void => {
    const queue = describeTaskQueue(taskQueue, place);
    if (ending || workers.has(queue)) return;
    workers.set(queue, null);
    const running = run(queue);
    running.catch(reject);
    runs.push(running);
  };

  const { dataConverter } = shared;
  const client = readingWhatItCan(
    new Client({ connection, namespace, ...(dataConverter === undefined ? {} : { dataConverter }) }),
  );
  const pollOpenJobs = async (): Promise<void> => {
    for await (const { workflowId } of client.workflow.list({ query: OPEN_JOBS })) {
      const place = placeOfWorkflowId(workflowId);
      if (place !== null) poll(place);
      if (ending) return;
    }
  };
  // A list that fails is made again in a minute; the places that are known are polled meanwhile.
  const list = (): void => void pollOpenJobs().catch(() => undefined);
  const timer = setInterval(list, LIST_PERIOD_MS);
  const first = setTimeout(list, FIRST_LIST_MS);
  for (const place of options.places) poll(place);

  return {
    poll,
    isPolling: () => [...workers.values()].every((worker) => worker?.getStatus().activityPollerState === 'POLLING'),
    finished,
    shutdown: () => {
      if (ending) return;
      ending = true;
      clearInterval(timer);
      clearTimeout(first);
      for (const worker of workers.values()) if (worker?.getState() === 'RUNNING') worker.shutdown();
      Promise.all(runs).then(() => resolve(), reject);
    },
  };
};

/** Polls the place of every job that this process does something for. */
export const pollPlacesOfJobs =
  (queues: () => DescribeQueues | null): ActivityInterceptorsFactory =>
  ({ info }) => {
    const place = placeOfWorkflowId(info.workflowExecution?.workflowId ?? '');
    if (place !== null) queues()?.poll(place);
    return {};
  };
