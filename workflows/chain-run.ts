/**
 * One run of a chain's workflow: what it carries through continue-as-new, what it has been told, and how it writes its
 * record. The parts of the chain (opening, running a job, settling, waiting for a person, ending) work on it.
 */
import { condition, setCurrentDetails, upsertMemo, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { WriteRecordResult } from '../activities/records.ts';
import type { LateOutput } from '../decisions/after-job.ts';
import type { Attention } from '../decisions/attention.ts';
import {
  lastGeneration,
  newChain,
  type ChainEnd,
  type ChainState,
  type EndStatus,
  type JobInput,
} from '../decisions/chain-state.ts';
import type { Ending } from '../decisions/ending.ts';
import { withSpec, type Amendment } from '../decisions/amendment.ts';
import type { JobOrder } from '../decisions/next-order.ts';
import type { ResumeOptions } from '../decisions/resume.ts';
import { CHAIN_MEMO, datasetKey } from '../decisions/search-attributes.ts';
import type { Spec } from '../decisions/spec.ts';
import { call } from './calls.ts';
import { chainDetails } from './details.ts';
import { Outbox, notifications, type Notifications, type Outgoing } from './notifications.ts';
import { isPatched } from './patches.ts';
import type { CommandResult } from './messages.ts';
import { searchAttributes } from './search-attributes.ts';

/** How a chain's workflow begins. */
export type LabelingChainInput =
  | { kind: 'start'; spec: Spec }
  /** A labeling job that somebody else started becomes generation 1. `manifestUri`: the dataset; `inputManifestUri`: the job's own input. */
  | { kind: 'adopt'; spec: Spec; jobName: string; manifestUri: string | null; inputManifestUri: string | null }
  /** From the record in S3: of an ended chain, or of one that Temporal has forgotten. */
  | { kind: 'resume'; spec: Spec; options: ResumeOptions }
  /** Writes an amendment into the record of an ended chain, and ends again. */
  | { kind: 'amend'; spec: Spec; amendment: Amendment }
  | { kind: 'continued'; carried: Carried };

/** What a person asked for and the chain has not done yet; stands in the record beside the state. */
export type Pending = {
  /** Manifests of further objects, given to amend. */
  manifestUris: string[];
  retrySetAside: boolean;
  /** The spec was amended: its category file and UI template may be new. */
  copyAssets: boolean;
};

export const NOTHING_PENDING: Pending = { manifestUris: [], retrySetAside: false, copyAssets: false };

/** Everything that goes through continue-as-new. Plain JSON, whole. */
export type Carried = {
  state: ChainState;
  /** The number of the next record to write. */
  recordSequence: number;
  pending: Pending;
  /** The question that stood before S3 or a file had to be mended first; it is asked again. */
  askedBefore: Attention | null;
  /** How often a person was told of the present attention. */
  reminders: number;
  /** How many questions, reminders among them, were sent to people; absent in a chain that began before they were counted. */
  questions?: number;
  /** Notifications that are not delivered yet. */
  outbox: Outgoing[];
};

export type LabelingChainResult = {
  /** `failed`: its workflow had been terminated or had failed, and this run only wrote an amendment into its record. */
  status: EndStatus | 'failed';
  reason: string;
  finalManifest: string | null;
  leftoverReport: string | null;
};

/** So many commands of people are known again after a reset. */
const COMMANDS_KEPT = 100;

/** Thrown where this chain was resumed elsewhere meanwhile: whoever writes an older record is stale (I3). */
export class Superseded extends Error {
  override readonly name = 'Superseded';
}

/** Thrown where this chain was reset: its last record, not its state, says how far it is (I1, I3). */
export class Reset extends Error {
  override readonly name = 'Reset';
}

export class ChainRun {
  readonly chain: string;
  readonly carried: Carried;
  readonly outbox: Outbox;
  readonly tell: Notifications;
  /** False while the record is read: until then the state is not the chain's. */
  loaded: boolean;
  cancelled = false;
  /** Something was accepted from a person that no record holds yet. */
  unrecorded = false;
  /** This run does nothing more of what a person gives: it only tells what is still to be told, then closes. */
  over = false;
  /** How often a person resumed this run. */
  resumes = 0;
  /** How often a stop was asked for while one was under way: whoever waits to try again tries at once. */
  stopsAgain = 0;
  /** It writes an amendment into the record of an ended chain, and ends again. */
  readonly onlyAmends: boolean;
  /** What the job's workflow said by signal. */
  endingReported: { generation: number; ending: Ending } | null = null;
  /** Outputs that were written again and could not be read; whoever creates a job must not wait for their merge. */
  unreadableOutputs: readonly LateOutput[] = [];
  /** When this run last began to look at the outputs of all jobs, and all that was new was merged; by workflow time. */
  outputsSeenMs: number | null = null;
  /** The spec as it was when a job was decided: what is amended meanwhile holds from the next job on. */
  decided: { generation: number; spec: Spec } | null = null;
  /** The chain was reset, and its last record is still to be read. */
  isReset = false;
  /** What people asked of this run. */
  readonly #taken: { id: string; again: () => CommandResult }[] = [];
  /** The generation that an earlier run of this chain decided and may have created. */
  inheritedGeneration: number | null = null;

  constructor(input: LabelingChainInput) {
    this.carried =
      input.kind === 'continued'
        ? input.carried
        : {
            state: newChain(input.spec, workflowInfo().firstExecutionRunId),
            recordSequence: 0,
            pending: NOTHING_PENDING,
            askedBefore: null,
            reminders: 0,
            outbox: [],
          };
    this.chain = this.carried.state.chain;
    this.onlyAmends = input.kind === 'amend';
    this.loaded = input.kind !== 'resume' && !this.onlyAmends;
    this.outbox = new Outbox(this.carried.outbox);
    this.tell = notifications(
      () => this.carried.state,
      this.outbox,
      () => (this.carried.questions = (this.carried.questions ?? 0) + 1),
    );
  }

  get state(): ChainState {
    return this.carried.state;
  }

  /** Every change goes through here, so that the Web UI shows it at once. */
  set(state: ChainState): void {
    this.carried.state = state;
    setCurrentDetails(chainDetails(state));
  }

  get stopped(): boolean {
    return this.state.stopRequested !== null;
  }

  /** Whether something is left to do, or to write down: a person may have given it while news of the end was still on its way. */
  get hasMore(): boolean {
    return !this.over && (this.unrecorded || this.isReset || this.state.phase.kind !== 'ended');
  }

  /** Takes what a person changes: it holds from the next job on, and is still to be recorded. */
  amend({ spec, manifestUri }: Amendment): void {
    if (spec !== null) this.set(withSpec(this.state, spec));
    const { pending } = this.carried;
    this.carried.pending = {
      ...pending,
      manifestUris: manifestUri === null ? pending.manifestUris : [...pending.manifestUris, manifestUri],
      copyAssets: pending.copyAssets || spec !== null,
    };
    this.unrecorded = true;
    this.showManifests();
  }

  /** A command was accepted; `again` does what it asks once more. */
  took(id: string | null, again: () => CommandResult): void {
    if (id === null) return;
    this.#taken.push({ id, again });
    this.set({ ...this.state, commands: [...(this.state.commands ?? []), id].slice(-COMMANDS_KEPT) });
  }

  /**
   * Goes on from a record of its own, as if nothing had been done since. A reset repeats all commands: those that the record holds are
   * done, the others are not.
   */
  takeUp({ state, pending, sequence }: { state: ChainState; pending: Pending; sequence: number }): void {
    Object.assign(this.carried, { pending, recordSequence: sequence + 1, askedBefore: null, reminders: 0 });
    this.unrecorded = false;
    this.endingReported = null;
    this.unreadableOutputs = [];
    this.outputsSeenMs = null;
    this.decided = null;
    this.inheritedGeneration = state.phase.kind === 'job' ? state.phase.generation : null;
    this.isReset = false;
    this.set(state);
    for (const { id, again } of this.#taken.splice(0)) {
      if (state.commands?.includes(id) === true) continue;
      if (again().kind === 'accepted') this.took(id, again);
    }
    if (this.cancelled) this.stopAsCancelled();
  }

  stopAsCancelled(): void {
    this.requestStop('the workflow was cancelled');
  }

  /** The first reason stays. */
  requestStop(reason: string): void {
    const { state } = this;
    if (state.phase.kind === 'ended' || state.stopRequested !== null) return;
    this.set({ ...state, stopRequested: { atMs: state.lastHeardMs, reason } });
  }

  /** @throws Superseded or Reset; fails with `storage-refused` where S3 refuses, and is then still to be done. */
  async writeRecord(why: string): Promise<void> {
    await this.#recording(async (content) => ({
      record: await call('writeRecord', `Write the chain's record: ${why}`, content),
    }));
  }

  /** Writes the input of the job that is next and the record that holds it; null: the job is a streaming one. @throws as {@link writeRecord}. */
  async writeInputAndRecord(order: JobOrder): Promise<JobInput | null> {
    const { input } = await this.#recording((content) =>
      call('writeInputAndRecord', `Write the input of ${order.name}, and the chain's record`, { ...content, order }),
    );
    return input;
  }

  /** What a person gives while the record is written is still to be recorded. */
  async #recording<Result extends { record: WriteRecordResult }>(
    write: (content: { state: ChainState; pending: Pending; sequence: number; isToldOfReset: true }) => Promise<Result>,
  ): Promise<Result> {
    this.unrecorded = false;
    const { state, recordSequence, pending } = this.carried;
    const content = { state, pending, sequence: recordSequence, isToldOfReset: true } as const;
    const result = await write(content).catch((error: unknown) => {
      this.unrecorded = true;
      throw error;
    });
    const { record } = result;
    switch (record.kind) {
      case 'superseded':
        throw new Superseded(record.uri);
      case 'repeated':
        throw new Reset(record.uri);
      case 'written':
        this.carried.recordSequence = record.sequence + 1;
        return result;
    }
  }

  /**
   * Waits until something is so, or for the time. What a person gives meanwhile is written into the record at once: accepted, it
   * holds also for a chain that is terminated before it goes on.
   */
  async pause(isOver: () => boolean, waitMs: number, summary: string): Promise<void> {
    const untilMs = Date.now() + waitMs;
    for (let leftMs = waitMs; leftMs > 0; leftMs = untilMs - Date.now()) {
      await condition(() => isOver() || this.unrecorded, leftMs, { summary });
      if (isOver() || !this.unrecorded) return;
      await this.writeRecord('amended by a person');
    }
  }

  /**
   * Writes the record of an end, and tells of it: also where S3 refuses the record. Whoever goes on elsewhere, or from a record, tells of another
   * end.
   */
  async recordEnd(why: string, { status, reason }: ChainEnd): Promise<void> {
    try {
      await this.writeRecord(why);
    } catch (error) {
      if (!(error instanceof Superseded || error instanceof Reset)) this.tell.finished(status, reason);
      throw error;
    }
    this.tell.finished(status, reason);
  }

  showInList(): void {
    const { state } = this;
    const last = lastGeneration(state);
    upsertSearchAttributes(
      searchAttributes({
        LabelingGeneration: last?.generation ?? 0,
        LabelingJobName: last?.name ?? '',
        LabelingJobStatus: last?.status ?? '',
        LabelingRemaining: state.dataset?.remaining ?? 0,
        LabelingAttention: state.attention?.reason ?? '',
      }),
    );
    const { WorkteamArn } = state.spec.job.HumanTaskConfig;
    if (WorkteamArn !== workflowInfo().memo?.[CHAIN_MEMO.workTeam]) upsertMemo({ [CHAIN_MEMO.workTeam]: WorkteamArn });
    this.showManifests();
    this.showEnd();
  }

  /** Whoever starts another chain sees which manifests are this one's. */
  showManifests(): void {
    const { manifestUris, spec } = this.state;
    const further = [...manifestUris.slice(1), ...this.carried.pending.manifestUris].map((uri) =>
      datasetKey(uri, spec.job.LabelAttributeName),
    );
    const shown = workflowInfo().memo?.[CHAIN_MEMO.furtherDatasets] ?? [];
    if (JSON.stringify(further) !== JSON.stringify(shown) && isPatched('further-manifests-are-in-the-memo'))
      upsertMemo({ [CHAIN_MEMO.furtherDatasets]: further });
  }

  /** In the list an ended chain is one also while it stays open, and no worker has to be asked. */
  showEnd(): void {
    const end = this.state.end?.status ?? null;
    if (end !== (workflowInfo().memo?.[CHAIN_MEMO.end] ?? null) && isPatched('the-end-is-in-the-memo'))
      upsertMemo({ [CHAIN_MEMO.end]: end });
  }
}
