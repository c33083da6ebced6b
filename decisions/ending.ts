/** What AWS says of a labeling job: while it runs (an observation) and when it is over (an ending). Plain JSON. */

/** API LabelingJobStatus. A status outside this list is kept as text and treated as "not over". */
export const TERMINAL_STATUSES = ['Completed', 'Failed', 'Stopped'] as const;
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];
export const OPEN_STATUSES = ['Initializing', 'InProgress', 'Stopping'] as const;

export const asTerminal = (status: string): TerminalStatus | null =>
  TERMINAL_STATUSES.find((terminal) => terminal === status) ?? null;

export const isKnownStatus = (status: string): boolean =>
  asTerminal(status) !== null || OPEN_STATUSES.some((open) => open === status);

/** API LabelCounters; a counter that AWS leaves out is 0. Whether `unlabeled` includes failed objects is not documented. */
export type LabelCounters = {
  totalLabeled: number;
  humanLabeled: number;
  machineLabeled: number;
  failed: number;
  unlabeled: number;
};

export const NO_COUNTERS: LabelCounters = {
  totalLabeled: 0,
  humanLabeled: 0,
  machineLabeled: 0,
  failed: 0,
  unlabeled: 0,
};

/** One answer of DescribeLabelingJob. Times in milliseconds since the epoch, all from the service. */
export type Observation = {
  kind: 'observed';
  /** As the service spells it. */
  name: string;
  arn: string;
  status: string;
  counters: LabelCounters;
  failureReason: string | null;
  createdAtMs: number;
  lastModifiedAtMs: number;
  /** The Date header of the answer: the service's own clock. */
  serviceNowMs: number;
  outputManifestUri: string | null;
  finalModelArn: string | null;
  /** Who a stop of ours was for, as the job's tag says; absent without such a tag. */
  stopTag?: StopRequest['by'];
};

/** Who asked us to stop a job: a person (stop, cancel) or the hand-over before its deadline. */
export type StopRequest = { by: 'person' | 'hand-over'; requestedAtMs: number };

/** How a labeling job ended, or why it never began. */
export type Ending =
  | {
      kind: 'ended';
      status: TerminalStatus;
      observation: Observation;
      stop: StopRequest | null;
      /** Declines seen in worker events; an estimate, 0 when worker events are off. */
      declines: number;
    }
  | { kind: 'not-created'; why: NotCreated; observedAtMs: number | null }
  /** Describe says that there is no such job although it was created. */
  | { kind: 'gone'; name: string; observedAtMs: number | null };

export type NotCreated =
  | { kind: 'stop-requested' }
  /** AWS refused the request for good. */
  | { kind: 'refused'; error: string; message: string }
  /** A job of this name exists and is not ours (tags or manifest differ). */
  | { kind: 'name-taken'; message: string }
  /** Labels were published while it waited to be created, so that its input may hold objects that have one now (I1), or the chain had gone on without it before a reset (I3). */
  | { kind: 'outdated'; message: string }
  /** The chain was amended before it was known to exist, and it does not: the next one holds to the amendment (I6). */
  | { kind: 'amended' };
