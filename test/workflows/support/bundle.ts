/** The workflow code of the product, bundled once for a test file. */
import { bundleWorkflowCode, DefaultLogger, Runtime, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { workflowFiles } from '../../../worker/workflow-code.ts';

// Once for a test file: what the worker says of activities that are meant to fail helps nobody.
const logger = new DefaultLogger('ERROR');
Runtime.install({ logger, shutdownSignals: [] });

const { workflowsPath, workflowInterceptorModules } = workflowFiles();
let bundled: Promise<WorkflowBundleWithSourceMap> | null = null;

export const workflowBundle = (failureConverterPath?: string): Promise<WorkflowBundleWithSourceMap> =>
  (bundled ??= bundleWorkflowCode({
    ...(failureConverterPath === undefined ? {} : { failureConverterPath }),
    workflowsPath,
    workflowInterceptorModules,
    logger,
  }));
