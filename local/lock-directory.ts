/**
 * A lock between processes of one machine: a directory that holds one file, named for its owner.
 *
 * Making the directory takes the lock. A dead owner's lock is taken over by deleting that owner's file: of several
 * waiting processes only one succeeds in deleting it, and that one becomes the owner in the same directory. So there
 * is no moment in which two processes both believe that they own it.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rmdir, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { codeOf } from './error-codes.ts';

/** What the owner's file says. */
const Owner = z.object({ pid: z.number().int().positive(), host: z.string() });
export type LockOwner = z.infer<typeof Owner>;

/** The owner touches its file this often. */
const HEARTBEAT_MS = 2_000;
/** An owner on another machine, or with an id that was given to another process, is dead if its file stood still this long while we watched. */
const SILENCE_MS = 30_000;

/** Whether a process with this id exists on this machine, also if it belongs to somebody else. */
export const isProcessAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return codeOf(thrown) === 'EPERM';
  }
};

const readOwner = async (file: string): Promise<LockOwner | null> => {
  try {
    return Owner.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return null;
  }
};

const writeOwner = async (directory: string): Promise<string> => {
  const file = join(directory, `owner-${randomUUID()}`);
  await writeFile(file, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: 'wx' });
  return file;
};

/** The owner's file, or null if the lock was free and is now ours. */
type Attempt = { kind: 'taken'; file: string } | { kind: 'held'; by: string | null; owner: LockOwner | null };

const tryToTake = async (directory: string): Promise<Attempt> => {
  try {
    await mkdir(directory);
    return { kind: 'taken', file: await writeOwner(directory) };
  } catch (thrown) {
    if (codeOf(thrown) !== 'EEXIST' && codeOf(thrown) !== 'ENOENT') throw thrown;
  }
  const names = await readdir(directory).catch(() => []);
  const name = names.find((each) => each.startsWith('owner-'));
  if (name === undefined) return { kind: 'held', by: null, owner: null };
  const by = join(directory, name);
  return { kind: 'held', by, owner: await readOwner(by) };
};

const lastSignOfLifeMs = async (path: string): Promise<number> => (await stat(path).catch(() => null))?.mtimeMs ?? 0;

/** Options of {@link withLockDirectory}. */
export type LockOptions = {
  /** Called once, when the lock is found held by a living owner. It may throw to give up instead of waiting. */
  onWait?: (owner: LockOwner | null) => void;
};

const take = async (directory: string, onWait: LockOptions['onWait']): Promise<string> => {
  await mkdir(dirname(directory), { recursive: true });
  let watched: { by: string | null; signMs: number; sinceMs: number } | null = null;
  let told = false;
  for (;;) {
    const attempt = await tryToTake(directory);
    if (attempt.kind === 'taken') return attempt.file;
    const { by, owner } = attempt;

    const signMs = await lastSignOfLifeMs(by ?? directory);
    if (watched === null || watched.by !== by || watched.signMs !== signMs) {
      watched = { by, signMs, sinceMs: performance.now() };
    }
    const isDead = owner !== null && owner.host === hostname() && !isProcessAlive(owner.pid);
    const isSilent = performance.now() - watched.sinceMs > SILENCE_MS;
    if (by !== null && (isDead || isSilent)) {
      const won = await unlink(by).then(
        () => true,
        () => false,
      );
      if (won) return await writeOwner(directory);
    } else if (by === null && isSilent) {
      // Whoever made the directory died before it wrote its name.
      await rmdir(directory).catch(() => undefined);
    } else {
      if (!told && by !== null) {
        told = true;
        onWait?.(owner);
      }
      await sleep(100);
    }
  }
};

/**
 * Runs `work` while this process owns the lock directory; waits for another living owner. The lock is given back also
 * when `work` throws, and is taken over by the next process if this one is killed.
 */
export const withLockDirectory = async <T>(
  directory: string,
  work: () => Promise<T>,
  { onWait }: LockOptions = {},
): Promise<T> => {
  const file = await take(directory, onWait);
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    await unlink(file).catch(() => undefined);
    await rmdir(directory).catch(() => undefined);
  }
};
