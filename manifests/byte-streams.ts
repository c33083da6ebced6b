/**
 * The byte streams that every manifest operation reads and writes. It owns the two types, and the sinks put between
 * an operation and the caller's own: one gathers small writes, one hashes what passes.
 */
import { createHash } from 'node:crypto';

/**
 * Something that can be read from its start, any number of times, with the same bytes each time (an S3 object at one
 * ETag, a file). A chunk must not be changed by the source after it was handed out.
 */
export type ByteSource = () => AsyncIterable<Uint8Array>;

/** Where bytes go, in order. A chunk belongs to the sink once written. Whoever made the sink completes or discards it. */
export type ByteSink = { write(chunk: Uint8Array): Promise<void> };

/** A sink that throws its bytes away. */
export const discardingSink: ByteSink = { write: () => Promise.resolve() };

const EMPTY = Buffer.alloc(0);
/** Each slab is twice as long as the one before, within these: what few bytes pass through stays small, and gives the garbage collector little to do. */
const SLAB_BYTES = { first: 4 * 1024, most: 256 * 1024 };
/** From this length on a copy costs more than it saves. */
const LARGE_BYTES = 16 * 1024;
/** The most bytes that one UTF-16 code unit takes in UTF-8. */
const UTF8_BYTES_PER_UNIT = 3;

/**
 * Gathers small writes into chunks of up to 256 KiB, in order. Millions of small writes want no await each: `put` takes bytes
 * at once, and whoever puts drains as soon as `isFull`. Call {@link finish} at the end.
 */
export class GatheringSink implements ByteSink {
  readonly #target: ByteSink;
  #ready: Uint8Array[] = [];
  #slab: Buffer = EMPTY;
  #nextSlabBytes = SLAB_BYTES.first;
  /** What is gathered lies between these two; before it the slab belongs to the target. */
  #start = 0;
  #end = 0;

  constructor(target: ByteSink) {
    this.#target = target;
  }

  /** Whether chunks wait to be drained. */
  get isFull(): boolean {
    return this.#ready.length > 0;
  }

  put(bytes: Uint8Array): void {
    if (bytes.length >= LARGE_BYTES) {
      this.#cut();
      this.#ready.push(bytes);
      return;
    }
    this.#makeRoom(bytes.length);
    this.#slab.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Puts text as UTF-8. */
  putText(text: string): void {
    const most = text.length * UTF8_BYTES_PER_UNIT;
    if (most >= LARGE_BYTES) {
      this.put(Buffer.from(text));
      return;
    }
    this.#makeRoom(most);
    this.#end += this.#slab.write(text, this.#end);
  }

  async drain(): Promise<void> {
    const ready = this.#ready;
    this.#ready = [];
    for (const chunk of ready) await this.#target.write(chunk);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.put(bytes);
    if (this.isFull) await this.drain();
  }

  /** Hands over what was gathered. The sink can be written to afterwards. */
  async finish(): Promise<void> {
    this.#cut();
    await this.drain();
  }

  #cut(): void {
    if (this.#end > this.#start) this.#ready.push(this.#slab.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  #makeRoom(bytes: number): void {
    if (this.#end + bytes <= this.#slab.length) return;
    this.#cut();
    this.#slab = Buffer.allocUnsafeSlow(Math.max(this.#nextSlabBytes, bytes));
    this.#nextSlabBytes = Math.min(this.#nextSlabBytes * 2, SLAB_BYTES.most);
    this.#start = 0;
    this.#end = 0;
  }
}

/** What passed through a {@link HashingSink}: the hash as lower case hexadecimal, and the length. */
export type Digest = { sha256: string; bytes: number };

/** Passes bytes on and hashes them; for content that is compared on a conflict. */
export class HashingSink implements ByteSink {
  readonly #target: ByteSink;
  readonly #hash = createHash('sha256');
  #bytes = 0;

  constructor(target: ByteSink) {
    this.#target = target;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    await this.#target.write(chunk);
  }

  /** Call once, after the last write. */
  digest(): Digest {
    return { sha256: this.#hash.digest('hex'), bytes: this.#bytes };
  }
}
