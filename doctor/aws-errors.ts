/** What the errors of the AWS SDK mean to a check. */
import { awsErrorName } from '../activities/aws-failures.ts';
import { messageOf } from '../errors.ts';
import { failed, skipped, type Verdict } from './findings.ts';

/** The service answered that this identity may not. Every service has a name of its own for it. */
export const isDenied = (thrown: unknown): boolean =>
  /accessdenied|authorizationerror|unauthorizedoperation|notauthorized|forbidden/i.test(awsErrorName(thrown)) ||
  /is not authorized to perform/i.test(messageOf(thrown));

/** The error's name and words in one line. Network errors of Node have no words, only a code. */
export const describeError = (thrown: unknown): string => {
  const code =
    thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : awsErrorName(thrown);
  const message = messageOf(thrown).trim();
  return message === '' || message === code ? code : code === '' ? message : `${code}: ${message}`;
};

/**
 * A call of a check that was refused or got no answer. A refusal of the check itself says nothing about what it was to
 * check: skipped. `action` is the IAM action.
 */
export const unanswered = (thrown: unknown, action: string): Verdict =>
  isDenied(thrown)
    ? skipped(`not checked, this identity may not ${action}: ${messageOf(thrown)}`)
    : failed(
        `${action} was not answered (${describeError(thrown)})`,
        'check the network, AWS_REGION and AWS_ENDPOINT_URL, then run: label-relay doctor',
      );
