/** What the ledger says of one chain beyond I1, I2 and I3: stops (I5), caps (I6), second labels, jobs that still live. */
import type { LedgerRecord } from '../../simulator/ledger.ts';
import type { Accepted } from './operator.ts';

const TERMINAL: readonly string[] = ['Completed', 'Failed', 'Stopped'];

/** I5: between an accepted stop and the next resume at most the one job is created that was under way, and it is asked to stop or ends. */
export const stopProblems = (ledger: readonly LedgerRecord[], accepted: readonly Accepted[]): string[] =>
  accepted.flatMap((stop, index) => {
    if (stop.kind !== 'stop') return [];
    const untilMs = accepted.slice(index + 1).find(({ kind }) => kind === 'resume')?.atMs ?? Infinity;
    const created = ledger.filter(({ kind, atMs }) => kind === 'created' && atMs > stop.atMs && atMs < untilMs);
    const problems = created.length > 1 ? [`${created.length} jobs were created after a stop was accepted`] : [];
    for (const { job } of created) {
      const isOver = ledger.some(
        (one) =>
          one.job === job && (one.kind === 'stop-requested' || (one.kind === 'status' && TERMINAL.includes(one.to))),
      );
      if (!isOver) problems.push(`${job} was created after a stop and never asked to stop`);
    }
    return problems;
  });

/** I6: never more objects sent than the highest cap that the chain had. */
export const capProblems = (ledger: readonly LedgerRecord[], cap: number | undefined): string[] => {
  const sent = ledger.reduce(
    (sum, record) => sum + (record.kind === 'started' ? record.unlabeledIndices.length : 0),
    0,
  );
  return cap !== undefined && sent > cap ? [`${sent} objects were sent, the cap was ${cap}`] : [];
};

/** Jobs that have not ended. */
export const liveJobs = (ledger: readonly LedgerRecord[]): string[] => {
  const live = new Set<string>();
  for (const record of ledger) {
    if (record.kind === 'created') live.add(record.job);
    if (record.kind === 'status' && TERMINAL.includes(record.to)) live.delete(record.job);
  }
  return [...live];
};

/** How often each kind of record occurs, and how many labels became readable. */
export const totalsOf = (
  ledger: readonly LedgerRecord[],
): { jobs: number; labels: number; events: number; eventsDropped: number; answers: number } => ({
  jobs: ledger.filter(({ kind }) => kind === 'created').length,
  labels: ledger.reduce((sum, record) => sum + (record.kind === 'published' ? record.newlyReadable.length : 0), 0),
  answers: ledger.filter((record) => record.kind === 'answer' && record.action === 'submitted').length,
  events: ledger.filter((record) => record.kind === 'event' && !record.dropped).length,
  eventsDropped: ledger.filter((record) => record.kind === 'event' && record.dropped).length,
});
