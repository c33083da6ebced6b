/**
 * A worker of our job workflows, set up as in `label-relay worker`, whose SageMaker always answers that the job is in progress:
 * `node bench/open-chains-worker.ts <server> <task queue> <bundle> <address for metrics> <workflows
 * in memory>`. Prints a line of JSON several times a
 * second.
 */
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { DAY_MS } from '../decisions/durations.ts';
import type { Observation } from '../decisions/ending.ts';
import { describeTaskQueue } from '../decisions/names.ts';
import { workflowTaskOptions } from '../worker/temporal-workers.ts';
import { inProgress } from './open-jobs.ts';

const [address = '', taskQueue = '', codePath = '', bindAddress = '', cached = ''] = process.argv.slice(2);
Runtime.install({
  logger: new DefaultLogger('ERROR'),
  shutdownSignals: [],
  telemetryOptions: { metrics: { prometheus: { bindAddress } } },
});
let describes = 0;
const described = new Set<string>();
const describeLabelingJob = ({ name }: { name: string }): Promise<Observation> => {
  describes += 1;
  described.add(name);
  const nowMs = Date.now();
  return Promise.resolve(inProgress(name, nowMs - DAY_MS, nowMs));
};
const connection = await NativeConnection.connect({ address });
const workflows = await Worker.create({
  connection,
  taskQueue,
  workflowBundle: { codePath },
  maxCachedWorkflows: Number(cached),
  ...workflowTaskOptions,
});
const place = { account: '123456789012', region: 'us-east-1' };
const looks = await Worker.create({
  connection,
  taskQueue: describeTaskQueue(taskQueue, place),
  activities: { describeLabelingJob },
});
setInterval(() => {
  const memoryMb = process.memoryUsage.rss() / 1e6;
  process.stdout.write(`${JSON.stringify({ describes, jobs: described.size, memoryMb })}\n`);
}, 100);
await Promise.all([workflows.run(), looks.run()]);
