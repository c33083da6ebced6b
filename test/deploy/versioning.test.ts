/** Upgrading with open chains: a new build becomes current, and the chains of the old one go on in it. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { labelingChainWorkflowId } from '../../decisions/names.ts';
import { putExampleFiles } from '../../local/example-files.ts';
import { startStack, type Stack } from '../../local/stack.ts';
import { runCli } from '../end-to-end/run-cli.ts';
import { startWorkerProcess, type WorkerProcess } from '../telemetry/worker-process.ts';

const DEPLOYMENT = 'label-relay';
const CHAIN = 'example-images';

let stack: Stack;
let connection: Connection;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  stack = await startStack({ clock: 'stopped', without: ['worker', 'consumer'] });
  await putExampleFiles(stack.facts.awsEndpoint, stack.facts.bucket);
  connection = await Connection.connect({ address: stack.facts.temporalAddress });
}, 120_000);

afterAll(async () => {
  for (const { child } of workers) child.kill('SIGKILL');
  await connection?.close();
  await stack?.stop();
}, 60_000);

/** What `temporal worker deployment set-current-version` does. The version is known once its worker has polled. */
const makeCurrent = async (buildId: string): Promise<void> => {
  for (let left = 40; ; left -= 1) {
    try {
      const identity = 'test';
      const request = { namespace: stack.facts.namespace, deploymentName: DEPLOYMENT, buildId, identity };
      await connection.workflowService.setWorkerDeploymentCurrentVersion(request);
      return;
    } catch (thrown) {
      if (left === 0) throw thrown;
      await sleep(500);
    }
  }
};

/** `null`: one without a version. */
const startBuild = async (buildId: string | null): Promise<WorkerProcess> => {
  const env: Record<string, string> =
    buildId === null ? {} : { TEMPORAL_DEPLOYMENT_NAME: DEPLOYMENT, TEMPORAL_WORKER_BUILD_ID: buildId };
  const worker = await startWorkerProcess(stack, ['--only', 'workflows,activities'], env);
  workers.push(worker);
  return worker;
};

/** What the doctor says of the workers. */
const workersFinding = async (): Promise<unknown> => {
  const { stdout } = await runCli(['doctor', '--json'], stack.facts.env);
  const { checks } = z.object({ checks: z.array(z.looseObject({ check: z.string() })) }).parse(JSON.parse(stdout));
  return checks.find(({ check }) => check === 'workers');
};

const buildOf = async (): Promise<string | undefined> => {
  const { raw } = await new Client({ connection }).workflow.getHandle(labelingChainWorkflowId(CHAIN)).describe();
  return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId ?? undefined;
};

test('a version gets chains only once it is current; then open chains move to the next one, and the old one can go', async () => {
  const old = await startBuild('one');
  expect(await workersFinding()).toMatchObject({
    status: 'failed',
    message: expect.stringContaining('no version is current'),
    remedy: 'temporal worker deployment set-current-version --deployment-name label-relay --build-id one',
  });
  await makeCurrent('one');
  expect(await workersFinding()).toMatchObject({ status: 'passed' });
  const spec = await readFile('examples/image-classification.json', 'utf8');
  expect(await runCli(['start', '-', '--json'], stack.facts.env, spec)).toMatchObject({ code: 0 });
  expect(await buildOf()).toBe('one');
  await startBuild('two');
  await makeCurrent('two');
  expect(await old.stop()).toBe(0);
  // Any command to the chain is work for the current build; only that one has a worker now.
  expect(await runCli(['stop', CHAIN], stack.facts.env)).toMatchObject({ code: 0 });
  expect(await buildOf()).toBe('two');
  await startBuild(null);
  expect(await workersFinding()).toMatchObject({
    status: 'failed',
    message: expect.stringMatching(
      /worker without a version polls .* gets nothing: the current version is label-relay two/,
    ),
    remedy: expect.stringContaining('TEMPORAL_DEPLOYMENT_NAME=label-relay'),
  });
}, 120_000);
