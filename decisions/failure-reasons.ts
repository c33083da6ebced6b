/**
 * What the FailureReason of a failed labeling job means: data, not code. The texts of expiry and of service faults are
 * not documented by AWS (reference: UNCONFIRMED), so a spec can add its own under `policy.failureReasons`; those are
 * tried first. A reason that matches nothing is `unknown`: it is never guessed.
 */
import type { Policy } from './policy.ts';

export type FailureClass = 'expired' | 'transient' | 'input' | 'unknown';

/** Regular expressions, case ignored, in the order of DESIGN's table: expired, transient, input. */
export const FAILURE_REASONS: Record<Exclude<FailureClass, 'unknown'>, readonly string[]> = {
  // API LabelingJobStoppingConditions: "Labeling jobs fail after 30 days with an appropriate client error message".
  expired: [
    String.raw`\b30[ -]days?\b`,
    String.raw`labeling job (has )?expired`,
    String.raw`\bjob\b.*\bexceeded (the |its )?(maximum|max)\b.*\b(duration|lifetime|time)\b`,
    String.raw`\b(maximum|max) (job )?(duration|lifetime)\b.*\bexceeded`,
  ],
  transient: [
    String.raw`internal ?(server|service|failure)? ?error`,
    String.raw`internal ?(server|service)? ?(failure|fault)`,
    String.raw`service ?(is )?(temporarily )?unavailable`,
    String.raw`throttl|rate exceeded|too many requests|slow ?down`,
    // A Lambda of the user's own that runs out of time is not the service's fault.
    String.raw`^(?![^]*lambda)[^]*\btimed?[ -]?out\b`,
    // "Correct the manifest and try again" asks for a person; only the service's own wording counts.
    String.raw`try again later|please retry`,
    String.raw`insufficient capacity|capacity ?(error|exceeded)`,
    String.raw`connection (reset|refused|closed)`,
  ],
  input: [
    String.raw`access ?denied`,
    String.raw`not authori[sz]ed`,
    String.raw`forbidden`,
    String.raw`cannot assume|unable to assume|assumerole`,
    String.raw`manifest`,
    String.raw`no such (key|bucket)|nosuch(key|bucket)`,
    String.raw`lambda`,
    String.raw`validation`,
    String.raw`invalid`,
    String.raw`malformed`,
    // DG sms-automated-labeling: the job fails when more than 10 % of the sample given to people fails.
    String.raw`\b10 ?(%|percent)`,
    // DG sms-create-labeling-job-api: Mechanical Turk needs the no-PII and no-adult-content classifiers.
    String.raw`personally identifiable|adult content|content ?classifiers?`,
    String.raw`kms`,
    String.raw`does not exist`,
    String.raw`workteam|work team`,
  ],
};

const matches = (patterns: readonly string[], reason: string): boolean =>
  patterns.some((pattern) => new RegExp(pattern, 'i').test(reason));

/** The class of a FailureReason; the spec's own patterns come before the built-in ones. */
export const classifyFailureReason = (reason: string | null, own: Policy['failureReasons']): FailureClass => {
  if (reason === null || reason.trim() === '') return 'unknown';
  for (const patterns of [own, FAILURE_REASONS]) {
    for (const kind of ['expired', 'transient', 'input'] as const) {
      if (matches(patterns[kind], reason)) return kind;
    }
  }
  return 'unknown';
};

/**
 * The failure-reason of an object whose tasks ran out: nobody took it in time, or everybody declined it; AWS writes the
 * same text for both (verbatim prefix in an AWS test fixture).
 */
export const isTasksExpired = (objectFailureReason: string): boolean =>
  /^(ClientError: )?Annotation tasks expired/i.test(objectFailureReason.trim());
