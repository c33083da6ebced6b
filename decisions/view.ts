/**
 * What people and programs see of a chain: the document of `show --json` (DESIGN section 8), made from the chain's state
 * and, for a live job, from what its own workflow knows.
 */
import { countersOf, type ChainState, type Generation } from './chain-state.ts';
import type { Observation } from './ending.ts';
import { committedCost, objectsSent } from './spending.ts';

export type ChainStatus = 'running' | 'attention' | 'labeled' | 'finished' | 'stopped' | 'failed';

export type JobDocument = {
  generation: number;
  name: string;
  arn: string | null;
  /** AWS's word, or `Deciding`, `NotCreated`, `Gone`. */
  status: string;
  outcome: string | null;
  /** ISO 8601, the service's clock. */
  createdAt: string | null;
  endedAt: string | null;
  labeled: number;
  failed: number;
  unlabeled: number;
  failureReason: string | null;
  /** Objects that workers were to see; null if not known. */
  sent: number | null;
  newLabels: number;
  note: string | null;
};

export type ChainDocument = {
  chain: string;
  status: ChainStatus;
  reason: string | null;
  generation: number;
  objects: { total: number; labeled: number; remaining: number; setAside: number; doubled: number };
  jobs: JobDocument[];
  attention: { reason: string; message: string; actions: string[]; since: string | null } | null;
  finalManifest: string | null;
  leftoverReport: string | null;
  webUrl: string | null;
  cost: { committed: number; currency: string } | null;
  objectsSent: number;
};

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** Of a chain without an end whose last workflow only wrote an amendment. */
export const amendedText = (chain: string): string =>
  `it was amended after its workflow had been terminated or had failed; go on by: label-relay resume ${chain}`;

export const statusOf = (state: ChainState): ChainStatus => {
  if (state.end !== null) return state.end.status;
  return state.attention === null ? 'running' : 'attention';
};

const jobDocument = (job: Generation): JobDocument => {
  const counters = countersOf(job);
  return {
    generation: job.generation,
    name: job.name,
    arn: job.arn,
    status: job.status,
    outcome: job.outcome,
    createdAt: iso(job.createdAtMs),
    endedAt: iso(job.endedAtMs),
    labeled: counters.totalLabeled,
    failed: counters.failed,
    unlabeled: counters.unlabeled,
    failureReason: job.failureReason,
    sent: job.input?.sentObjects ?? null,
    newLabels: job.newLabels,
    note: job.input?.note ?? null,
  };
};

/** The live job as its own workflow saw it last. */
export const withLiveJob = (state: ChainState, live: Observation | null): ChainState => {
  const { phase } = state;
  if (live === null || phase.kind !== 'job') return state;
  return {
    ...state,
    generations: state.generations.map((job) =>
      job.generation === phase.generation
        ? {
            ...job,
            arn: live.arn,
            status: live.status,
            createdAtMs: live.createdAtMs,
            counters: live.counters,
            failureReason: live.failureReason,
          }
        : job,
    ),
  };
};

/** Labels by AWS's count that are in no dataset yet: of the live job, and of one that ended and is not merged. */
export const unmergedLabels = ({ outcome, labeled }: Pick<JobDocument, 'outcome' | 'labeled'>): number =>
  outcome === null ? labeled : 0;

/** What became of a job, in one word, also while nothing has. */
export const outcomeWord = ({ outcome, endedAt }: Pick<JobDocument, 'outcome' | 'endedAt'>): string =>
  outcome ?? (endedAt === null ? 'live' : 'merging');

export const chainDocument = (state: ChainState, webUrl: string | null): ChainDocument => {
  const { dataset, attention, end } = state;
  const committed = committedCost(state);
  return {
    chain: state.chain,
    status: statusOf(state),
    reason: end?.reason ?? attention?.message ?? state.hindrance ?? null,
    generation: state.generations.at(-1)?.generation ?? 0,
    objects: {
      total: dataset?.total ?? 0,
      labeled: dataset?.labeled ?? 0,
      remaining: dataset?.remaining ?? 0,
      setAside: dataset?.setAside ?? 0,
      doubled: dataset?.doubled ?? 0,
    },
    jobs: state.generations.map(jobDocument),
    attention:
      attention === null
        ? null
        : {
            reason: attention.reason,
            message: attention.message,
            actions: attention.actions,
            since: iso(attention.sinceMs),
          },
    finalManifest: end?.finalManifestUri ?? null,
    leftoverReport: end?.leftoverReportUri ?? null,
    webUrl,
    cost: committed === null ? null : { committed, currency: state.spec.policy.price?.currency ?? '' },
    objectsSent: objectsSent(state),
  };
};
