/** Temporary folders that a worker left when it was killed: on a volume that outlives it they would fill the disk. */
import { readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { HOUR_MS } from '../decisions/durations.ts';

const PREFIX = 'label-relay-manifests';
/** A host name with nothing in it that separates. */
const host = hostname().replaceAll(/[^A-Za-z0-9]/g, '_');

/** How the names of this process's folders begin. */
export const ownFolders = `${PREFIX}-${host}-${process.pid}`;

/** Twice what the longest activity may take: nobody works in a folder that is older. */
const OLDEST_MS = 12 * HOUR_MS;

const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM';
  }
};

/**
 * Whether nobody works in a folder. On our host its process tells; before this one has made any, those of its number are of a process before it
 * (in a container each is number 1). A folder that is removed wrongly costs one retry.
 */
const isLeft = async (directory: string, name: string): Promise<boolean> => {
  const [, of, pid] = /^label-relay-manifests-(\w+)-(\d+)-/.exec(name) ?? [];
  if (pid === undefined) return false;
  if (of === host) return Number(pid) === process.pid || !lives(Number(pid));
  return Date.now() - (await stat(join(directory, name))).mtimeMs > OLDEST_MS;
};

/** Removes what is left; what cannot be looked at or removed stays. */
const cleanUp = async (directory: string): Promise<void> => {
  const names = await readdir(directory).catch(() => []);
  for (const name of names.filter((one) => one.startsWith(`${PREFIX}-`))) {
    const path = join(directory, name);
    if (await isLeft(directory, name).catch(() => false))
      await rm(path, { recursive: true, force: true }).catch(() => {});
  }
};

const cleaned = new Map<string, Promise<void>>();

/** The first call in this process does it, and all wait for that one. */
export const cleanUpOnce = (directory: string): Promise<void> => {
  const done = cleaned.get(directory) ?? cleanUp(directory);
  cleaned.set(directory, done);
  return done;
};
