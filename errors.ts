/**
 * The errors that a person is meant to read. Everything else that is thrown is a bug or an outage and exits with 1.
 */

/** Something given to us is wrong; nothing was started. The message says what was wrong, what is accepted and what to do. Exit code 2. */
export class InputError extends Error {
  override readonly name = 'InputError';
  /** One line for each mistake; a single mistake has one entry equal to the message. */
  readonly problems: readonly string[];

  constructor(problems: string | readonly string[], options?: ErrorOptions) {
    const list = typeof problems === 'string' ? [problems] : problems;
    super(list.join('\n'), options);
    this.problems = list;
  }
}

/** The input was fine and the work failed. The message says what failed and what to do. Exit code 1. */
export class OperationError extends Error {
  override readonly name = 'OperationError';
}

/** For `.catch`: what was asked for stands (`sentence`), so that no failure after it is a fault of who asked. */
export const although =
  (sentence: string) =>
  (thrown: unknown): never => {
    throw thrown instanceof InputError
      ? new OperationError(`${sentence}, but: ${thrown.message}`, { cause: thrown })
      : thrown;
  };

/** Of what is read after a change that was made. */
export const afterChange = although('what was asked for is under way');

/** The message of anything thrown, for a log line or a sentence. */
export const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
