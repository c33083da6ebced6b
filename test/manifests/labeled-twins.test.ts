/** Identical lines in a job that was sent the whole dataset: which label is new, and whose it is. */
import { ChainFiles } from './chain-files.ts';

const twin = '{"source":"t"}\n';
const metadata = (job: string): string => `,"L-metadata":{"job-name":"${job}"}`;
const labeled = (value: number, job = 'j1'): string => `{"source":"t","L":${value}${metadata(job)}}\n`;
const failed = '{"source":"t","L-metadata":{"failure-reason":"declined"}}\n';

/** The output of a job over all lines of the manifest, merged. */
const mergeDataset = async (manifest: string, output: string) => {
  const files = new ChainFiles([7]);
  await files.start(manifest);
  const job = await files.select(2, 'dataset');
  const tally = await files.merge([files.sourceOfJob(job, output)]);
  return { files, tally, source: tally.perSource[0] };
};

describe('I1, law 2: identical lines of which some hold labels', () => {
  it('a shuffled output crosses no labels of twins: what was only carried along is not doubled', async () => {
    const { files, tally, source } = await mergeDataset(labeled(1) + labeled(2), labeled(2) + labeled(1));
    expect(tally).toMatchObject({ labeled: 2, doubled: 0 });
    expect(source).toMatchObject({ carried: 2, newLabels: 0, added: 0, doubled: 0 });
    expect(files.dataset.toString()).toBe(labeled(1) + labeled(2));
  });

  it('gives the new label to the twin that has none, whatever the order of the output', async () => {
    for (const output of [labeled(5) + labeled(7, 'j2'), labeled(7, 'j2') + labeled(5)]) {
      for (const manifest of [twin + labeled(5), labeled(5) + twin]) {
        const { files, tally, source } = await mergeDataset(manifest, output);
        expect(tally).toMatchObject({ labeled: 2, remaining: 0, doubled: 0 });
        expect(source).toMatchObject({ carried: 1, newLabels: 1, added: 1 });
        expect(files.dataset.toString()).toBe(manifest.replace(twin, labeled(7, 'j2')));
      }
    }
  });

  it('tells equal labels apart by their metadata, so that the new one brings its own', async () => {
    const { files, source } = await mergeDataset(twin + labeled(5), labeled(5) + labeled(5, 'j2'));
    expect(source).toMatchObject({ carried: 1, newLabels: 1 });
    expect(files.dataset.toString()).toBe(labeled(5, 'j2') + labeled(5));
  });

  it('knows a carried label also under metadata that AWS has rewritten', async () => {
    const rewritten = '{"L-metadata":{"job-name":"j9"},"L":5.0,"source":"t"}\n';
    const { tally, source } = await mergeDataset(twin + labeled(5), rewritten + labeled(7, 'j2'));
    expect(tally).toMatchObject({ labeled: 2, doubled: 0 });
    expect(source).toMatchObject({ carried: 1, newLabels: 1 });
  });

  it('gives an equal label to the twin without one where AWS says that it is of this job, though the other is missing from the output', async () => {
    for (const name of ['job-2', 'labeling-job/job-2']) {
      const { files, tally, source } = await mergeDataset(labeled(5) + twin, labeled(5, name));
      expect(tally).toMatchObject({ labeled: 2, remaining: 0, doubled: 0 });
      expect(source).toMatchObject({ carried: 1, newLabels: 1, added: 1 });
      expect(files.dataset.toString()).toBe(labeled(5) + labeled(5, name));
    }
  });

  it('gives an equal label of this job to the labeled twin if there is no other', async () => {
    const { tally, source } = await mergeDataset(labeled(5), labeled(5, 'job-2'));
    expect(tally).toMatchObject({ labeled: 1, doubled: 0 });
    expect(source).toMatchObject({ carried: 1, newLabels: 0, unmatched: 0 });
  });

  it('a failure stays with the twin that has no label', async () => {
    const { tally, source } = await mergeDataset(twin + labeled(5) + twin, labeled(5) + failed + labeled(7, 'j2'));
    expect(tally).toMatchObject({ labeled: 2, remaining: 1, doubled: 0 });
    expect(source).toMatchObject({ carried: 1, newLabels: 1, failed: 1, attemptsCounted: 1 });
  });

  it('I2: a third label for two twins belongs to nobody and is kept apart', async () => {
    const { tally, source } = await mergeDataset(twin + labeled(5), labeled(7, 'j2') + labeled(5) + labeled(8, 'j2'));
    expect(tally).toMatchObject({ labeled: 2, doubled: 0 });
    expect(source).toMatchObject({ newLabels: 1, carried: 1, unmatched: 1, unmatchedLabeled: 1 });
  });

  it('law 2: a label that replaces another is kept as a second one, and the first stays', async () => {
    const { files, tally } = await mergeDataset(labeled(1) + labeled(2), labeled(3, 'j2') + labeled(1));
    expect(tally).toMatchObject({ labeled: 2, doubled: 1 });
    expect(files.dataset.toString()).toBe(labeled(1) + labeled(2));
  });

  it('merged again the same output brings nothing', async () => {
    const files = new ChainFiles([3]);
    await files.start(twin + labeled(5) + twin);
    const job = await files.select(2, 'dataset');
    const output = labeled(7, 'j2') + labeled(8, 'j2') + labeled(5);
    await files.merge([files.sourceOfJob(job, output)]);
    const before = files.dataset.toString();
    const again = await files.merge([files.sourceOfJob(job, output, true)]);
    expect(again).toMatchObject({ labeled: 3, doubled: 0 });
    expect(files.dataset.toString()).toBe(before);
  });
});
