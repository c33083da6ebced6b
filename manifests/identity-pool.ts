/**
 * Objects that wait to be claimed by a line of the same identity, equal ones in their order. In memory stand a digest
 * and three numbers for each; labels lie in a spool.
 */
import { identityDigest } from './identity.ts';
import { IdentityQueues } from './identity-queues.ts';
import { NumberColumn } from './number-column.ts';
import { Spool } from './spool.ts';

/** What is known of a line that waits: its 1-based number in its file, and its label's value bytes if it has a label. */
export type WaitingLine = { readonly number: number; readonly label: Buffer | null };

const TAKEN = 0;
const NO_LABEL = -1;

/** Lines may be added and taken in any order. */
export class IdentityPool {
  readonly #queues = new IdentityQueues();
  readonly #spool: Spool;
  readonly #numbers = new NumberColumn();
  readonly #labelOffsets = new NumberColumn();
  readonly #labelLengths = new NumberColumn();
  #left = 0;

  constructor(temporaryDirectory: string) {
    this.#spool = new Spool(temporaryDirectory);
  }

  /** How many lines nobody has taken. */
  get left(): number {
    return this.#left;
  }

  add({ number, label }: WaitingLine, canonical: Buffer): void {
    this.#queues.add(identityDigest(canonical), this.#numbers.length);
    this.#numbers.push(number);
    this.#labelOffsets.push(this.#spool.length);
    this.#labelLengths.push(label === null ? NO_LABEL : this.#spool.append(label).length);
    this.#left += 1;
  }

  /** Whether the line that was added at this place (from 0) is still there. */
  has(index: number): boolean {
    return index < this.#numbers.length && this.#numbers.get(index) !== TAKEN;
  }

  /** Takes out the first line of this identity; null if there is none. */
  take(canonical: Buffer): WaitingLine | null {
    const index = this.#queues.take(identityDigest(canonical));
    if (index === null) return null;
    const number = this.#numbers.get(index);
    const length = this.#labelLengths.get(index);
    const label = length === NO_LABEL ? null : this.#spool.read({ offset: this.#labelOffsets.get(index), length });
    this.#numbers.set(index, TAKEN);
    this.#left -= 1;
    return { number, label };
  }

  close(): void {
    this.#spool.close();
  }
}
