/**
 * The category file and the UI template of a chain: copied into the chain's folder under their hash, and the jobs use
 * the copies, so that a change of the originals in the middle of a chain changes nothing.
 */
import { createHash } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import type { CreateRequest } from '../decisions/create-request.ts';
import type { Spec } from '../decisions/spec.ts';
import { chainFolder } from './records.ts';
import { readObjectBytes, readObjectText, under, writeNewText } from './s3-objects.ts';

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

/** Developer guide, "Create a labeling category configuration file": the labels are what every task type has. */
const categoryFileSchema = z.looseObject({ labels: z.array(z.looseObject({ label: z.string() })) });

/** The labels of a category file; null if it is not in AWS's format. */
export const readCategories = async (s3: S3Client, uri: string): Promise<string[] | null> => {
  let file: unknown;
  try {
    file = JSON.parse(await readObjectText(s3, uri));
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return null;
    throw thrown;
  }
  const parsed = categoryFileSchema.safeParse(file);
  return parsed.success ? parsed.data.labels.map(({ label }) => label) : null;
};

/** Labels that the old file has and the new one lacks: answers with them exist already. */
export const lostCategories = (before: readonly string[], after: readonly string[]): string[] =>
  before.filter((label) => !after.includes(label));

export const assetActivities = ({ s3 }: { s3: (region: string) => S3Client }) => ({
  /** The request with the URIs of the copies. Files that lie in the chain's folder already are left as they are. */
  copyAssets: async ({ spec }: { spec: Spec }): Promise<CreateRequest> => {
    const client = s3(spec.region);
    const folder = under(chainFolder(spec), 'assets');
    const copy = async (uri: string, name: string, ending: string): Promise<string> => {
      if (uri.startsWith(`${folder}/`)) return uri;
      const bytes = await readObjectBytes(client, uri);
      const target = under(folder, `${name}-${hashOf(bytes)}${ending}`);
      await writeNewText(client, target, spec.job.OutputConfig.KmsKeyId, bytes);
      return target;
    };
    const { LabelCategoryConfigS3Uri: categories, HumanTaskConfig: task } = spec.job;
    const template = task.UiConfig.UiTemplateS3Uri;
    return {
      ...spec.job,
      ...(categories === undefined
        ? {}
        : { LabelCategoryConfigS3Uri: await copy(categories, 'label-categories', '.json') }),
      HumanTaskConfig: {
        ...task,
        UiConfig:
          template === undefined
            ? task.UiConfig
            : { UiTemplateS3Uri: await copy(template, 'ui-template', '.liquid.html') },
      },
    };
  },
});
