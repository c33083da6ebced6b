/** What happened to a chain, in sentences. Pure. */
import { formatDuration } from '../decisions/durations.ts';
import { outcomeWord } from '../decisions/view.ts';
import type { JobReport, Report } from './document.ts';

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `24 Nov 2026, 13:05 UTC`, the same in every locale of this machine. */
export const dayText = (iso: string): string => {
  const date = new Date(iso);
  const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  return `${day}, ${date.toISOString().slice(11, 16)} UTC`;
};

/** The whole percentage, never 100 before everything is done and never 0 once something is. */
export const percentText = (done: number, total: number): string => {
  if (total <= 0) return '0 %';
  const percent = Math.round((done / total) * 100);
  if (percent === 100 && done < total) return '99 %';
  return percent === 0 && done > 0 ? 'less than 1 %' : `${percent} %`;
};

/** An ended job's outcome as the end of a sentence; what an unknown outcome is called stays its own name. */
const outcomeText = (outcome: string): string => {
  switch (outcome) {
    case 'labeled':
      return 'and nothing was left to label';
    case 'expired':
      return 'and ran into the end of its lifetime; the chain went on with what was unlabeled';
    case 'stopping-condition':
      return 'and ended at the stopping condition of its request';
    case 'stopped-by-us':
      return 'and was stopped because a person asked for it';
    case 'stopped-outside':
      return 'and was stopped by somebody outside the chain';
    case 'failed-transient':
      return 'and failed on the side of the service';
    case 'failed-input':
      return 'and failed because of its input or its permissions';
    case 'failed-unknown':
      return 'and failed';
    case 'leftovers':
      return 'and completed with objects left over';
    case 'streaming':
      return 'and ended as a streaming job';
    case 'gone':
      return 'and then AWS no longer knew it';
    default:
      return `and ended: ${outcome}`;
  }
};

const given = (job: JobReport): string => {
  const objects = job.sent === null ? 'the objects' : plural(job.sent, 'object');
  return job.note === null ? objects : `${objects} (${job.note})`;
};

const jobText = (job: JobReport): string => {
  const name = `Job ${job.generation} (${job.name})`;
  if (job.outcome === 'not-created') {
    return `${name} was decided and never created${job.failureReason === null ? '' : `: ${job.failureReason}`}.`;
  }
  if (job.createdAt === null) return `${name} is about to be created for ${given(job)}.`;
  if (outcomeWord(job) === 'live') {
    const forecast = job.forecastEnd === null ? '' : `; at its rate so far it is done on ${dayText(job.forecastEnd)}`;
    return `${name} was given ${given(job)} on ${dayText(job.createdAt)}; it is ${job.status} with ${plural(job.labeled, 'label')} so far${forecast}.`;
  }
  // Of one that AWS no longer knows nobody saw the end.
  const lived =
    job.endedAt === null ? '' : ` in ${formatDuration(Date.parse(job.endedAt) - Date.parse(job.createdAt))}`;
  const outcome = job.outcome === null ? 'and its labels are being merged' : outcomeText(job.outcome);
  const reason = job.failureReason === null ? '' : ` AWS's reason: ${job.failureReason}`;
  return `${name} was given ${given(job)} on ${dayText(job.createdAt)}, brought ${plural(job.labels, 'label')}${lived}, ${outcome}.${reason}`;
};

/** What happened, a sentence for each step. */
export const wordsOf = (report: Report): string[] => {
  const { objects, jobs, labeledBefore } = report;
  const words: string[] = [];
  if (objects.total > 0) {
    words.push(
      `The dataset has ${plural(objects.total, 'object')}${labeledBefore > 0 ? `; ${labeledBefore.toLocaleString('en-US')} of them had a label before the first job` : ''}.`,
    );
  }
  words.push(...(jobs.length === 0 ? ['No labeling job has been decided yet.'] : jobs.map(jobText)));
  if (objects.setAside > 0) {
    words.push(
      `${plural(objects.setAside, 'object')} failed too often and ${objects.setAside === 1 ? 'was' : 'were'} set aside.`,
    );
  }
  if (objects.doubled > 0) {
    words.push(
      `${plural(objects.doubled, 'label')} came for objects that had one; the first stays, the others are in the doubled file and were paid.`,
    );
  }
  if (report.attention !== null) words.push(`The chain waits for a person: ${report.attention.message}.`);
  else if (report.status !== 'running') words.push(`The chain is ${report.status}: ${report.reason ?? 'it is over'}.`);
  return words;
};

/** How far, and why it stopped. */
export const summaryOf = ({ status, objects, jobs, attention, reason }: Report): string => {
  const live = jobs.find(({ outcome }) => outcome === null);
  const far =
    objects.total === 0
      ? 'no object has been read yet'
      : `${objects.labeled.toLocaleString('en-US')} of ${plural(objects.total, 'object')} are labeled (${percentText(objects.labeled, objects.total)}), ${objects.remaining.toLocaleString('en-US')} remain`;
  const more =
    live === undefined || live.labels === 0
      ? ''
      : live.endedAt === null
        ? `; the live job has ${plural(live.labels, 'label')} so far`
        : `; ${plural(live.labels, 'label')} of the last job by AWS's count are not merged yet`;
  const ended = jobs.filter((job) => job !== live).length;
  const after = ended === 0 ? '' : ` after ${plural(ended, 'labeling job')}`;
  const why = attention === null ? reason : attention.message;
  const state = status === 'attention' ? 'A person is asked' : `The chain is ${status}`;
  return `${state}: ${far}${after}${more}.${why === null ? '' : ` Why: ${why}.`}`;
};
