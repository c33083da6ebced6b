/** All activities: the only code of ours that touches AWS. */
import { assetActivities } from './assets.ts';
import type { AwsClients } from './clients.ts';
import { labelingJobActivities } from './labeling-jobs.ts';
import { manifestActivities } from './manifests.ts';
import { notificationActivities } from './notifications.ts';
import { preflightActivities } from './preflight.ts';
import { recordActivities } from './records.ts';
import { reportActivities } from './report.ts';

export type ActivityDependencies = AwsClients & {
  /** An existing folder for what does not fit into memory. */
  temporaryDirectory: string;
  webhookSecret: (name: string) => string | null;
  /** Where jobs may run; empty: anywhere. */
  regions: readonly string[];
  accounts: readonly string[];
};

export const createActivities = (dependencies: ActivityDependencies) => ({
  ...labelingJobActivities(dependencies),
  ...manifestActivities(dependencies),
  ...recordActivities(dependencies),
  ...assetActivities(dependencies),
  ...notificationActivities(dependencies),
  ...preflightActivities(dependencies),
  ...reportActivities(dependencies),
});

export type Activities = ReturnType<typeof createActivities>;
