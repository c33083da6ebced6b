/**
 * Telling people: an SNS topic (so e-mail) and a signed HTTPS webhook. At least once, with a stable id by which a
 * receiver drops repeats. The signature of a webhook is the HMAC-SHA256 (hex) of `<timestamp>.<body>`, where the timestamp
 * is the header `label-relay-timestamp` (seconds since the epoch): a receiver refuses old ones.
 */
import { createHmac } from 'node:crypto';
import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import { ApplicationFailure } from '@temporalio/common';
import { regionOfArn } from '../decisions/names.ts';
import type { NotificationKind, NotificationTarget } from '../decisions/policy.ts';

export type Notification = {
  /** The same for every delivery of the same news. */
  id: string;
  kind: NotificationKind;
  chain: string;
  subject: string;
  text: string;
  facts: Record<string, string | number | null>;
};

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
  const publish = async (topicArn: string, notification: Notification): Promise<void> => {
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
  };

  const post = async (
    { url, secretName }: { url: string; secretName: string | null },
    notification: Notification,
  ): Promise<void> => {
    const body = JSON.stringify(notification);
    const timestamp = String(Math.floor(Date.now() / 1000));
    const secret = secretName === null ? null : webhookSecret(secretName);
    if (secretName !== null && secret === null) {
      const message = `the worker has no secret named ${secretName}: set LABEL_RELAY_WEBHOOK_SECRET_<NAME>, the name in upper case`;
      throw ApplicationFailure.create({ type: 'webhook', message });
    }
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
    await response.body?.cancel();
    if (response.ok) return;
    throw ApplicationFailure.create({ type: 'webhook', message: `the webhook answered HTTP ${response.status}` });
  };

  return {
    /** Sends one notification to one place. Throws whatever goes wrong: a person may mend it before the last try. */
    notify: async ({
      target,
      notification,
    }: {
      target: NotificationTarget;
      notification: Notification;
    }): Promise<void> => {
      switch (target.kind) {
        case 'topic':
          return publish(target.topicArn, notification);
        case 'webhook':
          return post(target, notification);
      }
    },
  };
};
