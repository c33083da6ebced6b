/** The simulator behind the real SDK, for tests of the activities that call it. */
import { labelingJobActivities } from '../../activities/labeling-jobs.ts';
import { sageMakerClient } from '../../activities/clients.ts';
import type { LabelingJobRequest } from '../../decisions/job-request.ts';
import { JOB_TAGS } from '../../decisions/names.ts';
import { MemoryStore } from '../../simulator/ports.ts';
import type { ScriptSource } from '../../simulator/script.ts';
import { startSimulator, type Simulator } from '../../simulator/simulator.ts';
import { startMemoryS3 } from '../support/memory-s3.ts';
import { stopAfterTests } from '../support/servers.ts';
import { specOf } from '../workflows/support/spec.ts';

export const START_MS = Date.parse('2026-11-01T09:00:00Z');
export const region = 'us-east-1';

/** A request as a chain makes it. */
export const requestOf = (name: string, tags: Record<string, string> = {}): LabelingJobRequest => ({
  ...specOf('birds').job,
  LabelingJobName: name,
  Tags: Object.entries({
    [JOB_TAGS.chain]: 'birds',
    [JOB_TAGS.generation]: '1',
    [JOB_TAGS.run]: 'run-1',
    ...tags,
  }).map(([Key, Value]) => ({ Key, Value })),
});

/** A simulator of its own, with the job activities on it. The SDK tries once: what is left is ours. */
export const openSageMaker = async (script: ScriptSource = {}) => {
  const simulator: Simulator = await startSimulator({ s3: new MemoryStore(), startMs: START_MS, script });
  stopAfterTests(() => simulator.close());
  const sagemaker = sageMakerClient({
    endpoint: simulator.endpoint,
    region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  const s3 = await startMemoryS3();
  stopAfterTests(s3.close);
  const clients = { sagemaker: () => sagemaker, s3: () => s3.client };
  return { simulator, store: s3.store, sagemaker: () => sagemaker, ...labelingJobActivities(clients) };
};
