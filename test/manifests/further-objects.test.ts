import { addObjects, type AddObjectsResult } from '../../manifests/further-objects.ts';
import { ChainFiles, TemporaryDirectory } from './chain-files.ts';
import { MemorySink, sourceOf } from './streams.ts';

const add = async (files: ChainFiles, manifest: string): Promise<{ result: AddObjectsResult; dataset: string }> => {
  const directory = new TemporaryDirectory();
  const to = { dataset: new MemorySink(), states: new MemorySink() };
  const result = await addObjects({
    label: 'L',
    dataset: sourceOf(files.dataset),
    states: sourceOf(files.states),
    manifest: sourceOf(manifest),
    temporaryDirectory: directory.path,
    to,
  });
  directory.close();
  if (result.kind === 'added') {
    files.dataset = to.dataset.bytes;
    files.states = to.states.bytes;
  }
  return { result, dataset: to.dataset.text };
};

describe('adding objects to a dataset', () => {
  it('I2: adds what is new at the end and skips what is known, as a multiset', async () => {
    const files = new ChainFiles();
    await files.start('{"source":"a","n":1}\r\n{"source":"a","n":1.0,"L":3}\r\n{"source":"b"}');
    const { result, dataset } = await add(
      files,
      '{"source":"c"}\n{"n":1e0,"source":"a"}\n{"source":"a","n":1}\n{"source":"a", "n":1}\n{"source":"b","L":7}',
    );
    expect(result).toEqual({
      kind: 'added',
      added: 2,
      addedLabeled: 0,
      known: 3,
      knownNowLabeled: 1,
      counts: { total: 5, labeled: 2, remaining: 3, setAside: 0, doubled: 0 },
    });
    expect(dataset).toBe(
      '{"source":"a","n":1}\r\n{"source":"a","n":1.0,"L":3}\r\n{"source":"b","L":7}\n{"source":"c"}\n{"source":"a", "n":1}\n',
    );
    expect((await files.select(1)).ordinals.toString()).toBe('[0,0]\n[3,4]\n');
  });

  it('I1: takes the label that only the further line of a known object has, in place of an earlier failure, set aside or not', async () => {
    const files = new ChainFiles();
    await files.start('{"source":"a","L-metadata":{"failure-reason":"x"}}\n{"source":"b"}\n{"source":"c","L":1}');
    const further = '{"source":"b"}\n{"source":"c","L":2}\n{"source":"a","L":7,"L-metadata":{"job-name":"theirs"}}\n';
    const { result, dataset } = await add(files, further);
    expect(result).toMatchObject({ added: 0, known: 3, knownNowLabeled: 1, counts: { labeled: 2, remaining: 1 } });
    expect(dataset).toBe(
      '{"source":"a","L":7,"L-metadata":{"job-name":"theirs"}}\n{"source":"b"}\n{"source":"c","L":1}',
    );
    expect((await files.select(1)).ordinals.toString()).toBe('[1,1]\n');
  });

  it('I1: of identical lines, takes those with a label for objects with one, and those without for the others', async () => {
    const files = new ChainFiles();
    await files.start('{"source":"a","L":7}\n{"source":"b"}\n{"source":"b"}\n');
    const { result, dataset } = await add(
      files,
      '{"source":"a"}\n{"source":"a","L":7}\n{"source":"b","L":3}\n{"source":"b"}\n',
    );
    expect(result).toMatchObject({ added: 1, known: 3, knownNowLabeled: 1, counts: { labeled: 2, remaining: 2 } });
    expect(dataset).toBe('{"source":"a","L":7}\n{"source":"b"}\n{"source":"b","L":3}\n{"source":"a"}\n');
    await files.start('{"source":"c"}\n{"source":"c","L":7}\n');
    expect((await add(files, '{"source":"c","L":7}\n')).result).toMatchObject({
      knownNowLabeled: 0,
      counts: { labeled: 1, remaining: 1 },
    });
  });

  it('takes labels that new objects come with', async () => {
    const files = new ChainFiles();
    await files.start('{"source":"a"}\n');
    const { result } = await add(files, '{"source":"b","L":0}\n{"source":"c","L-metadata":{"failure-reason":"x"}}');
    expect(result).toMatchObject({ added: 2, addedLabeled: 1, counts: { total: 3, labeled: 1, remaining: 2 } });
    expect(await files.leftovers()).toMatchObject([{ line: 1 }, { line: 3, lastReason: 'x' }]);
  });

  it('changes nothing when all is known', async () => {
    const files = new ChainFiles();
    await files.start('{"source":"a"}');
    const { result, dataset } = await add(files, '{"source":"a"}\n');
    expect([result, dataset]).toMatchObject([{ added: 0, known: 1 }, '{"source":"a"}']);
  });

  it('writes nothing from a manifest with problems', async () => {
    const files = new ChainFiles();
    await files.start('{"source":"a"}');
    const { result, dataset } = await add(files, '{"source":"b"}\n{}\n');
    expect(result).toMatchObject({ kind: 'problems', problems: [{ line: 2 }], problemsTotal: 1 });
    expect(dataset).toBe('');
  });
});
