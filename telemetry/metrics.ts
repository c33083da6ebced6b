/**
 * Our own metrics, beside those of the Temporal SDK: their names, and where they are counted. Nothing here knows where
 * they go; the process's meter does.
 */
import type { MetricCounter, MetricGauge, MetricMeter } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { AwsCall, AwsCallResult } from '../activities/watch-calls.ts';
import type { Counts } from './counts.ts';

/** Names as Prometheus shows them: counters end in `_total`. Labels are few and their values come from our own lists. */
export const METRICS = {
  events: 'label_relay_events_total',
  jobs: 'label_relay_create_results_total',
  notifications: 'label_relay_notifications_total',
  looks: 'label_relay_looks_total',
  awsCalls: 'label_relay_aws_calls_total',
  jobAge: 'label_relay_job_age_hours',
  chains: 'label_relay_chains',
  countedAt: 'label_relay_chains_counted_timestamp_seconds',
  liveJobs: 'label_relay_live_jobs',
  remainingObjects: 'label_relay_remaining_objects',
} as const;

/** A job lives 30 days at most. */
export const HISTOGRAM_BUCKETS: Record<string, number[]> = {
  [METRICS.jobAge]: [1, 6, 24, 48, 96, 168, 240, 336, 432, 528, 624, 672, 696, 720, 744],
};

/** Why AWS was asked: an event or a command, or the timer alone. */
type Because = 'news' | 'reconcile';

/** What the answer said. `ended`: a look that saw the end of a job, so the reaction to it. */
type Found = 'live' | 'ended' | 'absent' | 'refused';

export type OurMetrics = {
  /** What became of messages, and what the consumer does. `outcome` is a word of the consumer. */
  countEvent: (outcome: string, count: number) => void;
  /** One answer to CreateLabelingJob. `result` is a word of the activity: created, quota, refused … */
  countCreate: (result: string) => void;
  /** One message to people. `kind` is a kind of the policy's list. */
  countNotification: (kind: string) => void;
  /** One answer to DescribeLabelingJob in the course of following a job. */
  countLook: (because: Because, found: Found) => void;
  /** The age of a job at a look, by AWS's clock. */
  noteAge: (hours: number) => void;
  /** One attempt of a call to AWS. */
  countAwsCall: (call: AwsCall, result: AwsCallResult) => void;
  setCounts: (counts: Counts) => void;
};

/** The exporter adds `_total` to counters. */
const counterName = (name: string): string => name.replace(/_total$/, '');

/** Every series exists from the start with these, so that an alert sees the first increase. */
const knownOutcomes = [
  'delivered',
  'poison',
  'refused',
  'signal-limit',
  'outage-began',
  'outage-ended',
  'receive-failed',
];
const knownResults = ['refused', 'name-taken', 'quota', 'maybe-propagating'];

export const createMetrics = (meter: MetricMeter): OurMetrics => {
  const counter = (name: string, description: string): MetricCounter =>
    meter.createCounter(counterName(name), '', description);
  const gauge = (name: string, description: string): MetricGauge => meter.createGauge(name, 'int', '', description);
  const events = counter(METRICS.events, 'Messages of the event queues, by what became of them');
  const jobs = counter(METRICS.jobs, 'Answers to CreateLabelingJob, by result');
  const notifications = counter(METRICS.notifications, 'Messages to people that a target took, by kind');
  const looks = counter(METRICS.looks, 'Looks at labeling jobs, by why AWS was asked and what the answer said');
  const awsCalls = counter(METRICS.awsCalls, 'Attempts of calls to AWS, by result');
  const age = meter.createHistogram(METRICS.jobAge, 'int', '', 'Age of labeling jobs at each look, in hours');
  const chains = gauge(METRICS.chains, 'Chains by status, by the visibility store');
  const countedAt = gauge(METRICS.countedAt, 'When chains and jobs were counted last, in seconds since 1970');
  const liveJobs = gauge(METRICS.liveJobs, 'Followed labeling jobs, by how near their deadline is');
  const remaining = gauge(METRICS.remainingObjects, 'Objects without a label in all open chains');
  for (const outcome of knownOutcomes) events.add(0, { outcome });
  for (const result of knownResults) jobs.add(0, { result });
  for (const because of ['news', 'reconcile']) looks.add(0, { because, found: 'ended' });
  return {
    countEvent: (outcome, count) => events.add(count, { outcome }),
    countCreate: (result) => jobs.add(1, { result }),
    countNotification: (kind) => notifications.add(1, { kind }),
    countLook: (because, found) => looks.add(1, { because, found }),
    noteAge: (hours) => age.record(hours),
    countAwsCall: ({ service, operation }, result) => awsCalls.add(1, { service, operation, result }),
    setCounts: (counts) => {
      for (const [status, count] of Object.entries(counts.chains)) chains.set(count, { status });
      for (const [deadline, count] of Object.entries(counts.jobs)) liveJobs.set(count, { deadline });
      remaining.set(counts.remainingObjects);
      countedAt.set(Math.floor(Date.now() / 1000));
    },
  };
};

/** Counts what activities give and are given; changes nothing. */
export const countActivities =
  (metrics: OurMetrics): ActivityInterceptorsFactory =>
  ({ info }) => ({
    inbound: {
      execute: async (input, next) => {
        const result = await next(input);
        // Loaded with the first activity, as the activities are: a worker's start does not wait for it.
        const { countActivity } = await import('./activity-counts.ts');
        countActivity(metrics, info, input.args[0], result);
        return result;
      },
    },
  });
