/**
 * The independent truth about what happened: append-only, written at the moment when something happens and never
 * corrected. Object indices count the lines of a job's input manifest from 0.
 */
import type { JobStatus, Tag } from './requests.ts';

/** What a worker does with a task. `returned` also stands for a task whose time ran out. */
export type WorkerAction = 'accepted' | 'submitted' | 'declined' | 'returned';

export type SentObject = {
  index: number;
  /** SHA-256 (hex) of the raw input line, without its line end. */
  sha256: string;
  /**
   * SHA-256 (hex) of the line as a JSON value without the label attribute and its metadata, keys sorted: the same for one
   * object in every job of a label attribute, however its line is written.
   */
  identity: string;
};

export type LedgerRecord =
  /** The name is taken and the job counts as live, until a `status` record with a terminal status. */
  | {
      kind: 'created';
      atMs: number;
      job: string;
      arn: string;
      /** The job's number in the account, from 1. */
      ordinal: number;
      labelAttribute: string;
      inputManifestUri: string | null;
      outputManifestUri: string;
      tags: readonly Tag[];
    }
  /** The input manifest was read: how many lines it has and which of them lack the label. */
  | { kind: 'started'; atMs: number; job: string; objectCount: number; unlabeledIndices: readonly number[] }
  /** A batch went out to the work team. */
  | { kind: 'sent'; atMs: number; job: string; batch: number; objects: readonly SentObject[] }
  | {
      kind: 'answer';
      atMs: number;
      job: string;
      objectIndex: number;
      objectSha256: string;
      workerId: string;
      action: WorkerAction;
      /** The worker's answer; only with `submitted`. */
      label?: unknown;
    }
  /** The answers became the object's label. `late`: after the job's end. Not yet readable: that is `published`. */
  | { kind: 'labeled'; atMs: number; job: string; objectIndex: number; answers: number; late: boolean; label: unknown }
  | { kind: 'object-failed'; atMs: number; job: string; objectIndex: number; reason: string }
  /** The output manifest was written; from now on the labels of these objects can be read in it. */
  | { kind: 'published'; atMs: number; job: string; uri: string; lines: number; newlyReadable: readonly number[] }
  | { kind: 'stop-requested'; atMs: number; job: string; by: 'api' | 'script' | 'stopping-condition' | 'idle' }
  | { kind: 'status'; atMs: number; job: string; from: JobStatus; to: JobStatus; reason: string | null }
  /** A state-change event was put on the bus, or lost on purpose. */
  | { kind: 'event'; atMs: number; job: string; status: JobStatus; eventId: string; dropped: boolean };

export class Ledger {
  readonly #records: LedgerRecord[] = [];

  append(record: LedgerRecord): void {
    this.#records.push(record);
  }

  /** Everything so far, oldest first. */
  get records(): readonly LedgerRecord[] {
    return this.#records;
  }
}
