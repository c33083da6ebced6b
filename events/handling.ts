/**
 * What becomes of events: reads each, signals each job and status once, and says for every body what came of it
 * (DESIGN 7, the table). Shared by the queue consumer and by `events send`.
 */
import type { Client } from '@temporalio/client';
import { labelingJobWorkflowId } from '../decisions/names.ts';
import { stateChange } from '../workflows/messages.ts';
import { deliver, type Delivery } from './deliver.ts';
import { readEvent, type Believed, type Verdict } from './envelope.ts';

/** Events that passed every check. */
export type WorkerEvent = Extract<Verdict, { kind: 'worker-event' }>;
export type StateChangeEvent = Extract<Verdict, { kind: 'state-change' }>;

/** What came of one body. `counted`: a worker event, taken into its window or dropped where nobody counts them. */
export type Outcome = Delivery | Extract<Verdict, { kind: 'not-ours' | 'poison' }> | { kind: 'counted' };
export type OutcomeKind = Outcome['kind'];

/** What to do with the message: only a finished one is deleted (I4). */
export const dispositionOf = (kind: OutcomeKind): 'delete' | 'return-after-outage' | 'keep' => {
  switch (kind) {
    case 'delivered':
    case 'counted':
    case 'not-ours':
    case 'nobody-follows':
    case 'closed':
      return 'delete';
    case 'outage':
    case 'busy':
    case 'signal-limit':
      return 'return-after-outage';
    case 'poison':
    case 'refused':
      return 'keep';
  }
};

export type Handling = {
  client: Client;
  believed: Believed;
  /** Takes worker events; without it they are dropped. */
  onWorkerEvent?: ((event: WorkerEvent) => void) | undefined;
  /** Told of every signal, with the event that caused it. */
  onSignal?: ((event: StateChangeEvent, delivery: Delivery) => void) | undefined;
};

/**
 * Handles bodies together: one outcome for each, in their order. Events of the same job and status share one signal,
 * and the signals run side by side. Never throws.
 */
export const handleBodies = async (bodies: readonly string[], handling: Handling): Promise<Outcome[]> => {
  const signals = new Map<string, Promise<Delivery>>();
  const signalOnce = (event: StateChangeEvent): Promise<Delivery> => {
    const key = `${labelingJobWorkflowId(event.place)} ${event.status}`;
    const known = signals.get(key);
    if (known !== undefined) return known;
    const { status, eventId } = event;
    const sent = deliver(handling.client, event.place, stateChange, { status, eventId });
    signals.set(key, sent);
    void sent.then((delivery) => handling.onSignal?.(event, delivery));
    return sent;
  };
  return Promise.all(
    bodies.map(async (body): Promise<Outcome> => {
      const verdict = readEvent(body, handling.believed);
      switch (verdict.kind) {
        case 'state-change':
          return signalOnce(verdict);
        case 'worker-event':
          handling.onWorkerEvent?.(verdict);
          return { kind: 'counted' };
        case 'not-ours':
        case 'poison':
          return verdict;
      }
    }),
  );
};
