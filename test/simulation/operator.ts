/** The person: starts the chains, does what the scenario says, and mends whatever asks for attention, by the commands of the client. */
import { z } from 'zod';
import { isSet } from './temporal/payloads.ts';
import { readAmendment } from '../../decisions/amend.ts';
import type { ChainState } from '../../decisions/chain-state.ts';
import { DAY_MS, HOUR_MS } from '../../decisions/durations.ts';
import { labelingJobWorkflowId } from '../../decisions/names.ts';
import { ACCOUNT, REGION, type Command } from './scenario.ts';
import { etagOf } from './aws.ts';
import type { Draw } from './temporal/draw.ts';
import type { Chain, World } from './world.ts';

/** A command that the chain took, for the checks. */
export type Accepted = { atMs: number; chain: string; kind: 'stop' | 'resume' | 'add-objects' | 'cancel' | 'reset' };

const isAccepted = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'accepted';

/** What is read of a record. */
const recordShape = z.looseObject({
  state: z.looseObject({
    generations: z.array(z.looseObject({ output: z.object({ uri: z.string(), etag: z.string() }).nullable() })),
  }),
});

export class Operator {
  readonly accepted: Accepted[] = [];
  /** Further objects that the chains took, in order. */
  readonly added = new Map<string, { uri: string; text: string }[]>();
  readonly counts = { commands: 0, refused: 0, resumes: 0, resumesFromRecord: 0, attentions: 0, deletedOutputs: 0 };
  readonly #world: World;
  readonly #draw: Draw;
  readonly #over = new Set<string>();
  #calm = false;

  constructor(world: World, draw: Draw) {
    this.#world = world;
    this.#draw = draw;
  }

  begin(): void {
    for (const chain of this.#world.chains) {
      this.#world.plan(this.#draw.int(0, HOUR_MS), () => {
        this.#world.temporal.start(chain.workflowId, 'labelingChain', [{ kind: 'start', spec: chain.spec }]);
      });
      for (const command of chain.plan.commands)
        this.#world.plan(HOUR_MS + command.atMs, () => this.#do(chain, command));
      this.#world.plan(2 * HOUR_MS, () => this.#lookAfter(chain));
    }
  }

  /** From now on it only mends. */
  calmDown(): void {
    this.#calm = true;
  }

  /** Whether every chain has ended and closed, with everything that it was given. */
  allOver(): boolean {
    return this.#world.chains.every(({ plan }) => this.#over.has(plan.name));
  }

  async stateOf({ workflowId }: Chain): Promise<ChainState | null> {
    const state = await this.#world.temporal.query(workflowId, 'labelingChain');
    return (state ?? null) as ChainState | null;
  }

  async #lookAfter(chain: Chain): Promise<void> {
    const status = this.#world.temporal.statusOf(chain.workflowId);
    const state = status === null ? null : await this.stateOf(chain);
    const added = this.added.get(chain.plan.name) ?? [];
    const lacksObjects = state !== null && added.some(({ uri }) => !state.manifestUris.includes(uri));
    if (status === 'running') {
      if (isSet(state?.attention)) this.#answer(chain, state);
    } else if (status === 'failed' || status === 'terminated' || (this.#calm && lacksObjects)) {
      this.#resumeFromRecord(chain);
    } else if (status !== null && !this.#calm && this.#draw.chance(0.02)) {
      this.#resumeFromRecord(chain);
    } else if (status !== null && this.#calm) {
      this.#over.add(chain.plan.name);
      return;
    }
    this.#world.plan(this.#calm ? DAY_MS : this.#draw.int(HOUR_MS, 3 * DAY_MS), () => this.#lookAfter(chain));
  }

  #answer(chain: Chain, state: ChainState): void {
    this.counts.attentions += 1;
    const { reason = '' } = state.attention ?? {};
    if (this.#calm || reason === 'max-cost' || reason === 'max-objects-sent') {
      const { maxCost, maxObjectsSent } = state.spec.policy;
      const policy = {
        ...(maxCost === null ? {} : { maxCost: maxCost + 20 }),
        ...(maxObjectsSent === null ? {} : { maxObjectsSent: maxObjectsSent + 10 }),
      };
      this.#amend(chain, state, { policy });
    }
    if (reason === 'unreadable-output' || (!this.#calm && this.#draw.chance(0.05))) return this.#stop(chain);
    this.#resume(chain, { acceptMissing: reason === 'labels-missing', retrySetAside: false });
  }

  async #do(chain: Chain, command: Command): Promise<void> {
    if (this.#calm) return;
    this.counts.commands += 1;
    const { temporal } = this.#world;
    const state = await this.stateOf(chain);
    const job = state?.generations.at(-1)?.name ?? `${chain.plan.name}-none`;
    const jobWorkflowId = labelingJobWorkflowId({ account: ACCOUNT, region: REGION, jobName: job });
    switch (command.kind) {
      case 'stop':
        return this.#stop(chain);
      case 'cancel-chain':
        return temporal.cancel(chain.workflowId, () => this.#took(chain, 'cancel'));
      case 'cancel-job':
        return temporal.cancel(jobWorkflowId);
      case 'terminate-chain':
        return temporal.terminate(chain.workflowId);
      case 'terminate-job':
        return temporal.terminate(jobWorkflowId);
      case 'reset-chain':
        if (temporal.reset(chain.workflowId)) this.#took(chain, 'reset');
        return;
      case 'reset-job':
        temporal.reset(jobWorkflowId);
        return;
      case 'delete-output':
        return this.#deleteOutput(chain);
      case 'retry-set-aside':
        return this.#resume(chain, { acceptMissing: false, retrySetAside: true });
      case 'resume':
        return this.#resume(chain, { acceptMissing: command.acceptMissing, retrySetAside: false });
      case 'amend':
        return state === null ? undefined : this.#amend(chain, state, command.changes);
      case 'add-objects': {
        if (state === null || state.dataset === null) return;
        this.#world.store.write(command.uri, command.text);
        temporal.update(chain.workflowId, 'amendChain', [{ spec: null, manifestUri: command.uri }], (answer) => {
          if (answer.kind !== 'answer' || !isAccepted(answer.value)) return;
          this.#took(chain, 'add-objects');
          const { uri, text } = command;
          this.added.set(chain.plan.name, [...(this.added.get(chain.plan.name) ?? []), { uri, text }]);
        });
      }
    }
  }

  #stop(chain: Chain): void {
    this.#world.temporal.update(chain.workflowId, 'stopChain', [{ reason: 'asked by a person' }], (answer) => {
      if (answer.kind === 'answer' && isAccepted(answer.value)) this.#took(chain, 'stop');
    });
  }

  #resume(chain: Chain, options: { acceptMissing: boolean; retrySetAside: boolean }): void {
    const open = this.#world.temporal.update(chain.workflowId, 'resumeChain', [options], (answer) => {
      if (answer.kind !== 'answer') return;
      if (isAccepted(answer.value)) {
        this.counts.resumes += 1;
        this.#took(chain, 'resume');
      } else this.counts.refused += 1;
    });
    if (!open) this.#resumeFromRecord(chain);
  }

  #resumeFromRecord({ workflowId, spec, plan }: Chain): void {
    // Terminated before it had a record: there is nothing to resume, and its name is free.
    if (![...this.#world.store.objects.keys()].some((uri) => uri.startsWith(`s3://data/out/${plan.name}/record/`)))
      return void this.#world.temporal.start(workflowId, 'labelingChain', [{ kind: 'start', spec }]);
    const options = { acceptMissing: false, retrySetAside: false };
    if (this.#world.temporal.start(workflowId, 'labelingChain', [{ kind: 'resume', spec, options }])) {
      this.counts.resumesFromRecord += 1;
      this.accepted.push({ atMs: this.#world.nowMs, chain: plan.name, kind: 'resume' });
    }
  }

  #amend(chain: Chain, state: ChainState, changes: object): void {
    const reading = readAmendment(state.spec, changes);
    if (reading.kind !== 'spec') return;
    this.#world.temporal.update(
      chain.workflowId,
      'amendChain',
      [{ spec: reading.spec, manifestUri: null, basis: state.spec }],
      () => undefined,
    );
  }

  /** Only what the last record holds as merged, and as it was merged: nobody can be asked to find labels that are gone. */
  #deleteOutput({ plan }: Chain): void {
    const { store } = this.#world;
    const records = [...store.objects.keys()].filter((uri) => uri.startsWith(`s3://data/out/${plan.name}/record/`));
    const text = store.text(records.toSorted().at(-1) ?? '');
    if (text === null) return;
    const { state } = recordShape.parse(JSON.parse(text));
    const merged = state.generations.flatMap(({ output }) => (output === null ? [] : [output]));
    const deletable = merged.filter(({ uri, etag }) => {
      const body = store.objects.get(uri);
      return body !== undefined && etagOf(body) === etag;
    });
    const output = deletable[this.#draw.int(0, Math.max(0, deletable.length - 1))];
    if (output === undefined) return;
    store.objects.delete(output.uri);
    this.counts.deletedOutputs += 1;
  }

  #took(chain: Chain, kind: Accepted['kind']): void {
    this.accepted.push({ atMs: this.#world.nowMs, chain: chain.plan.name, kind });
  }
}
