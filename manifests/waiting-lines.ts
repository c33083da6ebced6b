/**
 * Lines of an input and its output that have not met their counterpart yet. Of one identity only one side waits at a time, in the
 * order of its file, so the n-th input line is always given to the n-th output line. It owns what is kept of each: a
 * digest and three numbers in memory; in a spool an input line's label, or an output line and where its own attributes are.
 */
import type { Attribute, ObjectLine } from './attributes.ts';
import type { WaitingLine } from './identity-pool.ts';
import { IdentityQueues } from './identity-queues.ts';
import type { OwnAttributes } from './label-state.ts';
import { NumberColumn } from './number-column.ts';
import { Spool, type Extent } from './spool.ts';

/** An output line that waits; of its attributes only the chain's own are there. */
export type WaitingOutput = { readonly number: number; readonly line: ObjectLine };

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

  /** An input line waits. Its output line must not wait already. */
  addInput({ number, label }: WaitingLine, digest: string): void {
    this.#queues.add(digest, this.#numbers.length);
    this.#numbers.push(number);
    this.#offsets.push(this.#spool.length);
    this.#lengths.push(label === null ? NO_LABEL : this.#spool.append(label).length);
  }

  /** An output line waits. Its input line must not wait already. */
  addOutput({ number, line }: WaitingOutput, digest: string): void {
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
    const extent = this.#extent(entry);
    return { number, label: extent.length === NO_LABEL ? null : this.#spool.read(extent) };
  }

  /** Takes out the first output line of an identity; null if none waits. */
  takeOutput(digest: string): WaitingOutput | null {
    const entry = this.#queues.peek(digest);
    if (entry === null || this.#numbers.get(entry) > 0) return null;
    const output = this.#output(entry);
    this.#take(digest, entry);
    return output;
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
      number: -this.#numbers.get(entry),
      line: { kind: 'object', bytes: bytes.subarray(0, length), attributes },
    };
  }
}
