/** The package as `npm pack` makes it, from a build of its own, and what tests do with it: install it and run it. */
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { cleanEnvironment, type CliResult } from '../end-to-end/run-cli.ts';

const filesSchema = z.looseObject({ files: z.array(z.string()) });

export const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a program to its end, without the shell's Temporal and AWS settings. */
export const run = (
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<CliResult> =>
  new Promise((resolve, reject) => {
    const env = cleanEnvironment(options.env);
    const child = spawn(command, args, { cwd: options.cwd ?? repository, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });

/** Runs a program that must succeed. */
export const runWell = async (...[command, args, options]: Parameters<typeof run>): Promise<string> => {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} exited with ${code}\n${stdout}\n${stderr}`);
  return stdout;
};

/** npm beside the Node that runs the tests. */
export const npm = (args: readonly string[], cwd: string): Promise<string> =>
  runWell('npm', [...args, '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts'], { cwd });

/** A folder that is removed by the function beside it. */
export const emptyFolder = async (): Promise<{ folder: string; remove: () => Promise<void> }> => {
  const folder = await mkdtemp(join(tmpdir(), 'label-relay-package-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
};

/** Everything that package.json says is shipped, built and laid out in `folder` as in the repository. */
export const buildInto = async (folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true });
  const { files } = filesSchema.parse(JSON.parse(await readFile(join(repository, 'package.json'), 'utf8')));
  const shipped = ['package.json', 'package-lock.json', 'README.md', 'LICENSE', ...files];
  for (const name of shipped.filter((one) => one !== 'dist'))
    await cp(join(repository, name), join(folder, name), { recursive: true });
  await runWell(process.execPath, [join(repository, 'scripts', 'build.ts'), join(folder, 'dist')]);
};

/** The path of a tarball made of a fresh build. */
export const packInto = async (folder: string): Promise<string> => {
  const staging = join(folder, 'staging');
  await buildInto(staging);
  const name = await npm(['pack', '--pack-destination', folder, '--silent'], staging);
  return join(folder, name.trim());
};

/** The Node 22 of npm's `node` package, installed into `folder`. */
export const installNode22 = async (folder: string): Promise<string> => {
  await mkdir(folder, { recursive: true });
  const options = ['--no-audit', '--no-fund', '--prefer-offline', '--no-save', '--prefix', folder];
  await runWell('npm', ['install', 'node@22', ...options], { cwd: folder });
  return join(folder, 'node_modules', 'node', 'bin', 'node');
};

/** `node`'s folder first on PATH, as a shebang needs it. */
export const withNode = (node: string): Record<string, string> => ({
  PATH: `${dirname(node)}:${process.env['PATH'] ?? ''}`,
});
