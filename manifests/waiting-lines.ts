/**
 * Lines of an input and its output that have not met their counterpart yet. Of one digest (an identity, or one with a label) only one
 * side waits at a time, in the order of its file, so the n-th input line is always given to the n-th output line. It owns what is
 * kept of each: a digest and three numbers in memory; in a spool an input line's label and, if it is asked for later, its
 * identity, or an output line and where its own attributes are.
 */
import type { Attribute, ObjectLine } from './attributes.ts';
import type { WaitingLine } from './identity-pool.ts';
import { DIGEST_BYTES } from './identity.ts';
import { IdentityQueues } from './identity-queues.ts';
import type { OwnAttributes } from './label-state.ts';
import { NumberColumn } from './number-column.ts';
import { Spool, type Extent } from './spool.ts';

/** An output line; of its attributes only the chain's own need be there. */
export type OutputLine = { readonly number: number; readonly line: ObjectLine };

/** An output line that waits, and its place here. */
export type WaitingOutput = OutputLine & { readonly entry: number };

/** A labeled input line that waits, and its place here. */
export type WaitingLabeled = { readonly entry: number; readonly label: Buffer; readonly identity: string };

/** 1-based line numbers; those of output lines stand negative, 0 is a line that was taken. */
const TAKEN = 0;
const NO_LABEL = -1;
/** Of an own attribute: which one, and its four offsets. */
const ATTRIBUTE_BYTES = 5 * 4;

export class WaitingLines {
  readonly #own: OwnAttributes;
  readonly #queues = new IdentityQueues();
  readonly #spool: Spool;
  readonly #numbers = new NumberColumn();
  readonly #offsets = new NumberColumn();
  readonly #lengths = new NumberColumn();

  constructor(temporaryDirectory: string, own: OwnAttributes) {
    this.#own = own;
    this.#spool = new Spool(temporaryDirectory);
  }

  /** An input line waits. Its output line must not wait already. `identity`: where the digest is of a label too. */
  addInput({ number, label }: WaitingLine, digest: string, identity = digest): void {
    this.#queues.add(digest, this.#numbers.length);
    this.#numbers.push(number);
    this.#offsets.push(this.#spool.length);
    this.#lengths.push(label === null ? NO_LABEL : this.#spool.append(label).length);
    if (label !== null) this.#spool.append(Buffer.from(identity, 'latin1'));
  }

  /** An output line waits. Its input line must not wait already. */
  addOutput({ number, line }: OutputLine, digest: string): void {
    this.#queues.add(digest, this.#numbers.length);
    this.#numbers.push(-number);
    this.#offsets.push(this.#spool.append(line.bytes).offset);
    this.#lengths.push(line.bytes.length);
    const own = line.attributes.filter(({ name }) => this.#own.isOwn(name));
    const fields = Buffer.allocUnsafe(4 + own.length * ATTRIBUTE_BYTES);
    let at = fields.writeUInt32LE(own.length);
    for (const { name, start, nameStart, valueStart, valueEnd } of own) {
      const which = name === this.#own.label ? 0 : 1;
      for (const field of [which, start, nameStart, valueStart, valueEnd]) at = fields.writeUInt32LE(field, at);
    }
    this.#spool.append(fields);
  }

  /** Takes out the first input line of an identity; null if none waits. */
  takeInput(digest: string): WaitingLine | null {
    const entry = this.#queues.peek(digest);
    if (entry === null || this.#numbers.get(entry) < 0) return null;
    const number = this.#numbers.get(entry);
    this.#take(digest, entry);
    return { number, label: this.#label(entry) };
  }

  /** Takes out the first output line of an identity; null if none waits. */
  takeOutput(digest: string): WaitingOutput | null {
    const entry = this.#queues.peek(digest);
    if (entry === null || this.#numbers.get(entry) > 0) return null;
    const output = this.#output(entry);
    this.#take(digest, entry);
    return output;
  }

  /** The labeled input lines that still wait, in their order. */
  *labeledInputsLeft(): Generator<WaitingLabeled, void> {
    for (let entry = 0; entry < this.#numbers.length; entry += 1) {
      const label = this.#numbers.get(entry) > 0 ? this.#label(entry) : null;
      if (label === null) continue;
      const { offset, length } = this.#extent(entry);
      const identity = this.#spool.read({ offset: offset + length, length: DIGEST_BYTES }).toString('latin1');
      yield { entry, label, identity };
    }
  }

  /** Takes out one of {@link labeledInputsLeft}. At the end only: it stays first in its queue. */
  takeLabeledInput(entry: number): WaitingLine {
    const number = this.#numbers.get(entry);
    this.#numbers.set(entry, TAKEN);
    return { number, label: this.#label(entry) };
  }

  /** One of {@link outputsLeft} waits no more. At the end only: it stays first in its queue. */
  dropOutput({ entry }: WaitingOutput): void {
    this.#numbers.set(entry, TAKEN);
  }

  /** The output lines that still wait, in their order. */
  *outputsLeft(): Generator<WaitingOutput, void> {
    for (let entry = 0; entry < this.#numbers.length; entry += 1) {
      if (this.#numbers.get(entry) < 0) yield this.#output(entry);
    }
  }

  close(): void {
    this.#spool.close();
  }

  #take(digest: string, entry: number): void {
    this.#queues.take(digest);
    this.#numbers.set(entry, TAKEN);
  }

  #label(entry: number): Buffer | null {
    const extent = this.#extent(entry);
    return extent.length === NO_LABEL ? null : this.#spool.read(extent);
  }

  #extent(entry: number): Extent {
    return { offset: this.#offsets.get(entry), length: this.#lengths.get(entry) };
  }

  #output(entry: number): WaitingOutput {
    const { offset, length } = this.#extent(entry);
    const most = Math.min(this.#spool.length - offset, length + 4 + 2 * ATTRIBUTE_BYTES);
    let bytes = this.#spool.read({ offset, length: most });
    const count = bytes.readUInt32LE(length);
    const whole = length + 4 + count * ATTRIBUTE_BYTES;
    // Names may repeat, so there may be more than two.
    if (whole > most) bytes = this.#spool.read({ offset, length: whole });
    const attributes: Attribute[] = [];
    for (let at = length + 4; at < whole; at += ATTRIBUTE_BYTES) {
      attributes.push({
        name: bytes.readUInt32LE(at) === 0 ? this.#own.label : this.#own.metadata,
        start: bytes.readUInt32LE(at + 4),
        nameStart: bytes.readUInt32LE(at + 8),
        valueStart: bytes.readUInt32LE(at + 12),
        valueEnd: bytes.readUInt32LE(at + 16),
      });
    }
    return {
      entry,
      number: -this.#numbers.get(entry),
      line: { kind: 'object', bytes: bytes.subarray(0, length), attributes },
    };
  }
}
