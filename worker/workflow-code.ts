/** Where a worker, or a replay, finds the code of the workflows. */
import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkerOptions } from '@temporalio/worker';

/** The workflows and their interceptors: a bundle that holds both, or the files of each. */
export type WorkflowCode =
  | { kind: 'bundle'; workflowBundle: NonNullable<WorkerOptions['workflowBundle']> }
  | { kind: 'files'; workflowsPath: string; workflowInterceptorModules: string[] };

const extension = extname(import.meta.url);

const fileBeside = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** The files that a bundle is made of. */
export const workflowFiles = (): Extract<WorkflowCode, { kind: 'files' }> => ({
  kind: 'files',
  workflowsPath: fileBeside(`workflows/index${extension}`),
  workflowInterceptorModules: [fileBeside(`workflows/interceptors${extension}`)],
});

/**
 * Bundled by the build in the package (.js), bundled now in the repository (.ts). With encryption it is another bundle, in which the
 * texts of failures become payloads. An interceptor of workflows would belong here too: a worker and a replay take the same from here.
 */
export const workflowCode = (encrypts: boolean): WorkflowCode => {
  const codePath = fileBeside(encrypts ? 'workflow-bundle-encrypted.js' : 'workflow-bundle.js');
  return extension === '.js' && existsSync(codePath)
    ? { kind: 'bundle', workflowBundle: { codePath } }
    : workflowFiles();
};

/** As the options of a worker or a replay take it; `rest` are interceptors of other kinds. */
export const workflowOptions = (
  code: WorkflowCode,
  rest: Pick<NonNullable<WorkerOptions['interceptors']>, 'activity'> = {},
): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath' | 'interceptors'> => {
  switch (code.kind) {
    case 'bundle':
      return { workflowBundle: code.workflowBundle, interceptors: rest };
    case 'files': {
      const { workflowsPath, workflowInterceptorModules: workflowModules } = code;
      return { workflowsPath, interceptors: { ...rest, workflowModules } };
    }
  }
};
