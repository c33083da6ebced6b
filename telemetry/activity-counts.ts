/** What the input and the result of an activity say, as our metrics count it. */
import type { Info } from '@temporalio/activity';
import { z } from 'zod';
import { HOUR_MS } from '../decisions/durations.ts';
import { asTerminal } from '../decisions/ending.ts';
import { PRIORITY } from '../decisions/priorities.ts';
import type { OurMetrics } from './metrics.ts';

/** What is read of an activity's input or result; the rest is its own business. */
const createdSchema = z.looseObject({ kind: z.string() });
const notifiedSchema = z.looseObject({ notification: z.looseObject({ kind: z.string() }) });
const seenSchema = z.discriminatedUnion('kind', [
  z.looseObject({
    kind: z.literal('observed'),
    status: z.string(),
    createdAtMs: z.number(),
    serviceNowMs: z.number(),
  }),
  z.looseObject({ kind: z.literal('absent') }),
  z.looseObject({ kind: z.literal('refused') }),
]);

const countLook = (metrics: OurMetrics, priorityKey: number | undefined, result: unknown): void => {
  const { data: seen } = seenSchema.safeParse(result);
  if (seen === undefined) return;
  const because = priorityKey === PRIORITY.reconcile ? 'reconcile' : 'news';
  switch (seen.kind) {
    case 'observed':
      metrics.countLook(because, asTerminal(seen.status) === null ? 'live' : 'ended');
      metrics.noteAge(Math.max(0, Math.floor((seen.serviceNowMs - seen.createdAtMs) / HOUR_MS)));
      return;
    case 'absent':
    case 'refused':
      metrics.countLook(because, seen.kind);
  }
};

/** Counts one activity that succeeded. */
export const countActivity = (
  metrics: OurMetrics,
  { activityType, priority }: Pick<Info, 'activityType' | 'priority'>,
  input: unknown,
  result: unknown,
): void => {
  switch (activityType) {
    case 'createLabelingJob':
      metrics.countCreate(createdSchema.safeParse(result).data?.kind ?? 'unknown');
      break;
    case 'notify':
      metrics.countNotification(notifiedSchema.safeParse(input).data?.notification.kind ?? 'unknown');
      break;
    case 'describeLabelingJob':
      countLook(metrics, priority?.priorityKey, result);
      break;
  }
};
