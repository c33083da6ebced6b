/** The product as it is in a commit, so that a run of an hour tests one version whatever happens to the working tree meanwhile. */
import { execFile } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const repository = fileURLToPath(new URL('../..', import.meta.url));

/** The short id of a commit. Throws if git does not know it. */
export const commitId = async (revision: string): Promise<string> => {
  const { stdout } = await run('git', ['rev-parse', '--short', '--verify', `${revision}^{commit}`], {
    cwd: repository,
  });
  return stdout.trim();
};

/** Unpacks a commit into a folder, with the libraries of the working tree. Resolves with the folder. */
export const unpackCommit = async (commit: string, folder: string): Promise<string> => {
  await mkdir(folder, { recursive: true });
  const archive = join(folder, 'sources.tar');
  await run('git', ['archive', '--output', archive, commit], { cwd: repository });
  await run('tar', ['-x', '-f', archive, '-C', folder]);
  await symlink(join(repository, 'node_modules'), join(folder, 'node_modules'));
  return folder;
};
