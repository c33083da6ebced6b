/**
 * The report on a chain as plain data: everything that the HTML, Markdown and JSON forms say. Pure; what it is made from
 * is collected in `collect.ts`.
 */
import type { ObjectsSummary } from '../activities/report.ts';
import { outcomeWord, type ChainDocument, type JobDocument } from '../decisions/view.ts';
import type { JobView, WorkerTotals } from '../workflows/messages.ts';
import { summaryOf, wordsOf } from './words.ts';

/** How many objects of the dataset had a label at a time (ISO 8601, the service's clock). */
export type ProgressPoint = { at: string; labeled: number };

export type JobReport = JobDocument & {
  /** Labels in the dataset that this job brought, late ones included; of a live job those that AWS has counted. */
  labels: number;
  /** What its work team did, from worker events: estimates. Null if nothing was heard. */
  workers: WorkerTotals | null;
  /** When AWS ends it at the latest; null for a streaming job, or where its workflow cannot be asked any more. */
  deadline: string | null;
  /** When it would be done at its rate so far; only for a live job. */
  forecastEnd: string | null;
  webUrl: string | null;
};

export type Report = {
  chain: string;
  /** By this machine's clock. */
  madeAt: string;
  /** One sentence: how far, and why it stopped. */
  summary: string;
  /** What happened, a sentence for each step. */
  words: string[];
  status: ChainDocument['status'];
  reason: string | null;
  objects: ChainDocument['objects'];
  /** Labels that came with the manifest. */
  labeledBefore: number;
  progress: ProgressPoint[];
  /** Jobs that ran into the end of their lifetime, and when. */
  expiries: { generation: number; at: string }[];
  jobs: JobReport[];
  outcomes: { outcome: string; jobs: number; labels: number }[];
  /** Null where they could not be read; `notes` says why. */
  objectsSummary: ObjectsSummary | null;
  attention: ChainDocument['attention'];
  cost: ChainDocument['cost'];
  objectsSent: number;
  finalManifest: string | null;
  leftoverReport: string | null;
  webUrl: string | null;
  /** What could not be read, and why. */
  notes: string[];
};

export type ReportSources = {
  document: ChainDocument;
  /** By generation; a job whose workflow cannot be asked has none. */
  views: ReadonlyMap<number, JobView>;
  jobUrls: ReadonlyMap<number, string>;
  objects: ObjectsSummary | null;
  notes: string[];
  madeAtMs: number;
};

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

/** The labels of each job: exact from the object states, else what its merge counted; before its merge what AWS counts. */
const labelsByJob = (
  { jobs, objects }: ChainDocument,
  summary: ObjectsSummary | null,
): { before: number; of: (job: JobDocument) => number } => {
  if (summary !== null) {
    const labels = new Map(summary.labels.map((row) => [row.generation, row.labels]));
    return { before: labels.get(0) ?? 0, of: (job) => notMerged(job) ?? labels.get(job.generation) ?? 0 };
  }
  const brought = jobs.reduce((sum, job) => sum + job.newLabels, 0);
  return { before: Math.max(0, objects.labeled - brought), of: (job) => notMerged(job) ?? job.newLabels };
};

/** The labels that AWS counts of a job that is merged into no dataset, or not yet; null: it is merged, or is gone. */
const notMerged = ({ outcome, labeled }: JobDocument): number | null =>
  outcome === null || outcome === 'streaming' ? labeled : null;

const progressOf = (
  document: ChainDocument,
  views: ReadonlyMap<number, JobView>,
  labels: { before: number; of: (job: JobDocument) => number },
): ProgressPoint[] => {
  const points: ProgressPoint[] = [];
  let labeled = labels.before;
  for (const job of document.jobs) {
    if (job.createdAt === null) continue;
    points.push({ at: job.createdAt, labeled });
    const view = views.get(job.generation);
    const brought = labels.of(job);
    for (const { atMs, done } of view?.samples ?? []) {
      const at = iso(atMs);
      // A sample counts failed objects as done too; no point may lie above what the job brought in the end.
      if (at > job.createdAt && (job.endedAt === null || at < job.endedAt)) {
        points.push({ at, labeled: labeled + Math.min(done, brought) });
      }
    }
    labeled += brought;
    const observedMs = view?.observation?.serviceNowMs;
    const endAt = job.endedAt ?? (observedMs === undefined ? null : iso(observedMs));
    if (endAt !== null) points.push({ at: endAt, labeled });
  }
  return points;
};

const outcomesOf = (jobs: readonly JobReport[]): Report['outcomes'] => {
  const rows = new Map<string, { outcome: string; jobs: number; labels: number }>();
  for (const job of jobs) {
    const outcome = outcomeWord(job);
    const row = rows.get(outcome) ?? { outcome, jobs: 0, labels: 0 };
    rows.set(outcome, { ...row, jobs: row.jobs + 1, labels: row.labels + job.labels });
  }
  return [...rows.values()];
};

const heardWorkers = (view: JobView | undefined): WorkerTotals | null =>
  view === undefined || view.workers.lastActivityMs === null ? null : view.workers;

export const reportOf = (sources: ReportSources): Report => {
  const { document, views, jobUrls, objects: summary } = sources;
  const labels = labelsByJob(document, summary);
  const jobs = document.jobs.map((job): JobReport => {
    const view = views.get(job.generation);
    return {
      ...job,
      labels: labels.of(job),
      workers: heardWorkers(view),
      deadline: isoOrNull(view?.deadlineMs ?? null),
      forecastEnd: outcomeWord(job) === 'live' ? isoOrNull(view?.forecastEndMs ?? null) : null,
      webUrl: jobUrls.get(job.generation) ?? null,
    };
  });
  const report: Report = {
    chain: document.chain,
    madeAt: iso(sources.madeAtMs),
    summary: '',
    words: [],
    status: document.status,
    reason: document.reason,
    objects: document.objects,
    labeledBefore: labels.before,
    progress: progressOf(document, views, labels),
    expiries: jobs.flatMap(({ generation, outcome, endedAt }) =>
      outcome === 'expired' && endedAt !== null ? [{ generation, at: endedAt }] : [],
    ),
    jobs,
    outcomes: outcomesOf(jobs),
    objectsSummary: summary,
    attention: document.attention,
    cost: document.cost,
    objectsSent: document.objectsSent,
    finalManifest: document.finalManifest,
    leftoverReport: document.leftoverReport,
    webUrl: document.webUrl,
    notes: sources.notes,
  };
  return { ...report, summary: summaryOf(report), words: wordsOf(report) };
};
