/**
 * Brings the counted windows of worker events to the workflows that follow the jobs: a timer that asks which windows
 * are over, one signal for each. Worker events are estimates, so what meets a closed workflow is forgotten, and only an
 * outage makes a window wait.
 */
import type { Client } from '@temporalio/client';
import { workerActivity } from '../workflows/messages.ts';
import { deliver } from './deliver.ts';
import type { WorkerEvent } from './handling.ts';
import { createWorkerWindows, WINDOW_MS, type ClosedWindow, type WorkerWindows } from './worker-windows.ts';

/** How often finished windows are looked for, at most. Milliseconds. */
const LOOK_EVERY_MS = 30_000;

export type WorkerActivityCounter = {
  count(event: WorkerEvent): void;
  /** Sends the windows whose time is over; all of them with `everything`. Never throws. */
  flush(options?: { everything?: boolean }): Promise<void>;
  /** Ends the timer and sends what is counted so far. */
  stop(): Promise<void>;
};

export type WorkerActivityOptions = {
  /** How long worker events are counted before one signal. Default an hour. Milliseconds. */
  windowMs?: number;
  windows?: WorkerWindows;
};

/** Starts the timer. Pass `count` to the consumer as `onWorkerEvent`; stop it after the consumer. */
export const startWorkerActivity = (
  client: Client,
  { windowMs = WINDOW_MS, windows = createWorkerWindows(Date.now, windowMs) }: WorkerActivityOptions = {},
): WorkerActivityCounter => {
  const send = async (window: ClosedWindow): Promise<void> => {
    const { kind } = await deliver(client, window.place, workerActivity, window.activity);
    if (kind === 'outage') windows.putBack(window);
  };
  let sending: Promise<void> = Promise.resolve();
  const flush = (options?: { everything?: boolean }): Promise<void> => {
    // One at a time: a window that is put back is not taken by a flush that began before.
    sending = sending.then(async () => {
      await Promise.all(windows.takeDue(options).map(send));
    });
    return sending;
  };
  const timer = setInterval(() => void flush(), Math.min(LOOK_EVERY_MS, windowMs));
  return {
    count: (event) => void windows.count(event),
    flush,
    stop: () => {
      clearInterval(timer);
      return flush({ everything: true });
    },
  };
};
