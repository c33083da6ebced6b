/**
 * How a chain begins: from a spec, from a labeling job that somebody else started, or from its record in S3. Until it has
 * begun, what cannot be used fails the workflow with its sentence; nothing was created then.
 */
import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import { jobDecided } from '../decisions/after-job.ts';
import { amendmentRefusal } from '../decisions/amendment.ts';
import { generationOf, type JobInput } from '../decisions/chain-state.ts';
import { JOB_TAGS } from '../decisions/names.ts';
import { resume } from '../decisions/resume.ts';
import { call } from './calls.ts';
import type { ChainRun, LabelingChainInput } from './chain-run.ts';
import { copyAssets } from './changes.ts';
import { recordResumed } from './job-run.ts';
import { isPatched } from './patches.ts';
import { blockOf } from './person.ts';

/** Reads the dataset, then takes the chain's name by its first record (which fails if the name is taken). */
export const openChain = async (run: ChainRun): Promise<void> => {
  await copyAssets(run);
  await openDataset(run, run.state.spec.job.InputConfig.DataSource.S3DataSource?.ManifestS3Uri ?? null);
  await run.writeRecord('the name is taken');
};

const openDataset = async (run: ChainRun, manifestUri: string | null): Promise<void> => {
  const { spec } = run.state;
  if (spec.streaming || manifestUri === null) return;
  const dataset = await call('openDataset', `Read the dataset ${manifestUri}`, { spec, manifestUri });
  run.set({ ...run.state, dataset, manifestUris: [manifestUri] });
};

/** The job becomes generation 1, running or over: its follower finds out. */
export const adoptChain = async (
  run: ChainRun,
  adoption: Extract<LabelingChainInput, { kind: 'adopt' }>,
): Promise<void> => {
  const { jobName } = adoption;
  await copyAssets(run);
  await openDataset(run, adoption.manifestUri);
  const { spec, dataset } = run.state;
  let input: JobInput | null = null;
  if (dataset !== null && adoption.inputManifestUri !== null) {
    input = await call('adoptJobInput', `Find the objects of ${jobName} in the dataset`, {
      spec,
      dataset,
      datasetUri: adoption.manifestUri,
      inputManifestUri: adoption.inputManifestUri,
    });
  }
  const claimed = await call('claimLabelingJob', `Tag ${jobName} as a job of ${run.chain}`, {
    region: spec.region,
    name: jobName,
    spec,
    tags: {
      [JOB_TAGS.chain]: run.chain,
      [JOB_TAGS.generation]: '1',
      [JOB_TAGS.run]: run.state.firstRunId,
    },
  });
  if (claimed.kind === 'refused') throw ApplicationFailure.nonRetryable(claimed.message, 'unusable');
  run.set(
    jobDecided(
      run.state,
      {
        kind: 'run-job',
        generation: 1,
        name: jobName,
        mode: input?.mode ?? 'unlabeled',
        maxObjects: input?.sentObjects ?? 0,
        withoutAlgorithms: false,
        note: input?.note ?? null,
        delayMs: 0,
      },
      input,
    ),
  );
  await run.writeRecord(`${jobName} is adopted`);
};

/** Reads the chain's record; false: it is this very workflow's, from before a reset, which goes on from it. */
const load = async (run: ChainRun): Promise<boolean> => {
  const resumedIn = workflowInfo().firstExecutionRunId;
  const record = await call('readRecord', "Read the chain's record", { spec: run.state.spec });
  const { state, pending } = record;
  if (state.resumedIn === resumedIn) {
    run.takeUp(record);
    return false;
  }
  run.carried.pending = pending;
  run.set({ ...state, resumption: state.resumption + 1, resumedIn });
  return true;
};

/**
 * Goes on from the record. False: there is nothing to go on with (the client refuses that with a sentence before it
 * starts us); the chain stays as it ended.
 */
export const resumeChainFromRecord = async (
  run: ChainRun,
  { options }: Extract<LabelingChainInput, { kind: 'resume' }>,
): Promise<boolean> => {
  if (!(await load(run))) {
    run.loaded = true;
    return true;
  }
  const { pending } = run.carried;
  const resumed = resume(run.state, options, pending.manifestUris.length > 0, 'closed');
  // An ended chain that was terminated before its late look still takes that look.
  if (resumed.kind === 'refused' && run.state.phase.kind === 'ended' && run.state.phase.lateLookDone) {
    run.loaded = true;
    return false;
  }
  if (resumed.kind === 'resumed') {
    if (options.retrySetAside) run.carried.pending = { ...pending, retrySetAside: true };
    run.set(resumed.state);
  }
  if (run.state.phase.kind === 'job') run.inheritedGeneration = run.state.phase.generation;
  run.loaded = true;
  // The state that held this stop is not the chain's.
  if (run.cancelled && isPatched('cancelled-while-the-record-is-read')) run.stopAsCancelled();
  const live = run.state.phase.kind === 'job' ? generationOf(run.state, run.state.phase.generation) : null;
  await (live === null ? run.writeRecord('resumed') : recordResumed(run, live));
  const { state } = run;
  if (state.dataset === null && state.generations.length === 0) {
    await openDataset(run, state.spec.job.InputConfig.DataSource.S3DataSource?.ManifestS3Uri ?? null);
  }
  return true;
};

/** After a reset: what was done since stands in the last record, and jobs of which this run knows nothing may be live. */
export const reloadAfterReset = async (run: ChainRun): Promise<void> => {
  run.loaded = false;
  try {
    run.takeUp(await call('readRecord', "Read the chain's record after a reset", { spec: run.state.spec }));
  } catch (error) {
    const block = blockOf(error);
    // Without its record nothing may be done; mended, a resume reads it.
    if (block?.reason !== 'unusable-input') throw error;
    throw ApplicationFailure.nonRetryable(block.message, 'unusable');
  } finally {
    run.loaded = true;
  }
  run.showInList();
};

/** Writes an amendment into the record of a chain that has ended, for the next resume. */
export const amendRecord = async (
  run: ChainRun,
  { amendment }: Extract<LabelingChainInput, { kind: 'amend' }>,
): Promise<void> => {
  await load(run);
  run.loaded = true;
  const message = amendmentRefusal(run.state, amendment);
  if (message !== null) {
    run.showInList();
    throw ApplicationFailure.nonRetryable(message, 'unusable');
  }
  run.amend(amendment);
  // What a person gives meanwhile is written too.
  while (run.unrecorded) await run.writeRecord('amended');
};
