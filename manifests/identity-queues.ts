/**
 * For each identity a queue of numbers, first in, first out. It owns the table: open addressing in typed arrays, 16 bytes
 * of digest and eight of links for each waiting identity, so that a million take 50 MB at most and no object each.
 */
import { DIGEST_BYTES } from './identity.ts';

const WORDS = DIGEST_BYTES / 4;
const NONE = -1;
const SMALLEST = 1024;

/** The numbers must be small: they index an array of links. None may wait twice at one time. */
export class IdentityQueues {
  #capacity = SMALLEST;
  #digests = new Uint32Array(SMALLEST * WORDS);
  #heads = new Int32Array(SMALLEST).fill(NONE);
  #tails = new Int32Array(SMALLEST);
  #nexts = new Int32Array(SMALLEST);
  #used = 0;
  /** The digest that is looked for, as words. */
  readonly #wanted = new Uint32Array(WORDS);

  /** Whether no number waits at all. */
  get isEmpty(): boolean {
    return this.#used === 0;
  }

  /** Puts a number at the end of an identity's queue. */
  add(digest: string, number: number): void {
    if (this.#used * 2 >= this.#capacity) this.#grow();
    if (number >= this.#nexts.length) {
      const longer = new Int32Array(Math.max(number + 1, this.#nexts.length * 2));
      longer.set(this.#nexts);
      this.#nexts = longer;
    }
    this.#nexts[number] = NONE;
    const slot = this.#find(digest);
    if (this.#heads[slot] === NONE) {
      this.#digests.set(this.#wanted, slot * WORDS);
      this.#heads[slot] = number;
      this.#used += 1;
    } else {
      this.#nexts[this.#tails[slot] ?? 0] = number;
    }
    this.#tails[slot] = number;
  }

  /** The first number of an identity's queue, left there; null if nothing waits. */
  peek(digest: string): number | null {
    const head = this.#heads[this.#find(digest)] ?? NONE;
    return head === NONE ? null : head;
  }

  /** Takes out the first number of an identity's queue; null if nothing waits. */
  take(digest: string): number | null {
    const slot = this.#find(digest);
    const head = this.#heads[slot] ?? NONE;
    if (head === NONE) return null;
    const next = this.#nexts[head] ?? NONE;
    this.#heads[slot] = next;
    if (next === NONE) this.#close(slot);
    return head;
  }

  /** Where a digest stands, or the free slot where it belongs. */
  #find(digest: string): number {
    const wanted = this.#wanted;
    for (let word = 0; word < WORDS; word += 1) {
      const at = word * 4;
      wanted[word] =
        digest.charCodeAt(at) |
        (digest.charCodeAt(at + 1) << 8) |
        (digest.charCodeAt(at + 2) << 16) |
        (digest.charCodeAt(at + 3) << 24);
    }
    const digests = this.#digests;
    const mask = this.#capacity - 1;
    let slot = (wanted[0] ?? 0) & mask;
    while (this.#heads[slot] !== NONE) {
      const at = slot * WORDS;
      if (
        digests[at] === wanted[0] &&
        digests[at + 1] === wanted[1] &&
        digests[at + 2] === wanted[2] &&
        digests[at + 3] === wanted[3]
      )
        break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  /** Frees a slot and moves up those after it that would no longer be found. */
  #close(freed: number): void {
    const mask = this.#capacity - 1;
    let hole = freed;
    this.#used -= 1;
    for (let slot = (hole + 1) & mask; this.#heads[slot] !== NONE; slot = (slot + 1) & mask) {
      const home = (this.#digests[slot * WORDS] ?? 0) & mask;
      // Stays if its home lies behind the hole, around the end of the table included.
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      this.#digests.copyWithin(hole * WORDS, slot * WORDS, (slot + 1) * WORDS);
      this.#heads[hole] = this.#heads[slot] ?? NONE;
      this.#tails[hole] = this.#tails[slot] ?? NONE;
      hole = slot;
    }
    this.#heads[hole] = NONE;
  }

  #grow(): void {
    const [digests, heads, tails] = [this.#digests, this.#heads, this.#tails];
    const former = this.#capacity;
    this.#capacity = former * 2;
    this.#digests = new Uint32Array(this.#capacity * WORDS);
    this.#heads = new Int32Array(this.#capacity).fill(NONE);
    this.#tails = new Int32Array(this.#capacity);
    const mask = this.#capacity - 1;
    for (let from = 0; from < former; from += 1) {
      if (heads[from] === NONE) continue;
      let slot = (digests[from * WORDS] ?? 0) & mask;
      while (this.#heads[slot] !== NONE) slot = (slot + 1) & mask;
      this.#digests.set(digests.subarray(from * WORDS, (from + 1) * WORDS), slot * WORDS);
      this.#heads[slot] = heads[from] ?? NONE;
      this.#tails[slot] = tails[from] ?? NONE;
    }
  }
}
