/**
 * EventBridge and the queue: events get lost, come twice, late and in any order, and some are forged. The handling is the
 * product's own; what it says of each message is held against I4.
 */
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { DAY_MS, MINUTE_MS } from '../../decisions/durations.ts';
import { dispositionOf, handleBodies, type OutcomeKind } from '../../events/handling.ts';
import type { BusEvent } from '../../simulator/ports.ts';
import { ACCOUNT, REGION } from './scenario.ts';
import type { Draw } from './temporal/draw.ts';
import type { World } from './world.ts';

const RECEIVES_MAX = 5;
const VISIBILITY_MS = 2 * MINUTE_MS;

export class EventStream {
  readonly counts = {
    put: 0,
    dropped: 0,
    repeated: 0,
    delayed: 0,
    /** Came after a later event of the same job. */
    reordered: 0,
    forged: 0,
    delivered: 0,
    deadLetters: 0,
    consumerCrashes: 0,
  };
  readonly outcomes = new Map<OutcomeKind, number>();
  /** Messages that are neither deleted nor dead: none may be left at the end (I4). */
  inFlight = 0;
  readonly #world: World;
  readonly #draw: Draw;
  readonly #client: Client;
  /** By job: the number of its latest event that has come. */
  readonly #latest = new Map<string, number>();

  constructor(world: World, draw: Draw) {
    this.#world = world;
    this.#draw = draw;
    this.#client = clientOf(world);
  }

  /** An event was put on the bus. */
  put(event: BusEvent): void {
    const { faults } = this.#world;
    const draw = this.#draw;
    this.counts.put += 1;
    if (draw.chance(faults.eventForged)) this.#send(this.#forged(event));
    if (draw.chance(faults.eventDropped)) {
      this.counts.dropped += 1;
      return;
    }
    const copies = draw.chance(faults.eventRepeated) ? draw.int(2, 4) : 1;
    this.counts.repeated += copies - 1;
    const [arn = ''] = event.resources;
    const number = this.counts.put;
    const come = (): void => {
      const latest = this.#latest.get(arn) ?? 0;
      if (number < latest) this.counts.reordered += 1;
      else this.#latest.set(arn, number);
    };
    for (let copy = 0; copy < copies; copy += 1) this.#send(JSON.stringify(event), come);
  }

  #send(body: string, come = (): void => undefined): void {
    const isLate = this.#draw.chance(this.#world.faults.eventDelayed);
    if (isLate) this.counts.delayed += 1;
    this.inFlight += 1;
    this.#world.plan(isLate ? this.#draw.int(1, DAY_MS) : this.#draw.int(100, 3_000), () => {
      come();
      return this.#receive(body, 1);
    });
  }

  async #receive(body: string, receives: number): Promise<void> {
    const believed = { accounts: [ACCOUNT], regions: [REGION] };
    const [outcome] = await handleBodies([body], { client: this.#client, believed, onWorkerEvent: () => undefined });
    if (outcome === undefined) throw new Error('I4: no outcome for a message');
    this.outcomes.set(outcome.kind, (this.outcomes.get(outcome.kind) ?? 0) + 1);
    if (outcome.kind === 'delivered') this.counts.delivered += 1;
    const again = (): void => this.#world.plan(VISIBILITY_MS, () => this.#receive(body, receives + 1));
    if (this.#draw.chance(this.#world.faults.consumerCrash) && receives < RECEIVES_MAX) {
      this.counts.consumerCrashes += 1;
      return again();
    }
    switch (dispositionOf(outcome.kind)) {
      case 'delete':
        this.inFlight -= 1;
        return;
      case 'return-after-outage':
        return again();
      case 'keep':
        if (receives < RECEIVES_MAX) return again();
        this.counts.deadLetters += 1;
        this.inFlight -= 1;
    }
  }

  /** A message of somebody who can write to the queue: about our job or none, with any claim. */
  #forged(event: BusEvent): string {
    this.counts.forged += 1;
    const draw = this.#draw;
    const [arn = ''] = event.resources;
    const status = draw.pick(['Completed', 'Failed', 'Stopped', 'Exploded', '']);
    const forged = { ...event, id: `forged-${draw.int(0, 1e9)}`, detail: { LabelingJobStatus: status } };
    switch (draw.int(0, 4)) {
      case 0:
        return JSON.stringify({ ...forged, account: '999999999999' });
      case 1:
        return JSON.stringify({ ...forged, resources: [arn.replace(/.$/, 'x')] });
      case 2:
        return JSON.stringify(forged).slice(0, draw.int(0, 200));
      default:
        return JSON.stringify(forged);
    }
  }
}

/** As much of a Temporal client as a consumer uses. */
const clientOf = (world: World): Client => {
  const workflow = {
    getHandle: (workflowId: string) => ({
      signal: (definition: { name: string }, message: unknown): Promise<void> => {
        const sent = world.temporal.signal(workflowId, definition.name, [message]);
        if (sent === 'delivered') return Promise.resolve();
        const text =
          sent === 'closed' ? 'workflow execution already completed' : `workflow not found for ID: ${workflowId}`;
        return Promise.reject(new WorkflowNotFoundError(text, workflowId, undefined));
      },
    }),
  };
  const withDeadline = (_deadline: number, run: () => Promise<unknown>): Promise<unknown> => run();
  return { workflow, withDeadline } as unknown as Client;
};
