/** A chain as text for a terminal: what it is doing, its objects, its generations. Fits 80 columns. Pure. */
import type { ChainDetail } from '../client.ts';
import { actionParts } from '../decisions/attention.ts';
import { formatDuration } from '../decisions/durations.ts';
import { unmergedLabels, type ChainDocument, type ChainStatus, type JobDocument } from '../decisions/view.ts';
import { activityLine } from '../decisions/worker-activity.ts';
import type { Paint } from './output.ts';
import { plain, wrap } from './wrap.ts';

export const progressBar = (done: number, total: number, width: number): string => {
  const filled = total <= 0 ? 0 : Math.min(width, Math.round((done / total) * width));
  return '█'.repeat(filled) + '░'.repeat(width - filled);
};

const cell = (text: string, width: number): string =>
  text.length <= width ? text.padEnd(width) : `${text.slice(0, Math.max(0, width - 1))}…`;

const right = (value: number | null, width: number): string => (value === null ? '' : String(value)).padStart(width);

const statusStyle = (status: ChainStatus): Parameters<Paint>[0] => {
  switch (status) {
    case 'labeled':
      return 'green';
    case 'attention':
    case 'finished':
    case 'stopped':
      return 'yellow';
    case 'failed':
      return 'red';
    case 'running':
      return 'cyan';
  }
};

const ageOf = (job: JobDocument): string => {
  if (job.createdAt === null || job.endedAt === null) return '';
  return formatDuration(Date.parse(job.endedAt) - Date.parse(job.createdAt));
};

const jobRow = (job: JobDocument): string => {
  const sent = job.sent ?? job.labeled + job.failed + job.unlabeled;
  return [
    right(job.generation, 3),
    cell(job.status, 12),
    cell(job.outcome ?? '', 18),
    `${right(job.labeled, 6)}/${String(sent).padEnd(6)}`,
    progressBar(job.labeled, sent, 16),
    ageOf(job),
  ].join(' ');
};

/** A command stands alone up to its two spaces, so that it can be copied. */
const actionLines = (action: string, color: Paint, columns: number): string[] => {
  const { command, text } = actionParts(action);
  if (command === null) return wrap(`- ${text}`, columns, '  ');
  const whole = `- ${command}  ${text}`;
  return whole.length <= columns
    ? [`- ${color('bold', command)}  ${text}`]
    : [`- ${color('bold', command)}`, ...wrap(text, columns - 4).map((line) => `    ${line}`)];
};

/** Why a job ended as it did, or was given what it was given: of the latest jobs, the older ones are in the report. */
const SHOWN_WHYS = 3;
const whyLines = (jobs: readonly JobDocument[], columns: number): string[] =>
  jobs
    .flatMap(({ generation, failureReason, note }) => {
      const why = failureReason ?? note;
      return why === null ? [] : [`job ${generation}: ${why}`];
    })
    .slice(-SHOWN_WHYS)
    .flatMap((line) => wrap(line, columns, '    '));

/** How far the chain is. The labels of the last job are in the bar, and in the dataset once it is merged. */
const progressLines = ({ objects, jobs }: ChainDocument, columns: number): string[] => {
  const { total, labeled, remaining, setAside, doubled } = objects;
  const job = jobs.at(-1);
  const live = job === undefined ? 0 : unmergedLabels(job);
  const more = job?.endedAt === null ? 'more by the live job so far' : 'more counted, not merged yet';
  const parts = [
    `${labeled}/${total} labeled`,
    ...(live > 0 ? [`${live} ${more}`] : []),
    `${remaining} remaining`,
    ...(setAside > 0 ? [`${setAside} set aside`] : []),
    ...(doubled > 0 ? [`${doubled} doubled`] : []),
  ];
  const bar = progressBar(labeled + live, total, 40);
  const line = `${bar} ${parts.join(', ')}`;
  if (line.length <= columns) return [line];
  const [first = '', ...rest] = parts;
  return [`${bar} ${first}`, ...wrap(rest.join(', '), columns)];
};

/** The table of a chain; `live` adds the forecast and what the work team does. Of more jobs than `maxJobs` the latest are shown. */
export const chainTable = (
  { document, live }: Pick<ChainDetail, 'document' | 'live'>,
  color: Paint,
  columns = 80,
  maxJobs = Number.POSITIVE_INFINITY,
): string => {
  const lines = [
    `${color('bold', document.chain)}  ${color(statusStyle(document.status), document.status)}`,
    // The attention below says the same with what to do.
    ...(document.reason === null || document.attention !== null ? [] : wrap(document.reason, columns)),
    ...progressLines(document, columns),
  ];
  if (document.jobs.length > 0) {
    lines.push(color('dim', 'gen status       outcome            labeled/sent                   lived'));
    const hidden = Math.max(0, document.jobs.length - maxJobs);
    if (hidden > 0) lines.push(color('dim', `  … ${hidden} earlier`));
    lines.push(...document.jobs.slice(hidden).map(jobRow), ...whyLines(document.jobs, columns));
  }
  const { attention } = document;
  if (attention !== null) {
    lines.push(...wrap(`Attention: ${attention.message}`, columns).map((line) => color('yellow', line)));
    lines.push(...attention.actions.flatMap((action) => actionLines(action, color, columns)));
  }
  if (live !== null && live.observation !== null) {
    const { serviceNowMs } = live.observation;
    const parts: string[] = [];
    if (live.deadlineMs !== null) parts.push(`deadline in ${formatDuration(live.deadlineMs - serviceNowMs)}`);
    if (live.forecastEndMs !== null)
      parts.push(`done in about ${formatDuration(live.forecastEndMs - serviceNowMs)} at its rate`);
    if (parts.length > 0) lines.push(parts.join('; '));
    const activity = activityLine(live.workers, serviceNowMs);
    if (activity !== null) lines.push(...wrap(activity, columns, '  '));
  }
  if (document.cost !== null) lines.push(`committed ${document.cost.committed.toFixed(2)} ${document.cost.currency}`);
  if (document.finalManifest !== null) lines.push(`final manifest   ${document.finalManifest}`);
  if (document.leftoverReport !== null) lines.push(`leftover report  ${document.leftoverReport}`);
  if (document.webUrl !== null) lines.push(`web              ${document.webUrl}`);
  return lines.join('\n');
};

/** One line for an output that is no terminal. */
export const chainLine = ({ chain, status, generation, objects, jobs, reason }: ChainDocument): string => {
  const job = jobs.at(-1);
  const jobText =
    job === undefined
      ? ''
      : ` generation ${generation}: ${job.name} ${job.status}${job.outcome === null ? '' : ` (${job.outcome})`} ${job.labeled}/${job.sent ?? '?'}`;
  const tail = reason === null ? '' : ` - ${plain(reason)}`;
  return `${chain} ${status}${jobText}; ${objects.labeled}/${objects.total} labeled, ${objects.remaining} remaining${tail}`;
};
