/** The workflow code of the product, bundled once for a test file. */
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Runtime, type WorkflowBundleWithSourceMap } from '@temporalio/worker';

// Once for a test file: what the worker says of activities that are meant to fail helps nobody.
const logger = new DefaultLogger('ERROR');
Runtime.install({ logger, shutdownSignals: [] });

let bundled: Promise<WorkflowBundleWithSourceMap> | null = null;

export const workflowBundle = (): Promise<WorkflowBundleWithSourceMap> =>
  (bundled ??= bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../../workflows/index.ts', import.meta.url)),
    logger,
  }));
