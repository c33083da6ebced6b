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

/** Whether a question speaks of a job that is still live. */
export const isLiveTrouble = ({ reason }: Pick<Attention, 'reason'>): boolean => LIVE_JOB_REASONS.includes(reason);

/** A command, and what it is for behind two spaces; or a sentence. A chain that has ended cannot be stopped. */
const actionsFor = (reason: AttentionReason, chain: string, isOver: boolean): string[] => {
  const resume = `label-relay resume ${chain}`;
  const stopTo = (what: string): string[] => (isOver ? [] : [`label-relay stop ${chain}  to ${what}`]);
  const amend = `label-relay amend ${chain}`;
  switch (reason) {
    case 'stopped-outside':
      return [`${resume}  to go on with what is unlabeled`, ...stopTo('end the chain here')];
    case 'failed-input':
    case 'create-refused':
      return [
        `${amend} --set <path>=<value>  if the cause is in the spec`,
        `${resume}  once the cause is mended`,
        ...stopTo('end the chain here'),
      ];
    case 'failed-unknown':
    case 'too-many-failures':
      return [`${resume}  to try again`, ...stopTo('end the chain here')];
    case 'no-progress':
      return [
        'see whether the work team has the job in its portal and can do the tasks',
        `${resume}  to go on`,
        ...stopTo('end the chain here'),
      ];
    case 'max-objects-sent':
      return [
        `${amend} --set policy.maxObjectsSent=<more>  to raise the limit`,
        `${resume}  once it is raised`,
        ...stopTo('end the chain here'),
      ];
    case 'max-cost':
      return [
        `${amend} --set policy.maxCost=<more>  to raise the limit`,
        `${resume}  once it is raised`,
        ...stopTo('end the chain here'),
      ];
    case 'many-set-aside':
      return [
        `${resume}  to go on without these objects`,
        `${resume} --retry-set-aside  to give them new attempts`,
        ...stopTo('end the chain here'),
      ];
    case 'labels-missing':
      return [
        `${resume}  to look again`,
        `${resume} --accept-missing  to go on with the labels that are there`,
        ...stopTo('end the chain here'),
      ];
    case 'unreadable-output':
      return [
        "mend the lines named above in the job's output",
        `${resume}  once they are mended`,
        ...stopTo('end the chain here'),
      ];
    case 'unmatched-label':
      return [
        'look at the unmatched file named above: these labels belong to no object of the dataset',
        `${resume}  to go on without them`,
        ...stopTo('end the chain here'),
      ];
    case 'name-taken':
    case 'job-gone':
      return [`${resume}  to go on with a new job`, ...stopTo('end the chain here')];
    case 'job-workflow-failed':
    case 'storage-refused':
    case 'unusable-input':
      return [`${resume}  once the cause named above is mended`, ...stopTo('end the chain here')];
    case 'describe-refused':
      return [
        'give the worker back what the message names; the job is looked at again every few minutes',
        ...stopTo('stop it'),
      ];
    case 'initializing-too-long':
    case 'stop-unconfirmed':
    case 'past-deadline':
    case 'unknown-status':
      return ['look at the job in the SageMaker console; it is still followed', ...stopTo('stop it')];
  }
};

/** An action as pages and terminals show it: a command to copy, with what it is for; or a sentence without one. */
export const actionParts = (action: string): { command: string | null; text: string } => {
  if (!action.startsWith('label-relay ')) return { command: null, text: action };
  const [command = '', ...words] = action.split(/ {2,}/);
  return { command, text: words.join(' ') };
};

/** An attention with what a person can do about it. */
export const attention = (
  reason: AttentionReason,
  chain: string,
  message: string,
  at: { sinceMs: number | null; generation: number | null; isOver?: boolean },
): Attention => ({
  reason,
  message,
  actions: actionsFor(reason, chain, at.isOver === true),
  sinceMs: at.sinceMs,
  generation: at.generation,
});
