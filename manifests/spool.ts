/**
 * Bytes put aside during a pass and read back by offset. It owns the bound on memory: up to a budget they stay there; beyond it
 * they go to one temporary file, removed by `close`.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { ByteSink } from './byte-streams.ts';

/** Where bytes lie in a spool. */
export type Extent = { readonly offset: number; readonly length: number };

const BLOCK_BYTES = 64 * 1024;
/** So that a job of 100,000 objects of usual size needs hardly a file, and a merge stays below 350 MB. */
const MEMORY_BUDGET_BYTES = 24 * 1024 * 1024;
/** Pages of the file that are kept: enough for some hundred places that are read onwards side by side. */
const PAGE_BYTES = 16 * 1024;
const PAGES_KEPT = 256;
const EMPTY = Buffer.alloc(0);

/** `onwards`: at some places at once, at each from one extent to the next, so whole pages are read. `anywhere`: an extent at a time. */
export type SpoolReads = 'onwards' | 'anywhere';

export class Spool {
  readonly #parentDirectory: string;
  readonly #memoryBudget: number;
  readonly #reads: SpoolReads;
  #directory: string | null = null;
  #file: number | null = null;
  #fileBytes = 0;
  /** What is not in the file: appended bytes end to end, each block filled before the next. */
  #blocks: Buffer[] = [];
  #memoryBytes = 0;
  /** By number, the oldest first. */
  readonly #pages = new Map<number, Buffer>();

  /**
   * @param temporaryDirectory an existing directory; the spool makes its own below it
   * @param memoryBudget bytes kept in memory before a file is made, a multiple of 64 KiB
   * @param reads how the file will be read
   */
  constructor(temporaryDirectory: string, memoryBudget = MEMORY_BUDGET_BYTES, reads: SpoolReads = 'anywhere') {
    this.#parentDirectory = temporaryDirectory;
    this.#memoryBudget = memoryBudget;
    this.#reads = reads;
  }

  /** Bytes appended so far. */
  get length(): number {
    return this.#fileBytes + this.#memoryBytes;
  }

  append(bytes: Uint8Array): Extent {
    const offset = this.length;
    let from = 0;
    while (from < bytes.length) {
      if (this.#memoryBytes === this.#memoryBudget) this.#spill();
      const at = this.#memoryBytes % BLOCK_BYTES;
      if (at === 0) this.#blocks.push(Buffer.allocUnsafeSlow(BLOCK_BYTES));
      const taken = Math.min(bytes.length - from, BLOCK_BYTES - at);
      this.#blocks.at(-1)?.set(bytes.subarray(from, from + taken), at);
      this.#memoryBytes += taken;
      from += taken;
    }
    return { offset, length: bytes.length };
  }

  /** The bytes of an extent; they stay as they are. */
  read({ offset, length }: Extent): Buffer {
    if (offset >= this.#fileBytes) return this.#readMemory(offset - this.#fileBytes, length);
    if (offset + length > this.#fileBytes) {
      const inFile = this.#fileBytes - offset;
      return Buffer.concat([this.#readFile(offset, inFile), this.#readMemory(0, length - inFile)]);
    }
    const page = Math.floor(offset / PAGE_BYTES);
    const at = offset - page * PAGE_BYTES;
    if (this.#reads === 'anywhere' || at + length > PAGE_BYTES) return this.#readFile(offset, length);
    return this.#page(page).subarray(at, at + length);
  }

  /** Writes everything, in the order it was appended. */
  async copyTo(sink: ByteSink): Promise<void> {
    for (let offset = 0; offset < this.length; offset += BLOCK_BYTES) {
      await sink.write(this.read({ offset, length: Math.min(BLOCK_BYTES, this.length - offset) }));
    }
  }

  /** Removes the file. */
  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    if (this.#directory !== null) rmSync(this.#directory, { recursive: true, force: true });
    this.#file = null;
    this.#directory = null;
    this.#blocks = [];
  }

  #readMemory(start: number, length: number): Buffer {
    const index = Math.floor(start / BLOCK_BYTES);
    const at = start % BLOCK_BYTES;
    const first = this.#blocks[index] ?? EMPTY;
    if (at + length <= BLOCK_BYTES) return first.subarray(at, at + length);
    const rest = this.#readMemory((index + 1) * BLOCK_BYTES, length - (BLOCK_BYTES - at));
    return Buffer.concat([first.subarray(at), rest]);
  }

  #spill(): void {
    this.#directory ??= mkdtempSync(join(this.#parentDirectory, 'manifest-spool-'));
    this.#file ??= openSync(join(this.#directory, 'spool'), 'w+', 0o600);
    for (const block of this.#blocks) {
      let written = 0;
      while (written < block.length) {
        written += writeSync(this.#file, block, written, block.length - written, this.#fileBytes + written);
      }
      this.#fileBytes += block.length;
    }
    this.#blocks = [];
    this.#memoryBytes = 0;
  }

  #page(number: number): Buffer {
    const known = this.#pages.get(number);
    if (known !== undefined) return known;
    const start = number * PAGE_BYTES;
    const page = this.#readFile(start, Math.min(PAGE_BYTES, this.#fileBytes - start));
    const [oldest] = this.#pages.keys();
    if (oldest !== undefined && this.#pages.size === PAGES_KEPT) this.#pages.delete(oldest);
    this.#pages.set(number, page);
    return page;
  }

  #readFile(offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    let read = 0;
    while (read < length) {
      const got = this.#file === null ? 0 : readSync(this.#file, bytes, read, length - read, offset + read);
      if (got === 0) throw new Error(`the temporary file ended at byte ${offset + read}, expected ${offset + length}`);
      read += got;
    }
    return bytes;
  }
}
