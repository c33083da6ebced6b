import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { readDataset, type ReadDatasetResult } from '../../manifests/dataset.ts';
import { MemorySink, sourceOf } from './streams.ts';

const read = async (manifest: string | Uint8Array) => {
  const to = { dataset: new MemorySink(), states: new MemorySink() };
  const result = await readDataset({ label: 'L', manifest: sourceOf(manifest, [3, 5]), to });
  return { result, dataset: to.dataset.text, states: to.states.text };
};

const problemsOf = (result: ReadDatasetResult): unknown => (result.kind === 'problems' ? result.problems : result);
const line = (rest = ''): string => `{"source":"a"${rest}}`;

/** The cause alone helps nobody: what to write instead. */
const LINE_HELP = 'write each object as one line of JSON, such as {"source-ref":"s3://…"}';
const SOURCE_HELP = 'give the S3 URI of the object, or its text';

describe("taking the user's manifest as a dataset", () => {
  it('keeps every byte but a byte order mark and blank lines at the end', async () => {
    const lines = '{ "source":"caf\u00e9" }\r\n{"source-ref":"s3://b/\\u00e9","x":1.0}\n {"source":"","x":null} ';
    const { result, dataset } = await read(`\ufeff${lines}`);
    expect(dataset).toBe(lines);
    expect(result).toMatchObject({
      kind: 'dataset',
      sha256: createHash('sha256').update(lines).digest('hex'),
      bytes: Buffer.byteLength(lines),
    });
    expect((await read(`${line()}\n\r\n \n`)).dataset).toBe(`${line()}\n`);
  });

  it('counts what is labeled by key presence: also null, 0, false, or beside a failure-reason', async () => {
    const manifest = [
      line(',"L":null'),
      line(',"L":0'),
      line(',"L":false,"L-metadata":{}'),
      line(',"L":1,"L-metadata":{"failure-reason":"x"}'),
      line(',"L-metadata":{"failure-reason":"x"}'),
      line(',"L-metadata":{"failure-reason":7}'),
      line(',"L-metadata":{"retry-count":1}'),
      line(',"L-metadata":"failure-reason"'),
      line(',"L-metadata":{"x":{"failure-reason":"x"}}'),
      line(',"L-metadata":{"failure\\u002dreason":"x"}'),
      line(',"LL":1,"L-ref":2,"x":{"L":3}'),
    ].join('\n');
    const { result, states } = await read(manifest);
    expect(result).toMatchObject({ counts: { total: 11, labeled: 4, remaining: 7, failedMetadata: 3, odd: 5 } });
    expect(states.split('\n').slice(0, 3)).toEqual([
      '{"objects":[0,3],"label":0}',
      '{"reason":0,"text":"x"}',
      '{"objects":[4,4],"reason":0}',
    ]);
  });

  it.each([
    ['not JSON', 'nonsense', [`not JSON: "o" at byte 2 is not expected; ${LINE_HELP}`]],
    ['not an object', '["source"]', [`JSON, but not an object in braces; ${LINE_HELP}`]],
    ['no source', '{"Source":"a"}', [`has neither "source-ref" nor "source"; ${SOURCE_HELP}`]],
    ['a source that is no text', '{"source-ref":{}}', [`"source-ref" or "source" is not text; ${SOURCE_HELP}`]],
    ['a name with $', line(',"$x":1,"x$":1'), ['the name "$x" starts with "$"']],
    ['an escaped name with $', line(',"\\u0024x":1'), ['the name "$x" starts with "$"']],
    ['a name twice', line(',"x":1,"\\u0078":1'), ['the name "x" is there twice']],
    ['a long attribute', line(`,"x":"${'a'.repeat(20_000)}"`), ['the attribute "x" is longer than 20000 characters']],
    [
      'a long line',
      line(Array.from({ length: 10 }, (_, i) => `,"x${i}":"${'\u{1f426}'.repeat(11_000)}"`).join('')),
      ['is longer than 100000 characters'],
    ],
    ['a blank line between others', '', [`blank line; ${LINE_HELP}`]],
  ])('names the line and the problem: %s', async (_title, faulty, problems) => {
    const { result, dataset, states } = await read(`${line()}\n${faulty}\r\n${line()}`);
    expect(problemsOf(result)).toEqual(problems.map((problem) => ({ line: 2, problem })));
    expect([dataset, states]).toEqual(['', '']);
  });

  it('counts characters and not bytes, and does not measure what AWS wrote', async () => {
    const long = line(`,"x":"${'\u{1f426}'.repeat(19_000)}","L":"${'a'.repeat(100_000)}"`);
    expect((await read(long)).result.kind).toBe('dataset');
  });

  it('refuses bytes that are not UTF-8 and a manifest without objects', async () => {
    const broken = Buffer.concat([Buffer.from(`${line()}\n{"source":"`), Buffer.from([0xc3]), Buffer.from('"}')]);
    expect(problemsOf((await read(broken)).result)).toEqual([{ line: 2, problem: `not valid UTF-8; ${LINE_HELP}` }]);
    expect(problemsOf((await read('\ufeff\n')).result)).toEqual([
      { line: 1, problem: 'the manifest holds no object; write one line of JSON for each, with source-ref or source' },
    ]);
  });

  it('lists the first hundred problems and counts all', async () => {
    const { result } = await read('x\n'.repeat(250));
    expect(result).toMatchObject({ kind: 'problems', problemsTotal: 250 });
    expect(problemsOf(result)).toHaveLength(100);
  });

  it('never crashes on random bytes, and names a line', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 4 }), async (parts) => {
        const bytes = Buffer.concat(parts.flatMap((part) => [Buffer.from('{"source":"a'), part, Buffer.from('"}\n')]));
        const { result, dataset } = await read(bytes);
        const fine = result.kind === 'dataset' && Buffer.byteLength(dataset) === bytes.length;
        const named = result.kind === 'problems' && (result.problems[0]?.line ?? 0) > 0 && dataset === '';
        expect(fine || named).toBe(true);
      }),
    );
  });

  it('notices a manifest that changes between its two readings', async () => {
    let reading = 0;
    const changing = () => sourceOf(reading++ === 0 ? line() : line(',"x":1'))();
    const to = { dataset: new MemorySink(), states: new MemorySink() };
    await expect(readDataset({ label: 'L', manifest: changing, to })).rejects.toThrow('changed while it was read');
  });

  it('takes the example manifest', async () => {
    const example = readFileSync(new URL('samples/input.manifest', import.meta.url));
    const { result } = await read(example);
    expect(result).toMatchObject({ kind: 'dataset', counts: { total: 6, labeled: 0, remaining: 6 } });
  });
});
