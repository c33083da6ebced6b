/**
 * Many processes over one range of seeds. Blocks are handed out in order and counted in order, so the result always holds every
 * seed from its first to its last, also when it is written in the middle of a run.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { resultSchema, type SeedOutcome } from './result.ts';
import type { Block } from './shard.ts';

/** Some seconds of work. */
const BLOCK_SEEDS = 20;
/** A process that dies on the same seeds again and again is a finding, not an accident. */
const TRIES_MAX = 3;

const doneSchema = z.object({
  block: z.object({ first: z.int(), last: z.int() }),
  outcomes: z.array(
    z.object({
      seed: z.int(),
      violations: resultSchema.shape.broken.element.shape.violations,
      counts: z.record(z.string(), z.number()),
    }),
  ),
});

/** Activities make many short-lived files: in memory, where the system has such a folder. */
const temporaryDirectory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export type ShardsRequest = {
  from: number;
  /** The last seed, included. */
  to: number;
  workers: number;
  /** Asked before each block; true: no further one is begun. */
  isOver: () => boolean;
  /** Told of every seed, in order. */
  onSeed: (outcome: SeedOutcome) => void;
};

/** Lives through the seeds; returns when every block that was begun is done. */
export const runShards = async ({ from, to, workers, isOver, onSeed }: ShardsRequest): Promise<void> => {
  const waiting: Block[] = [];
  const tries = new Map<number, number>();
  const early = new Map<number, SeedOutcome[]>();
  let nextBegun = from;
  let nextTold = from;

  const takeBlock = (): Block | null => {
    const again = waiting.shift();
    if (again !== undefined) return again;
    if (nextBegun > to || isOver()) return null;
    const block = { first: nextBegun, last: Math.min(to, nextBegun + BLOCK_SEEDS - 1) };
    nextBegun = block.last + 1;
    return block;
  };

  const tell = (first: number, outcomes: SeedOutcome[]): void => {
    early.set(first, outcomes);
    for (let next = early.get(nextTold); next !== undefined; next = early.get(nextTold)) {
      early.delete(nextTold);
      nextTold += next.length;
      for (const outcome of next) onSeed(outcome);
    }
  };

  /** The process died: its block is begun again, after some tries seed by seed recorded as what it is. */
  const giveBack = ({ first, last }: Block, code: number | null): void => {
    const count = (tries.get(first) ?? 0) + 1;
    tries.set(first, count);
    if (count < TRIES_MAX) {
      waiting.push({ first, last });
      return;
    }
    const text = `the process that lived through seeds ${first} to ${last} died (exit ${code})`;
    const violations = [{ invariant: 'process', chain: '', text }];
    const outcomes = Array.from({ length: last - first + 1 }, (_, at) => ({
      seed: first + at,
      violations,
      counts: {},
    }));
    tell(first, outcomes);
  };

  const runOne = (): Promise<void> =>
    new Promise((resolve) => {
      const child: ChildProcess = fork(fileURLToPath(new URL('./shard.ts', import.meta.url)), {
        execArgv: ['--max-semi-space-size=32'],
        env: { ...process.env, TMPDIR: temporaryDirectory },
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      });
      let block: Block | null = null;
      const goOn = (): void => {
        block = takeBlock();
        if (block === null) child.disconnect();
        else child.send(block);
      };
      child.on('message', (message) => {
        if (message !== 'ready') {
          const done = doneSchema.parse(message);
          tell(done.block.first, done.outcomes);
        }
        goOn();
      });
      child.on('exit', (code) => {
        if (block === null) return resolve();
        giveBack(block, code);
        void runOne().then(resolve);
      });
    });

  await Promise.all(Array.from({ length: workers }, runOne));
};
