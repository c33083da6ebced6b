/**
 * Canaries: a secret, a presigned URL, a worker's identity and an e-mail address put into everything that comes from
 * outside must not come out in histories, search attributes, failures or logs.
 */
import { inspect } from 'node:util';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { Runtime } from '@temporalio/worker';
import { labelingChainWorkflowId, labelingJobWorkflowId } from '../../decisions/names.ts';
import type { Spec } from '../../decisions/spec.ts';
import { readEvent } from '../../events/envelope.ts';
import { timeSkippingServer } from '../support/servers.ts';
import { World } from '../workflows/support/world.ts';

const CANARIES = [
  'canary-secret',
  'X-Amz-Signature=canaryurl',
  'private.us-east-1.canaryworker',
  'canary@example.com',
] as const;
const [secret, url, worker, mail] = CANARIES;

const ACCOUNT = '123456789012';
const REGION = 'us-east-1';
const logs: string[] = [];
let world: World;

const manifestUriOf = ({ job }: Spec): string => job.InputConfig.DataSource.S3DataSource?.ManifestS3Uri ?? '';

beforeAll(async () => {
  const { logger } = Runtime.instance();
  const log = logger.log.bind(logger);
  logger.log = (level, message, meta) => {
    logs.push([level, message, inspect(meta, { depth: 8 })].join(' '));
    log(level, message, meta);
  };
  world = await World.open(await timeSkippingServer(), { followsTemporal: true, sendsEvents: true });
}, 120_000);

const lines = [
  { source: `write to ${mail}` },
  { 'source-ref': `https://data.s3.amazonaws.com/1.jpg?${url}` },
  { 'source-ref': 's3://data/2.jpg', note: secret, reviewer: worker },
];
const manifest = lines.map((line) => JSON.stringify(line)).join('\n');

/** The histories of a chain and its jobs as text, with payloads and search attributes opened. */
const everythingKept = async (chain: string): Promise<string> => {
  const { generations } = await world.state(chain);
  const jobs = generations.map(({ name }) =>
    labelingJobWorkflowId({ account: ACCOUNT, region: REGION, jobName: name }),
  );
  const texts: string[] = [];
  for (const workflowId of [labelingChainWorkflowId(chain), ...jobs]) {
    const history = historyToJSON(await world.env.client.workflow.getHandle(workflowId).fetchHistory());
    const open = (_all: string, data: string): string => Buffer.from(data, 'base64').toString();
    texts.push(history.replaceAll(/"data":\s*"([^"]*)"/g, open));
  }
  return texts.join('\n');
};

const found = (text: string): string[] => CANARIES.filter((canary) => text.includes(canary));

test('nothing of the data or of the workers is in histories, search attributes or logs of a chain that runs to its end', async () => {
  const spec = await world.prepare('canary', { objects: 0 });
  world.s3.store.write(manifestUriOf(spec), manifest);
  const handle = await world.run('canary', { kind: 'start', spec });
  const result = await handle.result();
  expect(result.status).toBe('labeled');
  // The canaries did go through: they are in the files in S3, where they belong.
  expect(found(world.s3.store.text(result.finalManifest ?? '') ?? '')).toEqual([...CANARIES]);
  const kept = await everythingKept('canary');
  expect(kept).toContain('labelingChain');
  expect(found(kept)).toEqual([]);
  expect(found(logs.join('\n'))).toEqual([]);
}, 120_000);

test('a manifest that cannot be used is named by its lines, not by what stands in them', async () => {
  const spec = await world.prepare('canary-bad', { objects: 0 });
  world.s3.store.write(manifestUriOf(spec), `${manifest}\n{"source": "${secret} ${mail}\n["${worker}"]\n`);
  const handle = await world.run('canary-bad', { kind: 'start', spec });
  await expect(handle.result()).rejects.toThrow('Workflow execution failed');
  const kept = await everythingKept('canary-bad');
  expect(kept).toContain('line 4');
  expect(found(kept)).toEqual([]);
  expect(found(logs.join('\n'))).toEqual([]);
}, 120_000);

test('an address of a webhook that holds a secret is in no failure and no log when it cannot be reached', async () => {
  const url = `http://127.0.0.1:9/hook?token=${secret}`;
  const spec = await world.prepare('canary-hook', { policy: { notify: { webhook: { url } } } });
  await world.run('canary-hook', { kind: 'start', spec });
  await world.untilEnded('canary-hook');
  const handle = world.client.workflow.getHandle(labelingChainWorkflowId('canary-hook'));
  const pending = (await handle.describe()).raw.pendingActivities ?? [];
  const failures = pending.flatMap(({ lastFailure }) => lastFailure ?? []);
  expect(failures.length).toBeGreaterThan(0);
  expect(found(inspect(failures, { depth: 20 }))).toEqual([]);
  expect(found(logs.join('\n'))).toEqual([]);
}, 120_000);

test('what is said of a forged event holds none of its text', () => {
  const forged = JSON.stringify({
    version: '0',
    id: mail,
    'detail-type': secret,
    source: 'aws.sagemaker',
    account: ACCOUNT,
    region: REGION,
    time: url,
    resources: [worker],
    detail: { LabelingJobStatus: secret },
  });
  const verdict = readEvent(forged, { accounts: [ACCOUNT], regions: [REGION] });
  expect(verdict.kind).toBe('poison');
  expect(found(JSON.stringify(verdict))).toEqual([]);
});
