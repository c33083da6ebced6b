/** The report as Markdown, for a ticket or a chat. */
import { actionParts } from '../decisions/attention.ts';
import { outcomeWord } from '../decisions/view.ts';
import type { Report } from './document.ts';
import { dayText, plural } from './words.ts';

/** A cell must not end its cell or line, or begin markup. */
const cell = (text: string): string =>
  text.replaceAll(/[\r\n]+/g, ' ').replaceAll(/[\\|`*_<>[\]]/g, (found) => `\\${found}`);

const table = (head: readonly string[], rows: readonly (string | number | null)[][]): string[] => [
  `| ${head.join(' | ')} |`,
  `| ${head.map(() => '---').join(' | ')} |`,
  ...rows.map((row) => `| ${row.map((value) => cell(String(value ?? ''))).join(' | ')} |`),
  '',
];

const actionLine = (action: string): string => {
  const { command, text } = actionParts(action);
  return command === null ? `- ${cell(text)}` : `- \`${command}\` ${cell(text)}`;
};

export const markdownOf = (report: Report): string => {
  const { chain, objects, jobs, attention, cost, objectsSummary: summary } = report;
  const lines = [`# ${chain}: ${report.status}`, '', cell(report.summary), ''];
  if (attention !== null) {
    lines.push(`**A person is asked: ${cell(attention.message)}**`, '', ...attention.actions.map(actionLine), '');
  }
  lines.push(
    ...table(
      ['objects', 'labeled', 'remaining', 'set aside', 'doubled', 'sent'],
      [[objects.total, objects.labeled, objects.remaining, objects.setAside, objects.doubled, report.objectsSent]],
    ),
    '## What happened',
    '',
    ...report.words.map((word, index) => `${index + 1}. ${cell(word)}`),
    '',
  );
  if (jobs.length > 0) {
    lines.push(
      '## Jobs',
      '',
      ...table(
        ['job', 'name', 'status', 'outcome', 'created', 'ended', 'sent', 'labels', 'reason'],
        jobs.map((job) => [
          job.generation,
          job.name,
          job.status,
          outcomeWord(job),
          job.createdAt === null ? null : dayText(job.createdAt),
          job.endedAt === null ? null : dayText(job.endedAt),
          job.sent,
          job.labels,
          job.failureReason ?? job.note,
        ]),
      ),
    );
  }
  if (summary !== null) {
    lines.push(
      '## Objects by failed attempts',
      '',
      ...table(
        ['attempts', 'labeled', 'remaining', 'set aside'],
        summary.byAttempts.map((row) => [row.attempts, row.labeled, row.remaining, row.setAside]),
      ),
    );
    if (summary.setAsideTotal > 0) {
      lines.push(
        '## Objects set aside',
        '',
        ...table(
          ['line', 'object', 'attempts', 'last reason'],
          summary.setAside.map((object) => [object.line, object.text, object.attempts, object.lastReason]),
        ),
      );
      const more = summary.setAsideTotal - summary.setAside.length;
      if (more > 0) lines.push(`${plural(more, 'more object')} in the leftover report.`, '');
    }
  }
  if (cost !== null) lines.push(`Committed: ${cost.committed.toFixed(2)} ${cost.currency} (an estimate).`, '');
  if (report.finalManifest !== null) lines.push(`- Final manifest: \`${report.finalManifest}\``);
  if (report.leftoverReport !== null) lines.push(`- Leftover report: \`${report.leftoverReport}\``);
  if (report.webUrl !== null) lines.push(`- Temporal Web UI: <${report.webUrl}>`);
  lines.push(...report.notes.map((note) => `- ${cell(note)}`), '', `Made on ${dayText(report.madeAt)}.`);
  return `${lines.join('\n')}\n`;
};
