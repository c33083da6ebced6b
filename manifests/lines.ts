/**
 * Splitting a byte stream into lines without decoding it. It owns what a line is: bytes up to and including a line
 * feed (a carriage return before it is part of the terminator), the last one with or without. A byte order mark at the
 * very start belongs to no line. Time is linear in the bytes, whatever the chunks.
 */
import type { ByteSink, ByteSource } from './byte-streams.ts';

const LINE_FEED = 0x0a;
const EMPTY = Buffer.alloc(0);
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** The longest line that is held in memory. AWS accepts 100,000 characters in; labels may be longer on their way out. */
export const LINE_MAX_BYTES = 16 * 1024 * 1024;

/** Thrown when a line is longer than {@link LINE_MAX_BYTES}: most likely the bytes are no JSON Lines at all. */
export class LineTooLongError extends Error {
  override readonly name = 'LineTooLongError';
  /** 1-based. */
  readonly line: number;

  constructor(line: number) {
    super(`line ${line} is longer than ${LINE_MAX_BYTES} bytes; is this a JSON Lines file?`);
    this.line = line;
  }
}

const isWhitespace = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === LINE_FEED;

const isBlank = (line: Uint8Array): boolean => {
  for (let index = 0; index < line.length; index += 1) if (!isWhitespace(line[index] ?? 0)) return false;
  return true;
};

/** Reads one stream line by line. */
export class LineReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** A line put together from several chunks; it comes before what is left of the block. */
  #joined: Buffer | null = null;
  #block: Buffer = EMPTY;
  #at = 0;
  #started = false;
  #ended = false;
  #lines = 0;
  #heldBlanks = 0;
  #heldLine: Buffer | null = null;

  constructor(source: ByteSource) {
    this.#chunks = source()[Symbol.asyncIterator]();
  }

  /** How many lines were handed out or copied: the 1-based number of the last one. */
  get lines(): number {
    return this.#lines;
  }

  /** The next line with its terminator; null at the end. */
  async next(): Promise<Buffer | null> {
    for (;;) {
      const line = this.nextNow();
      if (line !== null) return line;
      if (this.#ended) return null;
      await this.#fill();
    }
  }

  /** The next line if it has been read already; null if {@link next} must be awaited. Millions of lines want no await each. */
  nextNow(): Buffer | null {
    if (this.#joined !== null) {
      const line = this.#joined;
      this.#joined = null;
      this.#lines += 1;
      return line;
    }
    const feed = this.#block.indexOf(LINE_FEED, this.#at);
    if (feed === -1) return null;
    const line = this.#block.subarray(this.#at, feed + 1);
    this.#at = feed + 1;
    this.#lines += 1;
    return line;
  }

  /** {@link nextOfManifest} if it has been read already; null if that must be awaited. */
  nextOfManifestNow(): Buffer | null {
    if (this.#heldLine !== null) return null;
    const line = this.nextNow();
    if (line === null || (this.#heldBlanks === 0 && !isBlank(line))) return line;
    this.#lines -= 1;
    if (isBlank(line)) this.#heldBlanks += 1;
    else this.#heldLine = line;
    return null;
  }

  /**
   * Like {@link next} for a manifest of someone else's: blank lines at the end are dropped, a blank line between others
   * is handed out as an empty one, so that it is noticed and line numbers stay those of the file.
   */
  async nextOfManifest(): Promise<Buffer | null> {
    if (this.#heldLine === null) {
      let line = await this.next();
      while (line !== null && isBlank(line)) {
        this.#heldBlanks += 1;
        this.#lines -= 1;
        line = await this.next();
      }
      if (line === null) return null;
      if (this.#heldBlanks === 0) return line;
      this.#heldLine = line;
      this.#lines -= 1;
    }
    this.#lines += 1;
    if (this.#heldBlanks > 0) {
      this.#heldBlanks -= 1;
      return EMPTY;
    }
    const line = this.#heldLine;
    this.#heldLine = null;
    return line;
  }

  /** Copies up to `count` lines to a sink, whole blocks at a time, and says how many there were. */
  async copy(count: number, sink: ByteSink): Promise<number> {
    let copied = 0;
    while (copied < count) {
      if (this.#joined !== null) {
        await sink.write(this.#joined);
        this.#joined = null;
        copied += 1;
      }
      let end = this.#at;
      while (copied < count) {
        const feed = this.#block.indexOf(LINE_FEED, end);
        if (feed === -1) break;
        end = feed + 1;
        copied += 1;
      }
      if (end > this.#at) await sink.write(this.#block.subarray(this.#at, end));
      this.#at = end;
      if (copied === count || this.#ended) break;
      await this.#fill();
    }
    this.#lines += copied;
    return copied;
  }

  /** Ends the stream early; needed when not everything is read. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#joined = null;
    this.#block = EMPTY;
    this.#at = 0;
    await this.#chunks.return?.();
  }

  /** Reads until another line is whole or the stream ends. Every chunk is searched for its first line feed once. */
  async #fill(): Promise<void> {
    const pieces: Buffer[] = [];
    let length = 0;
    const keep = (piece: Buffer): void => {
      if (piece.length > 0) pieces.push(piece);
      length += piece.length;
    };
    keep(this.#block.subarray(this.#at));
    this.#block = EMPTY;
    this.#at = 0;
    while (!this.#ended) {
      const { value, done } = await this.#chunks.next();
      if (done === true) {
        this.#ended = true;
        break;
      }
      const chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      const feed = chunk.indexOf(LINE_FEED);
      if (feed === -1) {
        keep(chunk);
        if (length > LINE_MAX_BYTES) throw new LineTooLongError(this.#lines + this.#heldBlanks + 1);
        continue;
      }
      this.#block = chunk;
      if (length > 0 || !this.#started) {
        keep(chunk.subarray(0, feed + 1));
        this.#at = feed + 1;
      }
      break;
    }
    if (length > 0) this.#join(pieces, length);
  }

  #join(pieces: readonly Buffer[], length: number): void {
    const whole = Buffer.concat(pieces, length);
    const line = !this.#started && whole.subarray(0, 3).equals(BYTE_ORDER_MARK) ? whole.subarray(3) : whole;
    this.#started = true;
    this.#joined = line.length > 0 ? line : null;
  }
}
