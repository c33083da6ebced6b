/**
 * Reads the body of one queue message and says in one word what it is. Owns everything that is believed about an event
 * before a workflow hears of it: the size cap, the shape, whose account and region, which characters. Nothing that did
 * not pass here reaches a workflow id, an S3 key or a log line.
 *
 * The shape is AWS's: https://docs.aws.amazon.com/sagemaker/latest/dg/sms-monitor-cloud-watch.html
 */
import { z } from 'zod';
import { parseLabelingJobArn, type JobPlace } from '../decisions/names.ts';
import { STATE_CHANGE_DETAIL_TYPE, STATE_CHANGE_SOURCE } from './state-change-pattern.ts';

/** EventBridge events are at most 256 KB; a message beyond that was not made by a rule. Bytes of UTF-8. */
export const BODY_MAX_BYTES = 256 * 1024;

/** AWS's name for what a worker did to a task of a labeling job. */
export const TASK_STATUS_DETAIL_TYPE = 'SageMaker Ground Truth Labeling Job Task Status Change';
const humanTaskDetailType = /^SageMaker Human Task (Accepted|Declined|Returned|Submitted|Created|Expired)$/;

/**
 * Accounts and regions whose events are believed; an event must name one of each, in its envelope and in its ARN.
 * `any` is for a file that a person hands over: an event of a job that nobody follows wakes nothing.
 */
export type Believed = { accounts: readonly string[] | 'any'; regions: readonly string[] | 'any' };

/** Whether an allow-list holds an account or region. */
export const holds = (list: readonly string[] | 'any', entry: string): boolean =>
  list === 'any' || list.includes(entry);

/** Why a message is kept for the dead-letter queue. Our own words only, so they may be logged. */
export type PoisonReason =
  'too-large' | 'not-json' | 'no-envelope' | 'wrong-account' | 'wrong-region' | 'bad-arn' | 'bad-status';

/** What a worker did to a task. `other`: created, expired, or a word that AWS has not documented. */
export type TaskAction = 'accepted' | 'submitted' | 'declined' | 'returned' | 'other';

/** What a message is. */
export type Verdict =
  | { kind: 'state-change'; place: JobPlace; status: string; eventId: string }
  | { kind: 'worker-event'; place: JobPlace; workteamArn: string; action: TaskAction; timeMs: number }
  | { kind: 'not-ours'; why: 'other-source' | 'other-detail-type' | 'no-labeling-job' }
  | { kind: 'poison'; why: PoisonReason };

/** The work team of a worker event that names none that parses. */
export const UNKNOWN_WORKTEAM = 'unknown';

const envelopeSchema = z.object({
  version: z.literal('0'),
  id: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
  'detail-type': z.string().min(1).max(256),
  source: z.string().min(1).max(256),
  // AWS always sends it; the AWS emulator of the local stack leaves it out. The ARN's account is judged in any case.
  account: z
    .string()
    .regex(/^\d{12}$/)
    .optional(),
  time: z.iso.datetime({ offset: true }),
  region: z
    .string()
    .regex(/^[a-z]{2,}(-[a-z0-9]+)+$/)
    .max(32),
  resources: z.array(z.string()),
  detail: z.record(z.string(), z.unknown()),
});
type Envelope = z.infer<typeof envelopeSchema>;

/** What SNS wraps around a message unless raw delivery is on. https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html */
const snsSchema = z.object({ Type: z.literal('Notification'), TopicArn: z.string(), Message: z.string() });

/** Any short string without control characters: the status only wakes, it decides nothing (DESIGN, law 1). */
const statusSchema = z.string().regex(/^[^\p{C}]{1,64}$/u);

const workteamSchema = z
  .string()
  .max(256)
  .regex(/^arn:[a-z-]+:sagemaker:[a-z0-9-]+:\d{12}:workteam\/[a-z-]+\/[A-Za-z0-9](-*[A-Za-z0-9])*$/);

/** Says what a message body is. Never throws, whatever the body. */
export const readEvent = (body: string, believed: Believed): Verdict => {
  // A UTF-16 unit is at least one byte, so the first test spares counting the bytes of something huge.
  if (body.length > BODY_MAX_BYTES || Buffer.byteLength(body) > BODY_MAX_BYTES) return poison('too-large');
  const outer = parseJson(body);
  if (outer === undefined) return poison('not-json');
  const wrapped = snsSchema.safeParse(outer);
  const inner = wrapped.success ? parseJson(wrapped.data.Message) : outer;
  if (inner === undefined) return poison('not-json');
  const parsed = envelopeSchema.safeParse(inner);
  return parsed.success ? judge(parsed.data, believed) : poison('no-envelope');
};

const judge = (event: Envelope, believed: Believed): Verdict => {
  if (event.source !== STATE_CHANGE_SOURCE) return { kind: 'not-ours', why: 'other-source' };
  const detailType = event['detail-type'];
  const isStateChange = detailType === STATE_CHANGE_DETAIL_TYPE;
  const isWorkerEvent = detailType === TASK_STATUS_DETAIL_TYPE || humanTaskDetailType.test(detailType);
  if (!isStateChange && !isWorkerEvent) return { kind: 'not-ours', why: 'other-detail-type' };
  if (event.account !== undefined && !holds(believed.accounts, event.account)) return poison('wrong-account');
  if (!holds(believed.regions, event.region)) return poison('wrong-region');
  return isStateChange ? judgeStateChange(event, believed) : judgeWorkerEvent(event, believed);
};

const judgeStateChange = (event: Envelope, believed: Believed): Verdict => {
  const [arn, ...others] = event.resources;
  if (arn === undefined || others.length > 0) return poison('bad-arn');
  const place = placeOf(arn, event, believed);
  if ('why' in place) return place;
  const status = statusSchema.safeParse(event.detail['LabelingJobStatus']);
  if (!status.success) return poison('bad-status');
  return { kind: 'state-change', place, status: status.data, eventId: event.id };
};

/**
 * Only `State`, `labeling-job-arn` and `workteam-team-arn` of the task status change are published, and nothing of the
 * `Human Task` events (some of which are Augmented AI's, without a labeling job). So what is missing is tolerated.
 */
const judgeWorkerEvent = (event: Envelope, believed: Believed): Verdict => {
  const { detail } = event;
  const named = detail['labeling-job-arn'] ?? event.resources.find((arn) => arn.includes(':labeling-job/'));
  if (typeof named !== 'string') return { kind: 'not-ours', why: 'no-labeling-job' };
  const place = placeOf(named, event, believed);
  if ('why' in place) return place;
  const said = event['detail-type'] === TASK_STATUS_DETAIL_TYPE ? detail['State'] : event['detail-type'];
  return {
    kind: 'worker-event',
    place,
    workteamArn: readWorkteamArn(detail['workteam-team-arn'] ?? detail['workteam-arn']),
    action: taskActionOf(said),
    timeMs: Date.parse(event.time),
  };
};

/** A work team's ARN, or {@link UNKNOWN_WORKTEAM} for what is none. */
export const readWorkteamArn = (value: unknown): string => {
  const workteam = workteamSchema.safeParse(value);
  return workteam.success ? workteam.data : UNKNOWN_WORKTEAM;
};

const taskActions: readonly TaskAction[] = ['accepted', 'submitted', 'declined', 'returned'];

/** Reads the action from a state (`Submitted`), a detail-type's last word or a log's event type (`TasksSubmitted`). */
export const taskActionOf = (said: unknown): TaskAction => {
  const words = typeof said === 'string' ? said.toLowerCase() : '';
  return taskActions.find((action) => words.endsWith(action)) ?? 'other';
};

/** The ARN makes the workflow id, so it is judged itself, and must agree with the envelope. */
const placeOf = (arn: string, event: Envelope, believed: Believed): JobPlace | Extract<Verdict, { kind: 'poison' }> => {
  const place = parseLabelingJobArn(arn);
  if (place === null) return poison('bad-arn');
  if (!holds(believed.accounts, place.account)) return poison('wrong-account');
  if (event.account !== undefined && event.account !== place.account) return poison('wrong-account');
  if (event.region !== place.region) return poison('wrong-region');
  return place;
};

const poison = (why: PoisonReason): Extract<Verdict, { kind: 'poison' }> => ({ kind: 'poison', why });

const parseJson = (text: string): unknown => {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
};
