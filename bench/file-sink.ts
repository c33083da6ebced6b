/** A file as a sink of the manifest operations. */
import { open, type FileHandle } from 'node:fs/promises';
import type { ByteSink } from '../manifests/byte-streams.ts';

/** Writes to one file; close it at the end. */
export class FileSink implements ByteSink {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(path: string): Promise<FileSink> {
    return new FileSink(await open(path, 'w'));
  }

  async write(chunk: Uint8Array): Promise<void> {
    await this.#file.writeFile(chunk);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
