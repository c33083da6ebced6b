import fc from 'fast-check';
import { readdirSync } from 'node:fs';
import { Spool } from '../../manifests/spool.ts';
import { TemporaryDirectory } from './chain-files.ts';
import { MemorySink } from './streams.ts';

describe('the spool', () => {
  it('gives back every extent from memory, from its file and across both, and leaves no file', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(70_000), { maxLength: 12 }),
        fc.boolean(),
        fc.constantFrom('anywhere' as const, 'onwards' as const),
        async (lengths, backwards, reads) => {
          const directory = new TemporaryDirectory();
          const spool = new Spool(directory.path, 128 * 1024, reads);
          const parts = lengths.map((length, index) => Buffer.alloc(length, index + 1));
          const kept = parts.map((part) => ({ part, extent: spool.append(part) }));
          const whole = Buffer.concat(parts);
          expect(spool.length).toBe(whole.length);
          expect(readdirSync(directory.path)).toHaveLength(whole.length > 128 * 1024 ? 1 : 0);
          const order = backwards ? kept.toReversed() : kept;
          expect(order.every(({ part, extent }) => spool.read(extent).equals(part))).toBe(true);
          const sink = new MemorySink();
          await spool.copyTo(sink);
          expect(sink.bytes.equals(whole)).toBe(true);
          spool.close();
          directory.close();
        },
      ),
      { numRuns: 40 },
    );
  });
});
