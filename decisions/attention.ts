/** Why a chain waits for a person, and what that person can do. Every reason has one entry here and one line in docs. */

export const ATTENTION_REASONS = [
  'stopped-outside',
  'failed-input',
  'failed-unknown',
  'too-many-failures',
  'no-progress',
  'max-objects-sent',
  'max-cost',
  'many-set-aside',
  'labels-missing',
  'unreadable-output',
  'unmatched-label',
  'create-refused',
  'name-taken',
  'job-gone',
  'job-workflow-failed',
  'storage-refused',
  'unusable-input',
  'initializing-too-long',
  'stop-unconfirmed',
  'past-deadline',
  'unknown-status',
  'describe-refused',
] as const;
export type AttentionReason = (typeof ATTENTION_REASONS)[number];

/** The chain waits for a person. */
export type Attention = {
  reason: AttentionReason;
  /** What happened, with the numbers and names. */
  message: string;
  /** What a person can do, as commands. */
  actions: string[];
  /** By the service's clock; null if it was never heard. */
  sinceMs: number | null;
  generation: number | null;
};

/** Reasons that speak of a job that is still live; they are over when the job is. */
export const LIVE_JOB_REASONS: readonly AttentionReason[] = [
  'initializing-too-long',
  'stop-unconfirmed',
  'past-deadline',
  'unknown-status',
  'describe-refused',
];

const actionsFor = (reason: AttentionReason, chain: string): string[] => {
  const resume = `label-relay resume ${chain}`;
  const stop = `label-relay stop ${chain}`;
  const amend = `label-relay amend ${chain}`;
  switch (reason) {
    case 'stopped-outside':
      return [`${resume}  to go on with what is unlabeled`, `${stop}  to end the chain here`];
    case 'failed-input':
    case 'create-refused':
      return [`mend the cause (${amend} if it is in the spec), then ${resume}`, `${stop}  to end the chain here`];
    case 'failed-unknown':
    case 'too-many-failures':
      return [`${resume}  to try again`, `${stop}  to end the chain here`];
    case 'no-progress':
      return [
        'see whether the work team has the job in its portal and can do the tasks',
        `${resume}  to go on`,
        `${stop}  to end the chain here`,
      ];
    case 'max-objects-sent':
      return [`raise policy.maxObjectsSent with ${amend}, then ${resume}`, `${stop}  to end the chain here`];
    case 'max-cost':
      return [`raise policy.maxCost with ${amend}, then ${resume}`, `${stop}  to end the chain here`];
    case 'many-set-aside':
      return [
        `${resume}  to go on without these objects`,
        `${resume} --retry-set-aside  to give them new attempts`,
        `${stop}  to end the chain here`,
      ];
    case 'labels-missing':
      return [
        `${resume}  to look again`,
        `${resume} --accept-missing  to go on with the labels that are there`,
        `${stop}  to end the chain here`,
      ];
    case 'unreadable-output':
      return [`mend the lines named above in the job's output, then ${resume}`, `${stop}  to end the chain here`];
    case 'unmatched-label':
      return [
        'look at the unmatched file named above: these labels belong to no object of the dataset',
        `${resume}  to go on without them`,
        `${stop}  to end the chain here`,
      ];
    case 'name-taken':
    case 'job-gone':
      return [`${resume}  to go on with a new job`, `${stop}  to end the chain here`];
    case 'job-workflow-failed':
    case 'storage-refused':
    case 'unusable-input':
      return [`mend the cause named above, then ${resume}`, `${stop}  to end the chain here`];
    case 'describe-refused':
      return [
        'give the worker back what the message names; the job is looked at again every few minutes',
        `${stop}  to stop it`,
      ];
    case 'initializing-too-long':
    case 'stop-unconfirmed':
    case 'past-deadline':
    case 'unknown-status':
      return ['look at the job in the SageMaker console; it is still followed', `${stop}  to stop it`];
  }
};

/** An attention with what a person can do about it. */
export const attention = (
  reason: AttentionReason,
  chain: string,
  message: string,
  at: { sinceMs: number | null; generation: number | null },
): Attention => ({
  reason,
  message,
  actions: actionsFor(reason, chain),
  sinceMs: at.sinceMs,
  generation: at.generation,
});
