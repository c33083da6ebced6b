/** All activities: the only code of ours that touches AWS. */
import { adoptionActivities } from './adoption.ts';
import { assetActivities } from './assets.ts';
import type { AwsClients } from './clients.ts';
import { labelingJobActivities } from './labeling-jobs.ts';
import { datasetActivities } from './datasets.ts';
import { decidedJobActivities } from './decided-jobs.ts';
import { mergeActivities } from './merging.ts';
import { notificationActivities } from './notifications.ts';
import { beatWhile } from './heartbeat.ts';
import { preflightActivities, type PreflightInput } from './preflight.ts';
import { OperationError } from '../errors.ts';
import { storageRefused, unusable } from './aws-failures.ts';
import { recordActivities } from './records.ts';
import { reportActivities } from './report.ts';
import { TakenError } from './s3-objects.ts';

export type ActivityDependencies = AwsClients & {
  /** An existing folder for what does not fit into memory. */
  temporaryDirectory: string;
  webhookSecret: (name: string) => string | null;
  /** Where jobs may run; empty: anywhere. */
  regions: readonly string[];
  accounts: readonly string[];
};

/** The checks before a start wait for AWS here and there; a person waits for them, also when their worker dies. */
const beating = ({ checkSpec }: ReturnType<typeof preflightActivities>) => ({
  checkSpec: (input: PreflightInput) => beatWhile(() => checkSpec(input)),
});

const allActivities = (dependencies: ActivityDependencies) => ({
  ...labelingJobActivities(dependencies),
  ...datasetActivities(dependencies),
  ...mergeActivities(dependencies),
  ...recordActivities(dependencies),
  ...decidedJobActivities(dependencies),
  ...adoptionActivities(dependencies),
  ...assetActivities(dependencies),
  ...notificationActivities(dependencies),
  ...beating(preflightActivities(dependencies)),
  ...reportActivities(dependencies),
});

/**
 * An OperationError is a sentence for a person: no retry mends it, so the chain shows it (see `unusable`). Nor does one mend a key that is
 * taken; once a person has moved it away, the same is tried again.
 */
const withSentences = <All extends Record<string, (input: never) => Promise<unknown>>>(activities: All): All => {
  const wrapped: Record<string, (input: never) => Promise<unknown>> = {};
  for (const [name, run] of Object.entries(activities)) {
    wrapped[name] = async (input) => {
      try {
        return await run(input);
      } catch (thrown) {
        if (thrown instanceof TakenError) throw storageRefused(thrown.message);
        throw thrown instanceof OperationError ? unusable(thrown.message) : thrown;
      }
    };
  }
  // The same names with the same shapes, one by one.
  return wrapped as All;
};

export const createActivities = (dependencies: ActivityDependencies) => withSentences(allActivities(dependencies));

export type Activities = ReturnType<typeof createActivities>;
