import fc from 'fast-check';
import { LINE_MAX_BYTES, LineReader, LineTooLongError } from '../../manifests/lines.ts';
import { linesOf } from './chain-files.ts';
import { MemorySink, sourceOf } from './streams.ts';

const readAll = async (text: string, sizes: readonly number[], manifest = false): Promise<string[]> => {
  const reader = new LineReader(sourceOf(text, sizes));
  const lines: string[] = [];
  for (;;) {
    const line = manifest ? await reader.nextOfManifest() : await reader.next();
    if (line === null) return lines;
    lines.push(line.toString());
    expect(reader.lines).toBe(lines.length);
  }
};

const text = fc.string({ unit: fc.constantFrom('a', '\u00e9', '\r', '\n', ' ', '\u{1f426}'), maxLength: 40 });
const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 });

describe('splitting into lines', () => {
  it('gives the same lines whatever the chunks', async () => {
    await fc.assert(
      fc.asyncProperty(text, sizes, async (content, chunkSizes) => {
        expect(await readAll(content, chunkSizes)).toEqual(linesOf(content));
      }),
    );
  });

  it('copies any number of lines and goes on behind them', async () => {
    await fc.assert(
      fc.asyncProperty(text, sizes, fc.nat(5), fc.nat(5), async (content, chunkSizes, skipped, count) => {
        const lines = linesOf(content);
        const reader = new LineReader(sourceOf(content, chunkSizes));
        for (let index = 0; index < skipped; index += 1) await reader.next();
        const sink = new MemorySink();
        const expected = lines.slice(skipped, skipped + count);
        expect(await reader.copy(count, sink)).toBe(expected.length);
        expect(sink.text).toBe(expected.join(''));
        expect((await reader.next())?.toString()).toBe(lines[skipped + count]);
      }),
    );
  });

  it('drops a byte order mark at the very start and nowhere else', async () => {
    expect(await readAll('\ufeffa\n\ufeffb', [1])).toEqual(['a\n', '\ufeffb']);
    expect(await readAll('\ufeffa\n\ufeffb', [100])).toEqual(['a\n', '\ufeffb']);
    expect(await readAll('\ufeff', [2])).toEqual([]);
  });

  it('hands out a blank line between others as an empty one and drops those at the end', async () => {
    expect(await readAll('a\n\r\n \nb\n\n \r\n', [3], true)).toEqual(['a\n', '', '', 'b\n']);
    expect(await readAll('\n\n', [3], true)).toEqual([]);
  });

  it('refuses a line that no manifest has, by its number, instead of holding it in memory', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 'a');
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('short\n'));
      for (let sent = 0; sent < 4 * LINE_MAX_BYTES; sent += chunk.length) yield chunk;
    };
    const reader = new LineReader(endless);
    await reader.next();
    await expect(reader.next()).rejects.toThrow(new LineTooLongError(2));
  });
});
