/** A folder on the worker's disk for what does not fit into memory, and how many activities have one at once. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beatWhile } from './heartbeat.ts';
import { cleanUpOnce, ownFolders } from './left-folders.ts';

/** So many merges go on at once in a process: after an outage all jobs that ended meanwhile are merged, each in some 100 MB of memory. */
const SLOTS = 4;
let taken = 0;
const waiting: (() => void)[] = [];

const takeSlot = async (): Promise<void> => {
  if (taken < SLOTS) taken += 1;
  else await new Promise<void>((resolve) => waiting.push(resolve));
};

/** To the one that has waited longest. */
const giveSlot = (): void => {
  const next = waiting.shift();
  if (next === undefined) taken -= 1;
  else next();
};

const inSlot = async <Result>(work: () => Promise<Result>): Promise<Result> => {
  await beatWhile(takeSlot);
  try {
    return await work();
  } finally {
    giveSlot();
  }
};

/** Runs with a folder of its own, removed afterwards; at its first call also what killed workers have left. */
export const withFolder = async <Result>(
  temporaryDirectory: string,
  work: (directory: string) => Promise<Result>,
): Promise<Result> => {
  await beatWhile(() => cleanUpOnce(temporaryDirectory));
  return inSlot(async () => {
    const directory = await mkdtemp(join(temporaryDirectory, `${ownFolders}-`));
    try {
      return await work(directory);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
};
