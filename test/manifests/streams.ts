/** Byte streams in memory for these tests: sources cut into small chunks, sinks that gather. */
import type { ByteSink, ByteSource } from '../../manifests/byte-streams.ts';

/** A source of the text's bytes, in chunks of the sizes given in turn. */
export const sourceOf = (content: string | Uint8Array, chunkSizes: readonly number[] = [7]): ByteSource => {
  const bytes = Buffer.from(content);
  return async function* chunks() {
    let turn = 0;
    for (let at = 0; at < bytes.length; turn += 1) {
      const size = chunkSizes[turn % chunkSizes.length] ?? 1;
      yield await Promise.resolve(Buffer.from(bytes.subarray(at, at + size)));
      at += size;
    }
  };
};

/** A sink that remembers what was written. */
export class MemorySink implements ByteSink {
  readonly #chunks: Uint8Array[] = [];

  write(chunk: Uint8Array): Promise<void> {
    this.#chunks.push(chunk);
    return Promise.resolve();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.bytes.toString('utf8');
  }

  /** The JSON Lines written. */
  get lines(): unknown[] {
    return this.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line): unknown => JSON.parse(line));
  }
}
