/** Kills one process after the other with -9, brings each back, and measures how long the whole took to get over it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { z } from 'zod';
import { MINUTE_MS, SECOND_MS } from '../../decisions/durations.ts';
import { DEFAULT_TASK_QUEUE } from '../../decisions/names.ts';
import { LOCAL_REGION } from '../../local/child-environment.ts';
import type { labelingLookup } from '../../workflows/labeling-lookup.ts';
import { queueDepth } from '../chaos/server-checks.ts';
import type { StackUnderTest } from '../chaos/stack.ts';
import { POISON } from '../chaos/strangers.ts';
import type { Supervised } from '../chaos/supervised.ts';
import { Draw } from '../simulation/temporal/draw.ts';

/** What is killed, and the processes that are it: where there are two, they take turns. */
export const TARGETS = {
  history: ['history-1', 'history-2'],
  worker: ['worker-1', 'worker-2'],
  consumer: ['consumer-1', 'consumer-2'],
  postgresql: ['postgresql'],
  matching: ['matching'],
  frontend: ['frontend'],
} as const;
export const TARGET_NAMES = ['history', 'worker', 'consumer', 'postgresql', 'matching', 'frontend'] as const;
export type Target = (typeof TARGET_NAMES)[number];

/** One kill and what came of it; seconds, from the kill on. */
export const killShape = z.strictObject({
  target: z.enum(TARGET_NAMES),
  process: z.string(),
  /** Since the start of the disturbed phase. */
  atS: z.number(),
  /** How long it stayed away before it was started again. */
  awayS: z.number(),
  /** Until the process was ready again. */
  readyS: z.number(),
  /** Until workflows that were begun at the moment of the kill, on all shards, had their results. */
  workS: z.number(),
  /** Until no event waited in the queue or was in the hands of a consumer. */
  queueS: z.number(),
});
export type Kill = z.infer<typeof killShape>;

/** Enough that every shard of cluster.yaml has some. */
const PROBES = 12;
const PROBE_EVERY_MS = 250;
/** Whoever has not recovered by then never will. */
const GIVE_UP_MS = 8 * MINUTE_MS;

const secondsSince = (startMs: number): number => Math.round((Date.now() - startMs) / 100) / 10;

/** A short workflow of the product: it asks SageMaker for a labeling job that is not there, and changes nothing. */
const probe = async (client: Client, workflowId: string, untilMs: number): Promise<void> => {
  for (;;) {
    try {
      const handle = await client.workflow.start<typeof labelingLookup>('labelingLookup', {
        taskQueue: DEFAULT_TASK_QUEUE,
        workflowId,
        workflowIdConflictPolicy: 'USE_EXISTING',
        args: [{ region: LOCAL_REGION, name: 'nobody-s-job' }],
      });
      await handle.result();
      return;
    } catch (thrown) {
      if (Date.now() > untilMs) throw new Error(`${workflowId} has no result`, { cause: thrown });
      await sleep(PROBE_EVERY_MS);
    }
  }
};

/** Events that nobody has dealt with. What is on its way to the dead-letter queue stays for ten minutes, as it should. */
export const waitingEvents = async ({ facts }: Pick<StackUnderTest, 'facts'>): Promise<number> => {
  const dead = await queueDepth(facts.awsEndpoint, facts.deadLetterQueueUrl);
  return (await queueDepth(facts.awsEndpoint, facts.queueUrl)) - Math.max(0, POISON.length - dead);
};

const untilQueueIsEmpty = async (stack: StackUnderTest, untilMs: number): Promise<void> => {
  while ((await waitingEvents(stack)) > 0) {
    if (Date.now() > untilMs) throw new Error('the queue is not empty');
    await sleep(PROBE_EVERY_MS);
  }
};

/** Kills one and waits until everything is over. Throws if that never comes. */
const killOne = async (
  stack: StackUnderTest,
  supervised: Supervised,
  awayMs: number,
  number: number,
): Promise<Pick<Kill, 'readyS' | 'workS' | 'queueS'>> => {
  await supervised.kill();
  const killedMs = Date.now();
  const untilMs = killedMs + GIVE_UP_MS;
  const ids = Array.from({ length: PROBES }, (_, index) => `labeling-lookup:probe-${number}-${index}`);
  const [readyS, workS, queueS] = await Promise.all([
    sleep(awayMs)
      .then(() => supervised.up())
      .then(() => secondsSince(killedMs)),
    Promise.all(ids.map((id) => probe(stack.client, id, untilMs))).then(() => secondsSince(killedMs)),
    // The queue is empty too while nobody can send to it: what counts is the time after the process is back.
    sleep(awayMs)
      .then(() => untilQueueIsEmpty(stack, untilMs))
      .then(() => secondsSince(killedMs)),
  ]);
  return { readyS, workS, queueS };
};

export type KillOptions = {
  stack: StackUnderTest;
  processOf: (name: string) => Supervised;
  seed: number;
  durationMs: number;
  say: (line: string) => void;
};

/** Kills in rounds, each target once a round in an order of chance, for so long. Resolves with all of them and what did not recover. */
export const killInTurn = async (options: KillOptions): Promise<{ kills: Kill[]; problems: string[] }> => {
  const { stack, processOf, seed, durationMs, say } = options;
  const draw = new Draw(seed ^ 0x6b111);
  const startMs = Date.now();
  const kills: Kill[] = [];
  const problems: string[] = [];
  for (let round = 0; ; round += 1) {
    const left = [...TARGET_NAMES];
    while (left.length > 0) {
      await sleep(draw.int(5, 15) * SECOND_MS);
      const target = left.splice(draw.int(0, left.length - 1), 1)[0] ?? TARGET_NAMES[0];
      const awayMs = draw.pick([0, 5, 20]) * SECOND_MS;
      if (Date.now() - startMs + awayMs > durationMs) return { kills, problems };
      const names: readonly string[] = TARGETS[target];
      const process = names[round % names.length] ?? target;
      const atS = secondsSince(startMs);
      say(`kill -9 ${process}, back after ${awayMs / SECOND_MS} s`);
      try {
        const recovery = await killOne(stack, processOf(process), awayMs, kills.length + problems.length);
        kills.push({ target, process, atS, awayS: awayMs / SECOND_MS, ...recovery });
        say(
          `ready after ${recovery.readyS} s, work done after ${recovery.workS} s, queue empty after ${recovery.queueS} s`,
        );
      } catch (thrown) {
        problems.push(`I7: after the kill of ${process}: ${String(thrown)}`);
        say(problems.at(-1) ?? '');
      }
    }
  }
};
