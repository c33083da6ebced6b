/**
 * Merging job outputs into the chain's dataset. It owns the two passes: first every output is read and paired, and
 * nothing is written; then the dataset is copied, and only the lines that a finding touches are opened.
 */
import { OperationError } from '../errors.ts';
import { applyMaximum, receiveFailure, receiveLabel } from './attempts.ts';
import { editLine, readObjectLine, splitAtEnd } from './attributes.ts';
import { GatheringSink, type ByteSink, type ByteSource } from './byte-streams.ts';
import { Findings, type Finding } from './findings.ts';
import { labelStateOf, labelValue, ownAttributes, sameLabel, type OwnAttributes } from './label-state.ts';
import { LineReader } from './lines.ts';
import { PROBLEMS_LISTED } from './manifest-rules.ts';
import {
  readSource,
  type SourceTally,
  type MergeSource,
  type MergedSource,
  type UnreadableLine,
} from './merge-source.ts';
import { copyStates, StatesReader, StatesWriter, type ObjectState, type StateCounts } from './object-states.ts';
import { Spool } from './spool.ts';

export type MergeRequest = {
  /** LabelAttributeName. */
  label: string;
  dataset: ByteSource;
  states: ByteSource;
  /** In this order; of two labels for one object the first stays. None at all is allowed: then only `maxAttempts` is applied. */
  sources: readonly MergeSource[];
  /** Whether a failed object of a job counts an attempt (DESIGN, section 5, Attempts). */
  countsAttempt: (generation: number, failureReason: string) => boolean;
  /** Attempts at which an object is set aside; null: never. */
  maxAttempts: number | null;
  /** An existing directory for what does not fit into memory; left as it was. */
  temporaryDirectory: string;
  to: {
    dataset: ByteSink;
    states: ByteSink;
    /** JSON Lines `{"generation":1,"line":7,"object":<the output line>}`: lines that belong to no input line. */
    unmatched: ByteSink;
    /** JSON Lines `{"ordinal":5,"generation":2,"label":{<name and value bytes>}}`: second labels new in this merge. */
    doubled: ByteSink;
  };
};

/** The dataset after a merge. `doubled` is of all merges so far, once per object and generation. */
export type MergeTally = StateCounts & { perSource: MergedSource[]; newlySetAside: number };

/** `unreadable`: nothing was written. */
export type MergeResult =
  | { kind: 'merged'; tally: MergeTally }
  /** `lines`: the first 100; `total` counts all. `generations`: whose outputs they are in. */
  | { kind: 'unreadable'; lines: UnreadableLine[]; total: number; generations: number[] };

const COMMA = Buffer.from(',');

/** A label's members as a line that can be read. */
const asLine = (members: Buffer): Buffer => Buffer.concat([Buffer.from('{'), members, Buffer.from('}')]);

const notTogether = (what: string): OperationError =>
  new OperationError(`${what}; the dataset, its object states and the job's ordinals do not belong together`);

/** An object that a finding touches, and its line in the dataset before; `members`: the label to put into it. */
type TouchedObject = {
  readonly ordinal: number;
  readonly raw: Buffer;
  state: ObjectState;
  members: Buffer | null;
};

/** The second pass. */
class DatasetRewrite {
  readonly #request: MergeRequest;
  readonly #tallies: readonly SourceTally[];
  readonly #own: OwnAttributes;
  readonly #lines: LineReader;
  readonly #states: StatesReader;
  readonly #dataset: GatheringSink;
  readonly #doubled: GatheringSink;
  readonly #writer: StatesWriter;
  #newlySetAside = 0;
  /** Lines written. */
  #position = 0;
  #touched: TouchedObject | null = null;

  constructor(request: MergeRequest, tallies: readonly SourceTally[]) {
    this.#request = request;
    this.#tallies = tallies;
    this.#own = ownAttributes(request.label);
    this.#lines = new LineReader(request.dataset);
    this.#states = new StatesReader(request.states);
    this.#dataset = new GatheringSink(request.to.dataset);
    this.#doubled = new GatheringSink(request.to.doubled);
    this.#writer = new StatesWriter(request.to.states);
  }

  async run(findings: Findings): Promise<{ counts: StateCounts; newlySetAside: number }> {
    for (const finding of findings.inOrder()) {
      const touched = this.#touched?.ordinal === finding.ordinal ? this.#touched : await this.#moveTo(finding.ordinal);
      const { state, members } = this.#apply(touched, finding);
      touched.state = state;
      touched.members ??= members;
    }
    await this.#writeTouched();
    await this.#copyUntouched(Infinity);
    await this.#dataset.finish();
    await this.#doubled.finish();
    return { counts: await this.#writer.finish(), newlySetAside: this.#newlySetAside };
  }

  /** Writes everything before an object and gives the object, unwritten. */
  async #moveTo(ordinal: number): Promise<TouchedObject> {
    await this.#writeTouched();
    if (ordinal > this.#position) await this.#copyUntouched(ordinal - this.#position);
    const run = this.#states.takeNow(1) ?? (await this.#states.take(1));
    if (run === null) throw notTogether(`there is no object ${ordinal}`);
    const raw = this.#lines.nextNow() ?? (await this.#lines.next());
    if (raw === null) throw notTogether(`the dataset has no line ${this.#position + 1}`);
    this.#position += 1;
    this.#touched = { ordinal, raw, state: run.state, members: null };
    return this.#touched;
  }

  /**
   * Law 2: a label is either in the dataset, or in the doubled file, or was in one of them before. Only of an object for which AWS writes a third value
   * over the second one of the same job the states do not tell it from the second: it is not kept.
   */
  #apply(touched: TouchedObject, finding: Finding): { state: ObjectState; members: Buffer | null } {
    const tally = this.#tallies[finding.source];
    if (tally === undefined) throw new Error(`there is no source ${finding.source}`);
    const { generation, late } = tally.source;
    if (finding.kind === 'failure') {
      const reason = finding.bytes.toString('utf8');
      const counts = this.#request.countsAttempt(generation, reason);
      const { counted, state } = receiveFailure(touched.state, { generation, reason, counts, late });
      if (counted) tally.attemptsCounted += 1;
      return { state, members: null };
    }
    const { kind, state } = receiveLabel(touched.state, generation, () => this.#holds(touched, finding.bytes));
    switch (kind) {
      case 'added':
        tally.added += 1;
        return { state, members: finding.bytes };
      case 'doubled':
        tally.doubled += 1;
        this.#doubled.putText(`{"ordinal":${finding.ordinal},"generation":${generation},"label":{`);
        this.#doubled.put(finding.bytes);
        this.#doubled.putText('}}\n');
        return { state, members: null };
      case 'known':
        return { state, members: null };
    }
  }

  #limit(state: ObjectState, objects: number): ObjectState {
    const limited = applyMaximum(state, this.#request.maxAttempts);
    if (limited !== state) this.#newlySetAside += objects;
    return limited;
  }

  async #writeTouched(): Promise<void> {
    if (this.#touched === null) return;
    const { raw, state, members } = this.#touched;
    this.#touched = null;
    this.#writer.add(1, this.#limit(state, 1));
    for (const part of members === null ? [raw] : this.#withLabel(raw, members)) this.#dataset.put(part);
    for (const sink of [this.#dataset, this.#doubled, this.#writer]) if (sink.isFull) await sink.drain();
  }

  /** Whether an object's label is this one, whatever its metadata. Almost always its bytes are those that were merged before. */
  #holds({ raw, members }: TouchedObject, label: Buffer): boolean {
    const end = raw.lastIndexOf('}');
    const start = end - label.length;
    if (raw[start - 1] === COMMA[0] && raw.subarray(start, end).equals(label)) return true;
    const held = this.#labelOf(members === null ? raw : asLine(members));
    const given = this.#labelOf(asLine(label));
    return held !== null && given !== null && sameLabel(held, given);
  }

  #labelOf(bytes: Buffer): Buffer | null {
    const line = readObjectLine(bytes);
    return line.kind === 'fault' ? null : labelValue(line, this.#own);
  }

  /** The parts of a dataset line with its label in it. */
  #withLabel(raw: Buffer, members: Buffer): readonly Buffer[] {
    const parts = this.#own.mayHold(raw) ? null : splitAtEnd(raw);
    if (parts !== null) return [parts[0], COMMA, members, parts[1]];
    const line = readObjectLine(raw);
    if (line.kind === 'fault') {
      throw new OperationError(`line ${this.#position} of the dataset is damaged: ${line.problem}`);
    }
    // I1, law 2: a label in the dataset is never replaced, whatever the states say.
    if (labelStateOf(line, this.#own).kind === 'labeled') {
      throw notTogether(`line ${this.#position} of the dataset has a label that the object states do not know`);
    }
    return [editLine(line, this.#own.isOwn, members)];
  }

  async #copyUntouched(most: number): Promise<void> {
    const lines = await this.#lines.copy(most, this.#dataset);
    const objects = await copyStates(this.#states, this.#writer, most, ({ count, state }) => this.#limit(state, count));
    if (lines !== objects) throw notTogether(`${lines} lines and ${objects} states follow object ${this.#position}`);
    if (most !== Infinity && lines < most) throw notTogether(`there is no object ${this.#position + most}`);
    this.#position += lines;
  }
}

/**
 * Merges outputs into a dataset. Writes nothing if an output line cannot be read. Throws OperationError if files of the
 * chain are damaged or do not belong together; then what was written is to be discarded.
 */
export const mergeOutputs = async (request: MergeRequest): Promise<MergeResult> => {
  const own = ownAttributes(request.label);
  const findings = new Findings(request.temporaryDirectory);
  const unmatched = new Spool(request.temporaryDirectory);
  try {
    const tallies: SourceTally[] = [];
    const unreadable: UnreadableLine[] = [];
    let total = 0;
    const generations: number[] = [];
    for (const [index, source] of request.sources.entries()) {
      const read = await readSource({
        source,
        index,
        own,
        temporaryDirectory: request.temporaryDirectory,
        findings,
        unmatched,
      });
      tallies.push(read.tally);
      unreadable.push(...read.unreadable.slice(0, PROBLEMS_LISTED - unreadable.length));
      total += read.unreadableTotal;
      if (read.unreadableTotal > 0 && !generations.includes(source.generation)) generations.push(source.generation);
    }
    if (total > 0) return { kind: 'unreadable', lines: unreadable, total, generations };
    const { counts, newlySetAside } = await new DatasetRewrite(request, tallies).run(findings);
    await unmatched.copyTo(request.to.unmatched);
    return { kind: 'merged', tally: { ...counts, perSource: tallies.map((tally) => tally.result()), newlySetAside } };
  } finally {
    findings.close();
    unmatched.close();
  }
};
