/** Puts the files of the example specs into the local stack's bucket, where the specs say that they are. */
import { readFile, readdir } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { localAwsConfig } from './local-clients.ts';

/** Beside this folder in the repository, one further up from the compiled package. */
const FOLDERS = ['../examples/files/', '../../examples/files/'];

const filesUnder = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => `${entry.parentPath}/${entry.name}`);
};

/** Uploads `examples/files/<path>` as `s3://<bucket>/examples/<path>`; says how many there were. */
export const putExampleFiles = async (awsEndpoint: string, bucket: string): Promise<number> => {
  const s3 = new S3Client({ ...localAwsConfig(awsEndpoint), forcePathStyle: true });
  try {
    for (const path of FOLDERS) {
      const folder = fileURLToPath(new URL(path, import.meta.url));
      const files = await filesUnder(folder);
      for (const file of files) {
        const Key = `examples/${relative(folder, file).replaceAll('\\', '/')}`;
        await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: await readFile(file) }));
      }
      if (files.length > 0) return files.length;
    }
    return 0;
  } finally {
    s3.destroy();
  }
};
