/**
 * The signals, queries and updates of our workflows: names and shapes, no behaviour. Shared by workflows, the client
 * and the event consumer.
 */
import { defineSignal } from '@temporalio/workflow';

/**
 * A state-change event about this labeling job arrived (DESIGN, law 1: it only wakes; Describe decides).
 * `status` is whatever the event said, any short string. `eventId` is for logs only.
 */
export type StateChange = { status: string; eventId: string };
export const stateChange = defineSignal<[StateChange]>('stateChange');

/**
 * What a work team did on this labeling job in one window. Estimates: worker events are best effort.
 * Times are milliseconds since the epoch, from the events themselves.
 */
export type WorkerActivity = {
  workteamArn: string;
  windowStartMs: number;
  windowEndMs: number;
  accepted: number;
  submitted: number;
  declined: number;
  returned: number;
  /** Distinct workers seen in the window, null where the source does not tell them apart. */
  activeWorkers: number | null;
  lastActivityMs: number;
};
export const workerActivity = defineSignal<[WorkerActivity]>('workerActivity');
