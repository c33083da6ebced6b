/**
 * Objects that wait to be claimed by a line of the same identity. It owns the search: a 32-bit key of each in memory, its
 * canonical identity in a spool, every match verified on that. Equal ones are claimed in their order.
 */
import { identityKey } from './identity.ts';
import { Spool } from './spool.ts';

/** What is known of a line that waits: its 1-based number in its file, and its label's value bytes if it has a label. */
export type WaitingLine = { readonly number: number; readonly label: Buffer | null };

const NONE = -1;

/** Add all lines first, then take. */
export class IdentityPool {
  readonly #spool: Spool;
  readonly #numbers: number[] = [];
  readonly #keys: number[] = [];
  /** In the spool: the canonical identity, then the label's value. */
  readonly #offsets: number[] = [];
  readonly #labelOffsets: number[] = [];
  #heads: Map<number, number> | null = null;
  #nexts = new Int32Array();
  #taken = new Uint8Array();
  #left = 0;

  constructor(temporaryDirectory: string) {
    this.#spool = new Spool(temporaryDirectory);
  }

  /** How many lines nobody has taken. */
  get left(): number {
    return this.#left;
  }

  add({ number, label }: WaitingLine, canonical: Buffer): void {
    this.#numbers.push(number);
    this.#keys.push(identityKey(canonical));
    this.#offsets.push(this.#spool.append(canonical).offset);
    this.#labelOffsets.push(this.#spool.length);
    if (label !== null) this.#spool.append(label);
    this.#left += 1;
  }

  /** Whether the line that was added at this place (from 0) is still there. */
  has(index: number): boolean {
    return index < this.#numbers.length && this.#taken[index] !== 1;
  }

  /** Takes out the first line of this identity; null if there is none. */
  take(canonical: Buffer): WaitingLine | null {
    const heads = this.#index();
    const key = identityKey(canonical);
    let before = NONE;
    for (let index = heads.get(key) ?? NONE; index !== NONE; index = this.#nexts[index] ?? NONE) {
      if (this.#canonical(index).equals(canonical)) {
        const next = this.#nexts[index] ?? NONE;
        if (before === NONE) heads.set(key, next);
        else this.#nexts[before] = next;
        this.#taken[index] = 1;
        this.#left -= 1;
        return { number: this.#numbers[index] ?? 0, label: this.#label(index) };
      }
      before = index;
    }
    return null;
  }

  close(): void {
    this.#spool.close();
  }

  #canonical(index: number): Buffer {
    const offset = this.#offsets[index] ?? 0;
    return this.#spool.read({ offset, length: (this.#labelOffsets[index] ?? offset) - offset });
  }

  #label(index: number): Buffer | null {
    const offset = this.#labelOffsets[index] ?? 0;
    const length = (this.#offsets[index + 1] ?? this.#spool.length) - offset;
    return length === 0 ? null : this.#spool.read({ offset, length });
  }

  /** Chains the lines of each key in their order: built backwards, each new head comes before the old one. */
  #index(): Map<number, number> {
    if (this.#heads !== null) return this.#heads;
    const heads = new Map<number, number>();
    this.#nexts = new Int32Array(this.#numbers.length);
    this.#taken = new Uint8Array(this.#numbers.length);
    for (let index = this.#numbers.length - 1; index >= 0; index -= 1) {
      const key = this.#keys[index] ?? 0;
      this.#nexts[index] = heads.get(key) ?? NONE;
      heads.set(key, index);
    }
    this.#heads = heads;
    return heads;
  }
}
