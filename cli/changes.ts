/** What changed in a chain between two looks, in words: the "last events" of the live view. Pure. */
import type { ChainDocument, JobDocument } from '../decisions/view.ts';

const jobChange = (before: JobDocument | undefined, after: JobDocument): string | null => {
  const name = `job ${after.generation}`;
  if (before === undefined) return `${name} is decided: ${after.name}, ${after.sent ?? '?'} objects`;
  if (before.outcome !== after.outcome && after.outcome !== null) {
    const reason = after.failureReason === null ? '' : `: ${after.failureReason}`;
    return `${name} ${after.status}, ${after.outcome}, ${after.newLabels} labels${reason}`;
  }
  return before.status === after.status ? null : `${name} is ${after.status}`;
};

/** One sentence for each change that a person would want to know of; counters are not among them, the bar shows those. */
export const changesBetween = (before: ChainDocument | null, after: ChainDocument): string[] => {
  const known = new Map((before?.jobs ?? []).map((job) => [job.generation, job]));
  const changes = after.jobs.flatMap((job) => {
    // At the first look only the job that runs now is news.
    if (before === null && job !== after.jobs.at(-1)) return [];
    const change =
      before === null ? `job ${job.generation} is ${job.status}` : jobChange(known.get(job.generation), job);
    return change === null ? [] : [change];
  });
  const { attention } = after;
  if (attention !== null && before?.attention?.reason !== attention.reason)
    changes.push(`a person is asked: ${attention.reason}`);
  if (attention === null && before !== null && before.attention !== null) changes.push('a person answered');
  const setAside = after.objects.setAside - (before?.objects.setAside ?? after.objects.setAside);
  if (setAside > 0) changes.push(`${setAside} ${setAside === 1 ? 'object' : 'objects'} set aside`);
  if (before !== null && before.status !== after.status && !['running', 'attention'].includes(after.status))
    changes.push(`the chain is ${after.status}`);
  return changes;
};
