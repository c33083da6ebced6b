/** Mistakes in what a person wrote, one line each, with the path to the place. */
import { z } from 'zod';
import { nearest } from './nearest.ts';

const pathText = (path: readonly PropertyKey[]): string =>
  path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : (index === 0 ? '' : '.') + String(part)))
    .join('');

/** For `safeParse`: an issue about unknown fields has the known ones as its message, and `problemText` names the nearest. */
export const withKnownFields: z.core.$ZodErrorMap = ({ code, inst }) =>
  code === 'unrecognized_keys' && inst instanceof z.ZodObject ? Object.keys(inst.shape).join(' ') : undefined;

/** One line per mistake, such as `job.HumanTaskConfig.TaskTitle: is missing (expected string)`. */
export const problemText = (issue: z.core.$ZodIssue, whole = 'the spec'): string[] => {
  const path = pathText(issue.path);
  const at = path === '' ? whole : path;
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.split(' ');
    return issue.keys.map((key) => {
      const like = nearest(key, known);
      const advice = like === null ? 'check its spelling or remove it' : `did you mean ${like}?`;
      return `${path === '' ? '' : `${path}.`}${key}: is not a field here; ${advice}`;
    });
  }
  if (issue.code === 'invalid_type' && issue.input === undefined)
    return [`${at}: is missing (expected ${issue.expected})`];
  return [`${at}: ${issue.message.replace(/^Invalid input: /, '').replace(/^Too (small|big): /, '')}`];
};
