/**
 * Node's error codes, read without `instanceof`: an error may come from another realm (a test runner's, a worker thread's).
 */

/** `ENOENT`, `EADDRINUSE`, …; undefined for anything that has no such code. */
export const codeOf = (thrown: unknown): string | undefined =>
  typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : undefined;
