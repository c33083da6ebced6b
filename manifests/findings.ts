/**
 * What the outputs of a merge say about objects, gathered before anything is written. It owns the order: findings come back by
 * ordinal, those of one object in the order they were added. In memory stand four numbers for each; label bytes and reasons beyond
 * a budget lie in a temporary file, in stretches that are sorted already, so that reading them in order is no leap for each.
 */
import { NumberColumn } from './number-column.ts';
import { Spool } from './spool.ts';

/** A label that AWS delivered, or a failure. */
export type Finding = {
  readonly kind: 'label' | 'failure';
  readonly ordinal: number;
  /** Index into the merge's sources. */
  readonly source: number;
  /** Of a label: name and value bytes as in the output. Of a failure: the reason, UTF-8.  */
  readonly bytes: Buffer;
};

/** Reasons repeat; so many different ones are kept in memory, if they are no longer than this. */
const SHARED_REASONS = 1_000;
const SHARED_REASON_MAX_BYTES = 8 * 1024;
/** Bytes gathered before they are sorted and put aside. */
const STRETCH_BYTES = 16 * 1024 * 1024;
const FIRST_STRETCH_BYTES = 16 * 1024;
/** The spool is handed sorted stretches; it need not gather much more. */
const SPOOL_BUDGET_BYTES = 1024 * 1024;

export class Findings {
  readonly #spool: Spool;
  readonly #sharedReasons = new Map<string, number>();
  readonly #reasons: Buffer[] = [];
  readonly #ordinals = new NumberColumn();
  /** Twice the source, and 1 more for a failure. */
  readonly #kinds = new NumberColumn();
  /** Into the stretch or, for findings put aside, the spool; of a shared reason −1 − its place. */
  readonly #offsets = new NumberColumn();
  readonly #lengths = new NumberColumn();
  #stretch = Buffer.allocUnsafeSlow(FIRST_STRETCH_BYTES);
  #stretchEnd = 0;
  /** The first finding of the stretch. */
  #stretchFirst = 0;
  #isSorted = true;
  #lastOrdinal = -1;

  constructor(temporaryDirectory: string) {
    this.#spool = new Spool(temporaryDirectory, SPOOL_BUDGET_BYTES, 'onwards');
  }

  addLabel(ordinal: number, source: number, members: Buffer): void {
    this.#add(ordinal, source * 2, this.#gather(members), members.length);
  }

  addFailure(ordinal: number, source: number, reason: string): void {
    const kind = source * 2 + 1;
    const shared = this.#sharedReasons.get(reason);
    if (shared !== undefined) return this.#add(ordinal, kind, -1 - shared, 0);
    const bytes = Buffer.from(reason);
    if (this.#sharedReasons.size === SHARED_REASONS || bytes.length > SHARED_REASON_MAX_BYTES)
      return this.#add(ordinal, kind, this.#gather(bytes), bytes.length);
    this.#sharedReasons.set(reason, this.#reasons.length);
    this.#add(ordinal, kind, -1 - this.#reasons.length, 0);
    this.#reasons.push(bytes);
  }

  #add(ordinal: number, kind: number, offset: number, length: number): void {
    if (ordinal < this.#lastOrdinal) this.#isSorted = false;
    this.#lastOrdinal = ordinal;
    this.#ordinals.push(ordinal);
    this.#kinds.push(kind);
    this.#offsets.push(offset);
    this.#lengths.push(length);
  }

  /** Copies bytes to the stretch; says where they are. */
  #gather(bytes: Buffer): number {
    const needed = this.#stretchEnd + bytes.length;
    if (needed > STRETCH_BYTES && this.#stretchEnd > 0) {
      this.#putAside();
      return this.#gather(bytes);
    }
    if (needed > this.#stretch.length) {
      const longer = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(this.#stretch.length * 2, STRETCH_BYTES)));
      longer.set(this.#stretch.subarray(0, this.#stretchEnd));
      this.#stretch = longer;
    }
    const offset = this.#stretchEnd;
    this.#stretch.set(bytes, offset);
    this.#stretchEnd = needed;
    return offset;
  }

  /** Moves the stretch to the spool, by ordinal. */
  #putAside(): void {
    for (const index of this.#order(this.#stretchFirst)) {
      const offset = this.#offsets.get(index);
      if (offset < 0) continue;
      const bytes = this.#stretch.subarray(offset, offset + this.#lengths.get(index));
      this.#offsets.set(index, this.#spool.append(bytes).offset);
    }
    this.#stretchEnd = 0;
    this.#stretchFirst = this.#ordinals.length;
  }

  /** The findings from one on, by ordinal and then as added. */
  #order(first: number): Float64Array {
    const count = this.#ordinals.length - first;
    const order = new Float64Array(count);
    if (this.#isSorted) {
      for (let index = 0; index < count; index += 1) order[index] = first + index;
      return order;
    }
    // Ordinal and place in one number sort natively; both stay below 2^26, so nothing is rounded.
    for (let index = 0; index < count; index += 1) order[index] = this.#ordinals.get(first + index) * count + index;
    order.sort();
    for (let index = 0; index < count; index += 1) order[index] = first + ((order[index] ?? 0) % count);
    return order;
  }

  #bytes(index: number): Buffer {
    const offset = this.#offsets.get(index);
    const length = this.#lengths.get(index);
    if (offset < 0) return this.#reasons[-1 - offset] ?? Buffer.alloc(0);
    if (index >= this.#stretchFirst) return this.#stretch.subarray(offset, offset + length);
    return this.#spool.read({ offset, length });
  }

  /** All findings, by ordinal and then as added. Call it when all are added. */
  *inOrder(): Generator<Finding, void> {
    for (const index of this.#order(0)) {
      const kind = this.#kinds.get(index);
      yield {
        kind: kind % 2 === 1 ? 'failure' : 'label',
        ordinal: this.#ordinals.get(index),
        source: Math.floor(kind / 2),
        bytes: this.#bytes(index),
      };
    }
  }

  close(): void {
    this.#spool.close();
  }
}
