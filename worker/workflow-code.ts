/** Where a worker, or a replay, finds the code of the workflows. */
import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkerOptions } from '@temporalio/worker';

/** Bundled by the build in the package (.js), bundled now in the repository (.ts). */
export const workflowCode = (): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> => {
  const extension = extname(import.meta.url);
  const bundle = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
  if (extension === '.js' && existsSync(bundle)) return { workflowBundle: { codePath: bundle } };
  return { workflowsPath: fileURLToPath(new URL(`../workflows/index${extension}`, import.meta.url)) };
};
