/** Every workflow that a worker runs: the entry of the bundle. */
export { labelingChain } from './labeling-chain.ts';
export { labelingJob } from './labeling-job.ts';
export { labelingPreflight } from './labeling-preflight.ts';
export { labelingReport } from './labeling-report.ts';
