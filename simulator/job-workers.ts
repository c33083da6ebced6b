/** From a job's request and the script's rules to the work team's tasks: who works when, how fast, and who declines what. */
import { HOUR_MS, MINUTE_MS } from './duration.ts';
import { HumanTasks, type HumanTasksOptions } from './human-tasks.ts';
import type { JobEnvironment } from './job-environment.ts';
import type { CreateLabelingJob } from './requests.ts';
import { matchesGlob, type JobRules } from './script.ts';

const DEFAULT_WORKERS = 5;
const DEFAULT_ANSWER_MS = MINUTE_MS;
/** API, HumanTaskConfig: MaxConcurrentTaskCount. */
const DEFAULT_BATCH_SIZE = 1000;
/** API, HumanTaskConfig: TaskAvailabilityLifetimeInSeconds for a private workforce. */
const DEFAULT_AVAILABILITY_SECONDS = 2_592_000;

export type JobWorkersOptions = {
  environment: JobEnvironment;
  request: CreateLabelingJob;
  rules: JobRules;
  createdMs: number;
  /** Indices of the objects without a label. */
  objects: readonly number[];
  /** `source-ref` or `source` of an object. */
  sourceOf: (index: number) => string;
  on: HumanTasksOptions['on'];
};

type Some = { fraction?: number | undefined; objects?: string[] | undefined };

/** The tasks of a job, not yet sent. */
export const createHumanTasks = (options: JobWorkersOptions): HumanTasks => {
  const { environment, request, rules, createdMs, objects, sourceOf, on } = options;
  const { HumanTaskConfig: human } = request;
  const { workers = {} } = rules;
  const count = workers.count ?? DEFAULT_WORKERS;
  const paceMs = workers.ratePerHour === undefined ? 0 : Math.round((count * HOUR_MS) / workers.ratePerHour);
  const answerMs = workers.answerTime ?? (paceMs > 0 ? Math.min(DEFAULT_ANSWER_MS, paceMs) : DEFAULT_ANSWER_MS);

  const isAmong = (some: Some | undefined, what: string, index: number, workerId: string): boolean => {
    if (some === undefined) return false;
    const named = some.objects?.some((glob) => matchesGlob(glob, sourceOf(index))) ?? true;
    const fraction = some.fraction ?? (some.objects === undefined ? 0 : 1);
    return named && environment.draw(what, request.LabelingJobName, index, workerId) < fraction;
  };

  return new HumanTasks({
    agenda: environment.agenda,
    nowMs: environment.nowMs,
    objects,
    answersPerObject: human.NumberOfHumanWorkersPerDataObject,
    timeLimitMs: human.TaskTimeLimitInSeconds * 1000,
    availabilityMs: (human.TaskAvailabilityLifetimeInSeconds ?? DEFAULT_AVAILABILITY_SECONDS) * 1000,
    batchSize: human.MaxConcurrentTaskCount ?? DEFAULT_BATCH_SIZE,
    workerIds: Array.from({ length: count }, (_, number) => `worker-${number + 1}`),
    answerMs,
    paceMs: Math.max(paceMs, answerMs),
    hours: {
      createdMs,
      fromMs: workers.from ?? 0,
      untilMs: workers.until ?? null,
      hoursPerDay: workers.hoursPerDay ?? 24,
      daysPerWeek: workers.daysPerWeek ?? 7,
    },
    react: (index, workerId) => {
      if (isAmong(rules.declines, 'decline', index, workerId)) return 'decline';
      return isAmong(rules.returns, 'return', index, workerId) ? 'return' : 'submit';
    },
    brokenReason: (index) =>
      isAmong(rules.broken, 'broken', index, '')
        ? (rules.broken?.reason ?? `ClientError: Unable to read the data object ${sourceOf(index)}.`)
        : null,
    on,
  });
};
