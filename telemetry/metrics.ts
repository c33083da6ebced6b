/**
 * Our own metrics, beside those of the Temporal SDK: their names, and where they are counted. Nothing here knows where
 * they go; the process's meter does.
 */
import type { MetricCounter, MetricGauge, MetricMeter } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';

/** Names as Prometheus shows them: counters end in `_total`. Labels are few and their values come from our own lists. */
export const METRICS = {
  events: 'label_relay_events_total',
  jobs: 'label_relay_create_results_total',
  notifications: 'label_relay_notifications_total',
  chainsOpen: 'label_relay_chains_open',
  chainsInAttention: 'label_relay_chains_in_attention',
} as const;

export type OurMetrics = {
  /** What became of messages, and what the consumer does. `outcome` is a word of the consumer. */
  countEvent: (outcome: string, count: number) => void;
  /** One answer to CreateLabelingJob. `result` is a word of the activity: created, quota, refused … */
  countCreate: (result: string) => void;
  /** One message to people. `kind` is a kind of the policy's list. */
  countNotification: (kind: string) => void;
  setChains: (counts: { open: number; inAttention: number }) => void;
};

/** The exporter adds `_total` to counters. */
const counterName = (name: string): string => name.replace(/_total$/, '');

/** Every series exists from the start with these, so that an alert sees the first increase. */
const knownOutcomes = ['delivered', 'poison', 'refused', 'signal-limit', 'outage-began', 'receive-failed'];

export const createMetrics = (meter: MetricMeter): OurMetrics => {
  const counter = (name: string, description: string): MetricCounter =>
    meter.createCounter(counterName(name), '', description);
  const gauge = (name: string, description: string): MetricGauge => meter.createGauge(name, 'int', '', description);
  const events = counter(METRICS.events, 'Messages of the event queues, by what became of them');
  const jobs = counter(METRICS.jobs, 'Answers to CreateLabelingJob, by result');
  const notifications = counter(METRICS.notifications, 'Messages to people, by kind');
  const open = gauge(METRICS.chainsOpen, 'Chains that have not ended, by the visibility store');
  const inAttention = gauge(METRICS.chainsInAttention, 'Chains that wait for a person, by the visibility store');
  for (const outcome of knownOutcomes) events.add(0, { outcome });
  return {
    countEvent: (outcome, count) => events.add(count, { outcome }),
    countCreate: (result) => jobs.add(1, { result }),
    countNotification: (kind) => notifications.add(1, { kind }),
    setChains: (counts) => {
      open.set(counts.open);
      inAttention.set(counts.inAttention);
    },
  };
};

/** The text at a path of a plain value; `unknown` if there is none. */
const textAt = (value: unknown, ...path: string[]): string => {
  let at = value;
  for (const key of path) at = typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined;
  return typeof at === 'string' ? at : 'unknown';
};

/** Counts what activities give and are given; changes nothing. */
export const countActivities =
  (metrics: OurMetrics): ActivityInterceptorsFactory =>
  ({ info }) => ({
    inbound: {
      execute: async (input, next) => {
        const result = await next(input);
        if (info.activityType === 'createLabelingJob') metrics.countCreate(textAt(result, 'kind'));
        if (info.activityType === 'notify') metrics.countNotification(textAt(input.args[0], 'notification', 'kind'));
        return result;
      },
    },
  });
