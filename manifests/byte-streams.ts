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

const GATHER_BYTES = 256 * 1024;

/** Gathers small writes into chunks of 256 KiB; call {@link finish} at the end. */
export class GatheringSink implements ByteSink {
  readonly #target: ByteSink;
  #chunk = Buffer.allocUnsafeSlow(GATHER_BYTES);
  #used = 0;

  constructor(target: ByteSink) {
    this.#target = target;
  }

  /** Takes the bytes if they fit, without an await; false means that nothing was taken and `write` must be used. */
  tryWrite(bytes: Uint8Array): boolean {
    if (this.#used + bytes.length > GATHER_BYTES) return false;
    this.#chunk.set(bytes, this.#used);
    this.#used += bytes.length;
    return true;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.tryWrite(bytes)) return;
    await this.finish();
    if (!this.tryWrite(bytes)) await this.#target.write(Buffer.from(bytes));
  }

  /** Hands over what was gathered. The sink can be written to afterwards. */
  async finish(): Promise<void> {
    if (this.#used === 0) return;
    const full = this.#chunk.subarray(0, this.#used);
    this.#chunk = Buffer.allocUnsafeSlow(GATHER_BYTES);
    this.#used = 0;
    await this.#target.write(full);
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
