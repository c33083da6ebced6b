/** The endpoints of a worker process on the local stack: health for a supervisor, metrics for Prometheus. */
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import { Client, Connection } from '@temporalio/client';
import { putExampleFiles } from '../../local/example-files.ts';
import { localAwsConfig } from '../../local/local-clients.ts';
import { startStack, type Stack } from '../../local/stack.ts';
import { countAll } from '../../telemetry/counts.ts';
import { METRICS } from '../../telemetry/metrics.ts';
import { metricsIn, readExpressions } from '../deploy/metric-names.ts';
import { runCli } from '../end-to-end/run-cli.ts';
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts';

/** The SDK's native library for this platform. */
const nativeLibrary = (): string => {
  const releases = join('node_modules', '@temporalio', 'core-bridge', 'releases');
  const target = readdirSync(releases).find(
    (name) =>
      name.startsWith(process.arch === 'arm64' ? 'aarch64' : 'x86_64') &&
      name.includes(process.platform === 'darwin' ? 'darwin' : 'linux'),
  );
  return join(releases, target ?? '', 'index.node');
};

let stack: Stack;
let worker: WorkerProcess;

beforeAll(async () => {
  stack = await startStack({ clock: 'stopped', without: ['worker', 'consumer'] });
  await putExampleFiles(stack.facts.awsEndpoint, stack.facts.bucket);
  worker = await startWorkerProcess(stack);
}, 120_000);

afterAll(async () => {
  worker?.child.kill('SIGKILL');
  await stack?.stop();
}, 60_000);

/** Asks again until the answer fits, for half a minute. */
const eventually = async <Answer>(ask: () => Promise<Answer>, fits: (answer: Answer) => boolean): Promise<Answer> => {
  let answer = await ask();
  for (let left = 60; left > 0 && !fits(answer); left -= 1) {
    await sleep(500);
    answer = await ask();
  }
  return answer;
};

test('a worker with all roles is live, and ready when each of them takes work', async () => {
  expect(await worker.health('/livez')).toEqual({ status: 200, body: { live: true } });
  const ready = await eventually(
    () => worker.health('/readyz'),
    ({ status }) => status === 200,
  );
  expect(ready.body).toEqual({ ready: true, parts: { workflows: true, activities: true, events: true } });
  expect((await worker.health('/metrics')).status).toBe(404);
});

/** How many looks had this cause and this answer. */
const looksOf = (text: string, because: string, found: string): number =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`${METRICS.looks}{`))
    .filter((line) => line.includes(`because="${because}"`) && line.includes(`found="${found}"`))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);

test('metrics of the SDK and ours are served for Prometheus, and count what happens', async () => {
  const sqs = new SQSClient(localAwsConfig(stack.facts.awsEndpoint));
  await sqs.send(new SendMessageCommand({ QueueUrl: stack.facts.queueUrl, MessageBody: 'no event' }));
  sqs.destroy();
  const spec = await readFile('examples/image-classification.json', 'utf8');
  expect(await runCli(['start', '-', '--json'], stack.facts.env, spec)).toMatchObject({ code: 0 });
  const text = await eventually(
    () => worker.metrics(),
    (now) =>
      /create_results_total\{[^}]*result="created"[^}]*\} 1/.test(now) &&
      /outcome="poison"[^}]*\} [1-9]/.test(now) &&
      looksOf(now, 'news', 'live') > 0 &&
      now.includes(METRICS.remainingObjects),
  );
  expect(text).toMatch(/label_relay_create_results_total\{[^}]*result="created"[^}]*\} 1\n/);
  expect(text).toMatch(/label_relay_events_total\{[^}]*outcome="poison"[^}]*\} [1-9]/);
  for (const status of ['running', 'attention', 'ended', 'leftovers', 'failed'])
    expect(text).toMatch(new RegExp(`^${METRICS.chains}\\{[^}]*status="${status}"`, 'm'));
  for (const deadline of ['past', 'day', 'later', 'none'])
    expect(text).toMatch(new RegExp(`^${METRICS.liveJobs}\\{[^}]*deadline="${deadline}"`, 'm'));
  expect(text).toMatch(
    /^label_relay_aws_calls_total\{[^}]*operation="CreateLabelingJob"[^}]*result="ok"[^}]*service="SageMaker"[^}]*\} 1$/m,
  );
  expect(text).toMatch(/^label_relay_aws_calls_total\{operation="ReceiveMessage",result="ok",service="SQS"\} [1-9]/m);
  expect(text).toMatch(/^label_relay_job_age_hours_count(\{[^}]*\})? [1-9]/m);
  expect(text).toMatch(/^temporal_num_pollers\{/m);
  // Our labels stay few: no name of a chain, a job or a person is one.
  expect(text).not.toContain('example-images');
});

/** Counted by the SDK only once something fails; its native library names them, without prefix and suffix. */
const ONLY_AFTER_FAILURES = [
  'temporal_activity_execution_failed_total',
  'temporal_request_failure_total',
  'temporal_workflow_task_execution_failed_total',
];

/** Ours that wait for their first occasion. */
const ONLY_ON_OCCASION: string[] = [METRICS.notifications];

test('every metric and label that an alert or the dashboard asks for is really exported', async () => {
  const lines = (await worker.metrics()).split('\n');
  const expressions = await readExpressions();
  const metrics = expressions.flatMap(({ where, expr }) => metricsIn(expr).map((metric) => ({ where, ...metric })));
  expect(metrics.length).toBeGreaterThanOrEqual(expressions.length);
  const missing = metrics.filter(
    ({ name, labels }) =>
      !ONLY_AFTER_FAILURES.includes(name) &&
      !ONLY_ON_OCCASION.includes(name) &&
      !lines.some(
        (line) =>
          (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) &&
          labels.every((label) => new RegExp(`[{,]${label}="`).test(line)),
      ),
  );
  expect(missing).toEqual([]);
  const library = await readFile(nativeLibrary());
  for (const name of ONLY_AFTER_FAILURES) expect(library.includes(name.replace(/^temporal_|_total$/g, ''))).toBe(true);
});

test('chains by status, what remains in them, and live jobs by deadline are counted by the visibility store', async () => {
  const connection = await Connection.connect({ address: stack.facts.temporalAddress });
  const client = new Client({ connection });
  const counts = await eventually(
    () => countAll(client, Date.now()),
    ({ chains, jobs }) => chains.running === 1 && jobs.later === 1,
  );
  expect(counts).toEqual({
    chains: { running: 1, attention: 0, ended: 0, leftovers: 0, failed: 0 },
    jobs: { past: 0, day: 0, later: 1, none: 0 },
    remainingObjects: 24,
  });
  await connection.close();
});

test('SIGTERM ends it with exit code 0', async () => {
  expect(await worker.stop()).toBe(0);
}, 60_000);
