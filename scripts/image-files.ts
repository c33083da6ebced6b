/**
 * Lays out the files of the container image in an empty folder: `node scripts/image-files.ts <folder>`. The build, the
 * package's own files, and production dependencies exactly as the lock file has them, for the platform that this runs
 * on. deploy/Dockerfile copies the folder; a test starts it as it is.
 */
import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('..', import.meta.url));

/** npm calls them by Node's names, the SDK's native library by Rust's. Only glibc: there is no library for musl. */
const TARGETS: Readonly<Record<string, string>> = {
  'linux-x64': 'x86_64-unknown-linux-gnu',
  'linux-arm64': 'aarch64-unknown-linux-gnu',
  'darwin-x64': 'x86_64-apple-darwin',
  'darwin-arm64': 'aarch64-apple-darwin',
};

/** The SDK carries its native library for five platforms, some 30 MB each; an image has one. */
const removeOtherPlatforms = async (folder: string): Promise<void> => {
  const releases = join(folder, 'node_modules', '@temporalio', 'core-bridge', 'releases');
  const ours = TARGETS[`${process.platform}-${process.arch}`];
  const targets = await readdir(releases);
  if (ours === undefined || !targets.includes(ours))
    throw new Error(`the Temporal SDK has no native library for ${process.platform}-${process.arch}`);
  for (const target of targets) if (target !== ours) await rm(join(releases, target), { recursive: true });
};

/** Whatever the checkout's own modes: everybody may read, only the owner may write. */
const settleModes = async (directory: string): Promise<void> => {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await settleModes(path);
    else if (entry.isFile()) await chmod(path, (await stat(path)).mode & 0o111 ? 0o755 : 0o644);
  }
};

const argument = process.argv[2];
if (argument === undefined) throw new Error('give the folder: node scripts/image-files.ts <folder>');
const folder = resolve(argument);
await mkdir(folder, { recursive: true });
if ((await readdir(folder)).length > 0) throw new Error(`${folder} is not empty`);

execFileSync(process.execPath, [join(repository, 'scripts', 'build.ts'), join(folder, 'dist')], { stdio: 'inherit' });
for (const name of ['package.json', 'package-lock.json', 'LICENSE'])
  await cp(join(repository, name), join(folder, name));
// Install scripts of dependencies do not run: all that is native comes ready made.
const options = ['--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
execFileSync('npm', ['ci', ...options], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
await removeOtherPlatforms(folder);
await settleModes(folder);
if (!(await stat(join(folder, 'dist', 'workflow-bundle.js'))).isFile()) throw new Error('there is no workflow bundle');
