/**
 * The script: what happens to jobs that is not the good default. JSON, checked by zod; `README.md` shows every switch.
 * Rules that match a job are laid over each other in the order of the file, section by section, and hold from its creation.
 */
import { z } from 'zod';
import { API_ERROR_NAMES } from './api-error.ts';
import { parseDuration } from './duration.ts';
import { JOB_STATUSES } from './requests.ts';

const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms === null) context.addIssue({ code: 'custom', message: `"${text}" is no duration such as 90s, 30m, 1h or 2d` });
  return ms ?? 0;
});
const fraction = z.number().min(0).max(1);
const globs = z.array(z.string()).min(1);
const reason = z.string().max(1024);

/** Some objects: all that a glob on `source-ref` (or `source`) names, or of all objects a fraction by chance, or both. */
const someObjects = { fraction: fraction.optional(), objects: globs.optional() };

const matchSchema = z.strictObject({
  /** Glob on the job's name. */
  name: z.string().optional(),
  /** The job's number in the account, from 1. */
  nth: z.int().min(1).optional(),
  /** Tags that the job was created with: key to glob on the value. */
  tags: z.record(z.string(), z.string()).optional(),
});
export type JobMatch = z.infer<typeof matchSchema>;

const workersSchema = z.strictObject({
  /** How many work on the job. */
  count: z.int().min(0).max(1000).optional(),
  /** From accepting to submitting. Above TaskTimeLimitInSeconds every task times out. */
  answerTime: duration.optional(),
  /** Answers per hour of the whole team. */
  ratePerHour: z.number().positive().optional(),
  /** Hours per day, from 08:00 UTC. */
  hoursPerDay: z.number().positive().max(24).optional(),
  /** Days per week, from Monday. */
  daysPerWeek: z.int().min(1).max(7).optional(),
  /** Age of the job at which they begin. */
  from: duration.optional(),
  /** Age of the job after which nobody accepts a task any more. */
  until: duration.optional(),
});

const outputSchema = z.strictObject({
  /** While the job runs; the first time a change was seen. Default: by the number of objects, 5 minutes to 6 hours. */
  every: duration.optional(),
  /** How long after the end the manifest is complete. Default: some minutes; `0s`: before the event. */
  late: duration.optional(),
  /** `bytes` keeps the input line's own text; the other two write every line anew. */
  serialization: z.enum(['bytes', 'compact', 'spaced']).optional(),
  shuffled: z.boolean().optional(),
  /** The fraction of lines, from the first, that the manifest holds. */
  short: fraction.optional(),
  /** Never written. */
  missing: z.boolean().optional(),
  workerResponses: z.boolean().optional(),
  /** Spelling of `job-name` in the metadata; both occur at AWS. */
  jobName: z.enum(['bare', 'labeling-job/']).optional(),
});

const eventsSchema = z.strictObject({
  /** Statuses that send an event. Default: Completed, Failed, Stopped. */
  statuses: z.array(z.enum(JOB_STATUSES)).optional(),
  drop: fraction.optional(),
  /** Further copies, each with an id of its own. */
  repeat: z.int().min(0).max(1000).optional(),
  delay: duration.optional(),
  /** For how long after the event of an ending Describe still shows the state before it. */
  beforeDescribe: duration.optional(),
  /** Send `SageMaker Ground Truth Labeling Job Task Status Change` for everything a worker does. */
  workers: z.boolean().optional(),
});

/** What the 30-day limit does is not documented exactly (API: "fail", guide: "expire"): so it can be either. */
const expiryStatus = z.enum(['Failed', 'Completed', 'Stopped']);
const expirySchema = z.strictObject({
  status: expiryStatus.optional(),
  /** FailureReason; only with Failed. */
  reason: reason.optional(),
  /** Whether objects that were with the work team are written as expired or as never attempted. */
  openTasks: z.enum(['untouched', 'expired']).optional(),
});

const stopSchema = z.strictObject({
  /** Age at which somebody else stops the job. */
  after: duration.optional(),
  /** From Stopping to Stopped. Default: some minutes. */
  takes: duration.optional(),
  /** What StopLabelingJob answers for a job that has ended. */
  whenEnded: z.enum(['ValidationException', 'ok']).optional(),
  whenInitializing: z.enum(['ValidationException', 'ok']).optional(),
});

const jobRuleSchema = z.strictObject({
  match: matchSchema.default({}),
  workers: workersSchema.optional(),
  declines: z.strictObject(someObjects).optional(),
  returns: z.strictObject(someObjects).optional(),
  /** Objects that cannot be shown to a worker at all. */
  broken: z.strictObject({ ...someObjects, reason: reason.optional() }).optional(),
  fail: z.strictObject({ after: duration, reason }).optional(),
  expiry: z.preprocess((value) => (typeof value === 'string' ? { status: value } : value), expirySchema.optional()),
  stop: stopSchema.optional(),
  /** Tasks open when a job is stopped, fails or expires: lost, consolidated at once, or published up to a day later. */
  openTasks: z.enum(['never', 'at-end', 'late']).optional(),
  /** How long after the tasks were taken from the team the labels of `late` ones are published. Default: 1 to 24 hours. */
  lateLabels: duration.optional(),
  /** The status that StoppingConditions lead to. */
  stoppingCondition: z.enum(['Stopped', 'Completed']).optional(),
  initializing: duration.optional(),
  /** Describe answers with the state that the job had this long ago. */
  describeLag: duration.optional(),
  counters: z
    .strictObject({
      /** For how long after the creation all counters show zero. */
      zeroFor: duration.optional(),
      /** Whether Unlabeled counts failed objects too. */
      unlabeledIncludesFailed: z.boolean().optional(),
    })
    .optional(),
  output: outputSchema.optional(),
  events: eventsSchema.optional(),
});
type JobRule = z.infer<typeof jobRuleSchema>;
/** What the script says about one job: all rules that match it, laid over each other. */
export type JobRules = Omit<JobRule, 'match'>;

/** Faults of the API. `drop`: the connection is cut before anything happens; `after-effect-*`: it happened. */
const faults = [...API_ERROR_NAMES, 'drop', 'after-effect-timeout', 'after-effect-error'] as const;
export type Fault = (typeof faults)[number];

const apiRuleSchema = z.strictObject({
  op: z.string(),
  /** Glob on the LabelingJobName of the request. */
  job: z.string().optional(),
  /** The first matching call that fails, from 1; without it all do. */
  nth: z.int().min(1).optional(),
  /** How many matching calls in a row fail, from `nth` on. Default: 1 with `nth`, else all. */
  times: z.int().min(1).optional(),
  fault: z.enum(faults),
  message: z.string().optional(),
});
export type ApiRule = z.infer<typeof apiRuleSchema>;

const scriptSchema = z.strictObject({
  jobs: z.array(jobRuleSchema).default([]),
  api: z.array(apiRuleSchema).default([]),
  /** CreateLabelingJob answers ResourceLimitExceeded when this many jobs are live. */
  maxLiveJobs: z.int().min(1).optional(),
  /** Globs on the ARNs of work teams that do not exist. */
  absentWorkteams: z.array(z.string()).default([]),
  /**
   * What the chance of a job hangs on beside the seed: its name, or its number in the account, for a client that names its jobs
   * anew in each run.
   */
  chance: z.enum(['name', 'order']).default('name'),
  /** The error for a job that does not exist. */
  notFound: z.enum(['ResourceNotFound', 'ValidationException']).default('ResourceNotFound'),
});
export type Script = z.infer<typeof scriptSchema>;
/** A script as it is written, before the check. */
export type ScriptSource = z.input<typeof scriptSchema>;

/** A script that is wrong. One line per mistake, each with its path. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';
}

/** Reads a script; throws {@link ScriptError}. */
export const parseScript = (source: unknown): Script => {
  const checked = scriptSchema.safeParse(source);
  if (checked.success) return checked.data;
  const lines = checked.error.issues.map(
    (issue) => `${issue.path.map(String).join('.') || '(script)'}: ${issue.message}`,
  );
  throw new ScriptError(`The script is wrong.\n${lines.join('\n')}`);
};

/** Whether a text fits a glob: `*` stands for any characters, `?` for one; everything else for itself. */
export const matchesGlob = (glob: string, text: string): boolean => {
  const pattern = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`, 'su').test(text);
};

/** What a rule can match a job by. */
export type JobIdentity = { name: string; ordinal: number; tags: ReadonlyMap<string, string> };

const matchesJob = (match: JobMatch, job: JobIdentity): boolean =>
  (match.name === undefined || matchesGlob(match.name, job.name)) &&
  (match.nth === undefined || match.nth === job.ordinal) &&
  Object.entries(match.tags ?? {}).every(([key, glob]) => {
    const value = job.tags.get(key);
    return value !== undefined && matchesGlob(glob, value);
  });

const layOver = (below: JobRules, above: JobRules): JobRules => ({
  ...below,
  ...above,
  workers: { ...below.workers, ...above.workers },
  output: { ...below.output, ...above.output },
  events: { ...below.events, ...above.events },
  expiry: { ...below.expiry, ...above.expiry },
  stop: { ...below.stop, ...above.stop },
  counters: { ...below.counters, ...above.counters },
});

/** The rules for one job. */
export const rulesFor = (script: Script, job: JobIdentity): JobRules => {
  let rules: JobRules = {};
  for (const { match, ...rule } of script.jobs) if (matchesJob(match, job)) rules = layOver(rules, rule);
  return rules;
};
