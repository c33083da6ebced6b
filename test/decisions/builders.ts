/** Plain values for the tests of the decisions: complete, valid, changed in the one place that a test is about. */
import type { Merge } from '../../decisions/after-job.ts';
import {
  newChain,
  type ChainState,
  type Dataset,
  type Generation,
  type JobInput,
} from '../../decisions/chain-state.ts';
import type { CreateRequest } from '../../decisions/create-request.ts';
import { DAY_MS } from '../../decisions/durations.ts';
import { NO_COUNTERS, type Ending, type LabelCounters, type Observation } from '../../decisions/ending.ts';
import { newFollow, observed, type Follow } from '../../decisions/follow.ts';
import { readSpec, type Spec } from '../../decisions/spec.ts';
import type { Policy } from '../../decisions/policy.ts';

/** A time of the service's clock. */
export const T0 = Date.UTC(2026, 10, 1);

export const FIRST_RUN_ID = '019ab3c4-0000-7000-8000-0000000abcde';

/** The smallest request that AWS takes for a private team. */
export const minimalJob = {
  LabelAttributeName: 'animal',
  InputConfig: { DataSource: { S3DataSource: { ManifestS3Uri: 's3://data/birds.manifest' } } },
  OutputConfig: { S3OutputPath: 's3://labels/birds' },
  RoleArn: 'arn:aws:iam::111122223333:role/GroundTruth',
  HumanTaskConfig: {
    WorkteamArn: 'arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/birders',
    UiConfig: { UiTemplateS3Uri: 's3://data/template.liquid.html' },
    TaskTitle: 'Name the animal',
    TaskDescription: 'Choose the one that fits',
    NumberOfHumanWorkersPerDataObject: 1,
    TaskTimeLimitInSeconds: 300,
  },
};

export const withAlgorithms = {
  LabelingJobAlgorithmSpecificationArn:
    'arn:aws:sagemaker:us-east-1:027400017018:labeling-job-algorithm-specification/image-classification',
};

/** A spec as read from a file; fails the test if it has a mistake. */
export const specOf = (change: { chain?: string; job?: object; policy?: object } = {}): Spec => {
  const { chain = 'birds', job = {}, policy } = change;
  const reading = readSpec({ chain, job: { ...minimalJob, ...job }, ...(policy === undefined ? {} : { policy }) });
  if (reading.kind === 'problems') throw new Error(reading.problems.join('\n'));
  return reading.spec;
};

export const policyOf = (policy: object = {}): Policy => specOf({ policy }).policy;

export const streamingJob = {
  InputConfig: { DataSource: { SnsDataSource: { SnsTopicArn: 'arn:aws:sns:us-east-1:111122223333:objects' } } },
};

export const counters = (change: Partial<LabelCounters> = {}): LabelCounters => ({ ...NO_COUNTERS, ...change });

export const datasetOf = (change: Partial<Dataset> = {}): Dataset => {
  const labeled = change.labeled ?? 0;
  const setAside = change.setAside ?? 0;
  const remaining = change.remaining ?? (change.total ?? 100) - labeled - setAside;
  return {
    version: 0,
    manifestUri: 's3://labels/birds/birds/datasets/0000/dataset.manifest',
    statesUri: 's3://labels/birds/birds/datasets/0000/object-states.jsonl',
    doubled: 0,
    ...change,
    total: labeled + setAside + remaining,
    labeled,
    setAside,
    remaining,
  };
};

export const inputOf = (change: Partial<JobInput> = {}): JobInput => ({
  manifestUri: 's3://labels/birds/birds/jobs/001/input.manifest',
  ordinalsUri: 's3://labels/birds/birds/jobs/001/input.ordinals.jsonl',
  objects: 100,
  sentObjects: 100,
  mode: 'unlabeled',
  withoutAlgorithms: false,
  note: null,
  ...change,
});

export const observationOf = (change: Partial<Observation> = {}): Observation => ({
  kind: 'observed',
  name: 'birds-abcde-001',
  arn: 'arn:aws:sagemaker:us-east-1:111122223333:labeling-job/birds-abcde-001',
  status: 'InProgress',
  counters: NO_COUNTERS,
  failureReason: null,
  createdAtMs: T0,
  lastModifiedAtMs: T0,
  serviceNowMs: T0,
  outputManifestUri: null,
  finalModelArn: null,
  ...change,
});

export type Ended = Extract<Ending, { kind: 'ended' }>;

/** The ending of a job of `ageMs` (a day, if not given). */
export const endedOf = (
  change: Partial<Omit<Ended, 'observation'>> & { ageMs?: number; observation?: Partial<Observation> } = {},
): Ended => {
  const { ageMs = DAY_MS, observation = {}, status = 'Completed', ...rest } = change;
  return {
    kind: 'ended',
    status,
    stop: null,
    declines: 0,
    ...rest,
    observation: observationOf({
      status,
      lastModifiedAtMs: T0 + ageMs,
      serviceNowMs: T0 + ageMs,
      ...observation,
    }),
  };
};

export const mergeOf = (change: Partial<Merge> = {}): Merge => ({
  dataset: datasetOf(),
  output: { uri: 's3://labels/birds/birds-abcde-001/manifests/output/output.manifest', etag: 'e1' },
  newLabels: 0,
  complete: false,
  attemptsCounted: 0,
  newlySetAside: 0,
  unmatchedLabeled: 0,
  unmatchedUri: null,
  ...change,
});

/** A job of a chain that ended after a day, without a label. */
export const jobOf = (change: Partial<Generation> = {}): Generation => {
  const generation = change.generation ?? 1;
  return {
    generation,
    name: `birds-abcde-${String(generation).padStart(3, '0')}`,
    arn: null,
    status: 'Completed',
    outcome: 'leftovers',
    input: inputOf(),
    createdAtMs: T0,
    endedAtMs: T0 + DAY_MS,
    counters: NO_COUNTERS,
    failureReason: null,
    stop: null,
    declines: 0,
    output: null,
    newLabels: 0,
    complete: false,
    modelArn: null,
    ...change,
  };
};

/** A chain between jobs with 100 objects. */
export const chainOf = (change: Partial<ChainState> = {}): ChainState => ({
  ...newChain(change.spec ?? specOf(), FIRST_RUN_ID),
  dataset: datasetOf(),
  firstHeardMs: T0,
  lastHeardMs: T0,
  ...change,
});

/** A job that has been looked at once. */
export const followOf = (observation: Partial<Observation> = {}, change: Partial<Follow> = {}): Follow => ({
  ...observed(newFollow(), observationOf(observation)),
  ...change,
});

/** The request of the chain, for tests that change one field of it. */
export const requestOf = (): CreateRequest => specOf().job;
