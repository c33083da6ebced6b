/** What the client API takes and gives. */
import type { Client } from '@temporalio/client';
import type { Preflight } from '../activities/preflight.ts';
import type { AttentionReason } from '../decisions/attention.ts';
import type { Spec } from '../decisions/spec.ts';
import type { ChainDocument, ChainStatus } from '../decisions/view.ts';
import type { JobView } from '../workflows/messages.ts';

export type LabelRelayOptions = {
  client: Client;
  /** Default `label-relay`. */
  taskQueue?: string;
  /** Address of the Temporal Web UI, for links; null or left out: no links. */
  webUrl?: string | null;
  /** How long a command that needs a worker waits for one to poll, in milliseconds. Default 60 s. */
  workerWaitMs?: number;
};

export type StartOptions = {
  /** Warnings of the preflight stop the start too. */
  strict?: boolean;
  /** Only check. */
  dryRun?: boolean;
};

/** `started` is false after a dry run. */
export type Started = { chain: string; preflight: Preflight; started: boolean; webUrl: string | null };

/** Changes to a chain: `{ job, policy }` with only what changes, and a manifest (an `s3://` URI) of further objects. */
export type Change = { changes?: unknown; manifestUri?: string };

export type AdoptOptions = StartOptions & {
  chain: string;
  /** The `policy` part of a spec. */
  policy?: unknown;
  /** The dataset, an `s3://` URI; default: the job's own input. It must hold all of the job's objects. */
  datasetUri?: string;
};

/** A chain as the list shows it. `remaining`: objects that are neither labeled nor set aside. */
export type ChainSummary = {
  chain: string;
  status: ChainStatus;
  generation: number;
  remaining: number;
  /** Why it waits for a person. */
  attention: string | null;
  /** The name of its latest labeling job. */
  job: string | null;
  /** The ARN of its work team. */
  workTeam: string | null;
  webUrl: string | null;
};

/** Chains that fit all that is given. */
export type ListFilter = {
  status?: ChainStatus;
  /** Chains that wait for a person: all of them, or those with this reason. */
  attention?: true | AttentionReason;
  /** The ARN of a work team, or its name. */
  workTeam?: string;
  /** Chains whose name contains this. */
  text?: string;
};

/** A chain with what its live job knows beside it. */
export type ChainDetail = { document: ChainDocument; live: JobView | null; spec: Spec | null };

export type WatchOptions = {
  /** Ends the watching; the chain goes on. */
  signal?: AbortSignal;
  /** How often the chain is looked at, in milliseconds. Default 1 s. */
  pollMs?: number;
  /** What was last seen, from an earlier watch: nothing is yielded until there is something new. */
  after?: ChainDetail;
  /** How long Temporal may be unreachable before the watching fails, in milliseconds. Default 5 min. */
  outageMs?: number;
};

/** Whose events are believed; left out: everybody's, since a person sends these. */
export type SendOptions = { accounts?: readonly string[]; regions?: readonly string[] };
