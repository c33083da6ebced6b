/**
 * A Jest reporter that prints the closing line alone, after Jest's own summary.
 */
import { closingLine } from './closing-line.ts';

export default class ClosingLineReporter {
  onRunComplete(_contexts, results) {
    // Jest always runs its own summary last, so only the end of the process is after it.
    process.once('exit', () => process.stdout.write(`\n${closingLine(results)}\n`));
  }
}
