/**
 * What may go wrong once a job runs, looked at beforehand: a sample of the objects, CORS for images, the execution role.
 * All of it warns only; what cannot be looked at is skipped, with the reason.
 */
import { SimulatePrincipalPolicyCommand, type IAMClient } from '@aws-sdk/client-iam';
import { GetBucketCorsCommand, type S3Client } from '@aws-sdk/client-s3';
import type { Spec } from '../decisions/spec.ts';
import { messageOf } from '../errors.ts';
import { valueBytes, type ObjectLine } from '../manifests/attributes.ts';
import { awsErrorName } from './aws-failures.ts';
import type { AddFinding, CheckName } from './preflight-findings.ts';
import { chainFolder } from './records.ts';
import { etagOf, parseS3Uri } from './s3-objects.ts';

/** Objects that are looked at: the first ones of the manifest. */
export const SAMPLE_SIZE = 20;

/** The `source-ref` of a manifest line; null if the line has none (its data stand in the line). */
export const sourceRefOf = (line: ObjectLine): string | null => {
  const attribute = line.attributes.find(({ name }) => name === 'source-ref');
  if (attribute === undefined) return null;
  const value: unknown = JSON.parse(valueBytes(line, attribute).toString('utf8'));
  return typeof value === 'string' ? value : null;
};

const isImage = (uri: string): boolean => /\.(jpe?g|png|gif|webp|bmp|tiff?)$/i.test(uri);

/** Runs a check that may fail in any way without stopping anything. */
const lookInto = async (add: AddFinding, check: CheckName, run: () => Promise<void>): Promise<void> => {
  try {
    await run();
  } catch (thrown) {
    const [said = ''] = messageOf(thrown).split('\n');
    // The SDK's parse errors come with advice for programmers.
    const why = /parse error|deserializ/i.test(said) ? 'what answers is not this service of AWS (an emulator?)' : said;
    add('skipped', check, `not checked: ${why}`);
  }
};

const isInS3 = (uri: string): boolean => /^s3:\/\/[^/]+\/./s.test(uri);

/** Whether the first objects of the manifest are there. */
export const checkSample = (add: AddFinding, s3: S3Client, uris: readonly string[]): Promise<void> =>
  lookInto(add, 'objects', async () => {
    const inS3 = uris.filter(isInS3);
    const elsewhere = uris.find((uri) => !isInS3(uri));
    if (elsewhere !== undefined) {
      add(
        'warning',
        'objects',
        `${uris.length - inS3.length} of the first ${uris.length} objects of the manifest are not in S3, for example ${elsewhere}; "source-ref" must be an s3:// URI`,
      );
    }
    if (inS3.length === 0) return;
    const found = await Promise.all(inS3.map(async (uri) => ((await etagOf(s3, uri)) === null ? uri : null)));
    const missing = found.filter((uri) => uri !== null);
    if (missing.length === 0) add('passed', 'objects', `the first ${inS3.length} objects are there`);
    else {
      add(
        'warning',
        'objects',
        `${missing.length} of the first ${inS3.length} objects of the manifest do not exist, for example ${missing[0]}`,
      );
    }
  });

/** Developer guide, "CORS permission requirement": the worker's browser reads images from the bucket itself. */
export const checkCors = async (add: AddFinding, s3: S3Client, uris: readonly string[]): Promise<void> => {
  const buckets = new Set(uris.filter((uri) => isInS3(uri) && isImage(uri)).map((uri) => parseS3Uri(uri).Bucket));
  for (const Bucket of buckets) {
    await lookInto(add, 'cors', async () => {
      try {
        const { CORSRules = [] } = await s3.send(new GetBucketCorsCommand({ Bucket }));
        if (CORSRules.some(({ AllowedMethods }) => AllowedMethods?.includes('GET') === true)) {
          add('passed', 'cors', `the bucket ${Bucket} has a CORS configuration that allows GET`);
        } else {
          add(
            'warning',
            'cors',
            `the CORS configuration of the bucket ${Bucket} does not allow GET: workers will not see its images; allow GET from any origin`,
          );
        }
      } catch (thrown) {
        if (awsErrorName(thrown) !== 'NoSuchCORSConfiguration') throw thrown;
        add(
          'warning',
          'cors',
          `the bucket ${Bucket} has no CORS configuration: workers will not see its images; allow GET from any origin`,
        );
      }
    });
  }
};

/** Whether the execution role may read the inputs that the chain writes, and write what AWS writes. */
export const checkRole = (add: AddFinding, iam: IAMClient | null, spec: Spec): Promise<void> =>
  lookInto(add, 'role', async () => {
    if (iam === null) return add('skipped', 'role', 'not checked: the worker has no IAM client');
    const partition = /^arn:([^:]+):/.exec(spec.job.RoleArn)?.[1] ?? 'aws';
    const arnOf = (uri: string): string => `arn:${partition}:s3:::${uri.slice('s3://'.length).replace(/\/+$/, '')}/*`;
    const ask = async (action: string, uri: string): Promise<string[]> => {
      const { EvaluationResults = [] } = await iam.send(
        new SimulatePrincipalPolicyCommand({
          PolicySourceArn: spec.job.RoleArn,
          ActionNames: [action],
          ResourceArns: [arnOf(uri)],
        }),
      );
      if (EvaluationResults.length === 0) throw new Error(`IAM does not say whether the role may ${action}`);
      return EvaluationResults.some(({ EvalDecision }) => EvalDecision !== 'allowed') ? [`${action} on ${uri}`] : [];
    };
    const denied = [
      ...(await ask('s3:GetObject', chainFolder(spec))),
      ...(await ask('s3:PutObject', spec.job.OutputConfig.S3OutputPath)),
    ];
    if (denied.length === 0) add('passed', 'role', 'job.RoleArn may read the chain’s folder and write its output');
    else
      add('warning', 'role', `job.RoleArn: ${spec.job.RoleArn} may not ${denied.join(', nor ')}; its jobs would fail`);
  });
