/** Chance that repeats: equal seeds give equal draws. */

/** Mulberry32 by Tommy Ettinger (public domain): 32 bits of state are enough to choose faults. */
const mulberry32 = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

/** A stream of draws. */
export class Draw {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = mulberry32(Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995);
  }

  /** From 0 to below 1. */
  unit(): number {
    return this.#next();
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  /** A whole number, both ends included. */
  int(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1));
  }

  pick<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[this.int(0, items.length - 1)] ?? items[0];
  }

  /** A stream of its own, so that more draws here do not move the draws there. */
  fork(): Draw {
    return new Draw(Math.floor(this.#next() * 4_294_967_296));
  }
}
