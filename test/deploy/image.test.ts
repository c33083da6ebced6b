/** The container image without a container: the files that the Dockerfile copies, started as they are on the local stack. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, chown, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { putExampleFiles } from '../../local/example-files.ts';
import { startStack, type Stack } from '../../local/stack.ts';
import { cleanEnvironment, runCli } from '../end-to-end/run-cli.ts';
import { repository, runWell } from '../package/built-package.ts';

/** Whom the image runs as. Only root may become somebody else; for others the files are their own. */
const nobody = process.getuid?.() === 0 ? { uid: 65_532, gid: 65_532 } : {};

let folder: string;
let image: string;
let stack: Stack | null = null;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'label-relay-image-'));
  // The image's user must reach it.
  await chmod(folder, 0o755);
  image = join(folder, 'app');
  await runWell(process.execPath, [join(repository, 'scripts', 'image-files.ts'), image]);
}, 300_000);

afterAll(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

/** Every file with its time of change. */
const snapshot = async (): Promise<string[]> => {
  const entries = await readdir(image, { recursive: true, withFileTypes: true });
  const lines = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const path = join(entry.parentPath, entry.name);
        const { mtimeMs, size, mode } = await stat(path);
        return `${path} ${size} ${mtimeMs} ${mode.toString(8)}`;
      }),
  );
  return lines.toSorted();
};

test('the image holds the build and production dependencies, and nothing else', async () => {
  expect((await readdir(image)).toSorted()).toEqual([
    'LICENSE',
    'dist',
    'node_modules',
    'package-lock.json',
    'package.json',
  ]);
  const packages = await readdir(join(image, 'node_modules'));
  expect(packages).toEqual(expect.arrayContaining(['@aws-sdk', '@temporalio', 'commander']));
  for (const name of ['jest', 'typescript', 'prettier', 'oxlint', '@stryker-mutator', 'fast-check', 'node', 'yaml'])
    expect(packages).not.toContain(name);
  const files = await readdir(join(image, 'dist'), { recursive: true });
  expect(files).toContain('workflow-bundle.js');
  expect(files.filter((name) => /(^|\/)(test|scripts|bench)\/|\.ts$/.test(name) && !name.endsWith('.d.ts'))).toEqual(
    [],
  );
  // One native library, for this platform.
  expect(await readdir(join(image, 'node_modules', '@temporalio', 'core-bridge', 'releases'))).toHaveLength(1);
});

test('everybody may read it and nobody but its owner may write it', async () => {
  const wrong = (await snapshot()).filter((line) => {
    const mode = Number.parseInt(line.slice(-6), 8);
    return (mode & 0o022) !== 0 || (mode & 0o004) === 0;
  });
  expect(wrong).toEqual([]);
});

test('the workflow bundle holds no path of the machine that built it', async () => {
  expect((await readFile(join(image, 'dist', 'workflow-bundle.js'), 'utf8')).includes(repository)).toBe(false);
});

test('a worker runs from it as nobody, without writing a file, and creates a labeling job', async () => {
  stack = await startStack({ clock: 'stopped', without: ['worker', 'consumer'] });
  await putExampleFiles(stack.facts.awsEndpoint, stack.facts.bucket);
  const before = await snapshot();
  const temporary = join(folder, 'tmp');
  await mkdir(temporary);
  if (nobody.uid !== undefined) await chown(temporary, nobody.uid, nobody.gid);
  const worker = spawn(process.execPath, [join(image, 'dist', 'cli.js'), 'worker'], {
    cwd: image,
    env: { ...cleanEnvironment(stack.facts.env), NODE_ENV: 'production', TMPDIR: temporary, HOME: '/nonexistent' },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...nobody,
  });
  let log = '';
  worker.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const closed = once(worker, 'close');
  const ready = await Promise.race([
    once(createInterface({ input: worker.stdout }), 'line'),
    closed.then(() => [`it ended: ${log}`]),
  ]);
  expect(JSON.parse(String(ready[0]))).toMatchObject({ ready: true, roles: ['workflows', 'activities', 'events'] });
  const spec = await readFile('examples/image-classification.json', 'utf8');
  expect(await runCli(['start', '-', '--json'], stack.facts.env, spec)).toMatchObject({ code: 0 });
  let jobs = '';
  for (let left = 60; left > 0 && !jobs.includes('arn:aws:sagemaker'); left -= 1)
    jobs = (await runCli(['show', 'example-images', '--json'], stack.facts.env)).stdout;
  expect(jobs).toContain('arn:aws:sagemaker');
  worker.kill('SIGTERM');
  await closed;
  expect(worker.exitCode).toBe(0);
  // Bundled beforehand: a worker that had to bundle would say so in its log.
  expect(log).not.toContain('webpack');
  expect(await snapshot()).toEqual(before);
}, 180_000);
