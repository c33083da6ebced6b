/**
 * The activities by their names, without their code. That brings the AWS clients with it, a third of what a worker would load before its
 * first task; here it is loaded when the first activity runs.
 */
import type { WorkerLogActivities } from '../workflows/worker-activity-log.ts';
import type { Activities, ActivityDependencies } from '../activities/index.ts';
import type { AwsClients } from '../activities/clients.ts';
import type { CallWatch } from '../activities/watch-calls.ts';

export type AllActivities = Activities & WorkerLogActivities;

const NAMES = {
  addObjects: true,
  adoptJobInput: true,
  checkSpec: true,
  claimLabelingJob: true,
  copyAssets: true,
  createLabelingJob: true,
  describeLabelingJob: true,
  lookUpLabelingJob: true,
  mergeLateLabels: true,
  notify: true,
  openDataset: true,
  readRecord: true,
  readWorkerLog: true,
  retrySetAside: true,
  settleAndMerge: true,
  stopLabelingJob: true,
  summarizeObjects: true,
  writeFinal: true,
  writeInputAndRecord: true,
  writeJobInput: true,
  writeRecord: true,
} as const satisfies Record<keyof AllActivities, true>;

type OtherDependencies = Omit<ActivityDependencies, keyof AwsClients>;

const load = async (watch: CallWatch, rest: OtherDependencies): Promise<Record<string, unknown>> => {
  const [{ standardClients }, { createActivities }, { workerLogActivities }] = await Promise.all([
    import('../activities/clients.ts'),
    import('../activities/index.ts'),
    import('../events/worker-log.ts'),
  ]);
  return { ...createActivities({ ...standardClients(watch), ...rest }), ...workerLogActivities() };
};

/** All activities, with AWS clients by the SDK's standard chain; `watch` sees every call of theirs. */
export const lazyActivities = (watch: CallWatch, rest: OtherDependencies): AllActivities => {
  let loading: Promise<Record<string, unknown>> | null = null;
  const lazily = (name: string) => async (input: unknown) => {
    loading ??= load(watch, rest);
    const run = (await loading)[name];
    if (typeof run !== 'function') throw new Error(`there is no activity ${name}`);
    return run(input) as unknown;
  };
  // Each stands for the activity of its name, and passes on what that takes and gives.
  return Object.fromEntries(Object.keys(NAMES).map((name) => [name, lazily(name)])) as unknown as AllActivities;
};
