/** Specs and files of chains on a local stack, as the parts of the benchmark use them. */
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { localAwsConfig } from '../local/local-clients.ts';
import type { StackFacts } from '../local/stack.ts';

/** Writes one object of the stack's bucket; gives its URI. */
export const putObject = async (facts: StackFacts, key: string, body: string): Promise<string> => {
  const s3 = new S3Client({ ...localAwsConfig(facts.awsEndpoint), forcePathStyle: true });
  await s3.send(new PutObjectCommand({ Bucket: facts.bucket, Key: key, Body: body }));
  s3.destroy();
  return `s3://${facts.bucket}/${key}`;
};

export type ChainOptions = {
  chain: string;
  objects: number;
  /** Further fields of the request. */
  job?: Record<string, unknown>;
  policy?: Record<string, unknown>;
};

type Place = Pick<StackFacts, 'bucket' | 'region' | 'account'>;
type SpecFiles = { manifest: string; template: string };

/** A spec for a manifest and a template, by their URIs; the label attribute is `species`. */
export const specFor = (
  { bucket, region, account }: Place,
  { manifest, template }: SpecFiles,
  { chain, job, policy }: Omit<ChainOptions, 'objects'>,
): unknown => {
  const lambda = (name: string): string => `arn:aws:lambda:${region}:432418664414:function:${name}-ImageMultiClass`;
  return {
    chain,
    job: {
      LabelAttributeName: 'species',
      InputConfig: { DataSource: { S3DataSource: { ManifestS3Uri: manifest } } },
      OutputConfig: { S3OutputPath: `s3://${bucket}/labels` },
      RoleArn: `arn:aws:iam::${account}:role/GroundTruthExecution`,
      HumanTaskConfig: {
        WorkteamArn: `arn:aws:sagemaker:${region}:${account}:workteam/private-crowd/ornithologists`,
        UiConfig: { UiTemplateS3Uri: template },
        PreHumanTaskLambdaArn: lambda('PRE'),
        TaskTitle: 'Name the bird',
        TaskDescription: 'Look at the picture and choose the species.',
        NumberOfHumanWorkersPerDataObject: 1,
        TaskTimeLimitInSeconds: 28_800,
        AnnotationConsolidationConfig: { AnnotationConsolidationLambdaArn: lambda('ACS') },
      },
      ...job,
    },
    ...(policy === undefined ? {} : { policy }),
  };
};

/** A spec whose manifest and template lie in the stack's bucket. */
export const makeSpec = async (facts: StackFacts, { objects, ...options }: ChainOptions): Promise<unknown> => {
  const { chain } = options;
  const lines = Array.from(
    { length: objects },
    (_, index) => `{"source-ref":"s3://${facts.bucket}/${chain}/${index}.jpg"}\n`,
  );
  const manifest = await putObject(facts, `${chain}/input.manifest`, lines.join(''));
  const template = await putObject(facts, `${chain}/template.liquid.html`, '<crowd-form></crowd-form>');
  return specFor(facts, { manifest, template }, options);
};

/** Tells the simulator what happens to jobs. */
export const setScript = async (facts: StackFacts, script: unknown): Promise<void> => {
  const answer = await fetch(`${facts.sagemakerEndpoint}/_simulator/script`, {
    method: 'PUT',
    body: JSON.stringify(script),
  });
  if (!answer.ok) throw new Error(`the simulator refused the script: ${await answer.text()}`);
};
