/**
 * The category file and the UI template of a chain: copied into the chain's folder under their hash, and the jobs use
 * the copies, so that a change of the originals in the middle of a chain changes nothing.
 */
import { createHash } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import type { CreateRequest } from '../decisions/create-request.ts';
import type { Spec } from '../decisions/spec.ts';
import { chainFolder } from './records.ts';
import { readObjectBytes, under, writeNewText } from './s3-objects.ts';

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

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
