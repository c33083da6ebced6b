/**
 * Telling people: an SNS topic (so e-mail) and a signed HTTPS webhook. At least once, with a stable id by which a
 * receiver drops repeats.
 */
import { createHmac } from 'node:crypto';
import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import { ApplicationFailure } from '@temporalio/common';
import { regionOfArn } from '../decisions/names.ts';
import type { NotificationKind, Policy } from '../decisions/policy.ts';
import { messageOf } from '../errors.ts';
import { awsErrorName, isRefusal } from './aws-failures.ts';

export type Notification = {
  /** The same for every delivery of the same news. */
  id: string;
  kind: NotificationKind;
  chain: string;
  subject: string;
  text: string;
  facts: Record<string, string | number | null>;
};

/** `sent`, `off`, or why it was not sent. */
export type NotifyResult = { topic: string; webhook: string };

/** SNS: at most 100 characters, printable ASCII, no line breaks. */
const asSubject = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, ' ').slice(0, 100);

const WEBHOOK_TIMEOUT_MS = 10_000;

export const notificationActivities = ({
  sns,
  webhookSecret,
}: {
  sns: (region: string) => SNSClient;
  /** The secret of that name, from the worker's environment; null if there is none. */
  webhookSecret: (name: string) => string | null;
}) => {
  const publish = async (topicArn: string, notification: Notification): Promise<string> => {
    try {
      await sns(regionOfArn(topicArn) ?? 'us-east-1').send(
        new PublishCommand({
          TopicArn: topicArn,
          Subject: asSubject(notification.subject),
          Message: `${notification.text}\n\n${JSON.stringify(notification)}`,
          MessageAttributes: {
            id: { DataType: 'String', StringValue: notification.id },
            kind: { DataType: 'String', StringValue: notification.kind },
            chain: { DataType: 'String', StringValue: notification.chain },
          },
        }),
      );
      return 'sent';
    } catch (thrown) {
      // A topic that refuses us must not hold up a chain: the result says so in the history.
      if (isRefusal(thrown)) return `refused: ${awsErrorName(thrown)}: ${messageOf(thrown)}`;
      throw thrown;
    }
  };

  const post = async (
    { url, secretName }: { url: string; secretName: string | null },
    notification: Notification,
  ): Promise<string> => {
    const body = JSON.stringify(notification);
    const timestamp = String(Math.floor(Date.now() / 1000));
    const secret = secretName === null ? null : webhookSecret(secretName);
    if (secretName !== null && secret === null) return `not sent: the worker has no secret named ${secretName}`;
    const signature =
      secret === null ? null : createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'error',
      headers: {
        'content-type': 'application/json',
        'label-relay-id': notification.id,
        'label-relay-timestamp': timestamp,
        ...(signature === null ? {} : { 'label-relay-signature': `sha256=${signature}` }),
      },
      body,
      signal: AbortSignal.timeout(WEBHOOK_TIMEOUT_MS),
    });
    if (response.ok) return 'sent';
    if (response.status >= 400 && response.status < 500 && response.status !== 429 && response.status !== 408) {
      return `refused: HTTP ${response.status}`;
    }
    throw ApplicationFailure.create({ type: 'webhook', message: `the webhook answered HTTP ${response.status}` });
  };

  return {
    notify: async ({ policy, notification }: { policy: Policy; notification: Notification }): Promise<NotifyResult> => {
      const { topicArn, webhook, kinds } = policy.notify;
      if (!kinds.includes(notification.kind)) return { topic: 'off', webhook: 'off' };
      const topic = topicArn === null ? 'off' : await publish(topicArn, notification);
      return { topic, webhook: webhook === null ? 'off' : await post(webhook, notification) };
    },
  };
};
