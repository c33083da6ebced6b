/** Lines that wait to be claimed by identity, those with a label apart from the others: identical lines are told apart by their labels first. */
import type { ObjectLine } from './attributes.ts';
import { canonicalIdentity } from './identity.ts';
import { IdentityPool, type WaitingLine } from './identity-pool.ts';
import { labelMembers, labelValue, type OwnAttributes } from './label-state.ts';

/** The `label` of what is taken holds the label's members, its metadata included. */
export class TwinPools {
  readonly labeled: IdentityPool;
  readonly unlabeled: IdentityPool;
  readonly #own: OwnAttributes;

  constructor(temporaryDirectory: string, own: OwnAttributes) {
    this.labeled = new IdentityPool(temporaryDirectory);
    this.unlabeled = new IdentityPool(temporaryDirectory);
    this.#own = own;
  }

  get left(): number {
    return this.labeled.left + this.unlabeled.left;
  }

  add(line: ObjectLine, number: number): void {
    const isLabeled = this.#isLabeled(line);
    const label = isLabeled ? labelMembers(line, this.#own) : null;
    (isLabeled ? this.labeled : this.unlabeled).add({ number, label }, this.#identity(line));
  }

  /** Of identical lines, one that like this one has a label, or like it has none. */
  takeAlike(line: ObjectLine): WaitingLine | null {
    return (this.#isLabeled(line) ? this.labeled : this.unlabeled).take(this.#identity(line));
  }

  /** {@link takeAlike}, else any. */
  take(line: ObjectLine): WaitingLine | null {
    const other = this.#isLabeled(line) ? this.unlabeled : this.labeled;
    return this.takeAlike(line) ?? other.take(this.#identity(line));
  }

  close(): void {
    this.labeled.close();
    this.unlabeled.close();
  }

  #isLabeled(line: ObjectLine): boolean {
    return labelValue(line, this.#own) !== null;
  }

  #identity(line: ObjectLine): Buffer {
    return canonicalIdentity(line, this.#own.isOwn);
  }
}
