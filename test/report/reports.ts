/** Reports for tests: a chain of many generations, one with nothing, one with hostile text. */
import type { ObjectsSummary } from '../../activities/report.ts';
import type { ChainDocument, JobDocument } from '../../decisions/view.ts';
import { reportOf, type Report, type ReportSources } from '../../report/document.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.parse('2026-01-01T00:00:00Z');

export const emptyDocument: ChainDocument = {
  chain: 'segments',
  status: 'running',
  reason: null,
  generation: 0,
  objects: { total: 0, labeled: 0, remaining: 0, setAside: 0, doubled: 0 },
  jobs: [],
  attention: null,
  finalManifest: null,
  leftoverReport: null,
  webUrl: null,
  cost: null,
  objectsSent: 0,
};

export const job = (generation: number, change: Partial<JobDocument> = {}): JobDocument => ({
  generation,
  name: `segments-abcde-${String(generation).padStart(3, '0')}`,
  arn: null,
  status: 'Failed',
  outcome: 'expired',
  createdAt: new Date(START_MS + (generation - 1) * 30 * DAY_MS).toISOString(),
  endedAt: new Date(START_MS + generation * 30 * DAY_MS - 3_600_000).toISOString(),
  labeled: 0,
  failed: 0,
  unlabeled: 5_000,
  failureReason: null,
  sent: 5_000,
  newLabels: 0,
  note: null,
  ...change,
});

export const report = (
  document: Partial<ChainDocument>,
  objects: ObjectsSummary | null = null,
  sources: Partial<ReportSources> = {},
): Report =>
  reportOf({
    document: { ...emptyDocument, ...document },
    views: new Map(),
    jobUrls: new Map(),
    objects,
    notes: [],
    madeAtMs: START_MS + 800 * DAY_MS,
    ...sources,
  });

/** 24 jobs, each 30 days, none with a label. */
export const longReport = (): Report =>
  report({
    generation: 24,
    objects: { total: 5_000, labeled: 0, remaining: 5_000, setAside: 0, doubled: 0 },
    jobs: Array.from({ length: 24 }, (_, index) => job(index + 1)),
  });

/** A chain with a bit of everything: an expiry, a failure, set-aside objects, workers, a price. */
export const demoReport = (): Report => {
  const tasksExpired = 'ClientError: Annotation tasks expired. Probable reasons are …';
  return report(
    {
      chain: 'birds',
      status: 'labeled',
      reason: 'nothing remains; 2 objects were set aside',
      generation: 3,
      objects: { total: 120, labeled: 118, remaining: 0, setAside: 2, doubled: 1 },
      jobs: [
        job(1, { status: 'Stopped', sent: 120, labeled: 60, newLabels: 60 }),
        job(2, {
          outcome: 'failed-transient',
          endedAt: '2026-02-09T04:00:00.000Z',
          failureReason: 'InternalServerError: Please try again.',
          sent: 60,
          labeled: 22,
          newLabels: 22,
        }),
        job(3, {
          status: 'Completed',
          outcome: 'labeled',
          createdAt: '2026-02-09T10:00:00.000Z',
          endedAt: '2026-02-21T08:00:00.000Z',
          sent: 38,
          labeled: 36,
          newLabels: 36,
        }),
      ],
      cost: { committed: 15.34, currency: 'USD' },
      objectsSent: 218,
      finalManifest: 's3://label-relay/labels/birds/final/0003/final.manifest',
      leftoverReport: 's3://label-relay/labels/birds/final/0003/leftovers.jsonl',
    },
    {
      byAttempts: [
        { attempts: 0, labeled: 101, remaining: 0, setAside: 0 },
        { attempts: 1, labeled: 17, remaining: 0, setAside: 0 },
        { attempts: 3, labeled: 0, remaining: 0, setAside: 2 },
      ],
      reasons: [{ reason: tasksExpired, objects: 2, setAside: 2 }],
      labels: [
        { generation: 1, labels: 60 },
        { generation: 2, labels: 22 },
        { generation: 3, labels: 36 },
      ],
      setAside: [3, 9].map((line) => ({
        line,
        text: `{"source-ref":"s3://birds/meadow/000${line}-blurred.jpg"}`,
        attempts: 3,
        lastReason: tasksExpired,
        jobs: ['segments-abcde-001', 'segments-abcde-002', 'segments-abcde-003'],
      })),
      setAsideTotal: 2,
    },
  );
};

const hostile = '<script>document.title="owned"</script><img src=x onerror=alert(1)>|`*';

/** A chain whose every text from outside tries to be markup. */
export const hostileReport = (): Report =>
  report(
    {
      status: 'attention',
      objects: { total: 1, labeled: 0, remaining: 0, setAside: 1, doubled: 0 },
      jobs: [job(1, { failureReason: hostile, outcome: 'failed-input', name: hostile })],
      attention: { reason: 'failed-input', message: hostile, actions: [hostile], since: null },
      webUrl: `javascript:alert(1)//${hostile}`,
      leftoverReport: `s3://bucket/${hostile}`,
    },
    {
      byAttempts: [{ attempts: 3, labeled: 0, remaining: 0, setAside: 1 }],
      reasons: [{ reason: hostile, objects: 1, setAside: 1 }],
      labels: [],
      setAside: [{ line: 1, text: hostile, attempts: 3, lastReason: hostile, jobs: [hostile] }],
      setAsideTotal: 1,
    },
    { notes: [hostile] },
  );
