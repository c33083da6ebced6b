/** Specs and manifests for tests of whole chains. */
import { readSpec, type Spec } from '../../../decisions/spec.ts';

export const ACCOUNT = '123456789012';
export const REGION = 'us-east-1';
export const BUCKET = 's3://data';

/** A request as a person would write it, with changes field by field at its top level and below HumanTaskConfig. */
export type SpecChanges = { job?: Record<string, unknown>; policy?: Record<string, unknown>; manifestUri?: string };

export const specOf = (chain: string, changes: SpecChanges = {}): Spec => {
  const reading = readSpec({
    chain,
    job: {
      LabelAttributeName: 'species',
      InputConfig: { DataSource: { S3DataSource: { ManifestS3Uri: changes.manifestUri ?? manifestUriOf(chain) } } },
      OutputConfig: { S3OutputPath: `${BUCKET}/out` },
      RoleArn: `arn:aws:iam::${ACCOUNT}:role/ground-truth`,
      HumanTaskConfig: {
        WorkteamArn: `arn:aws:sagemaker:${REGION}:${ACCOUNT}:workteam/private-crowd/birders`,
        UiConfig: { UiTemplateS3Uri: `${BUCKET}/template.html` },
        PreHumanTaskLambdaArn: `arn:aws:lambda:${REGION}:432418664414:function:PRE-ImageMultiClass`,
        AnnotationConsolidationConfig: {
          AnnotationConsolidationLambdaArn: `arn:aws:lambda:${REGION}:432418664414:function:ACS-ImageMultiClass`,
        },
        TaskTitle: 'Name the bird',
        TaskDescription: 'Name the bird in the picture',
        NumberOfHumanWorkersPerDataObject: 1,
        TaskTimeLimitInSeconds: 28_800,
      },
      ...changes.job,
    },
    policy: changes.policy,
  });
  if (reading.kind === 'problems') throw new Error(reading.problems.join('\n'));
  return reading.spec;
};

export const manifestUriOf = (chain: string): string => `${BUCKET}/${chain}/input.manifest`;

export const manifestText = (chain: string, objects: number, from = 0): string =>
  Array.from({ length: objects }, (_, index) => `{"source-ref":"${BUCKET}/${chain}/${index + from}.jpg"}\n`).join('');
