/** Messages that nobody would send on purpose: what the consumer must keep for the dead-letter queue, and what it must let go. */
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { LOCAL_ACCOUNT, LOCAL_REGION } from '../../local/child-environment.ts';
import { localAwsConfig } from '../../local/local-clients.ts';

const stateChange = (number: number, change: object): string =>
  JSON.stringify({
    version: '0',
    id: `0c4a0500-0000-4000-8000-${String(number).padStart(12, '0')}`,
    'detail-type': 'SageMaker Ground Truth Labeling Job State Change',
    source: 'aws.sagemaker',
    account: LOCAL_ACCOUNT,
    time: '2026-11-01T09:00:00Z',
    region: LOCAL_REGION,
    resources: [`arn:aws:sagemaker:${LOCAL_REGION}:${LOCAL_ACCOUNT}:labeling-job/somebody-elses-${number}`],
    detail: { LabelingJobStatus: 'Completed' },
    ...change,
  });

/** Must end in the dead-letter queue. */
export const POISON: readonly string[] = [
  'not JSON at all',
  '{"cut": "off',
  stateChange(1, { resources: ['arn:aws:sagemaker:nowhere'] }),
  stateChange(2, {
    account: '999999999999',
    resources: [`arn:aws:sagemaker:${LOCAL_REGION}:999999999999:labeling-job/x`],
  }),
];

/** Valid, but nothing of ours: must be deleted. */
export const FOREIGN: readonly string[] = [
  stateChange(3, {}),
  stateChange(4, { source: 'aws.ec2', 'detail-type': 'EC2 Instance State-change Notification', resources: [] }),
];

/** Puts them into the queue, past the gates. */
export const sendStrangers = async (endpoint: string, queueUrl: string): Promise<void> => {
  const sqs = new SQSClient(localAwsConfig(endpoint));
  try {
    for (const MessageBody of [...POISON, ...FOREIGN])
      await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
  } finally {
    sqs.destroy();
  }
};
