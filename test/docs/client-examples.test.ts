/** The examples in the documentation of the client API, each run as a program of its own against a local stack, in their order. */
import { spawn } from 'node:child_process';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CreateLabelingJobCommand, SageMakerClient } from '@aws-sdk/client-sagemaker';
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { readSpec } from '../../decisions/spec.ts';
import { localAwsConfig } from '../../local/local-clients.ts';
import { startLocalStack, type LocalStack } from '../cli/local-stack.ts';
import { cleanEnvironment } from '../end-to-end/run-cli.ts';
import { root } from './pages.ts';

const source = await readFile(join(root, 'client.ts'), 'utf8');

/** A doc comment's example, and the name of the method (or `class`) that it stands before. */
const examples = [
  ...source.matchAll(/\* @example\n\s*\* ```ts\n([\s\S]*?)\s*\* ```\n\s*\*\/\n(?:\s+(?:async )?(\w+)\()?/g),
].map(([, text = '', name = 'class']) => ({ name, code: text.replaceAll(/^\s*\* ?/gm, '') }));
const exampleOf = (name: string): string => examples.find((one) => one.name === name)?.code ?? '';

const methods = [...source.matchAll(/^ {2}(?:async )?([a-z]\w+)\(.*\{$/gm)].flatMap(([, name = '']) =>
  name === 'constructor' ? [] : [name],
);

/** What the examples take for granted: the connection of the class's example, and the spec of the first method's. */
const programOf = (code: string): string => {
  const spec = exampleOf('startChain')
    .split('\n')
    .filter((line) => /^import|^const spec/.test(line));
  const parts = [exampleOf('class'), ...(/\(spec[,)]/.test(code) && !code.includes('const spec') ? spec : []), code];
  return `${parts.join('\n')}\nawait connection.close();\n`.replace(
    "'label-relay'",
    `'${pathToFileURL(join(root, 'client.ts')).href}'`,
  );
};

let stack: LocalStack;
beforeAll(async () => {
  stack = await startLocalStack();
  await symlink(join(root, 'examples'), join(stack.folder, 'examples'));
  await symlink(join(root, 'node_modules'), join(stack.folder, 'node_modules'));
  await writeFile(join(stack.folder, 'package.json'), '{ "type": "module" }');
  const slow = { workers: { ratePerHour: 1 } };
  await stack.script(Array.from({ length: 20 }, () => slow));
}, 180_000);
afterAll(() => stack.stop(), 60_000);

const run = (code: string): Promise<{ code: number | null; output: string }> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', programOf(code)], {
      cwd: stack.folder,
      env: cleanEnvironment(stack.facts.env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('close', (exit) => resolve({ code: exit, output }));
  });

const advance = async (duration: string): Promise<void> => {
  expect(await stack.run(['local', 'advance', duration])).toMatchObject({ code: 0 });
};

const terminateChain = async (): Promise<void> => {
  const connection = await Connection.connect({ address: stack.facts.env['TEMPORAL_ADDRESS'] ?? '' });
  await new Client({ connection }).workflow.getHandle('labeling-chain:example-images').terminate();
  await connection.close();
};

/** A labeling job that was started elsewhere. */
const makeJobByHand = async (): Promise<void> => {
  const given: unknown = JSON.parse(await readFile(join(root, 'examples/text-classification.json'), 'utf8'));
  const spec = readSpec(given);
  if (spec.kind === 'problems') throw new Error(spec.problems.join('\n'));
  const sageMaker = new SageMakerClient(localAwsConfig(stack.facts.sagemakerEndpoint));
  await sageMaker.send(new CreateLabelingJobCommand({ ...spec.spec.job, LabelingJobName: 'made-by-hand' }));
  sageMaker.destroy();
};

/** An archive: one event of the live job, one of a job that nobody follows, one that is none. */
const writeArchive = async (): Promise<void> => {
  const shown = z
    .object({ jobs: z.array(z.object({ arn: z.string().nullable() })) })
    .parse(JSON.parse((await stack.run(['show', 'adopted', '--json'])).stdout));
  const event = (arn: string) => ({
    version: '0',
    id: '0b9b1a2c-6d0b-4b64-a3a5-3b0a4f3f2f10',
    'detail-type': 'SageMaker Ground Truth Labeling Job State Change',
    source: 'aws.sagemaker',
    account: '123456789012',
    time: '2026-11-24T00:00:00Z',
    region: 'us-east-1',
    resources: [arn],
    detail: { LabelingJobStatus: 'Completed' },
  });
  const arn = shown.jobs.at(-1)?.arn ?? '';
  const lines = [event(arn), event(arn.replace('made-by-hand', 'somebody-elses')), { no: 'event' }];
  await writeFile(join(stack.folder, 'events.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'));
};

/** By method: what has to have happened before, and what its example prints. */
const STORY: Record<string, { before?: () => Promise<void>; prints: RegExp }> = {
  startChain: { prints: /^passed [\s\S]*example-images is started\n$/ },
  get: { prints: /^running: 0 of 24 labeled\n$/ },
  detail: { before: () => advance('10m'), prints: /^3 InProgress\n$/ },
  list: { prints: /^1\n$/ },
  watch: { prints: /^running 24\n/ },
  stop: { prints: /^$/ },
  result: { before: () => advance('1h'), prints: /^stopped s3:\/\/.*manifest\n$/ },
  amend: { prints: /^$/ },
  resume: { prints: /^running\n$/ },
  resumeFromRecord: { before: terminateChain, prints: /^$/ },
  amendRecord: { before: terminateChain, prints: /^$/ },
  adopt: { before: makeJobByHand, prints: /^null\n$/ },
  report: { prints: /^\d+ \[\]\n$/ },
  sendEvents: { before: writeArchive, prints: /delivered: 1[\s\S]*line: 3/ },
};

test('every public method of the client has an example', () => {
  expect(examples.map(({ name }) => name)).toEqual(['class', ...methods]);
  expect(Object.keys(STORY)).toEqual(methods);
});

test.each(Object.entries(STORY))('the example of %s runs', async (method, { before, prints }) => {
  await before?.();
  const { code, output } = await run(exampleOf(method));
  expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(prints) });
});
