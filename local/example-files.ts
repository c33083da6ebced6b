/** Puts the files of the example specs into the local stack's bucket, where the specs say that they are. */
import { readFile, readdir } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PutBucketCorsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { localAwsConfig } from './local-clients.ts';

/** Beside this folder in the repository, one further up from the compiled package. */
const FOLDERS = ['../examples/files/', '../../examples/files/'];

const filesUnder = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => `${entry.parentPath}/${entry.name}`);
};

/** The smallest PNG: one transparent pixel. It stands in for every picture that an example names. */
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);

const picturesOf = (manifest: string, bucket: string): string[] =>
  [...manifest.matchAll(/"source-ref": ?"s3:\/\/([^/"]+)\/([^"]+)"/g)].flatMap(([, holder, key]) =>
    holder === bucket && key !== undefined ? [key] : [],
  );

const putAll = async (s3: S3Client, bucket: string, folder: string): Promise<number> => {
  const files = await filesUnder(folder);
  for (const file of files) {
    const body = await readFile(file);
    const path = relative(folder, file).replaceAll('\\', '/');
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `examples/${path}`, Body: body }));
    if (!path.endsWith('.manifest')) continue;
    for (const Key of picturesOf(body.toString('utf8'), bucket)) {
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: PIXEL, ContentType: 'image/png' }));
    }
  }
  return files.length;
};

/**
 * Uploads `examples/files/<path>` as `s3://<bucket>/examples/<path>`, a pixel for every picture that their manifests name,
 * and lets browsers read them, as Ground Truth's workers need it. Says how many files there were.
 */
export const putExampleFiles = async (awsEndpoint: string, bucket: string): Promise<number> => {
  const s3 = new S3Client({ ...localAwsConfig(awsEndpoint), forcePathStyle: true });
  try {
    const CORSRules = [{ AllowedMethods: ['GET'], AllowedOrigins: ['*'] }];
    await s3.send(new PutBucketCorsCommand({ Bucket: bucket, CORSConfiguration: { CORSRules } }));
    for (const path of FOLDERS) {
      const count = await putAll(s3, bucket, fileURLToPath(new URL(path, import.meta.url)));
      if (count > 0) return count;
    }
    return 0;
  } finally {
    s3.destroy();
  }
};
