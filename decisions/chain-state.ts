/**
 * Everything that a chain knows: plain JSON, carried whole through continue-as-new and written whole into the chain's
 * record in S3. Times are milliseconds since the epoch by the service's clock, never workflow time.
 */
import type { Attention } from './attention.ts';
import type { CreateRequest } from './create-request.ts';
import { DAY_MS, HOUR_MS, SECOND_MS } from './durations.ts';
import { chainSuffix } from './names.ts';
import { NO_COUNTERS, type Ending, type LabelCounters, type NotCreated, type StopRequest } from './ending.ts';
import type { Outcome, StoppingConditions } from './outcome.ts';
import type { Spec } from './spec.ts';

/** The merged state of the chain: one version, written once. total = labeled + remaining + setAside. */
export type Dataset = {
  version: number;
  manifestUri: string;
  statesUri: string;
  total: number;
  labeled: number;
  remaining: number;
  setAside: number;
  /** Second labels for objects that had one: paid, kept in the doubled file, counted. */
  doubled: number;
};

export type JobInput = {
  manifestUri: string;
  ordinalsUri: string;
  /** Lines of the input. */
  objects: number;
  /** Of these, the ones without a label: what workers will see. */
  sentObjects: number;
  mode: 'unlabeled' | 'dataset';
  /** LabelingJobAlgorithmsConfig was left out of this one. */
  withoutAlgorithms: boolean;
  /** Why the input or request differs from the policy, for `show`; null if it does not. */
  note: string | null;
};

/** ARNs, as the spec gives them. */
export type Algorithms = { algorithm: string; model: string | null };

/** What a job was started with and is judged by at its end: an amendment meanwhile holds from the next job on. */
export type JobTerms = {
  workersPerObject: number;
  /** How long a task stays open for workers. */
  taskAvailabilityMs: number;
  stoppingConditions?: StoppingConditions;
  lifetimeMs: number;
  /** What its automated labeling began with: the model that came of it goes on only from there. Absent: without, or before this was kept. */
  algorithms?: Algorithms;
};

/** One labeling job of the chain. It stands here as soon as it is decided; `arn` is null until it exists. */
export type Generation = {
  generation: number;
  name: string;
  arn: string | null;
  /** AWS's word, or `Deciding` before the job exists, `NotCreated` if it never did, `Gone` if AWS no longer knows it. */
  status: string;
  outcome: Outcome | 'not-created' | 'gone' | null;
  input: JobInput | null;
  createdAtMs: number | null;
  endedAtMs: number | null;
  counters: LabelCounters | null;
  failureReason: string | null;
  stop: StopRequest | null;
  declines: number;
  /** The output that was merged last; null if none. The ETag tells whether AWS has written it again since. */
  output: { uri: string; etag: string } | null;
  newLabels: number;
  /** Every line of its input has a label of its own output: no late label can come. */
  complete: boolean;
  modelArn: string | null;
  /** Labels of its output that belong to no object, how many of them a person was told of, and where they are; absent: none. */
  unmatched?: { labels: number; told: number; uri: string | null };
  /**
   * Labels that AWS counted, more than its output held when a stop ended the question about them: before they are there or a
   * person accepts that they are missing, no next job is created. Absent or null: nothing is awaited.
   */
  awaitedLabels?: number | null;
  /** Absent in a job that was decided before this was kept. */
  terms?: JobTerms;
  /** The chain was amended before this job was known to exist: whoever finds that it does not, creates it no more (I6). Absent: it was not. */
  amendedSince?: true;
};

/** Where a chain is between two writes of its record. */
export type Phase =
  /** Between jobs: the next order is up to `nextOrder`. */
  | { kind: 'deciding' }
  /** A labeling job is live, or about to be created. */
  | { kind: 'job'; generation: number }
  /** A job ended; its output is waited for and merged. `sinceMs` is when the ending was seen. */
  | { kind: 'settling'; generation: number; ending: Ending; sinceMs: number; acceptMissing: boolean }
  /** Over, with its final manifest written. Until the late look is done the workflow stays open. */
  | { kind: 'ended'; lateLookDone: boolean };

export const END_STATUSES = ['labeled', 'finished', 'stopped'] as const;
export type EndStatus = (typeof END_STATUSES)[number];

export type ChainEnd = {
  status: EndStatus;
  reason: string;
  atMs: number | null;
  finalManifestUri: string | null;
  leftoverReportUri: string | null;
};

export type ChainState = {
  chain: string;
  /** The run id of the chain's very first workflow run; it stays through continue-as-new, reset and resume. */
  firstRunId: string;
  /** What tells the job names of two runs of one chain name apart. */
  suffix: string;
  /** 0 at the start, one more with each `resume` from the record: a stale writer of an earlier one is ignored. */
  resumption: number;
  /** The first run id of the workflow that resumed it last: a reset of that one resumes nothing again. Absent: never resumed, or before it was kept. */
  resumedIn?: string;
  spec: Spec;
  /** The manifest that the person gave, and further ones added by `amend`. */
  manifestUris: string[];
  phase: Phase;
  dataset: Dataset | null;
  generations: Generation[];
  failuresInRow: number;
  unknownFailuresInRow: number;
  jobsWithoutProgressInRow: number;
  /** Outcomes up to this generation no longer stop the chain: a person resumed after them. */
  clearedGeneration: number;
  attention: Attention | null;
  stopRequested: { atMs: number | null; reason: string } | null;
  /** What keeps a chain that is to stop from its end: it tries again by itself, nobody is asked. Absent: nothing ever did. */
  hindrance?: string | null;
  /** Ids of the last commands of people that are in this state; absent: none was taken since they are kept. */
  commands?: string[];
  end: ChainEnd | null;
  /** When the service was first and last heard, by its own clock. */
  firstHeardMs: number | null;
  lastHeardMs: number | null;
};

export const newChain = (spec: Spec, firstRunId: string): ChainState => ({
  chain: spec.chain,
  firstRunId,
  suffix: chainSuffix(firstRunId),
  resumption: 0,
  spec,
  manifestUris: [],
  phase: { kind: 'deciding' },
  dataset: null,
  generations: [],
  failuresInRow: 0,
  unknownFailuresInRow: 0,
  jobsWithoutProgressInRow: 0,
  clearedGeneration: 0,
  attention: null,
  stopRequested: null,
  end: null,
  firstHeardMs: null,
  lastHeardMs: null,
});

type HumanTaskConfig = CreateRequest['HumanTaskConfig'];

/** API HumanTaskConfig: 30 days for private and vendor teams, 6 hours on Mechanical Turk, when not given. */
const taskAvailabilityMs = ({ TaskAvailabilityLifetimeInSeconds: seconds, WorkteamArn }: HumanTaskConfig): number => {
  if (seconds !== undefined) return seconds * SECOND_MS;
  return WorkteamArn.includes(':workteam/public-crowd/') ? 6 * HOUR_MS : 30 * DAY_MS;
};

export const algorithmsOf = ({
  LabelingJobAlgorithmSpecificationArn: algorithm,
  InitialActiveLearningModelArn: model,
}: NonNullable<CreateRequest['LabelingJobAlgorithmsConfig']>): Algorithms => ({ algorithm, model: model ?? null });

/** The terms of a job that is decided now. */
export const currentTerms = ({ spec: { job, policy } }: Pick<ChainState, 'spec'>): JobTerms => ({
  workersPerObject: job.HumanTaskConfig.NumberOfHumanWorkersPerDataObject,
  taskAvailabilityMs: taskAvailabilityMs(job.HumanTaskConfig),
  ...(job.StoppingConditions === undefined ? {} : { stoppingConditions: job.StoppingConditions }),
  lifetimeMs: policy.lifetimeMs,
  ...(job.LabelingJobAlgorithmsConfig === undefined
    ? {}
    : { algorithms: algorithmsOf(job.LabelingJobAlgorithmsConfig) }),
});

export const lastGeneration = (state: ChainState): Generation | null => state.generations.at(-1) ?? null;

export const generationOf = (state: ChainState, generation: number): Generation | null =>
  state.generations.find((job) => job.generation === generation) ?? null;

/** The counters of a generation, zeros if it never had any. */
export const countersOf = (job: Generation): LabelCounters => job.counters ?? NO_COUNTERS;

/** Replaces one generation, by its number. */
export const withGeneration = (state: ChainState, generation: number, change: Partial<Generation>): ChainState => ({
  ...state,
  generations: state.generations.map((job) => (job.generation === generation ? { ...job, ...change } : job)),
});

/** The service's clock only moves forward; what is heard late does not turn it back. */
export const heard = (state: ChainState, serviceNowMs: number | null): ChainState =>
  serviceNowMs === null
    ? state
    : {
        ...state,
        firstHeardMs: state.firstHeardMs ?? serviceNowMs,
        lastHeardMs: Math.max(state.lastHeardMs ?? serviceNowMs, serviceNowMs),
      };

/** A sentence for labels that belong to no object, and the file that holds them. */
export const unmatchedText = (labels: number, jobName: string, uri: string | null): string =>
  `${labels} labeled lines of the output of ${jobName} match no object: ${uri ?? ''}`;

/** A sentence for a job that never began. */
export const notCreatedText = (why: NotCreated): string => {
  switch (why.kind) {
    case 'stop-requested':
      return 'a stop was asked for before it was created';
    case 'refused':
      return `AWS refused it (${why.error}): ${why.message}`;
    case 'name-taken':
      return why.message;
    case 'outdated':
      return `what it was decided by changed before it was created, so the next input is made anew: ${why.message}`;
    case 'amended':
      return 'the chain was amended before it was created, so the next job is decided anew';
  }
};
