/**
 * How a chain is run, as the rest of the code sees it: every field set, every duration in milliseconds. What a person writes is read in
 * `policy-schema.ts`. Workflows load this file, each run anew, so it loads nothing itself.
 */

/** What a chain can tell people; `notify.kinds` chooses among them. */
export const NOTIFICATION_KINDS = [
  'job-completed',
  'job-failed',
  'job-stopped',
  'job-expired',
  'chain-continued',
  'attention',
  'deadline-at-risk',
  'decline-surge',
  'objects-set-aside',
  'silence',
  'chain-finished',
] as const;
export type NotificationKind = (typeof NOTIFICATION_KINDS)[number];

/** The policy of a chain, complete. All durations in milliseconds. */
export type Policy = {
  lifetimeMs: number;
  /** Null: never stop a job ourselves; let AWS expire it. */
  handOverMs: number | null;
  reconcile: { firstMs: number[]; everyMs: number };
  /** Null: 24 + number of slices, known once the dataset is counted. */
  maxJobs: number | null;
  maxDurationMs: number;
  maxAttemptsPerObject: number;
  maxFailures: number;
  maxJobsWithoutProgress: number;
  maxObjectsPerJob: number;
  maxObjectsSent: number | null;
  maxCost: number | null;
  price: { perAnswer: number; perObject: number; currency: string } | null;
  stoppingConditions: 'finish' | 'per-job';
  nextInput: 'unlabeled' | 'dataset';
  failureReasons: { expired: string[]; transient: string[]; input: string[] };
  initializingWithinMs: number;
  progressWithinMs: number;
  silenceWithinMs: number;
  declineSurge: number;
  stopWithinMs: number;
  deadlineGraceMs: number;
  settleWithinMs: number;
  lateLabelsMs: number;
  notify: {
    topicArn: string | null;
    webhook: { url: string; secretName: string | null } | null;
    kinds: NotificationKind[];
  };
};

/** Where one notification goes. */
export type NotificationTarget =
  { kind: 'topic'; topicArn: string } | { kind: 'webhook'; url: string; secretName: string | null };

/** Where the chain's policy sends notifications of this kind; nowhere: an empty list. */
export const notificationTargets = ({ notify }: Policy, kind: NotificationKind): NotificationTarget[] => {
  const { topicArn, webhook, kinds } = notify;
  if (!kinds.includes(kind)) return [];
  const targets: NotificationTarget[] = [];
  if (topicArn !== null) targets.push({ kind: 'topic', topicArn });
  if (webhook !== null) targets.push({ kind: 'webhook', ...webhook });
  return targets;
};
