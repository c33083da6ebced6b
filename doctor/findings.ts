/** What a check of `label-relay doctor` can say, and how one is run: an unforeseen error is a finding too. */
import { messageOf } from '../errors.ts';

/** The checks, in the order in which they are told. */
export const CHECKS = [
  'configuration',
  'versions',
  'temporary-folder',
  'temporal-server',
  'namespace',
  'search-attributes',
  'workers',
  'credentials',
  'account',
  'clock',
  'permissions',
  'create-permission',
  'queue',
  'dead-letter-queue',
  'rule',
  'target',
  'worker-events-queue',
  'worker-events-dead-letter-queue',
  'worker-events-rule',
  'worker-events-target',
] as const;
export type Check = (typeof CHECKS)[number];

/** `failed` says in `remedy` what to do; `skipped` says in `message` why. */
export type Verdict =
  | { status: 'passed'; message: string }
  | { status: 'failed'; message: string; remedy: string }
  | { status: 'skipped'; message: string };
export type Finding = { check: Check } & Verdict;

export const passed = (message: string): Verdict => ({ status: 'passed', message });
export const failed = (message: string, remedy: string): Verdict => ({ status: 'failed', message, remedy });
export const skipped = (message: string): Verdict => ({ status: 'skipped', message });

/** Takes findings as they come. */
export type Report = (finding: Finding) => void;

/**
 * Runs one check, reports its verdict, and says whether it passed. `onError` turns what is thrown into a verdict; what
 * nobody foresaw fails with its own words.
 */
export const runCheck = async (
  report: Report,
  check: Check,
  run: () => Promise<Verdict>,
  onError: (thrown: unknown) => Verdict = (thrown) =>
    failed(messageOf(thrown), 'mend what the message names, then run: label-relay doctor'),
): Promise<boolean> => {
  const verdict = await run().catch(onError);
  report({ check, ...verdict });
  return verdict.status === 'passed';
};

/** Reports that none of these could be made. */
export const skipAll = (report: Report, checks: readonly Check[], why: string): void => {
  for (const check of checks) report({ check, ...skipped(why) });
};
