/**
 * Bytes put aside during a pass and read back by offset. It owns one temporary file, made only when the bytes outgrow a
 * fixed buffer in memory, and removed by `close`.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { ByteSink } from './byte-streams.ts';

/** Where bytes lie in a spool. */
export type Extent = { readonly offset: number; readonly length: number };

const BUFFER_BYTES = 4 * 1024 * 1024;
const READ_AHEAD_BYTES = 64 * 1024;
const EMPTY = Buffer.alloc(0);

export class Spool {
  readonly #parentDirectory: string;
  #directory: string | null = null;
  #file: number | null = null;
  /** The end of the spool, not yet in the file. */
  #tail: Buffer = EMPTY;
  #tailUsed = 0;
  #fileBytes = 0;
  #ahead: Buffer = EMPTY;
  #aheadOffset = 0;
  #lastReadEnd = 0;

  /** @param temporaryDirectory an existing directory; the spool makes its own below it */
  constructor(temporaryDirectory: string) {
    this.#parentDirectory = temporaryDirectory;
  }

  /** Bytes appended so far. */
  get length(): number {
    return this.#fileBytes + this.#tailUsed;
  }

  append(bytes: Uint8Array): Extent {
    const offset = this.length;
    if (this.#tailUsed + bytes.length > BUFFER_BYTES) this.#flush();
    if (bytes.length > BUFFER_BYTES) {
      this.#writeOut(bytes);
    } else {
      if (this.#tail.length === 0) this.#tail = Buffer.allocUnsafeSlow(BUFFER_BYTES);
      this.#tail.set(bytes, this.#tailUsed);
      this.#tailUsed += bytes.length;
    }
    return { offset, length: bytes.length };
  }

  /** The bytes of an extent. They may be overwritten by the next `append` or `read`: use or copy them first. */
  read({ offset, length }: Extent): Buffer {
    if (offset >= this.#fileBytes) {
      const start = offset - this.#fileBytes;
      return this.#tail.subarray(start, start + length);
    }
    const sequential = offset === this.#lastReadEnd;
    this.#lastReadEnd = offset + length;
    const start = offset - this.#aheadOffset;
    if (start >= 0 && start + length <= this.#ahead.length) return this.#ahead.subarray(start, start + length);
    if (!sequential || length > READ_AHEAD_BYTES) return this.#readFile(offset, length);
    this.#ahead = this.#readFile(offset, Math.min(READ_AHEAD_BYTES, this.#fileBytes - offset));
    this.#aheadOffset = offset;
    return this.#ahead.subarray(0, length);
  }

  /** Writes everything, in the order it was appended. */
  async copyTo(sink: ByteSink): Promise<void> {
    for (let offset = 0; offset < this.#fileBytes; offset += BUFFER_BYTES) {
      await sink.write(this.#readFile(offset, Math.min(BUFFER_BYTES, this.#fileBytes - offset)));
    }
    if (this.#tailUsed > 0) await sink.write(Buffer.from(this.#tail.subarray(0, this.#tailUsed)));
  }

  /** Removes the file. */
  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    if (this.#directory !== null) rmSync(this.#directory, { recursive: true, force: true });
    this.#file = null;
    this.#directory = null;
  }

  #flush(): void {
    this.#writeOut(this.#tail.subarray(0, this.#tailUsed));
    this.#tailUsed = 0;
  }

  #writeOut(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#directory ??= mkdtempSync(join(this.#parentDirectory, 'manifest-spool-'));
    this.#file ??= openSync(join(this.#directory, 'spool'), 'w+', 0o600);
    let written = 0;
    while (written < bytes.length) {
      written += writeSync(this.#file, bytes, written, bytes.length - written, this.#fileBytes + written);
    }
    this.#fileBytes += bytes.length;
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
