/**
 * Lines that wait to be claimed by a line of the same identity. It owns the search: a 32-bit key of each line in memory,
 * the line itself in a temporary file, every match verified on the bytes. Identical lines are claimed in their order.
 */
import { readObjectLine, type ObjectLine } from './attributes.ts';
import { canonicalIdentity, identityKey, sameIdentity, type IsOwn } from './identity.ts';
import { Spool } from './spool.ts';

/** A line with its 1-based number in its file. */
export type NumberedLine = { readonly number: number; readonly line: ObjectLine };

/** Lines put aside in a temporary file, each with the key of its identity. */
export class AsideLines {
  readonly #spool: Spool;
  readonly #numbers: number[] = [];
  readonly #keys: number[] = [];
  readonly #offsets: number[] = [];

  constructor(temporaryDirectory: string) {
    this.#spool = new Spool(temporaryDirectory);
  }

  get length(): number {
    return this.#numbers.length;
  }

  add({ number, line }: NumberedLine, key: number): void {
    this.#numbers.push(number);
    this.#keys.push(key);
    this.#offsets.push(this.#spool.append(line.bytes).offset);
  }

  key(index: number): number {
    return this.#keys[index] ?? 0;
  }

  read(index: number): NumberedLine {
    const offset = this.#offsets[index] ?? 0;
    const end = this.#offsets[index + 1] ?? this.#spool.length;
    const line = readObjectLine(this.#spool.read({ offset, length: end - offset }));
    if (line.kind === 'fault') throw new Error(`the temporary file changed: ${line.problem}`);
    return { number: this.#numbers[index] ?? 0, line };
  }

  close(): void {
    this.#spool.close();
  }
}

const NONE = -1;

/** Add all lines first, then take. */
export class IdentityPool {
  readonly #lines: AsideLines;
  readonly #isOwn: IsOwn;
  #heads: Map<number, number> | null = null;
  #nexts = new Int32Array();
  #taken = new Uint8Array();
  #left = 0;

  constructor(temporaryDirectory: string, isOwn: IsOwn) {
    this.#lines = new AsideLines(temporaryDirectory);
    this.#isOwn = isOwn;
  }

  /** How many lines nobody has taken. */
  get left(): number {
    return this.#left;
  }

  /** @param key of the line's identity, if the caller has it at hand */
  add(line: NumberedLine, key = identityKey(canonicalIdentity(line.line, this.#isOwn))): void {
    this.#lines.add(line, key);
    this.#left += 1;
  }

  /** Whether the line that was added at this place (from 0) is still there. */
  has(index: number): boolean {
    return index < this.#lines.length && this.#taken[index] !== 1;
  }

  /** Takes out the first line of the same identity; null if there is none. */
  take(line: ObjectLine, key = identityKey(canonicalIdentity(line, this.#isOwn))): NumberedLine | null {
    const heads = this.#index();
    let before = NONE;
    for (let index = heads.get(key) ?? NONE; index !== NONE; index = this.#nexts[index] ?? NONE) {
      const candidate = this.#lines.read(index);
      if (sameIdentity(candidate.line, line, this.#isOwn)) {
        const next = this.#nexts[index] ?? NONE;
        if (before === NONE) heads.set(key, next);
        else this.#nexts[before] = next;
        this.#taken[index] = 1;
        this.#left -= 1;
        return candidate;
      }
      before = index;
    }
    return null;
  }

  close(): void {
    this.#lines.close();
  }

  /** Chains the lines of each key in their order: built backwards, each new head comes before the old one. */
  #index(): Map<number, number> {
    if (this.#heads !== null) return this.#heads;
    const heads = new Map<number, number>();
    this.#nexts = new Int32Array(this.#lines.length);
    this.#taken = new Uint8Array(this.#lines.length);
    for (let index = this.#lines.length - 1; index >= 0; index -= 1) {
      const key = this.#lines.key(index);
      this.#nexts[index] = heads.get(key) ?? NONE;
      heads.set(key, index);
    }
    this.#heads = heads;
    return heads;
  }
}
