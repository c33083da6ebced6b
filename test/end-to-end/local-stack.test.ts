/**
 * The local stack as a user runs it: `label-relay local` in one shell, everything else in another with its variables.
 */
import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { Client } from '@temporalio/client';
import { LabelRelay } from '../../client.ts';
import { checkLedger } from '../../demo/ledger-check.ts';
import { connectToLocalTemporal } from '../../local/local-clients.ts';
import type { LedgerRecord } from '../../simulator/ledger.ts';
import { runCli, spawnCli } from './run-cli.ts';

const factsSchema = z.object({
  awsEndpoint: z.url(),
  sagemakerEndpoint: z.url(),
  bucket: z.string(),
  region: z.string(),
  account: z.string(),
  pids: z.record(z.string(), z.int().nullable()),
  env: z.record(z.string(), z.string()),
});
type Facts = z.infer<typeof factsSchema>;

/** The first line on stdout; a process that ends before it fails the test with what it said. */
const firstLine = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = '';
    let problems = '';
    child.stderr?.on('data', (chunk: Buffer) => (problems += chunk.toString()));
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
    child.on('close', (code) => reject(new Error(`ended with ${code} before it was ready: ${problems}`)));
  });

let stack: ChildProcess;
let facts: Facts;
let folder: string;
let s3: S3Client;
const children: ChildProcess[] = [];

const objects = Array.from({ length: 60 }, (_, index) =>
  JSON.stringify({ 'source-ref': `s3://mine/photos/${index}.jpg` }),
);
const manifest = `${objects.join('\n')}\n`;

const specFor = (chain: string) => ({
  chain,
  job: {
    LabelAttributeName: 'kind',
    InputConfig: { DataSource: { S3DataSource: { ManifestS3Uri: `s3://${facts.bucket}/mine/${chain}.manifest` } } },
    OutputConfig: { S3OutputPath: `s3://${facts.bucket}/mine/labels` },
    RoleArn: `arn:aws:iam::${facts.account}:role/GroundTruth`,
    StoppingConditions: { MaxHumanLabeledObjectCount: 25 },
    HumanTaskConfig: {
      WorkteamArn: `arn:aws:sagemaker:${facts.region}:${facts.account}:workteam/private-crowd/team`,
      UiConfig: { UiTemplateS3Uri: `s3://${facts.bucket}/mine/ui.html` },
      PreHumanTaskLambdaArn: 'arn:aws:lambda:us-east-1:432418664414:function:PRE-PassThrough',
      TaskTitle: 'Kind',
      TaskDescription: 'Choose the kind',
      NumberOfHumanWorkersPerDataObject: 1,
      TaskTimeLimitInSeconds: 600,
      AnnotationConsolidationConfig: {
        AnnotationConsolidationLambdaArn: 'arn:aws:lambda:us-east-1:432418664414:function:ACS-PassThrough',
      },
    },
  },
  policy: { stoppingConditions: 'per-job' },
});

const put = async (key: string, body: string): Promise<void> => {
  await s3.send(
    new PutObjectCommand({ Bucket: facts.bucket, Key: key, Body: body, ContentLength: Buffer.byteLength(body) }),
  );
};

const textOf = async (uri: string): Promise<string> => {
  const { Body } = await s3.send(
    new GetObjectCommand({ Bucket: facts.bucket, Key: uri.slice(`s3://${facts.bucket}/`.length) }),
  );
  return (await Body?.transformToString()) ?? '';
};

const startOwnChain = async (chain: string): Promise<void> => {
  await put(`mine/${chain}.manifest`, manifest);
  const file = join(folder, `${chain}.json`);
  await writeFile(file, JSON.stringify(specFor(chain)));
  const started = await runCli(['start', file, '--json'], facts.env);
  expect(started).toMatchObject({ code: 0 });
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'label-relay-test-'));
  stack = spawnCli(['local', '--json']);
  facts = factsSchema.parse(JSON.parse(await firstLine(stack)));
  s3 = new S3Client({
    endpoint: facts.awsEndpoint,
    region: facts.region,
    forcePathStyle: true,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  await put('mine/ui.html', '<html></html>');
}, 180_000);

afterAll(async () => {
  for (const child of children) child.kill('SIGTERM');
  stack.kill('SIGINT');
  if (stack.exitCode === null) await once(stack, 'exit');
  await rm(folder, { recursive: true, force: true });
}, 60_000);

const pidOf = (name: string): number => {
  const pid = facts.pids[name];
  if (pid === null || pid === undefined) throw new Error(`${name} has no pid`);
  return pid;
};

test('kill -9 of the worker in the middle of a chain changes nothing in the result (I1, I2, I3, I7)', async () => {
  await startOwnChain('killed');
  expect(await runCli(['local', 'advance', '8m'], facts.env)).toMatchObject({ code: 0 });
  process.kill(pidOf('worker'), 'SIGKILL');
  // The server counts the dead worker among the pollers for minutes: a command says in time that nobody took it.
  const connection = await connectToLocalTemporal(facts.env['TEMPORAL_ADDRESS'] ?? '');
  const impatient = new LabelRelay({ client: new Client({ connection }), workerWaitMs: 3_000 });
  await expect(impatient.resume('killed')).rejects.toThrow(/^no worker .* took the command within 3 s; it may still/);
  await connection.close();
  // Asked while nobody can answer: it waits for the next worker.
  const asked = runCli(['show', 'killed', '--json'], facts.env);
  const worker = spawnCli(['worker'], facts.env);
  children.push(worker);
  expect(JSON.parse(await firstLine(worker))).toMatchObject({ ready: true });
  const answer = await asked;
  expect(answer).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(answer.stdout)).toMatchObject({ chain: 'killed', status: 'running' });
  expect(await runCli(['local', 'advance', '3d'], facts.env)).toMatchObject({ code: 0 });
  const shown = await runCli(['show', 'killed', '--json'], facts.env);
  const document = z
    .object({ status: z.string(), finalManifest: z.string(), leftoverReport: z.string(), jobs: z.array(z.unknown()) })
    .parse(JSON.parse(shown.stdout));
  expect(document.status).toBe('labeled');
  expect(document.jobs).toHaveLength(3);
  const ledger = (await (await fetch(`${facts.sagemakerEndpoint}/_simulator/ledger`)).json()) as LedgerRecord[];
  const checks = checkLedger({
    ledger,
    labelAttribute: 'kind',
    manifest,
    finalManifest: await textOf(document.finalManifest),
    leftoverReport: await textOf(document.leftoverReport),
  });
  expect(checks.flatMap(({ violations }) => violations)).toEqual([]);
}, 180_000);

test('a proxy of the shell does not stand between a command and a server on this machine', async () => {
  const proxies = { http_proxy: 'http://127.0.0.1:1', https_proxy: 'http://127.0.0.1:1' };
  expect(await runCli(['list', '--json'], { ...facts.env, ...proxies })).toMatchObject({ code: 0 });
}, 60_000);

test.each([
  ['missing', null, /the manifest s3:\/\/\S+\/missing\.manifest does not exist; check job\.InputConfig/],
  ['empty', '', /line 1: the manifest holds no object; write one line of JSON for each/],
  ['list', '[{"source-ref":"s3://mine/1.jpg"}]\n', /line 1: JSON, but not an object in braces; write each object as/],
  ['prose', '{"source":"a"}\nsome words\n', /line 2: not JSON: .+; write each object as one line of JSON/],
  ['sourceless', '{"source":"a"}\n{"sauce":"b"}\n', /line 2: has neither "source-ref" nor "source"; give the S3 URI/],
])(
  'a manifest that is %s is refused in one line with cause and fix, and starts nothing',
  async (name, body, expected) => {
    const file = join(folder, `${name}.json`);
    await writeFile(file, JSON.stringify(specFor(name)));
    if (body !== null) await put(`mine/${name}.manifest`, body);
    const { code, stdout, stderr } = await runCli(['start', file], facts.env);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(expected);
    expect(stderr).toMatch(/^label-relay: [^\n]+\n$/);
    expect(await runCli(['show', name], facts.env)).toMatchObject({ code: 2 });
  },
  60_000,
);

test('what an emulator cannot be asked is said in words', async () => {
  const { code, stdout } = await runCli(['start', 'examples/image-classification.json', '--dry-run'], facts.env);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^skipped role +not checked: what answers is not this service of AWS \(an emulator\?\)$/m);
}, 60_000);

test('a namespace that the server does not have is refused with what to do', async () => {
  const file = join(folder, 'namespace.json');
  await writeFile(file, JSON.stringify(specFor('namespace')));
  for (const args of [['list'], ['show', 'killed'], ['start', file]]) {
    expect(await runCli(args, { ...facts.env, TEMPORAL_NAMESPACE: 'elsewhere' })).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'label-relay: the Temporal server has no namespace elsewhere; set TEMPORAL_NAMESPACE to one that it has, or create it\n',
    });
  }
}, 60_000);

test('a chain name in use, and a manifest that an open chain works on, are refused with what to do', async () => {
  await startOwnChain('first');
  const file = join(folder, 'first.json');
  const again = await runCli(['start', file], facts.env);
  expect(again.code).toBe(2);
  expect(again.stderr).toMatch(/the chain first is running; see: label-relay show first/);
  const other = join(folder, 'other.json');
  await writeFile(other, JSON.stringify({ ...specFor('first'), chain: 'second' }));
  const refused = await runCli(['start', other], facts.env);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/the chain first is open on the same manifest/);
  expect(await runCli(['stop', 'first'], facts.env)).toMatchObject({ code: 0 });
  expect(await runCli(['local', 'advance', '2d'], facts.env)).toMatchObject({ code: 0 });
  const shown = await runCli(['show', 'first', '--json'], facts.env);
  expect(JSON.parse(shown.stdout)).toMatchObject({ status: 'stopped', jobs: [{ outcome: 'stopped-by-us' }] });
}, 120_000);
