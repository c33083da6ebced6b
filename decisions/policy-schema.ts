/**
 * How a chain is to be run: the `policy` part of a spec, with the defaults of DESIGN section 8. What is read is text
 * for people (`"2h"`); what the rest of the code sees is {@link Policy}.
 */
import { z } from 'zod';
import { DAY_MS, DURATION_HELP, HOUR_MS, MINUTE_MS, formatDuration, parseDurationMs } from './durations.ts';
import { NOTIFICATION_KINDS, type Policy } from './policy.ts';

const duration = z.string().transform((text, context) => {
  const ms = parseDurationMs(text);
  if (ms !== null) return ms;
  context.addIssue({ code: 'custom', message: `must be ${DURATION_HELP}` });
  return z.NEVER;
});

/** Null: off. */
const durationOrOff = z.string().transform((text, context) => {
  const ms = parseDurationMs(text);
  if (text === 'off' || ms !== null) return ms;
  context.addIssue({ code: 'custom', message: `must be "off" or ${DURATION_HELP}` });
  return z.NEVER;
});

const pattern = z.string().refine((text) => {
  try {
    return new RegExp(text, 'i') instanceof RegExp;
  } catch {
    return false;
  }
}, 'must be a regular expression');

const positive = z.int().min(1);

/** News is for its receiver alone: plain HTTP only within this machine. fetch refuses an address with credentials, each time. */
const webhookUrl = z
  .string()
  .refine((text) => {
    const url = URL.parse(text);
    if (url === null || url.username !== '' || url.password !== '') return false;
    const isLoopback = ['localhost', '[::1]'].includes(url.hostname) || /^127(\.\d+){3}$/.test(url.hostname);
    return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback);
  }, 'must be an https:// address without user name and password (http:// only to this machine)')
  .meta({ format: 'uri' });

const topicArn = z
  .string()
  .regex(/^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/, 'must be the ARN of a standard SNS topic');

/** The `policy` part of a spec as a person writes it. */
export const policySchema = z.strictObject({
  lifetime: duration.optional().describe('How long AWS lets a labeling job live. Default 30d.'),
  handOver: durationOrOff
    .optional()
    .describe(
      'How long before its deadline a job that will not make it is stopped and continued. Default 2h; "off" leaves it to expire.',
    ),
  reconcile: z
    .strictObject({ first: z.array(duration).max(20).optional(), every: duration.optional() })
    .optional()
    .describe(
      'When a job is described without an event: ages after its creation, then a period. Default 5m, 30m, 2h, then 6h.',
    ),
  maxJobs: positive
    .optional()
    .describe('The chain ends `finished` after this many jobs. Default 24 + number of slices.'),
  maxDuration: duration.optional().describe('The chain ends `finished` at this age. Default 730d.'),
  maxAttemptsPerObject: positive.optional().describe('Failed attempts after which an object is set aside. Default 3.'),
  maxFailures: positive.optional().describe('Failed jobs in a row that are retried. Default 3.'),
  maxJobsWithoutProgress: positive
    .optional()
    .describe('Jobs in a row without a label before a person is asked. Default 2.'),
  maxObjectsPerJob: positive
    .optional()
    .describe('More objects go in slices. Default 100000, for semantic segmentation 20000 (AWS quotas).'),
  maxObjectsSent: positive
    .optional()
    .describe('Objects sent to workers over all jobs before a person is asked. Default: no limit.'),
  maxCost: z
    .number()
    .positive()
    .optional()
    .describe('Committed cost, in the currency of `price`, before a person is asked.'),
  price: z
    .strictObject({
      perAnswer: z.number().min(0).optional(),
      perObject: z.number().min(0).optional(),
      currency: z.string().max(20).optional(),
    })
    .optional()
    .describe(
      'What an answer of a worker and a labeled object cost you. Answers for an object that then fails are not counted; `maxObjectsSent` limits those too. Unset: no cost is computed.',
    ),
  stoppingConditions: z
    .enum(['finish', 'per-job'])
    .optional()
    .describe('What a StoppingConditions below 100 % means: the end of the chain (default) or only of that job.'),
  nextInput: z
    .enum(['unlabeled', 'dataset'])
    .optional()
    .describe(
      'What a next job gets: only what lacks a label, or all lines. Default unlabeled; dataset with LabelingJobAlgorithmsConfig.',
    ),
  failureReasons: z
    .strictObject({
      expired: z.array(pattern).optional(),
      transient: z.array(pattern).optional(),
      input: z.array(pattern).optional(),
    })
    .optional()
    .describe('More regular expressions (case ignored) for FailureReason, tried before the built-in ones.'),
  initializingWithin: duration
    .optional()
    .describe('A job still Initializing at this age asks for attention. Default 2h.'),
  progressWithin: duration
    .optional()
    .describe('A job whose counters stood still this long is told as silence. Default 3d.'),
  silenceWithin: duration
    .optional()
    .describe('With worker events: no worker did anything for this long is told as silence. Default 3d.'),
  declineSurge: positive
    .optional()
    .describe('With worker events: from so many declines on that outnumber the answers, a surge is told. Default 10.'),
  stopWithin: duration.optional().describe('A stop not confirmed after this long asks for attention. Default 6h.'),
  deadlineGrace: duration
    .optional()
    .describe('A job still open this long after its deadline asks for attention. Default 6h.'),
  settleWithin: duration.optional().describe('How long the output of an ended job is waited for. Default 2h.'),
  lateLabels: duration.optional().describe('When, after the last job, outputs are looked at once more. Default 24h.'),
  notify: z
    .strictObject({
      topicArn: topicArn.optional(),
      webhook: z.strictObject({ url: webhookUrl, secretName: z.string().min(1).max(256).optional() }).optional(),
      kinds: z.array(z.enum(NOTIFICATION_KINDS)).optional(),
    })
    .optional()
    .describe('Where to send notifications. Default: nowhere.'),
});

/** What a person may write under `policy`, durations already read. */
export type PolicyInput = z.infer<typeof policySchema>;

/** AWS quota pages: 100,000 objects a job, 20,000 for semantic segmentation. */
export const objectsPerJobQuota = (taskType: string | null): number =>
  taskType?.endsWith('SemanticSegmentation') === true && !taskType.includes('3D') ? 20_000 : 100_000;

/** Every default filled in. */
export const resolvePolicy = (
  input: PolicyInput,
  job: { taskType: string | null; hasAlgorithms: boolean },
): Policy => ({
  lifetimeMs: input.lifetime ?? 30 * DAY_MS,
  handOverMs: input.handOver === undefined ? 2 * HOUR_MS : input.handOver,
  reconcile: {
    firstMs: (input.reconcile?.first ?? [5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS]).toSorted((a, b) => a - b),
    everyMs: input.reconcile?.every ?? 6 * HOUR_MS,
  },
  maxJobs: input.maxJobs ?? null,
  maxDurationMs: input.maxDuration ?? 730 * DAY_MS,
  maxAttemptsPerObject: input.maxAttemptsPerObject ?? 3,
  maxFailures: input.maxFailures ?? 3,
  maxJobsWithoutProgress: input.maxJobsWithoutProgress ?? 2,
  maxObjectsPerJob: input.maxObjectsPerJob ?? objectsPerJobQuota(job.taskType),
  maxObjectsSent: input.maxObjectsSent ?? null,
  maxCost: input.maxCost ?? null,
  price:
    input.price === undefined
      ? null
      : {
          perAnswer: input.price.perAnswer ?? 0,
          perObject: input.price.perObject ?? 0,
          currency: input.price.currency ?? 'USD',
        },
  stoppingConditions: input.stoppingConditions ?? 'finish',
  nextInput: input.nextInput ?? (job.hasAlgorithms ? 'dataset' : 'unlabeled'),
  failureReasons: {
    expired: input.failureReasons?.expired ?? [],
    transient: input.failureReasons?.transient ?? [],
    input: input.failureReasons?.input ?? [],
  },
  initializingWithinMs: input.initializingWithin ?? 2 * HOUR_MS,
  progressWithinMs: input.progressWithin ?? 3 * DAY_MS,
  silenceWithinMs: input.silenceWithin ?? 3 * DAY_MS,
  declineSurge: input.declineSurge ?? 10,
  stopWithinMs: input.stopWithin ?? 6 * HOUR_MS,
  deadlineGraceMs: input.deadlineGrace ?? 6 * HOUR_MS,
  settleWithinMs: input.settleWithin ?? 2 * HOUR_MS,
  lateLabelsMs: input.lateLabels ?? DAY_MS,
  notify: {
    topicArn: input.notify?.topicArn ?? null,
    webhook:
      input.notify?.webhook === undefined
        ? null
        : { url: input.notify.webhook.url, secretName: input.notify.webhook.secretName ?? null },
    kinds: input.notify?.kinds ?? [...NOTIFICATION_KINDS],
  },
});

/** A job that ends within the last hour of its lifetime counts as expired: a shorter lifetime would make every job that. */
const LIFETIME_MINIMUM_MS = 2 * HOUR_MS;

/** A Describe without an event is never more frequent: AWS throttles, and events do the quick work. */
const RECONCILE_MINIMUM_MS = MINUTE_MS;

/** What is wrong between the fields of a policy, one line each with its path. */
export const policyProblems = (policy: Policy): string[] => {
  const problems: string[] = [];
  if (policy.lifetimeMs < LIFETIME_MINIMUM_MS) {
    problems.push(`policy.lifetime: must be at least ${formatDuration(LIFETIME_MINIMUM_MS)}`);
  }
  if (policy.handOverMs !== null && policy.handOverMs >= policy.lifetimeMs) {
    problems.push('policy.handOver: must be shorter than policy.lifetime');
  }
  if (policy.reconcile.everyMs < RECONCILE_MINIMUM_MS) {
    problems.push(`policy.reconcile.every: must be at least ${formatDuration(RECONCILE_MINIMUM_MS)}`);
  }
  const { price } = policy;
  if (policy.maxCost !== null && (price === null || price.perAnswer + price.perObject === 0)) {
    problems.push('policy.maxCost: needs policy.price to count with; set perAnswer or perObject');
  }
  return problems;
};
