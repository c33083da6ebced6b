/** Events in AWS's documented shapes (https://docs.aws.amazon.com/sagemaker/latest/dg/sms-monitor-cloud-watch.html); the values are made up. */
import { TASK_STATUS_DETAIL_TYPE, type Believed } from '../../events/envelope.ts';
import { STATE_CHANGE_DETAIL_TYPE } from '../../events/state-change-pattern.ts';

export const ACCOUNT = '111122223333';
export const REGION = 'us-east-1';
export const believed: Believed = { accounts: [ACCOUNT], regions: [REGION] };
export const jobArn = (jobName: string, account = ACCOUNT, region = REGION): string =>
  `arn:aws:sagemaker:${region}:${account}:labeling-job/${jobName}`;

let serial = 0;

/** A state-change event; `changes` replace fields of the envelope. */
export const stateChangeEvent = (jobName: string, status = 'Completed', changes: Record<string, unknown> = {}) => ({
  version: '0',
  id: `111e1111-11d1-111f-b111-${String(++serial).padStart(12, '0')}`,
  'detail-type': STATE_CHANGE_DETAIL_TYPE,
  source: 'aws.sagemaker',
  account: ACCOUNT,
  time: '2026-11-06T12:26:13Z',
  region: REGION,
  resources: [jobArn(jobName)],
  detail: { LabelingJobStatus: status } as Record<string, unknown>,
  ...changes,
});

export const WORKTEAM_ARN = `arn:aws:sagemaker:${REGION}:${ACCOUNT}:workteam/private-crowd/ornithologists`;

/** A worker event on EventBridge; AWS publishes the three names in `detail` and no values for `State`. */
export const taskEvent = (jobName: string, state: string, changes: Record<string, unknown> = {}) => ({
  ...stateChangeEvent(jobName),
  'detail-type': TASK_STATUS_DETAIL_TYPE,
  resources: [] as string[],
  detail: { State: state, 'labeling-job-arn': jobArn(jobName), 'workteam-team-arn': WORKTEAM_ARN } as Record<
    string,
    unknown
  >,
  ...changes,
});

/** The same event as SNS hands it to a queue without raw delivery. */
export const snsWrapped = (message: string) => ({
  Type: 'Notification',
  MessageId: '95df01b4-ee98-5cb9-9903-4c221d41eb5e',
  TopicArn: `arn:aws:sns:${REGION}:${ACCOUNT}:label-relay`,
  Message: message,
  Timestamp: '2026-11-06T12:26:14.000Z',
  SignatureVersion: '1',
});
