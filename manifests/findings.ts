/**
 * What the outputs of a merge say about objects, gathered before anything is written. It owns the order: findings come back by
 * ordinal, those of one object in the order they were added. In memory stand five numbers for each; label bytes and reasons lie in a
 * temporary file.
 */
import { Spool, type Extent } from './spool.ts';

/** A label that AWS delivered, or a failure. */
export type Finding = {
  readonly kind: 'label' | 'failure';
  readonly ordinal: number;
  /** Index into the merge's sources. */
  readonly source: number;
  /** Of a label: name and value bytes as in the output. Of a failure: the reason, UTF-8.  */
  readonly bytes: Buffer;
};

/** Reasons repeat; so many different ones are stored only once. */
const SHARED_REASONS = 1_000;

export class Findings {
  readonly #spool: Spool;
  readonly #sharedReasons = new Map<string, Extent>();
  readonly #ordinals: number[] = [];
  readonly #sources: number[] = [];
  readonly #offsets: number[] = [];
  readonly #lengths: number[] = [];
  readonly #failures: boolean[] = [];

  constructor(temporaryDirectory: string) {
    this.#spool = new Spool(temporaryDirectory);
  }

  addLabel(ordinal: number, source: number, members: Buffer): void {
    this.#add(ordinal, source, this.#spool.append(members), false);
  }

  addFailure(ordinal: number, source: number, reason: string): void {
    let extent = this.#sharedReasons.get(reason);
    if (extent === undefined) {
      extent = this.#spool.append(Buffer.from(reason));
      if (this.#sharedReasons.size < SHARED_REASONS) this.#sharedReasons.set(reason, extent);
    }
    this.#add(ordinal, source, extent, true);
  }

  #add(ordinal: number, source: number, { offset, length }: Extent, isFailure: boolean): void {
    this.#ordinals.push(ordinal);
    this.#sources.push(source);
    this.#offsets.push(offset);
    this.#lengths.push(length);
    this.#failures.push(isFailure);
  }

  /** All findings, by ordinal and then as added. */
  *inOrder(): Generator<Finding, void> {
    const order = Uint32Array.from(this.#ordinals, (_, index) => index);
    const ordinalOf = (index: number): number => this.#ordinals[index] ?? 0;
    const isSorted = this.#ordinals.every((ordinal, index) => index === 0 || ordinalOf(index - 1) <= ordinal);
    if (!isSorted) order.sort((a, b) => ordinalOf(a) - ordinalOf(b) || a - b);
    for (const index of order) {
      yield {
        kind: this.#failures[index] === true ? 'failure' : 'label',
        ordinal: ordinalOf(index),
        source: this.#sources[index] ?? 0,
        bytes: this.#spool.read({ offset: this.#offsets[index] ?? 0, length: this.#lengths[index] ?? 0 }),
      };
    }
  }

  close(): void {
    this.#spool.close();
  }
}
