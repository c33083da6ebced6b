/**
 * `local advance`: months in seconds. Moves the simulator's clock, then every open workflow by the same amount, step
 * by step. Only for a local stack: it needs a server that can skip time, and a service whose clock can be moved.
 *
 * Each workflow has a time of its own, and a parent's stands still while it waits for a child. That is harmless as
 * long as ages, deadlines and times shown come from the service's clock (DESIGN 9).
 */
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Connection } from '@temporalio/client';
import { DEFAULT_TASK_QUEUE } from '../decisions/names.ts';
import { InputError } from '../errors.ts';
import { LONGEST_STEP_MS, nextStepMs } from './advance-steps.ts';
import { type EventDrain, type EventQueue, eventDrain } from './event-drain.ts';
import { cancelFastForward, fastForward } from './fast-forward.ts';
import { forEachLimited } from './for-each-limited.ts';
import { withLockDirectory } from './lock-directory.ts';
import { type OpenWorkflow, areQuiet, describeFamilies, listOpenWorkflowIds } from './open-workflows.ts';
import { type Patience, createPatience } from './patience.ts';
import { simulatorClock } from './simulator-clock.ts';

/** One step that was made. Times are the simulator's, in milliseconds since the epoch. */
export type AdvanceStep = {
  nowMs: number;
  /** How far this step went. */
  stepMs: number;
  /** How far is left. */
  remainingMs: number;
  /** How many open workflows were moved. */
  moved: number;
};

/** Options of {@link advance}. */
export type AdvanceOptions = {
  connection: Connection;
  /** @default 'default' */
  namespace?: string;
  /** Its open workflows are moved. @default DEFAULT_TASK_QUEUE */
  taskQueue?: string;
  /** As in LABEL_RELAY_LOCAL_SIMULATOR. */
  simulatorEndpoint: string;
  durationMs: number;
  /** The longest step; shorter near a deadline. @default LONGEST_STEP_MS */
  stepMs?: number;
  /** The queue of state-change events; each step waits for it to be empty, up to 2 s. */
  queue?: EventQueue;
  onStep?: (step: AdvanceStep) => void;
  /** Told when another advance of the same stack is under way; this one waits for it. */
  onWait?: () => void;
  /** Stops after the current step. */
  signal?: AbortSignal;
};

/** A workflow that was started a moment ago may not be in the list yet. */
const LIST_LAG_MS = 250;
const LOOK_EVERY_MS = 15;

type Stage = { client: Client; taskQueue: string; drain: EventDrain | null; patience: Patience };

/** Waits until events have arrived and no open workflow has anything left to do at this time. */
const settle = async ({ client, taskQueue, drain, patience }: Stage): Promise<Map<string, OpenWorkflow>> => {
  const known = new Set(await listOpenWorkflowIds(client, taskQueue));
  await drain?.wait();
  for (;;) {
    const open = await describeFamilies(client, known);
    if (areQuiet(open)) return open;
    for (const [workflowId, { progress }] of open) {
      known.add(workflowId);
      await patience.watch(workflowId, progress);
    }
    await sleep(LOOK_EVERY_MS);
  }
};

const run = async (stage: Stage, options: AdvanceOptions): Promise<number> => {
  const { simulatorEndpoint, durationMs, stepMs: longestMs = LONGEST_STEP_MS, onStep, signal } = options;
  const clock = simulatorClock(simulatorEndpoint);
  let nowMs = await clock.now();
  await sleep(LIST_LAG_MS);
  let open = await settle(stage);
  // Left behind by an advance that was killed: started anew before it has ended, it would jump over timers.
  const forgotten = [...open.values()].filter(({ isSkipping }) => isSkipping);
  await forEachLimited(forgotten, ({ workflowId }) => cancelFastForward(stage.client, workflowId));

  let remainingMs = durationMs;
  while (remainingMs > 0 && signal?.aborted !== true) {
    const deadlinesMs = [...open.values()].flatMap(({ deadlineMs }) => deadlineMs ?? []);
    const stepMs = nextStepMs(nowMs, remainingMs, deadlinesMs, longestMs);
    nowMs = await clock.advance(stepMs);
    const movable = [...open.values()].filter(({ children }) => children.length === 0);
    await forEachLimited(movable, async ({ workflowId }) => {
      await fastForward(stage.client, workflowId, stepMs, stage.patience);
    });
    open = await settle(stage);
    remainingMs -= stepMs;
    onStep?.({ nowMs, stepMs, remainingMs, moved: movable.length });
  }
  return nowMs;
};

/**
 * Moves a local stack forward. Resolves with the simulator's time when every open workflow has arrived; without any, only the
 * simulator's clock moves. One advance of a stack at a time: a second one waits.
 * @throws InputError for a duration that is none, or no simulator there; OperationError if the stack does not answer or a workflow gets nowhere.
 * Nothing is left half way: pending fast-forwards are cancelled.
 */
export const advance = async (options: AdvanceOptions): Promise<number> => {
  const { connection, namespace = 'default', taskQueue = DEFAULT_TASK_QUEUE, simulatorEndpoint } = options;
  const { durationMs, stepMs = LONGEST_STEP_MS } = options;
  if (!Number.isSafeInteger(durationMs) || durationMs <= 0 || !Number.isSafeInteger(stepMs) || stepMs <= 0) {
    throw new InputError('Time moves forward only, by whole milliseconds: give a duration such as 90s, 30m, 1h or 2d.');
  }
  const client = new Client({ connection, namespace });
  const drain = options.queue === undefined ? null : eventDrain(options.queue);
  const patience = createPatience(client, taskQueue, options.signal);
  const key = createHash('sha256').update(simulatorEndpoint).digest('hex').slice(0, 12);
  try {
    return await withLockDirectory(
      join(tmpdir(), `label-relay-advance-${key}.lock`),
      () => run({ client, taskQueue, drain, patience }, options),
      { onWait: () => options.onWait?.() },
    );
  } finally {
    drain?.close();
  }
};
