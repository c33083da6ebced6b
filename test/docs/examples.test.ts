import { readFile, readdir } from 'node:fs/promises';
import { readSpec } from '../../decisions/spec.ts';
import { labelAttributesOf } from './example-files.ts';

const folder = new URL('../../examples/', import.meta.url);
const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));

test('there are examples of the three built-in kinds and one with custom Lambdas', () => {
  expect(names.toSorted()).toEqual([
    'custom-lambdas.json',
    'image-classification.json',
    'semantic-segmentation.json',
    'text-classification.json',
  ]);
});

describe.each(names)('%s', (name) => {
  const read = async (): Promise<unknown> => JSON.parse(await readFile(new URL(name, folder), 'utf8'));

  test('is a spec without a mistake', async () => {
    expect(readSpec(await read())).toMatchObject({ kind: 'spec', spec: { region: 'us-east-1' } });
  });

  test('names only files that are in the examples folder, and a manifest of unlabeled objects', async () => {
    const reading = readSpec(await read());
    if (reading.kind !== 'spec') throw new Error('no spec');
    const { job } = reading.spec;
    const uris = [
      job.InputConfig.DataSource.S3DataSource?.ManifestS3Uri,
      job.LabelCategoryConfigS3Uri,
      job.HumanTaskConfig.UiConfig.UiTemplateS3Uri,
    ].filter((uri) => uri !== undefined);
    for (const uri of uris) {
      const [, path] = /^s3:\/\/label-relay\/examples\/(.+)$/.exec(uri) ?? [];
      expect((await readFile(new URL(`files/${path}`, folder), 'utf8')).length).toBeGreaterThan(0);
    }
    const manifest = new URL(`files/${name.replace('.json', '')}/input.manifest`, folder);
    const attributes = labelAttributesOf(await readFile(manifest, 'utf8'));
    expect(attributes.length).toBeGreaterThanOrEqual(10);
    expect(attributes.flat()).not.toContain(job.LabelAttributeName);
    for (const keys of attributes) expect(keys.includes('source') || keys.includes('source-ref')).toBe(true);
  });
});
