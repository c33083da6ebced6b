/** The report as one page: everything inside, nothing loaded, light and dark. Escapes all that came from outside. */
import { attemptsChart, jobTone, jobsChart, progressChart } from './charts.ts';
import { actionParts } from '../decisions/attention.ts';
import { formatDuration } from '../decisions/durations.ts';
import type { JobReport, Report } from './document.ts';
import { style } from './page-style.ts';
import { dayText, percentText, plural } from './words.ts';

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
export const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (found) => escapes[found] ?? found);

const SHORT = 140;

const number = (value: number): string => value.toLocaleString('en-US');

/** Only addresses of web pages become links. */
const link = (url: string | null, text: string): string =>
  url !== null && /^https?:\/\//.test(url) ? `<a href="${escapeHtml(url)}">${escapeHtml(text)}</a>` : escapeHtml(text);

type Cell = { html: string; isNumber?: boolean };
const text = (value: string | null): Cell => ({ html: escapeHtml(value ?? '') });
/** The whole text stands where the pointer rests. */
const shortened = (value: string | null): Cell =>
  value === null || value.length <= SHORT
    ? text(value)
    : { html: `<span title="${escapeHtml(value)}">${escapeHtml(value.slice(0, SHORT - 1))}…</span>` };
const count = (value: number | null): Cell => ({ html: value === null ? '' : number(value), isNumber: true });

const table = (head: readonly string[], rows: readonly Cell[][]): string => {
  const isNumber = (index: number): boolean => rows[0]?.[index]?.isNumber === true;
  const heads = head.map((title, index) => `<th${isNumber(index) ? ' class="n"' : ''}>${escapeHtml(title)}</th>`);
  const body = rows.map(
    (row) =>
      `<tr>${row.map(({ html, isNumber: n }) => `<td${n === true ? ' class="n"' : ''}>${html}</td>`).join('')}</tr>`,
  );
  return `<div class="wide"><table><thead><tr>${heads.join('')}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`;
};

const section = (title: string, ...parts: (string | null)[]): string => {
  const kept = parts.filter((part) => part !== null && part !== '');
  return kept.length === 0 ? '' : `<section><h2>${escapeHtml(title)}</h2>\n${kept.join('\n')}</section>`;
};

const legend = (entries: readonly (readonly [string, string])[]): string =>
  `<p class="legend">${entries.map(([tone, name]) => `<span><i style="background:var(--${tone})"></i>${escapeHtml(name)}</span>`).join('')}</p>`;

const figures = ({ objects, jobs, cost, objectsSent }: Report): string => {
  const entries: [string, string][] = [
    [percentText(objects.labeled, objects.total), `labeled: ${number(objects.labeled)} of ${number(objects.total)}`],
    [number(objects.remaining), 'remaining'],
    [number(objects.setAside), 'set aside'],
    [number(jobs.length), jobs.length === 1 ? 'labeling job' : 'labeling jobs'],
    [number(objectsSent), 'objects sent to workers'],
  ];
  if (cost !== null) entries.push([`${cost.committed.toFixed(2)} ${cost.currency}`, 'committed, an estimate']);
  return `<dl class="figures">${entries.map(([value, name]) => `<div><dd>${escapeHtml(value)}</dd><dt>${escapeHtml(name)}</dt></div>`).join('')}</dl>`;
};

const actionHtml = (action: string): string => {
  const { command, text: words } = actionParts(action);
  return command === null ? escapeHtml(words) : `<code>${escapeHtml(command)}</code> ${escapeHtml(words)}`;
};

const attentionBox = ({ attention }: Report): string =>
  attention === null
    ? ''
    : `<div class="asked"><strong>A person is asked: ${escapeHtml(attention.message)}</strong>${attention.since === null ? '' : ` <span class="quiet">since ${dayText(attention.since)}</span>`}<ul>${attention.actions.map((action) => `<li>${actionHtml(action)}</li>`).join('')}</ul></div>`;

const lived = ({ createdAt, endedAt }: JobReport): string =>
  createdAt === null || endedAt === null ? '' : formatDuration(Date.parse(endedAt) - Date.parse(createdAt));

const jobsTable = (report: Report): string =>
  table(
    ['job', 'name', 'outcome', 'created', 'lived', 'sent', 'labels', 'failed'],
    report.jobs.map((job) => [
      count(job.generation),
      { html: `<span class="whole">${link(job.webUrl, job.name)}</span>` },
      {
        html: `<span class="whole"><i class="dot" style="background:var(--${jobTone(job)})"></i>${escapeHtml(job.outcome ?? job.status)}</span>`,
      },
      { html: `<span class="whole">${job.createdAt === null ? '' : dayText(job.createdAt)}</span>` },
      { html: `<span class="whole">${lived(job)}</span>` },
      count(job.sent),
      count(job.labels),
      count(job.failed),
    ]),
  );

const workersSection = (report: Report): string => {
  const heard = report.jobs.flatMap((job) => (job.workers === null ? [] : [{ job, workers: job.workers }]));
  if (heard.length === 0) {
    return section(
      'Worker activity',
      '<p class="quiet">Nothing was heard of workers: worker events are off, or none came.</p>',
    );
  }
  return section(
    'Worker activity',
    '<p class="quiet">From worker events, which AWS sends on a best-effort basis: estimates.</p>',
    table(
      ['job', 'accepted', 'submitted', 'declined', 'returned', 'active workers', 'last seen'],
      heard.map(({ job, workers }) => [
        count(job.generation),
        count(workers.accepted),
        count(workers.submitted),
        count(workers.declined),
        count(workers.returned),
        count(workers.activeWorkers),
        text(workers.lastActivityMs === null ? null : dayText(new Date(workers.lastActivityMs).toISOString())),
      ]),
    ),
  );
};

const setAsideSection = (report: Report): string => {
  const summary = report.objectsSummary;
  if (summary === null || summary.setAsideTotal === 0) return '';
  const { setAside, setAsideTotal } = summary;
  const more = setAsideTotal - setAside.length;
  const generations = new Map(report.jobs.map(({ name, generation }) => [name, String(generation)]));
  return section(
    'Objects set aside',
    `<p>${plural(setAsideTotal, 'object')} failed too often and will not be sent again, unless a person asks for it: <code>label-relay resume ${escapeHtml(report.chain)} --retry-set-aside</code></p>`,
    table(
      ['line', 'object', 'attempts', 'last reason', 'jobs'],
      setAside.map((object) => [
        count(object.line),
        { html: `<code>${escapeHtml(object.text)}</code>` },
        count(object.attempts),
        shortened(object.lastReason),
        text(object.jobs.map((name) => generations.get(name) ?? name).join(', ')),
      ]),
    ),
    more > 0 ? `<p class="quiet">${number(more)} more stand in the leftover report.</p>` : '',
  );
};

const placesSection = (report: Report): string => {
  const places: [string, string][] = [];
  if (report.webUrl !== null) places.push(['The chain in the Temporal Web UI', link(report.webUrl, report.webUrl)]);
  if (report.finalManifest !== null)
    places.push(['Final manifest', `<code>${escapeHtml(report.finalManifest)}</code>`]);
  if (report.leftoverReport !== null)
    places.push(['Leftover report', `<code>${escapeHtml(report.leftoverReport)}</code>`]);
  return places.length === 0
    ? ''
    : section(
        'Where to look',
        `<ul>${places.map(([name, html]) => `<li>${escapeHtml(name)}: ${html}</li>`).join('')}</ul>`,
      );
};

const jobLegend = legend([
  ['done', 'completed'],
  ['live', 'live'],
  ['expired', 'expired'],
  ['failed', 'failed'],
  ['stopped', 'stopped'],
]);

/** The whole page. */
export const pageOf = async (report: Report): Promise<string> => {
  const [progress, timeline, attempts] = await Promise.all([
    progressChart(report),
    jobsChart(report),
    attemptsChart(report),
  ]);
  const { objectsSummary } = report;
  const nothingYet = '<p class="quiet">No labeling job exists yet.</p>';
  const body = [
    `<header><h1>${escapeHtml(report.chain)} <span class="status ${report.status}">${report.status}</span></h1>`,
    `<p>${escapeHtml(report.summary)}</p></header>`,
    attentionBox(report),
    figures(report),
    section(
      'What happened',
      `<ol class="story">${report.words.map((word) => `<li>${escapeHtml(word)}</li>`).join('')}</ol>`,
    ),
    section(
      'Progress',
      progress === null ? nothingYet : `<figure>${progress}</figure>`,
      report.expiries.length === 0 ? '' : '<p class="quiet">Dashed: a job ran into the end of its lifetime.</p>',
    ),
    section(
      'Jobs',
      timeline === null ? '' : `${jobLegend}<figure>${timeline}</figure>`,
      report.jobs.length === 0 ? nothingYet : jobsTable(report),
    ),
    report.outcomes.length === 0
      ? ''
      : section(
          'Outcomes',
          table(
            ['outcome', 'jobs', 'labels'],
            report.outcomes.map((row) => [text(row.outcome), count(row.jobs), count(row.labels)]),
          ),
        ),
    section(
      'Objects by attempts',
      attempts === null
        ? null
        : `${legend([
            ['done', 'labeled'],
            ['live', 'remaining'],
            ['failed', 'set aside'],
          ])}<figure>${attempts}</figure>`,
      objectsSummary === null || objectsSummary.reasons.length === 0
        ? ''
        : `<h3>Why objects without a label failed last</h3>${table(
            ['reason', 'objects', 'of them set aside'],
            objectsSummary.reasons.map((row) => [text(row.reason), count(row.objects), count(row.setAside)]),
          )}`,
    ),
    setAsideSection(report),
    workersSection(report),
    report.cost === null
      ? section('Cost', '<p class="quiet">No prices are set (policy.price), so no cost is computed.</p>')
      : section(
          'Cost',
          `<p>${escapeHtml(`${report.cost.committed.toFixed(2)} ${report.cost.currency}`)} committed, counted with the prices of the policy, for a live job with all its objects. An estimate: AWS's invoice is the truth.</p>`,
        ),
    placesSection(report),
    report.notes.length === 0
      ? ''
      : section(
          'What could not be read',
          `<ul>${report.notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('')}</ul>`,
        ),
    `<footer>Made by label-relay on ${dayText(report.madeAt)}. Times are UTC, those of jobs by the service's clock.</footer>`,
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(report.chain)}: ${report.status}</title>
<style>${style}</style>
</head>
<body>
<main>
${body.filter((part) => part !== '').join('\n')}
</main>
</body>
</html>
`;
};
