/**
 * Checks a request against a zod schema and says what is wrong in AWS's words: `ValidationException` for values,
 * `SerializationException` for types.
 */
import type { z } from 'zod';
import { ApiError } from './api-error.ts';

type Issue = z.core.$ZodIssue;

const describePath = (path: readonly PropertyKey[]): string =>
  path
    .map((step) =>
      typeof step === 'number' ? `${step + 1}.member` : String(step).replace(/^./, (c) => c.toLowerCase()),
    )
    .join('.');

const valueAt = (input: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (value, step) => (typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined),
    input,
  );

const noun = (origin: string): 'length' | 'value' => (origin === 'number' || origin === 'int' ? 'value' : 'length');

const constraintOf = (issue: Issue): string => {
  switch (issue.code) {
    case 'too_small':
      return `Member must have ${noun(issue.origin)} greater than or equal to ${issue.minimum}`;
    case 'too_big':
      return `Member must have ${noun(issue.origin)} less than or equal to ${issue.maximum}`;
    case 'invalid_format':
      return `Member must satisfy regular expression pattern: ${(issue.pattern ?? '').replaceAll(/^\/\^(?:\(\?:)?|\)?\$\/u?$/g, '').replaceAll(String.raw`\/`, '/')}`;
    case 'invalid_value':
      return `Member must satisfy enum value set: [${issue.values.map(String).join(', ')}]`;
    case 'custom':
    case 'invalid_element':
    case 'invalid_key':
    case 'invalid_type':
    case 'invalid_union':
    case 'not_multiple_of':
    case 'unrecognized_keys':
      return issue.message;
  }
};

const describeIssue = (issue: Issue, input: unknown): string => {
  const value = valueAt(input, issue.path);
  if (value === undefined || value === null) {
    return `Value null at '${describePath(issue.path)}' failed to satisfy constraint: Member must not be null`;
  }
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  return `Value '${shown}' at '${describePath(issue.path)}' failed to satisfy constraint: ${constraintOf(issue)}`;
};

/** The request as its schema knows it; throws {@link ApiError} with every mistake in one message. */
export const checkRequest = <T>(schema: z.ZodType<T>, input: unknown): T => {
  const checked = schema.safeParse(input);
  if (checked.success) return checked.data;
  const { issues } = checked.error;
  const wrongType = issues.find(
    (issue) =>
      issue.code === 'invalid_type' && valueAt(input, issue.path) !== undefined && valueAt(input, issue.path) !== null,
  );
  if (wrongType !== undefined) {
    throw new ApiError('SerializationException', `'${describePath(wrongType.path)}' has the wrong type`);
  }
  const count = issues.length === 1 ? '1 validation error' : `${issues.length} validation errors`;
  throw new ApiError(
    'ValidationException',
    `${count} detected: ${issues.map((issue) => describeIssue(issue, input)).join('; ')}`,
  );
};
