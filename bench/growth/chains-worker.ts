/**
 * A worker of our job workflows with a small cache, whose SageMaker always answers that the job is in progress:
 * `node bench/growth/chains-worker.ts <server> <task queue> <bundle>`. Prints how often it was asked, as a line of JSON, soon after each change.
 */
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { DAY_MS } from '../../decisions/durations.ts';
import { NO_COUNTERS, type Observation } from '../../decisions/ending.ts';
import { describeTaskQueue } from '../../decisions/names.ts';

/** Fewer than the chains of the larger sizes: those beyond wait on the server alone, as they do once a worker has many. */
const CACHED_WORKFLOWS = 500;

const [address = '', taskQueue = '', codePath = ''] = process.argv.slice(2);
Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
let describes = 0;
let printed = 0;
const describeLabelingJob = ({ name }: { name: string }): Promise<Observation> => {
  describes += 1;
  const nowMs = Date.now();
  return Promise.resolve({
    kind: 'observed',
    name,
    arn: `arn:aws:sagemaker:us-east-1:123456789012:labeling-job/${name}`,
    status: 'InProgress',
    counters: { ...NO_COUNTERS, unlabeled: 1_000 },
    failureReason: null,
    createdAtMs: nowMs - DAY_MS,
    lastModifiedAtMs: nowMs,
    serviceNowMs: nowMs,
    outputManifestUri: null,
    finalModelArn: null,
  });
};
const connection = await NativeConnection.connect({ address });
const workflows = await Worker.create({
  connection,
  taskQueue,
  workflowBundle: { codePath },
  maxCachedWorkflows: CACHED_WORKFLOWS,
});
const looks = await Worker.create({
  connection,
  taskQueue: describeTaskQueue(taskQueue, { account: '123456789012', region: 'us-east-1' }),
  activities: { describeLabelingJob },
});
setInterval(() => {
  if (describes === printed) return;
  printed = describes;
  process.stdout.write(`${JSON.stringify({ describes })}\n`);
}, 20);
await Promise.all([workflows.run(), looks.run()]);
