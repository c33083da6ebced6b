/**
 * Reads what workers do from the log that Ground Truth keeps, where worker events on EventBridge are not wanted
 * (`workerEvents: log`). Owns the log's line format and the place where reading goes on. Nothing that names a worker
 * leaves this file but as the key that tells workers of one window apart (worker-windows.ts).
 *
 * Source of the names: https://docs.aws.amazon.com/sagemaker/latest/dg/workteam-private-tracking.html. Only
 * `TasksSubmitted` is documented as a value of `event_type`; other values and missing fields are tolerated.
 */
import { FilterLogEventsCommand, type CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { z } from 'zod';
import { parseLabelingJobArn } from '../decisions/names.ts';
import { messageOf } from '../errors.ts';
import type { EventLogger } from './consumer.ts';
import { BODY_MAX_BYTES, holds, readWorkteamArn, taskActionOf, type Believed } from './envelope.ts';
import type { WorkerEvent } from './handling.ts';

/** Where Ground Truth logs worker activity; lower case as AWS creates it. */
export const WORKER_ACTIVITY_LOG_GROUP = '/aws/sagemaker/groundtruth/WorkerActivity';

/** How often the log is read, and how far back each reading looks again, as lines may arrive late. Milliseconds. */
const READ_EVERY_MS = 60_000;
const OVERLAP_MS = 120_000;

/** Unknown fields (Cognito's among them) are not read at all. */
const lineSchema = z.object({
  worker_id: z.string().max(256).optional(),
  workteam_arn: z.unknown().optional(),
  labeling_job_arn: z.string().max(512),
  event_type: z.unknown().optional(),
  event_timestamp: z.union([z.string().regex(/^\d{1,12}$/), z.number().int().nonnegative()]).optional(),
});

/** One line: an event, and who did it where the line says so. Null if it is none that we may believe. */
export const readWorkerActivityLine = (
  line: string,
  loggedAtMs: number,
  believed: Believed,
): { event: WorkerEvent; worker: string | undefined } | null => {
  if (line.length > BODY_MAX_BYTES) return null;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  const parsed = lineSchema.safeParse(value);
  if (!parsed.success) return null;
  const { worker_id: worker, event_timestamp: seconds, ...fields } = parsed.data;
  const place = parseLabelingJobArn(fields.labeling_job_arn);
  if (place === null || !holds(believed.accounts, place.account) || !holds(believed.regions, place.region)) return null;
  return {
    event: {
      kind: 'worker-event',
      place,
      workteamArn: readWorkteamArn(fields.workteam_arn),
      action: taskActionOf(fields.event_type),
      timeMs: seconds === undefined ? loggedAtMs : Number(seconds) * 1000,
    },
    worker,
  };
};

export type WorkerLogOptions = {
  logs: CloudWatchLogsClient;
  believed: Believed;
  logger: EventLogger;
  onWorkerEvent: (event: WorkerEvent, worker: string | undefined) => void;
  /** Reading begins here. Default: now; what was logged before a start is not counted. Milliseconds since the epoch. */
  sinceMs?: number;
  now?: () => number;
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
};

/** Starts to read the log; returns at once. One reader for each region and account: two would count everything twice. */
export const startWorkerLog = (options: WorkerLogOptions): { stop(): Promise<void> } => {
  const { logs, believed, logger, onWorkerEvent, now = Date.now } = options;
  const { sleep = async (ms, signal) => sleepFor(ms, undefined, { signal }) } = options;
  const stopping = new AbortController();
  const sinceMs = options.sinceMs ?? now();
  /** Log event id → its time, for what the next reading sees again. */
  const counted = new Map<string, number>();

  const read = async (): Promise<void> => {
    const startTime = Math.max(sinceMs, now() - READ_EVERY_MS - OVERLAP_MS);
    for (const [id, atMs] of counted) if (atMs < startTime) counted.delete(id);
    let nextToken: string | undefined;
    do {
      const page = await logs.send(
        new FilterLogEventsCommand({
          logGroupName: WORKER_ACTIVITY_LOG_GROUP,
          startTime,
          ...(nextToken === undefined ? {} : { nextToken }),
        }),
        { abortSignal: stopping.signal },
      );
      for (const { eventId = '', timestamp = now(), message = '' } of page.events ?? []) {
        if (counted.has(eventId)) continue;
        counted.set(eventId, timestamp);
        const line = readWorkerActivityLine(message, timestamp, believed);
        if (line !== null) onWorkerEvent(line.event, line.worker);
      }
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await read().catch((error: unknown) => {
        // The group does not exist before the first work team; these are estimates, so the next reading goes on.
        if (!stopping.signal.aborted) logger.warn('Could not read the worker activity log', { why: messageOf(error) });
      });
      await sleep(READ_EVERY_MS, stopping.signal).catch(() => {});
    }
  };
  const running = run();
  return {
    stop: () => {
      stopping.abort();
      return running;
    },
  };
};
