/** What went wrong with the jobs of a world and with their outputs, as it came about and not as the scenario planned it. */
import { DAY_MS } from '../../decisions/durations.ts';
import type { GroundTruth } from '../../simulator/ground-truth.ts';
import type { LabelingJob } from '../../simulator/labeling-job.ts';
import type { LedgerRecord } from '../../simulator/ledger.ts';

const TERMINAL = ['Completed', 'Failed', 'Stopped'];

type Fault = (job: LabelingJob, records: readonly LedgerRecord[]) => boolean;

const isPublished = (records: readonly LedgerRecord[]): boolean => records.some(({ kind }) => kind === 'published');

const endOf = (records: readonly LedgerRecord[]): Extract<LedgerRecord, { kind: 'status' }> | undefined =>
  records.flatMap((record) => (record.kind === 'status' && TERMINAL.includes(record.to) ? [record] : []))[0];

const FAULTS = {
  failed: (_job, records) => endOf(records)?.to === 'Failed',
  stoppedByOthers: (_job, records) =>
    records.some((record) => record.kind === 'stop-requested' && record.by === 'script'),
  expired: (job, records) => (endOf(records)?.atMs ?? 0) - job.createdMs >= 30 * DAY_MS,
  /** It was sent to workers, and nobody ever took a task of it. */
  silent: (_job, records) =>
    records.some(({ kind }) => kind === 'sent') && !records.some(({ kind }) => kind === 'answer'),
  declined: (_job, records) => records.some((record) => record.kind === 'answer' && record.action === 'declined'),
  outputLate: (_job, records) => {
    const end = endOf(records);
    return end !== undefined && records.some((record) => record.kind === 'published' && record.atMs > end.atMs);
  },
  outputPartial: ({ rules }, records) => (rules.output?.short ?? 1) < 1 && isPublished(records),
  outputMissing: ({ rules }, records) =>
    rules.output?.missing === true && records.some(({ kind }) => kind === 'labeled'),
  outputReserialised: ({ rules }, records) =>
    (rules.output?.serialization ?? 'bytes') !== 'bytes' && isPublished(records),
  outputShuffled: ({ rules }, records) => rules.output?.shuffled === true && isPublished(records),
} satisfies Record<string, Fault>;

/** By fault, how many jobs had it. */
export const faultsOfJobs = ({ jobs, ledger }: GroundTruth): Record<string, number> => {
  const byJob = Map.groupBy(ledger.records, ({ job }) => job);
  return Object.fromEntries(
    Object.entries(FAULTS).map(([name, has]) => [
      name,
      jobs.filter((job) => has(job, byJob.get(job.name) ?? [])).length,
    ]),
  );
};
