import { createHash } from 'node:crypto';
import { OrdinalsReader } from '../../manifests/job-input.ts';
import { ChainFiles } from './chain-files.ts';
import { sourceOf } from './streams.ts';

const manifest = [
  '{"source":"a"}',
  '{"source":"b", "L":0}',
  '{"source":"c", "L-metadata":{"failure-reason":"x"} ,"x":1.0}',
  '{"L-metadata":{"retry-count":1},"source":"d"}',
  '{"source":"e","L":null,"L-metadata":{"failure-reason":"x"}}',
  '{"source":"f"}',
].join('\r\n');

describe("choosing the next job's input", () => {
  it('I1: sends only objects without a label key, failures stripped, other bytes untouched', async () => {
    const files = new ChainFiles();
    await files.start(manifest);
    const job = await files.select(1);
    const expected = [
      '{"source":"a"}',
      '{"source":"c" ,"x":1.0}',
      '{"L-metadata":{"retry-count":1},"source":"d"}',
      '{"source":"f"}',
    ].join('\r\n');
    expect(job.manifest.toString()).toBe(expected);
    expect(job.ordinals.toString()).toBe('[0,0]\n[2,3]\n[5,5]\n');
    expect(job.selected).toEqual({
      objects: 4,
      sentObjects: 4,
      leftForLater: 0,
      overLimits: 0,
      firstOverLimits: null,
      sha256: createHash('sha256').update(expected).digest('hex'),
      bytes: Buffer.byteLength(expected),
    });
  });

  it('sends all lines in mode dataset, labeled ones as they are', async () => {
    const files = new ChainFiles();
    await files.start(manifest);
    const job = await files.select(1, 'dataset');
    expect(job.manifest.toString()).toBe(manifest.replace(', "L-metadata":{"failure-reason":"x"} ,"x"', ' ,"x"'));
    expect(job.selected).toMatchObject({ objects: 6, sentObjects: 4 });
    expect(job.ordinals.toString()).toBe('[0,5]\n');
  });

  it('cuts slices and says what is left', async () => {
    const files = new ChainFiles();
    await files.start(manifest);
    const job = await files.select(1, 'unlabeled', 2);
    expect(job.selected).toMatchObject({ objects: 2, sentObjects: 2, leftForLater: 2 });
    expect(job.ordinals.toString()).toBe('[0,0]\n[2,2]\n');
  });

  it("says which labeled lines are beyond AWS's limits", async () => {
    const files = new ChainFiles([4096]);
    await files.start(`{"source":"a"}\n{"source":"b","L":"${'x'.repeat(20_001)}"}\n`);
    expect((await files.select(1)).selected).toMatchObject({ objects: 1, overLimits: 0 });
    expect((await files.select(1, 'dataset')).selected).toMatchObject({
      objects: 2,
      overLimits: 1,
      firstOverLimits: 1,
    });
  });

  it('gives the same bytes again for the same dataset', async () => {
    const files = new ChainFiles();
    await files.start(manifest);
    expect(await files.select(1)).toEqual(await files.select(1));
  });
});

describe('the ordinals file', () => {
  it.each(['[0]\n', '[3,2]\n', '[-1,2]\n', '{}\n', '[0,1', '\n'])('is refused when damaged: %j', async (text) => {
    await expect(new OrdinalsReader(sourceOf(text)).next()).rejects.toThrow('the ordinals file is damaged at line 1');
  });
});
