/**
 * One owner at a time, and no owner that is dead.
 */
import { access, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withLockDirectory } from '../../local/lock-directory.ts';

let folder: string;
let lock: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'label-relay-lock-'));
  lock = join(folder, 'a.lock');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Larger than any process id that Linux or macOS hands out. */
const DEAD_PID = 2 ** 22 + 1;

/** The lock as a process leaves it that was killed. */
const leaveLock = async (pid: number): Promise<void> => {
  await mkdir(lock);
  await writeFile(join(lock, 'owner-0'), JSON.stringify({ pid, host: hostname() }));
};

/** Runs several at once and returns how many were inside together at most. */
const mostInside = async (count: number): Promise<number> => {
  let inside = 0;
  let most = 0;
  const work = async () => {
    inside += 1;
    most = Math.max(most, inside);
    await sleep(5);
    inside -= 1;
  };
  await Promise.all(Array.from({ length: count }, () => withLockDirectory(lock, work)));
  return most;
};

test('only one is inside at a time, and nothing is left at the end', async () => {
  expect(await mostInside(8)).toBe(1);
  await expect(readdir(folder)).resolves.toEqual([]);
});

test('the lock of a dead process is taken over by exactly one of those that wait', async () => {
  await leaveLock(DEAD_PID);
  expect(await mostInside(8)).toBe(1);
});

test('a living owner is waited for and named', async () => {
  await leaveLock(process.pid);
  const owners: (number | undefined)[] = [];
  const waiting = withLockDirectory(lock, () => Promise.resolve('done'), {
    onWait: (owner) => {
      owners.push(owner?.pid);
      void rm(lock, { recursive: true });
    },
  });
  await expect(waiting).resolves.toBe('done');
  expect(owners).toEqual([process.pid]);
});

test('the lock is given back when the work fails', async () => {
  await expect(withLockDirectory(lock, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(access(lock)).rejects.toThrow('ENOENT');
});
