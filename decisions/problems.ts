/** Mistakes in what a person wrote, one line each, with the path to the place. */
import type { z } from 'zod';

const pathText = (path: readonly PropertyKey[]): string =>
  path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : (index === 0 ? '' : '.') + String(part)))
    .join('');

/** One line per mistake, such as `job.HumanTaskConfig.TaskTitle: is missing (expected string)`. */
export const problemText = (issue: z.core.$ZodIssue, whole = 'the spec'): string[] => {
  const path = pathText(issue.path);
  const at = path === '' ? whole : path;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(
      (key) => `${path === '' ? '' : `${path}.`}${key}: is not a field here; check its spelling or remove it`,
    );
  }
  if (issue.code === 'invalid_type' && issue.input === undefined)
    return [`${at}: is missing (expected ${issue.expected})`];
  return [`${at}: ${issue.message.replace(/^Invalid input: /, '').replace(/^Too (small|big): /, '')}`];
};
