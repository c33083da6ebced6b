import { progressChart } from '../../report/charts.ts';
import { markdownOf } from '../../report/markdown.ts';
import { pageOf } from '../../report/page.ts';
import { percentText } from '../../report/words.ts';
import { emptyDocument, hostileReport, job, longReport, report } from './reports.ts';

describe('the document', () => {
  test('labels of a job are those of the object states, late ones included, and the manifest has its own', () => {
    const made = report(
      {
        objects: { total: 10, labeled: 9, remaining: 1, setAside: 0, doubled: 0 },
        jobs: [job(1, { newLabels: 3 }), job(2, { newLabels: 4, outcome: 'leftovers' })],
      },
      {
        byAttempts: [],
        reasons: [],
        labels: [
          { generation: 0, labels: 1 },
          { generation: 1, labels: 4 },
          { generation: 2, labels: 4 },
        ],
        setAside: [],
        setAsideTotal: 0,
      },
    );
    expect(made.labeledBefore).toBe(1);
    expect(made.jobs.map(({ labels }) => labels)).toEqual([4, 4]);
    expect(made.progress.at(-1)?.labeled).toBe(9);
    expect(made.words.join('\n')).toContain('1 of them had a label before the first job');
  });

  test('progress never falls, and no sample lies above what its job brought in the end', () => {
    const made = report(
      {
        objects: { total: 100, labeled: 20, remaining: 80, setAside: 0, doubled: 0 },
        jobs: [job(1, { newLabels: 20, labeled: 20 })],
      },
      null,
      {
        views: new Map([
          [
            1,
            {
              name: 'segments-abcde-001',
              generation: 1,
              observation: null,
              stop: null,
              deadlineMs: null,
              forecastEndMs: null,
              samples: [
                { atMs: Date.parse('2026-01-02T00:00:00Z'), done: 5 },
                { atMs: Date.parse('2026-01-20T00:00:00Z'), done: 35 },
              ],
              describes: 3,
              events: 0,
              workers: {
                accepted: 0,
                submitted: 0,
                declined: 0,
                returned: 0,
                activeWorkers: null,
                lastActivityMs: null,
              },
            },
          ],
        ]),
      },
    );
    expect(made.progress.map(({ labeled }) => labeled)).toEqual([0, 5, 20, 20]);
  });

  test('a job that ended and is not merged yet is counted with what AWS has counted, and called so', () => {
    const merging = job(1, { status: 'Completed', outcome: null, labeled: 95 });
    const document = { objects: { ...emptyDocument.objects, total: 100, remaining: 100 }, jobs: [merging] };
    const { summary, words, outcomes, progress } = report(document);
    expect(summary).toContain("95 labels of the last job by AWS's count are not merged yet");
    expect(words.join(' ')).toContain('brought 95 labels in 29d 23h, and its labels are being merged');
    expect(outcomes).toEqual([{ outcome: 'merging', jobs: 1, labels: 95 }]);
    expect(progress.at(-1)?.labeled).toBe(95);
    expect(markdownOf(report(document))).toMatch(/\| Completed \| merging \|/);
  });

  test('a job that is gone is no live one: its labels are nowhere, and it will not be done', () => {
    const gone = job(1, { status: 'Gone', outcome: 'gone', endedAt: null, labeled: 60 });
    const objects = { ...emptyDocument.objects, total: 100, labeled: 100 };
    const { words, progress, jobs } = report({ objects, jobs: [gone, job(2, { outcome: 'labeled', newLabels: 100 })] });
    expect(words.join(' ')).toContain('brought 0 labels, and then AWS no longer knew it.');
    expect(progress.map(({ labeled }) => labeled)).toEqual([0, 0, 100]);
    expect(jobs[0]?.forecastEnd).toBeNull();
  });

  test('a streaming job has the labels that AWS counts, while it lives and after; its chart is no taller than others', async () => {
    for (const change of [{ outcome: null, endedAt: null }, { outcome: 'streaming' }]) {
      const streaming = report({ jobs: [job(1, { ...change, status: 'InProgress', labeled: 5_000, sent: null })] });
      expect(streaming.jobs[0]?.labels).toBe(5_000);
      const chart = (await progressChart(streaming)) ?? '';
      expect(Number(/viewBox="0 0 \d+ (\d+)"/.exec(chart)?.[1])).toBeLessThan(400);
    }
  });

  test('a live job is counted with what AWS has counted, in the summary, the progress and the outcomes', () => {
    const made = report({
      objects: { total: 100, labeled: 20, remaining: 80, setAside: 0, doubled: 0 },
      jobs: [job(1, { newLabels: 20 }), job(2, { status: 'InProgress', outcome: null, endedAt: null, labeled: 1 })],
    });
    expect(made.summary).toBe(
      'The chain is running: 20 of 100 objects are labeled (20 %), 80 remain after 1 labeling job; the live job has 1 label so far.',
    );
    expect(made.outcomes).toEqual([
      { outcome: 'expired', jobs: 1, labels: 20 },
      { outcome: 'live', jobs: 1, labels: 1 },
    ]);
  });

  test.each([
    [0, 10, '0 %'],
    [1, 10_000, 'less than 1 %'],
    [9_999, 10_000, '99 %'],
    [10, 10, '100 %'],
    [0, 0, '0 %'],
  ])('%i of %i is %s', (done, total, text) => {
    expect(percentText(done, total)).toBe(text);
  });
});

describe('the page', () => {
  test('stands alone: nothing is loaded, no script runs', async () => {
    const page = await pageOf(longReport());
    expect(page).toContain(`default-src 'none'`);
    expect(page).not.toMatch(/<script|<link|<img|@import|url\(|src=/);
  });

  test('has a bar for each of 24 generations and a mark for each expiry, with 0 labels', async () => {
    const made = longReport();
    const page = await pageOf(made);
    expect(made.expiries).toHaveLength(24);
    expect(page).toContain('Labeled objects over time: 0 of 5000; 24 jobs expired');
    expect(page).toContain('Timeline of 24 labeling jobs');
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  test('writes the hours of its charts as those of its sentences, and stretches a short chain over the whole width', async () => {
    const page = await pageOf(
      report({
        objects: { total: 9, labeled: 9, remaining: 0, setAside: 0, doubled: 0 },
        jobs: [job(1, { createdAt: '2026-11-29T21:41:00.000Z', endedAt: '2026-11-29T21:57:00.000Z', newLabels: 9 })],
      }),
    );
    const times = [...page.matchAll(/>(\d\d:\d\d)</g)].map(([, time]) => time);
    expect(times).toContain('21:45');
    expect(times.every((time) => time !== undefined && time >= '21:41' && time <= '21:57')).toBe(true);
  });

  test('shows a command to copy apart from what it is for', async () => {
    const actions = ['label-relay resume birds  to go on', 'look at the portal'];
    const asked = report({ attention: { reason: 'no-progress', message: 'nobody', actions, since: null } });
    expect(await pageOf(asked)).toContain(
      '<li><code>label-relay resume birds</code> to go on</li><li>look at the portal</li>',
    );
    expect(markdownOf(asked)).toContain('- `label-relay resume birds` to go on\n- look at the portal\n');
  });

  test('says why a job was given less than there was', () => {
    const made = report({ jobs: [job(1, { sent: 15, note: 'a smaller slice, so that policy.maxCost holds' })] });
    expect(made.words[0]).toContain('was given 15 objects (a smaller slice, so that policy.maxCost holds) on ');
  });

  test('says that there is no job yet, and draws nothing', async () => {
    const page = await pageOf(report(emptyDocument));
    expect(page).toContain('No labeling job exists yet.');
    expect(page).not.toContain('<svg');
  });

  test('text from outside stays text', async () => {
    const page = await pageOf(hostileReport());
    expect(page).not.toMatch(/<script|<img|href="javascript/);
    expect(page).toContain('&lt;script&gt;');
  });
});

test('Markdown keeps text from outside in its cell', () => {
  const rows = markdownOf(hostileReport())
    .split('\n')
    .filter((line) => line.startsWith('| 1 |'));
  expect(rows).toHaveLength(3);
  for (const row of rows) expect(row).not.toMatch(/[^\\]<script/);
});
