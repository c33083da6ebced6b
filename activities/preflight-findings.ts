/** What the checks before a start say, and about what. */

export type CheckName =
  | 'chain-name'
  | 'region'
  | 'account'
  | 'manifest'
  | 'output-path'
  | 'work-team'
  | 'ui-template'
  | 'label-categories'
  | 'objects'
  | 'cors'
  | 'role'
  | 'resume'
  | 'price';

export type Finding = { level: 'error' | 'warning' | 'skipped' | 'passed'; check: CheckName; message: string };

/** Adds a finding. */
export type AddFinding = (level: Finding['level'], check: CheckName, message: string) => void;
