/**
 * The line that ends every test run.
 */

/** What Jest counts, as far as the line needs it. */
export type RunCounts = {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  /** Test files that could not run; none of their tests is in the other counts. */
  numRuntimeErrorTestSuites: number;
};

/** `N passed, N failed`, and `, N skipped` if there were any. A test file that could not run counts as one failure. */
export const closingLine = (counts: RunCounts): string => {
  const failed = counts.numFailedTests + counts.numRuntimeErrorTestSuites;
  const skipped = counts.numPendingTests + counts.numTodoTests;
  return `${counts.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
};
