/**
 * Counts what work teams do, per labeling job and team, in windows of an hour (5 minutes in a surge of declines), and
 * hands over one message for each window that holds something: a workflow run takes 10,000 signals, and workers do more
 * than that. Counts are estimates: worker events are best effort, and a window dies with its process.
 *
 * Who did something is used to tell workers apart and forgotten with the window; it never leaves this file.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { labelingJobWorkflowId, type JobPlace } from '../decisions/names.ts';
import type { WorkerActivity } from '../workflows/messages.ts';
import type { TaskAction } from './envelope.ts';
import type { WorkerEvent } from './handling.ts';

/** How long a window stays open, and how long in a surge. Milliseconds. */
export const WINDOW_MS = 3_600_000;
export const SURGE_WINDOW_MS = 300_000;

/** From so many declines on, if they outnumber the submits, the window ends early: a person may want to know soon. */
const SURGE_DECLINES = 5;

/** More jobs and teams than any account has; beyond it, events are dropped rather than memory filled. */
const MAX_WINDOWS = 10_000;

type Window = {
  place: JobPlace;
  workteamArn: string;
  openedAtMs: number;
  counts: Record<Exclude<TaskAction, 'other'>, number>;
  workers: Set<string> | null;
  firstMs: number;
  lastMs: number;
};

/** One closed window, addressed to the workflow that follows the job. */
export type ClosedWindow = { place: JobPlace; activity: WorkerActivity };

export type WorkerWindows = {
  /** Counts one event; `worker` (any id) where the source names who. False if it was dropped. */
  count(event: WorkerEvent, worker?: string): boolean;
  /** Takes out the windows whose time is over; all of them with `everything`. */
  takeDue(options?: { everything?: boolean }): ClosedWindow[];
  /** Puts back a window that could not be delivered; it is due again with the next of its kind. */
  putBack(window: ClosedWindow): void;
};

/** @param windowMs how long a window stays open, by arrival of its first event. */
export const createWorkerWindows = (now: () => number = Date.now, windowMs: number = WINDOW_MS): WorkerWindows => {
  const windows = new Map<string, Window>();
  const undelivered: ClosedWindow[] = [];
  // A key of this process alone: what is kept of a worker id cannot be matched with anything outside.
  const secret = randomBytes(32);

  const windowOf = (event: WorkerEvent): Window | null => {
    const key = `${labelingJobWorkflowId(event.place)} ${event.workteamArn}`;
    const open = windows.get(key);
    if (open !== undefined) return open;
    if (windows.size + undelivered.length >= MAX_WINDOWS) return null;
    const opened: Window = {
      place: event.place,
      workteamArn: event.workteamArn,
      openedAtMs: now(),
      counts: { accepted: 0, submitted: 0, declined: 0, returned: 0 },
      workers: null,
      firstMs: event.timeMs,
      lastMs: event.timeMs,
    };
    windows.set(key, opened);
    return opened;
  };

  return {
    count(event, worker) {
      if (event.action === 'other') return true;
      const window = windowOf(event);
      if (window === null) return false;
      window.counts[event.action] += 1;
      window.firstMs = Math.min(window.firstMs, event.timeMs);
      window.lastMs = Math.max(window.lastMs, event.timeMs);
      if (worker !== undefined) {
        window.workers ??= new Set();
        window.workers.add(createHmac('sha256', secret).update(worker).digest('base64'));
      }
      return true;
    },
    takeDue({ everything = false } = {}) {
      const due = undelivered.splice(0);
      for (const [key, window] of windows) {
        const lastsMs = isSurge(window.counts) ? Math.min(SURGE_WINDOW_MS, windowMs) : windowMs;
        if (!everything && now() - window.openedAtMs < lastsMs) continue;
        windows.delete(key);
        due.push(close(window));
      }
      return due;
    },
    putBack(window) {
      undelivered.push(window);
    },
  };
};

/** Whether declines are so many that a window ends early. */
export const isSurge = ({ declined, submitted }: { declined: number; submitted: number }): boolean =>
  declined >= SURGE_DECLINES && declined > submitted;

const close = ({ place, workteamArn, counts, workers, firstMs, lastMs }: Window): ClosedWindow => ({
  place,
  activity: {
    workteamArn,
    windowStartMs: firstMs,
    windowEndMs: lastMs,
    ...counts,
    activeWorkers: workers?.size ?? null,
    lastActivityMs: lastMs,
  },
});
