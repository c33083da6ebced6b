/** A list of numbers that grows without an object each: millions cost eight bytes each and no garbage, a few take little memory. */

const CHUNK_BITS = 14;
const CHUNK = 1 << CHUNK_BITS;
/** The first chunk begins with so many and doubles; it alone is ever copied. */
const FIRST = 64;

/** Whole numbers up to 2^53 and fractions alike. */
export class NumberColumn {
  readonly #chunks: Float64Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    const at = this.#length & (CHUNK - 1);
    if (at === 0) this.#chunks.push(new Float64Array(this.#length === 0 ? FIRST : CHUNK));
    const last = this.#chunks.length - 1;
    let chunk = this.#chunks[last];
    if (chunk !== undefined && at === chunk.length) {
      const longer = new Float64Array(at * 2);
      longer.set(chunk);
      this.#chunks[last] = chunk = longer;
    }
    if (chunk !== undefined) chunk[at] = value;
    this.#length += 1;
  }

  /** The value at a place below {@link length}; elsewhere 0. */
  get(index: number): number {
    return this.#chunks[index >>> CHUNK_BITS]?.[index & (CHUNK - 1)] ?? 0;
  }

  /** Replaces a value that was pushed. */
  set(index: number, value: number): void {
    const chunk = this.#chunks[index >>> CHUNK_BITS];
    if (chunk !== undefined) chunk[index & (CHUNK - 1)] = value;
  }
}
