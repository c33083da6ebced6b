/**
 * One run of a workflow: its sandbox, and its recorded history of activations with the commands that each gave. A run
 * can be forgotten at any time (a crash of the worker, an eviction); it is then replayed from the record and must give
 * the same commands again (I8).
 */
import { isSet } from './payloads.ts';
import { Buffer } from 'node:buffer';
import type { Activation, ActivationJob, Command, Sandbox, SandboxedWorkflow, WorkflowIdentity } from './sandbox.ts';

/** A workflow task failed: on a real server the workflow would be stuck until new code is deployed. */
export class WorkflowTaskFailed extends Error {
  override readonly name = 'WorkflowTaskFailed';
}

/** I8 is broken: a replay gave other commands than the record holds. */
export class Nondeterminism extends Error {
  override readonly name = 'Nondeterminism';
}

type Recorded = { atMs: number; activation: Activation; commands: string; patches: string[] };

/** Text of commands, for comparison: bytes as base64, the rest as JSON. */
const textOf = (commands: readonly Command[]): string =>
  JSON.stringify(commands, (_key, value: unknown) =>
    value instanceof Uint8Array || ArrayBuffer.isView(value)
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
      : value,
  );

const phaseOf = (job: ActivationJob): number =>
  isSet(job.initializeWorkflow) ? 0 : isSet(job.signalWorkflow) || isSet(job.doUpdate) ? 1 : 2;

/** As core sorts them: the start, then signals and updates, then the rest, each in the order of the history. */
const sorted = (jobs: readonly ActivationJob[]): ActivationJob[] => jobs.toSorted((a, b) => phaseOf(a) - phaseOf(b));

export class WorkflowRun {
  readonly identity: WorkflowIdentity;
  readonly #sandbox: Sandbox;
  readonly #history: Recorded[] = [];
  #live: SandboxedWorkflow | null = null;
  #open: Recorded | null = null;
  /** How often it was replayed. */
  replays = 0;

  constructor(sandbox: Sandbox, identity: WorkflowIdentity) {
    this.#sandbox = sandbox;
    this.identity = identity;
  }

  get activations(): number {
    return this.#history.length;
  }

  /** Runs jobs at a moment and returns the commands; nothing is recorded until {@link commit}. */
  async perform(jobs: readonly ActivationJob[], nowMs: number, continueAsNewSuggested: boolean): Promise<Command[]> {
    const live = await this.#revived();
    const activation = this.#activationOf(sorted(jobs), continueAsNewSuggested);
    const commands = await this.#activate(live, activation, nowMs, []);
    const patches = commands.flatMap(({ setPatchMarker }) => setPatchMarker?.patchId ?? []);
    this.#open = { atMs: nowMs, activation, commands: textOf(commands), patches };
    return commands;
  }

  /** The server took the commands; false: the worker forgot the run before it could give them. */
  commit(): boolean {
    if (this.#open === null) return false;
    this.#history.push(this.#open);
    this.#open = null;
    return true;
  }

  /** The worker's memory of this run is gone, and with it what was not committed. */
  forget(): void {
    this.#live?.dispose();
    this.#live = null;
    this.#open = null;
  }

  /** Asks a query of the run as it is; also of a closed one. */
  async query(name: string): Promise<Command[]> {
    return (await this.#revived()).query(name, this.identity.runId);
  }

  #activationOf(jobs: ActivationJob[], continueAsNewSuggested: boolean): Activation {
    return {
      runId: this.identity.runId,
      isReplaying: false,
      historyLength: 3 + this.#history.length * 5,
      jobs,
      availableInternalFlags: [1, 2, 3, 4, 5, 6],
      continueAsNewSuggested,
    };
  }

  async #activate(
    live: SandboxedWorkflow,
    activation: Activation,
    atMs: number,
    patches: readonly string[],
  ): Promise<Command[]> {
    try {
      return await live.activate(activation, atMs, patches);
    } catch (thrown) {
      // Without its stack, which names folders of the machine: it is the cause.
      throw new WorkflowTaskFailed(`${this.identity.workflowId}: ${String(thrown)}`, { cause: thrown });
    }
  }

  async #revived(): Promise<SandboxedWorkflow> {
    if (this.#live !== null) return this.#live;
    const live = this.#sandbox.create(this.identity);
    this.#live = live;
    if (this.#history.length > 0) this.replays += 1;
    for (const { atMs, activation, commands, patches } of this.#history) {
      const again = textOf(await this.#activate(live, { ...activation, isReplaying: true }, atMs, patches));
      if (again !== commands) {
        throw new Nondeterminism(
          `I8: ${this.identity.workflowId} was replayed and did something else:\nthen ${commands}\nnow  ${again}`,
        );
      }
    }
    return live;
  }
}
