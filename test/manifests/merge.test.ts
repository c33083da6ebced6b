import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { inspectOutput, type OutputInspection } from '../../manifests/inspection.ts';
import { retrySetAside } from '../../manifests/object-states.ts';
import { ChainFiles, TemporaryDirectory, type JobFiles } from './chain-files.ts';
import { MemorySink, sourceOf } from './streams.ts';

const object = (name: string, rest = ''): string => `{"source":"${name}"${rest}}\n`;
const label = (value: string): string => `,"L":${value},"L-metadata":{"job-name":"j"}`;
const failure = (reason: string): string => `,"L-metadata":{"failure-reason":"${reason}"}`;

const begun = async (manifest: string): Promise<{ files: ChainFiles; job: JobFiles }> => {
  const files = new ChainFiles([4]);
  await files.start(manifest);
  return { files, job: await files.select(1) };
};

const inspect = async (input: string, output: string, labelName = 'L'): Promise<OutputInspection> => {
  const directory = new TemporaryDirectory();
  const inspection = await inspectOutput({
    label: labelName,
    jobName: 'job-1',
    input: sourceOf(input, [6]),
    labeledInput: true,
    output: sourceOf(output, [5]),
    temporaryDirectory: directory.path,
  });
  directory.close();
  return inspection;
};

describe('merging outputs', () => {
  it("puts the label's bytes before the closing brace and leaves every other byte", async () => {
    const { files, job } = await begun('{ "source" : "a" , "x":1.0 }\r\n{"source":"b"}');
    await files.merge([
      files.sourceOfJob(
        job,
        '{"x":1,"L" : [ 0.00,"\\u00e9\u00e9" ] ,"source":"a","L-metadata":{ }}\n{"source":"b", "L": null}\n',
      ),
    ]);
    expect(files.dataset.toString()).toBe(
      '{ "source" : "a" , "x":1.0,"L" : [ 0.00,"\\u00e9\u00e9" ],"L-metadata":{ } }\r\n{"source":"b", "L": null}',
    );
  });

  it("replaces the failure that stood in the user's own line", async () => {
    const files = new ChainFiles();
    await files.start('{"L-metadata":{"failure-reason":"old"}, "source":"a"}\n');
    const job = await files.select(1);
    expect(job.manifest.toString()).toBe('{"source":"a"}\n');
    await files.merge([files.sourceOfJob(job, '{"source":"a","L":"s3://b/l","L-metadata":{}}\n')]);
    expect(files.dataset.toString()).toBe('{"source":"a","L":"s3://b/l","L-metadata":{}}\n');
  });

  it('finds its own attributes also where their names are written with escapes', async () => {
    const files = new ChainFiles();
    const escaped = '{"source":"a","\\u004c-metadata":{"failure-reason":"old"}}\n{"source":"b","\\u004c":1}\n';
    expect(await files.start(escaped)).toMatchObject({ labeled: 1, failedMetadata: 1 });
    const job = await files.select(1, 'dataset');
    const tally = await files.merge([
      files.sourceOfJob(job, '{"source":"a","\\u004c":7}\n{"source":"b","\\u004c":1}\n'),
    ]);
    expect(tally).toMatchObject({ labeled: 2, doubled: 0, perSource: [{ added: 1, carried: 1, notAttempted: 0 }] });
    expect(files.datasetLines).toEqual(['{"source":"a","\\u004c":7}\n', '{"source":"b","\\u004c":1}\n']);
  });

  it('pairs by names as well as by values', async () => {
    const { files, job } = await begun(object('a', ',"x":1'));
    const tally = await files.merge([files.sourceOfJob(job, object('a', `,"y":1${label('0')}`))]);
    expect(tally).toMatchObject({ labeled: 0, perSource: [{ unmatched: 1, unmatchedLabeled: 1, notAttempted: 1 }] });
  });

  it('takes a label that ends in -ref like any other', async () => {
    const files = new ChainFiles([3], 'road-ref');
    await files.start(object('a'));
    const job = await files.select(1);
    const output = object('a', ',"road-ref":"s3://b/mask.png","road-ref-metadata":{}');
    expect((await files.merge([files.sourceOfJob(job, output)])).labeled).toBe(1);
    expect(files.dataset.toString()).toBe(output);
  });

  it('I2: takes lines absent from a short output as not attempted', async () => {
    const { files, job } = await begun(object('a') + object('b') + object('c'));
    const tally = await files.merge([files.sourceOfJob(job, object('b', label('1')))]);
    expect(tally).toMatchObject({ total: 3, labeled: 1, remaining: 2, setAside: 0 });
    expect(tally.perSource).toMatchObject([
      { lines: 1, newLabels: 1, added: 1, notAttempted: 2, failed: 0, unmatched: 0 },
    ]);
    expect(files.datasetLines[1]).toBe(object('b', label('1')));
  });

  it('tells identical lines apart by order, also when the order is broken', async () => {
    const { files, job } = await begun(object('a') + object('b') + object('a') + object('a'));
    const output =
      object('b', label('0')) + object('a', label('1')) + object('a', label('2')) + object('a', label('3'));
    await files.merge([files.sourceOfJob(job, output)]);
    // Lines 3 and 4 stand where they stood; of the rest the first free one takes the label.
    expect(files.datasetLines).toEqual([
      object('a', label('1')),
      object('b', label('0')),
      object('a', label('2')),
      object('a', label('3')),
    ]);
  });

  it('tells two objects apart whose keys in memory are the same', async () => {
    // Found by search.
    const { files, job } = await begun(object('591389') + object('1314884'));
    const output = object('1314884', label('2')) + object('591389', label('1'));
    await files.merge([files.sourceOfJob(job, output)]);
    expect(files.datasetLines).toEqual([object('591389', label('1')), object('1314884', label('2'))]);
  });

  it('law 2: lines that match nothing are kept with generation and line, and a label among them is counted', async () => {
    const { files, job } = await begun(object('a'));
    const stranger = '{ "source":"z","L":1 }';
    const tally = await files.merge([files.sourceOfJob(job, `${object('a')}${stranger}\r\n${object('a')}`)]);
    expect(tally.perSource).toMatchObject([{ lines: 3, unmatched: 2, unmatchedLabeled: 1, notAttempted: 1 }]);
    expect(files.unmatched.text).toBe(
      `{"generation":1,"line":2,"object":${stranger}}\n{"generation":1,"line":3,"object":{"source":"a"}}\n`,
    );
  });

  it('law 2: the first label stays; one of another generation goes to the doubled file, once also over repeated merges', async () => {
    const { files, job } = await begun(object('a') + object('b'));
    const second = await files.select(2);
    const first = files.sourceOfJob(job, object('a', label('1')) + object('b'), true);
    await files.merge([files.sourceOfJob(second, object('a', label('2')) + object('b'))]);
    const tally = await files.merge([first]);
    expect(tally).toMatchObject({ labeled: 1, doubled: 1, perSource: [{ added: 0, doubled: 1, newLabels: 1 }] });
    expect(files.doubled.text).toBe(`{"ordinal":0,"generation":1,"label":{${label('1').slice(1)}}}\n`);
    expect(files.datasetLines[0]).toBe(object('a', label('2')));
    const again = await files.merge([first, first]);
    expect(again).toMatchObject({ doubled: 1, perSource: [{ doubled: 0 }, { doubled: 0 }] });
    expect(files.doubled.text).toBe('');
  });

  it('a label of the same generation merged again is no second one, however AWS spells it now', async () => {
    const { files, job } = await begun(object('a'));
    await files.merge([files.sourceOfJob(job, object('a', label('1')))]);
    const respelled = object('a', ',"L-metadata":{"job-name":"j","confidence":1},"L":1.0');
    const tally = await files.merge([files.sourceOfJob(job, respelled, true)]);
    expect(tally).toMatchObject({ labeled: 1, doubled: 0 });
    expect(files.doubled.text).toBe('');
  });

  it('law 2: a label that AWS wrote over its own is kept as a second one, once', async () => {
    const { files, job } = await begun(object('a'));
    await files.merge([files.sourceOfJob(job, object('a', label('1')))]);
    // Not the same, though its bytes go on like those of the first.
    const changed = files.sourceOfJob(job, object('a', label('12')), true);
    expect(await files.merge([changed])).toMatchObject({ labeled: 1, doubled: 1 });
    expect(files.dataset.toString()).toBe(object('a', label('1')));
    expect(files.doubled.lines).toHaveLength(1);
    expect(await files.merge([changed])).toMatchObject({ labeled: 1, doubled: 1 });
    expect(files.doubled.text).toBe('');
  });

  it('law 2: of identical objects whose first line comes late, every label is in the dataset or in the doubled file', async () => {
    const { files, job } = await begun(object('a') + object('b') + object('a'));
    const [first, second] = [object('a', label('1')), object('a', label('2'))];
    await files.merge([files.sourceOfJob(job, object('b') + second)]);
    expect(files.datasetLines[0]).toBe(second);
    const tally = await files.merge([files.sourceOfJob(job, first + object('b') + second, true)]);
    expect(tally).toMatchObject({ labeled: 2, remaining: 1, doubled: 1 });
    expect(files.datasetLines).toEqual([second, object('b'), second]);
    expect(files.doubled.text).toBe(`{"ordinal":0,"generation":1,"label":{${label('1').slice(1)}}}\n`);
  });

  it('with all lines as input, labels that came along are neither new nor doubled, re-serialised or not', async () => {
    const { files } = await begun(object('a', label('1.0')) + object('b'));
    const job = await files.select(1, 'dataset');
    expect(job.selected).toMatchObject({ objects: 2, sentObjects: 1 });
    const tally = await files.merge([
      files.sourceOfJob(job, '{"L":1,"source":"a","L-metadata":{}}\n' + object('b', label('2'))),
    ]);
    expect(tally).toMatchObject({ labeled: 2, doubled: 0, perSource: [{ newLabels: 1, carried: 1, added: 1 }] });
    expect(files.datasetLines[0]).toBe(object('a', label('1.0')));
    const copied = await files.merge([files.sourceOfJob(job, object('a', label('1.0')) + object('b'))]);
    expect(copied.perSource).toMatchObject([{ newLabels: 0, carried: 1, notAttempted: 1 }]);
  });

  it('law 2: a label that AWS wrote over another one is kept as a second one', async () => {
    const { files } = await begun(object('a', label('1')));
    const job = await files.select(1, 'dataset');
    const tally = await files.merge([files.sourceOfJob(job, object('a', label('2')))]);
    expect(tally).toMatchObject({ labeled: 1, doubled: 1, perSource: [{ newLabels: 1, carried: 0 }] });
    expect(files.dataset.toString()).toBe(object('a', label('1')));
  });

  it('counts odd lines and classifies them by key presence', async () => {
    const { files, job } = await begun('abcd'.replaceAll(/./g, (name) => object(name)));
    const tally = await files.merge([
      files.sourceOfJob(
        job,
        object('a', `,"L":0${failure('x')}`) +
          object('b', ',"L-metadata":{}') +
          object('c', ',"L-metadata":{"failure-reason":{}}') +
          object('d', ',"L":1,"L":2'),
      ),
    ]);
    expect(tally.perSource).toMatchObject([
      { odd: 4, newLabels: 2, failed: 1, notAttempted: 1, reasons: [{ reason: '{}', objects: 1 }] },
    ]);
    expect(files.datasetLines[3]).toBe(object('d', ',"L":2'));
  });

  it('writes nothing if a line cannot be read, and names all such lines', async () => {
    const { files, job } = await begun(object('a') + object('b'));
    const broken = `${object('a', label('1'))}{"source":"b","L":\n\nnull\n`;
    expect(await files.tryMerge([files.sourceOfJob(job, broken), files.sourceOfJob(job, '\n{')])).toEqual({
      kind: 'unreadable',
      lines: [
        { generation: 1, line: 2, problem: 'not JSON: it ends in the middle' },
        { generation: 1, line: 3, problem: 'blank line' },
        { generation: 1, line: 4, problem: 'JSON, but not an object in braces' },
        { generation: 1, line: 1, problem: 'blank line' },
        { generation: 1, line: 2, problem: 'not JSON: it ends in the middle' },
      ],
      total: 5,
      generations: [1],
    });
  });

  it('never crashes on random bytes: either merged with every byte of the dataset in place, or lines named', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 4 }), async (parts) => {
        const { files, job } = await begun(object('a') + object('b'));
        const before = files.dataset;
        const output = Buffer.concat(parts.flatMap((part) => [Buffer.from('{"source":"'), part, Buffer.from('"}\n')]));
        const result = await files.tryMerge([files.sourceOfJob(job, output)]);
        expect(result.kind === 'merged' || (result.lines[0]?.line ?? 0) > 0).toBe(true);
        expect(files.dataset.equals(before)).toBe(true);
      }),
    );
  });

  it('adds up reasons that differ only in the object they name', async () => {
    const { files, job } = await begun(object('a') + object('b') + object('c'));
    const output =
      object('a', failure('Cannot read s3://birds/a.jpg.')) +
      object('b', failure('Cannot read s3://birds/b.jpg.')) +
      object('c', failure('x'));
    const tally = await files.merge([files.sourceOfJob(job, output)]);
    expect(tally.perSource[0]?.reasons).toEqual([
      { reason: 'Cannot read s3://…', objects: 2 },
      { reason: 'x', objects: 1 },
    ]);
  });

  it('I1: refuses files that do not belong together instead of guessing', async () => {
    const { files, job } = await begun(object('a') + object('b'));
    const output = object('a', label('1'));
    const tooFew = { ...files.sourceOfJob(job, output), ordinals: sourceOf('[0,0]\n') };
    await expect(files.merge([tooFew])).rejects.toThrow('do not belong together');
    const beyond = { ...files.sourceOfJob(job, output), ordinals: sourceOf('[7,8]\n') };
    await expect(files.merge([beyond])).rejects.toThrow('do not belong together');
    files.states = Buffer.from('{"objects":[0,4]}\n');
    await expect(files.merge([])).rejects.toThrow('do not belong together');
    files.states = Buffer.from('{"objects":[0,1]}\n');
    files.dataset = Buffer.from(object('a', label('9')) + object('b'));
    await expect(files.merge([files.sourceOfJob(job, output)])).rejects.toThrow(
      'a label that the object states do not know',
    );
    await expect(files.select(2)).rejects.toThrow('a label that the object states do not know');
  });
});

describe('attempts', () => {
  const failed = (files: ChainFiles, job: JobFiles, reason = 'declined', late = false) =>
    files.sourceOfJob(job, object('a', failure(reason)), late);

  it('counts a failure only if the caller says so, once for each generation, and sets aside at the maximum', async () => {
    const { files, job } = await begun(object('a') + object('b'));
    const options = { countsAttempt: (_: number, reason: string) => reason !== 'nobody', maxAttempts: 2 };
    const twice = [failed(files, job), failed(files, job, 'declined', true), failed(files, job, 'nobody', true)];
    expect(await files.merge(twice, options)).toMatchObject({ setAside: 0, newlySetAside: 0 });
    const second = await files.select(2);
    const third = await files.select(3);
    expect(await files.merge([failed(files, second, 'nobody')], options)).toMatchObject({
      remaining: 2,
      newlySetAside: 0,
    });
    expect(await files.merge([failed(files, third)], options)).toMatchObject({
      remaining: 1,
      setAside: 1,
      newlySetAside: 1,
    });
    expect(await files.leftovers()).toEqual([
      {
        line: 1,
        object: { source: 'a' },
        attempts: 2,
        lastReason: 'declined',
        jobs: ['job-1', 'job-3'],
        setAside: true,
      },
      { line: 2, object: { source: 'b' }, attempts: 0, lastReason: null, jobs: [], setAside: false },
    ]);
    expect((await files.select(4)).manifest.toString()).toBe(object('b'));
    expect((await files.select(4, 'dataset')).manifest.toString()).toBe(object('b'));
  });

  it('a label on a set-aside object makes it labeled', async () => {
    const { files, job } = await begun(object('a'));
    expect(await files.merge([failed(files, job)], { maxAttempts: 1 })).toMatchObject({ setAside: 1 });
    const tally = await files.merge([files.sourceOfJob(job, object('a', label('0')), true)], { maxAttempts: 1 });
    expect(tally).toMatchObject({ labeled: 1, setAside: 0, remaining: 0, newlySetAside: 0 });
    expect(await files.leftovers()).toEqual([]);
    expect(await retrySetAside(sourceOf(files.states), new MemorySink())).toMatchObject({ retried: 0 });
  });

  it('a late failure does not hide the reason of a later job', async () => {
    const { files, job } = await begun(object('a'));
    const second = await files.select(2);
    await files.merge([failed(files, second, 'new')]);
    await files.merge([failed(files, job, 'old', true)]);
    expect(await files.leftovers()).toMatchObject([{ lastReason: 'new', attempts: 2 }]);
  });

  it('forgiven attempts do not come back when the same job is merged again', async () => {
    const { files, job } = await begun(object('a') + object('b'));
    await files.merge([failed(files, job)], { maxAttempts: 1 });
    const states = new MemorySink();
    expect(await retrySetAside(sourceOf(files.states), states)).toMatchObject({
      retried: 1,
      counts: { setAside: 0, remaining: 2 },
    });
    files.states = states.bytes;
    expect(await files.merge([failed(files, job, 'declined', true)], { maxAttempts: 1 })).toMatchObject({
      setAside: 0,
      remaining: 2,
    });
    const second = await files.select(2);
    expect(second.selected.objects).toBe(2);
    expect(await files.merge([failed(files, second)], { maxAttempts: 1 })).toMatchObject({ setAside: 1 });
    expect(await files.leftovers()).toMatchObject([{ attempts: 2, jobs: ['job-1', 'job-2'] }, { attempts: 0 }]);
  });

  it('without a maximum nothing is set aside; a merge without sources applies a new one', async () => {
    const { files, job } = await begun(object('a'));
    expect(await files.merge([failed(files, job)], { maxAttempts: null })).toMatchObject({ remaining: 1 });
    expect(await files.merge([], { maxAttempts: 1 })).toMatchObject({ setAside: 1, newlySetAside: 1, perSource: [] });
  });
});

describe('inspecting an output', () => {
  it('counts new labels, failures, absent and odd lines, strangers and lines that cannot be read', async () => {
    const input = object('a') + object('b') + object('c', label('1')) + object('d') + object('e');
    const output =
      object('b', label('null')) +
      object('a', failure('x')) +
      'broken\n' +
      object('z', label('1')) +
      object('d', ',"L-metadata":0');
    expect(await inspect(input, output)).toEqual({
      lines: 5,
      newLabels: 1,
      carried: 1,
      failed: 1,
      notAttempted: 2,
      odd: 1,
      unmatched: 1,
      unmatchedLabeled: 1,
      unreadable: [{ line: 3, problem: 'not JSON: "b" at byte 1 is not expected' }],
      unreadableTotal: 1,
    });
  });

  it('reads the example output', async () => {
    const file = (name: string): string => readFileSync(new URL(`samples/${name}`, import.meta.url), 'utf8');
    expect(await inspect(file('input.manifest'), file('output.manifest'), 'species')).toMatchObject({
      lines: 6,
      newLabels: 3,
      failed: 1,
      notAttempted: 2,
      odd: 0,
      unmatched: 0,
      unreadableTotal: 0,
    });
  });

  it('takes a job that wrote nothing as one that attempted nothing', async () => {
    expect(await inspect(object('a') + object('b'), '')).toMatchObject({ lines: 0, newLabels: 0, notAttempted: 2 });
  });
});
