/** Reading S3 objects ahead: what is small is asked for at once and kept, what is large is streamed by each pass. */
import { readAhead } from '../../activities/s3-objects.ts';
import type { ByteSource } from '../../manifests/byte-streams.ts';

const MIB = 1024 * 1024;

/** A source of so many bytes in pieces of 64 KiB, which counts its passes. */
const counted = (bytes: number): { source: ByteSource; passes: () => number; given: () => number } => {
  let passes = 0;
  let given = 0;
  return {
    source: async function* () {
      passes += 1;
      for (let left = bytes; left > 0; left -= 65_536) {
        const piece = new Uint8Array(Math.min(left, 65_536)).fill(passes);
        given += piece.length;
        yield await Promise.resolve(piece);
      }
    },
    passes: () => passes,
    given: () => given,
  };
};

const bytesOf = async (source: ByteSource): Promise<number> => {
  let bytes = 0;
  for await (const chunk of source()) bytes += chunk.length;
  return bytes;
};

test('a small object is asked for before anybody reads it, and once however often it is read', async () => {
  const { source, passes } = counted(MIB);
  const ahead = readAhead(source);
  expect(passes()).toBe(1);
  expect([await bytesOf(ahead), await bytesOf(ahead)]).toEqual([MIB, MIB]);
  expect(passes()).toBe(1);
});

test('of a large object no more than a little over 1 MiB is kept, and each pass streams all of it', async () => {
  const { source, passes, given } = counted(5 * MIB);
  const ahead = readAhead(source);
  expect(await bytesOf(ahead)).toBe(5 * MIB);
  expect(await bytesOf(ahead)).toBe(5 * MIB);
  expect(passes()).toBe(3);
  expect(given()).toBeLessThan(12 * MIB);
});

test('what goes wrong ahead is met by the pass that reads, and by nobody if none does', async () => {
  let tries = 0;
  const failing: ByteSource = async function* () {
    tries += 1;
    yield await Promise.resolve(new Uint8Array(1));
    throw new Error(`try ${tries}: S3 is away`);
  };
  readAhead(failing);
  await expect(bytesOf(readAhead(failing))).rejects.toThrow('try 3: S3 is away');
});
