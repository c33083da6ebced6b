/** Every workflow that a worker runs: the entry of the bundle. */
export { labelingChain } from './labeling-chain.ts';
export { labelingJob } from './labeling-job.ts';
export { labelingLookup } from './labeling-lookup.ts';
export { labelingPreflight } from './labeling-preflight.ts';
export { labelingReport } from './labeling-report.ts';
export { workerActivityLog } from './worker-activity-log.ts';
