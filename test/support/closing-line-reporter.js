/**
 * A Jest reporter that prints, after Jest's own summary, `N passed, N failed` alone on a line (and `, N skipped` if there were any).
 * A test file that could not run counts as one failure: its tests were never counted.
 */

/** The closing line for Jest's aggregated result. */
export const closingLine = ({
  numPassedTests,
  numFailedTests,
  numPendingTests,
  numTodoTests,
  numRuntimeErrorTestSuites,
}) => {
  const failed = numFailedTests + numRuntimeErrorTestSuites;
  const skipped = numPendingTests + numTodoTests;
  return `${numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
};

export default class ClosingLineReporter {
  onRunComplete(_contexts, results) {
    // Jest always runs its own summary last, so only the end of the process is after it.
    process.once('exit', () => process.stdout.write(`\n${closingLine(results)}\n`));
  }
}
