/** The published package in an empty project: command line, library and types, without a development dependency. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { DAY_MS } from '../../decisions/durations.ts';
import { putExampleFiles } from '../../local/example-files.ts';
import { simulatorClock } from '../../local/simulator-clock.ts';
import { startStack } from '../../local/stack.ts';
import { cleanEnvironment } from '../end-to-end/run-cli.ts';
import { emptyFolder, installNode22, npm, packInto, repository, run, runWell, withNode } from './built-package.ts';

let folder: string;
let remove: () => Promise<void>;
let project: string;

const labelRelay = (args: readonly string[], node = process.execPath) =>
  run(join(project, 'node_modules', '.bin', 'label-relay'), args, { cwd: project, env: withNode(node) });

beforeAll(async () => {
  ({ folder, remove } = await emptyFolder());
  project = join(folder, 'project');
  const tarball = await packInto(folder);
  await runWell('mkdir', [project]);
  await writeFile(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  await npm(['install', tarball], project);
}, 300_000);

afterAll(() => remove());

test('the installed command shows the help of itself and of its commands', async () => {
  const help = await labelRelay(['--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  for (const command of ['demo', 'local', 'worker', 'start', 'show', 'doctor']) expect(help.stdout).toContain(command);
  const start = await labelRelay(['start', '--help']);
  expect(start.code).toBe(0);
  expect(start.stdout).toContain('--dry-run');
  expect((await labelRelay(['aws', 'template'])).stdout).toContain('StateChangeRule');
});

test('every command can load what it needs without a development dependency, on Node 22 and on this Node', async () => {
  const node22 = await installNode22(join(folder, 'node22'));
  const commands = [['show', 'birds'], ['list'], ['setup'], ['worker', '--only', 'workflows']];
  // Each reaches the point where nothing answers, so its imports were all there. At once, as each waits for 10 s.
  const results = await Promise.all(
    [process.execPath, node22].flatMap((node) =>
      commands.map((args) =>
        run(join(project, 'node_modules', '.bin', 'label-relay'), args, {
          cwd: project,
          env: { TEMPORAL_ADDRESS: '127.0.0.1:1', ...withNode(node) },
        }),
      ),
    ),
  );
  for (const result of results)
    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining('no Temporal server answers') });
  expect(await runWell(node22, ['--version'])).toMatch(/^v22\./);
}, 240_000);

test('the library is imported and type-checked from the outside, its declaration files too', async () => {
  const source = `
    import { Client } from '@temporalio/client';
    import { InputError, LabelRelay, type ChainDocument, type Spec } from 'label-relay';
    declare const client: Client;
    const relay: LabelRelay = new LabelRelay({ client, webUrl: null });
    const chain: ChainDocument = await relay.get('birds');
    export const remaining: number = chain.objects.remaining;
    export const nameOf = (spec: Spec): string => spec.chain;
    export const exitCode = (thrown: unknown): 2 | 1 => (thrown instanceof InputError ? 2 : 1);
    // @ts-expect-error a chain's name is text
    await relay.get(7);
  `;
  await writeFile(join(project, 'use.ts'), source);
  const tsc = join(repository, 'node_modules', 'typescript', 'bin', 'tsc');
  const check = async (skipLibCheck: boolean) => {
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2023',
      strict: true,
      noEmit: true,
      types: [],
      skipLibCheck,
    };
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['use.ts'] }));
    return run(process.execPath, [tsc, '-p', project], { cwd: project });
  };
  await expect(check(true)).resolves.toEqual({ code: 0, stdout: '', stderr: '' });
  // The libraries' own declarations are not all clean; ours are.
  expect((await check(false)).stdout).not.toContain('node_modules/label-relay/');
  const program = `import('label-relay').then(({ LabelRelay, InputError }) => console.log(typeof LabelRelay, new InputError('x').problems.length))`;
  expect(await runWell(process.execPath, ['-e', program], { cwd: project })).toBe('function 1\n');
}, 60_000);

test('compiled, --help loads no client library: only the command parser and our own files', async () => {
  const cli = await readFile(join(project, 'node_modules', 'label-relay', 'dist', 'cli.js'), 'utf8');
  expect(cli.startsWith('#!/usr/bin/env node\n')).toBe(true);
  const program = `
    import { registerHooks } from 'node:module';
    registerHooks({ load: (url, context, next) => { console.error(url); return next(url, context); } });
    process.argv = ['node', 'label-relay', '--help'];
    await import(${JSON.stringify(join(project, 'node_modules', 'label-relay', 'dist', 'cli.js'))});
  `;
  const { stderr } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: project });
  const packages = [...stderr.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)\//g)].map(([, name]) => name);
  expect(new Set(packages)).toEqual(new Set(['label-relay', 'commander']));
});

const showSchema = z.looseObject({ status: z.string(), jobs: z.array(z.looseObject({ arn: z.string().nullable() })) });
const doctorSchema = z.looseObject({ ok: z.boolean(), checks: z.array(z.looseObject({ status: z.string() })) });

test('a chain runs on servers that only the environment names, on Node 22, and doctor finds nothing wrong', async () => {
  const node22 = await installNode22(join(folder, 'node22'));
  const stack = await startStack({ clock: 'stopped', without: ['worker', 'consumer'] });
  const env = { ...stack.facts.env, ...withNode(node22) };
  const command = join(project, 'node_modules', '.bin', 'label-relay');
  const answer = async (...args: string[]): Promise<unknown> =>
    JSON.parse(await runWell(command, [...args, '--json'], { cwd: project, env }));
  const untilShown = async (isSo: (shown: z.infer<typeof showSchema>) => boolean): Promise<void> => {
    const endMs = Date.now() + 90_000;
    for (;;) {
      const shown = showSchema.parse(await answer('show', 'example-images'));
      if (isSo(shown)) return;
      if (Date.now() > endMs) throw new Error(`it stays ${JSON.stringify(shown)}`);
    }
  };
  const worker = spawn(command, ['worker'], {
    cwd: project,
    env: cleanEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  worker.stderr.resume();
  try {
    await once(createInterface({ input: worker.stdout }), 'line');
    await putExampleFiles(stack.facts.awsEndpoint, stack.facts.bucket);
    const { ok, checks } = doctorSchema.parse(await answer('doctor'));
    expect([ok, checks.filter(({ status }) => status === 'failed')]).toEqual([true, []]);
    await answer('start', join('node_modules', 'label-relay', 'examples', 'image-classification.json'));
    await untilShown(({ jobs }) => typeof jobs[0]?.arn === 'string');
    await simulatorClock(stack.facts.env['LABEL_RELAY_LOCAL_SIMULATOR'] ?? '').advance(DAY_MS);
    await untilShown(({ status }) => status === 'labeled');
    await expect(answer('replay')).resolves.toMatchObject({ failed: [] });
    worker.kill('SIGTERM');
    await once(worker, 'close');
    expect(worker.exitCode).toBe(0);
  } finally {
    worker.kill('SIGKILL');
    await stack.stop();
  }
}, 300_000);

test('the demo runs from the package, with the workflow bundle that it ships', async () => {
  const { code, stdout } = await labelRelay(['demo', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ chain: 'demo-birds', status: 'labeled' });
  expect(code).toBe(0);
}, 240_000);
