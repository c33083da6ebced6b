/**
 * The line that ends a test run tells the truth.
 */
import { closingLine } from './closing-line.ts';

const none = {
  numPassedTests: 0,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  numRuntimeErrorTestSuites: 0,
};

test.each([
  [{ numPassedTests: 3 }, '3 passed, 0 failed'],
  [{ numPassedTests: 3, numFailedTests: 2 }, '3 passed, 2 failed'],
  [{ numPassedTests: 3, numRuntimeErrorTestSuites: 1 }, '3 passed, 1 failed'],
  [{ numPassedTests: 3, numPendingTests: 1, numTodoTests: 1 }, '3 passed, 0 failed, 2 skipped'],
])('%j is "%s"', (counts, line) => {
  expect(closingLine({ ...none, ...counts })).toBe(line);
});
