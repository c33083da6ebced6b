/**
 * The input of a labeling job: a manifest and, beside it, the ordinals file that maps its lines to objects of the
 * dataset (never a key in the line). It owns the choice of what is sent and the ordinals file's format.
 *
 * The ordinals file is JSON Lines: `[17,20]` means that the next four lines are the objects 17 to 20.
 */
import { z } from 'zod';
import { OperationError } from '../errors.ts';
import { editLine } from './attributes.ts';
import { GatheringSink, HashingSink, type ByteSink, type ByteSource } from './byte-streams.ts';
import { datasetLine } from './dataset.ts';
import { labelStateOf, ownAttributes, type OwnAttributes } from './label-state.ts';
import { LineReader } from './lines.ts';
import { StatesReader, type ObjectState } from './object-states.ts';
import { exceedsLimits } from './manifest-rules.ts';

/** Writes an ordinals file; ordinals that follow each other share a line. Call {@link finish} at the end. */
export class OrdinalsWriter {
  readonly #sink: GatheringSink;
  #first = 0;
  #next = 0;

  constructor(sink: ByteSink) {
    this.#sink = new GatheringSink(sink);
  }

  /** Whether it is time to {@link drain}. */
  get isFull(): boolean {
    return this.#sink.isFull;
  }

  async drain(): Promise<void> {
    await this.#sink.drain();
  }

  add(ordinal: number): void {
    if (ordinal !== this.#next) {
      this.#writeRange();
      this.#first = ordinal;
    }
    this.#next = ordinal + 1;
  }

  async finish(): Promise<void> {
    this.#writeRange();
    this.#first = this.#next;
    await this.#sink.finish();
  }

  #writeRange(): void {
    if (this.#next > this.#first) this.#sink.putText(`[${this.#first},${this.#next - 1}]\n`);
  }
}

const rangeLine = z.tuple([z.int().min(0), z.int().min(0)]).refine(([first, last]) => first <= last);

/** Reads an ordinals file, one ordinal for each input line. */
export class OrdinalsReader {
  readonly #lines: LineReader;
  #next = 0;
  #last = -1;

  constructor(source: ByteSource) {
    this.#lines = new LineReader(source);
  }

  /** The next line's ordinal; null at the end. Throws OperationError if the file is damaged. */
  async next(): Promise<number | null> {
    if (this.#next > this.#last) {
      const line = await this.#lines.next();
      if (line === null) return null;
      try {
        [this.#next, this.#last] = rangeLine.parse(JSON.parse(line.toString('utf8')));
      } catch (cause) {
        const message = `the ordinals file is damaged at line ${this.#lines.lines}; restore that version of it and try again`;
        throw new OperationError(message, { cause });
      }
    }
    this.#next += 1;
    return this.#next - 1;
  }
}

/** `unlabeled`: only objects without a label that are not set aside. `dataset`: all but the set-aside ones (for automated labeling). */
export type InputMode = 'unlabeled' | 'dataset';

export type SelectRequest = {
  /** LabelAttributeName. */
  label: string;
  dataset: ByteSource;
  states: ByteSource;
  mode: InputMode;
  /** At most so many lines; the rest waits for a later job. Null: no limit. */
  maxObjects: number | null;
  to: { manifest: ByteSink; ordinals: ByteSink };
};

export type SelectedInput = {
  /** Lines written. */
  objects: number;
  /** Those among them without a label: what workers will see. */
  sentObjects: number;
  /** Objects that would have been chosen but for `maxObjects`. */
  leftForLater: number;
  /** Lines whose labels make them longer than AWS's limits (only possible in mode `dataset`), and the first such ordinal. */
  overLimits: number;
  firstOverLimits: number | null;
  /** Of the manifest. */
  sha256: string;
  bytes: number;
};

const isChosen = (state: ObjectState, mode: InputMode): boolean => {
  switch (mode) {
    case 'unlabeled':
      return state.label === null && !state.setAside;
    case 'dataset':
      return state.label !== null || !state.setAside;
  }
};

/** An unlabeled object's line as it is sent: the metadata of an earlier failure is stripped. */
const lineToSend = (bytes: Buffer, number: number, own: OwnAttributes): Buffer => {
  const line = datasetLine(bytes, number);
  const { kind } = labelStateOf(line, own);
  // I1: the states say that there is no label; if the dataset holds one all the same, nothing is sent.
  if (kind === 'labeled') {
    throw new OperationError(
      `line ${number} of the dataset has a label that the object states do not know; the two files do not belong together`,
    );
  }
  return kind === 'failed' ? editLine(line, (name) => name === own.metadata, null) : bytes;
};

/** Writes the next job's input. Throws OperationError if the dataset and its states do not belong together. */
export const selectInput = async (request: SelectRequest): Promise<SelectedInput> => {
  const own = ownAttributes(request.label);
  const dataset = new LineReader(request.dataset);
  const states = new StatesReader(request.states);
  const hashed = new HashingSink(request.to.manifest);
  const manifest = new GatheringSink(hashed);
  const ordinals = new OrdinalsWriter(request.to.ordinals);
  const chosen = { objects: 0, sentObjects: 0, leftForLater: 0, overLimits: 0, firstOverLimits: null as number | null };
  let ordinal = 0;
  for (let raw = await dataset.next(); raw !== null; raw = await dataset.next(), ordinal += 1) {
    const run = await states.take(1);
    if (run === null)
      throw new OperationError('the object states end before the dataset; the two files do not belong together');
    if (!isChosen(run.state, request.mode)) continue;
    if (request.maxObjects !== null && chosen.objects >= request.maxObjects) {
      chosen.leftForLater += 1;
      continue;
    }
    const isSent = run.state.label === null;
    const line = isSent ? lineToSend(raw, ordinal + 1, own) : raw;
    if (!isSent && exceedsLimits(line)) {
      chosen.overLimits += 1;
      chosen.firstOverLimits ??= ordinal;
    }
    await manifest.write(line);
    ordinals.add(ordinal);
    if (ordinals.isFull) await ordinals.drain();
    chosen.objects += 1;
    if (isSent) chosen.sentObjects += 1;
  }
  if ((await states.take(1)) !== null) {
    throw new OperationError('the object states go on after the dataset; the two files do not belong together');
  }
  await manifest.finish();
  await ordinals.finish();
  return { ...chosen, ...hashed.digest() };
};
