/**
 * Reads what workers do from the log that Ground Truth keeps, where worker events on EventBridge are not wanted
 * (`workerEvents: log`): the activity of the one reader (workflows/worker-activity-log.ts), and its beginning and end. Owns the
 * log's line format. Nothing that names a worker leaves this file but as the key that tells workers of one window apart
 * (worker-windows.ts): what the activity returns is in a workflow's history.
 *
 * Source of the names: https://docs.aws.amazon.com/sagemaker/latest/dg/workteam-private-tracking.html. Only
 * `TasksSubmitted` is documented as a value of `event_type`; other values and missing fields are tolerated.
 */
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { z } from 'zod';
import { CONTROL_MS, timeouts } from '../aws-timeouts.ts';
import { labelingJobWorkflowId, parseLabelingJobArn, workerActivityLogId } from '../decisions/names.ts';
import { messageOf } from '../errors.ts';
import { followWorkerLog, type WorkerLogSettings } from '../workflows/messages.ts';
import type { workerActivityLog, WorkerLogActivities } from '../workflows/worker-activity-log.ts';
import type { EventLogger } from './consumer.ts';
import { BODY_MAX_BYTES, holds, readWorkteamArn, taskActionOf, type Believed } from './envelope.ts';
import type { WorkerEvent } from './handling.ts';
import { createWorkerWindows, isSurge, type ClosedWindow } from './worker-windows.ts';

/** Where Ground Truth logs worker activity; lower case as AWS creates it. */
export const WORKER_ACTIVITY_LOG_GROUP = '/aws/sagemaker/groundtruth/WorkerActivity';

/** Lines may arrive late: what is younger is left for the next reading. Milliseconds. */
const LATE_MS = 120_000;

/** Unknown fields (Cognito's among them) are not read at all. */
const lineSchema = z.object({
  worker_id: z.string().max(256).optional(),
  workteam_arn: z.unknown().optional(),
  labeling_job_arn: z.string().max(512),
  event_type: z.unknown().optional(),
  event_timestamp: z
    .union([z.string().regex(/^\d{1,12}$/), z.number().int().nonnegative().max(999_999_999_999)])
    .optional(),
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

const keyOf = ({ place, workteamArn }: Pick<WorkerEvent, 'place' | 'workteamArn'>): string =>
  `${labelingJobWorkflowId(place)} ${workteamArn}`;

const addressed = ({ place, activity }: ClosedWindow) => ({ workflowId: labelingJobWorkflowId(place), activity });

/** Clients by the SDK's standard chain, one for each region. */
const standardLogs = (): ((region: string) => CloudWatchLogsClient) => {
  const clients = new Map<string, CloudWatchLogsClient>();
  return (region) => {
    const client = clients.get(region) ?? new CloudWatchLogsClient({ region, maxAttempts: 3, ...timeouts(CONTROL_MS) });
    clients.set(region, client);
    return client;
  };
};

export const workerLogActivities = ({
  logs = standardLogs(),
  now = Date.now,
}: { logs?: (region: string) => CloudWatchLogsClient; now?: () => number } = {}): WorkerLogActivities => {
  /** Every line of a time, to its end; a group that is not there yet (before the first work team) holds none. */
  async function* linesOf(region: string, fromMs: number, untilMs: number) {
    let nextToken: string | undefined;
    do {
      const page = await logs(region)
        .send(
          new FilterLogEventsCommand({
            logGroupName: WORKER_ACTIVITY_LOG_GROUP,
            startTime: fromMs,
            endTime: untilMs - 1,
            ...(nextToken === undefined ? {} : { nextToken }),
          }),
        )
        .catch((error: unknown) => {
          if (error instanceof Error && error.name === 'ResourceNotFoundException')
            return { events: [], nextToken: undefined };
          throw error;
        });
      for (const { timestamp = fromMs, message = '' } of page.events ?? []) yield { timestamp, message };
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
  }

  return {
    /** Reads on from the checkpoint; without one it begins now: what was logged before is not counted. */
    readWorkerLog: async ({ settings: { region, accounts, windowMs }, checkpoint }) => {
      const readableMs = now() - LATE_MS;
      if (checkpoint === null) {
        const begun = { fromMs: readableMs, readUntilMs: readableMs, sentMs: {} };
        return { checkpoint: begun, windows: [], isBehind: false };
      }
      const { fromMs, sentMs } = checkpoint;
      // After an outage one window at a time.
      const untilMs = Math.max(Math.min(readableMs, fromMs + windowMs), checkpoint.readUntilMs);
      if (untilMs <= fromMs) return { checkpoint, windows: [], isBehind: false };
      const believed: Believed = { accounts, regions: [region] };
      const counting = createWorkerWindows(now);
      for await (const { timestamp, message } of linesOf(region, fromMs, untilMs)) {
        const line = readWorkerActivityLine(message, timestamp, believed);
        if (line === null || timestamp < (sentMs[keyOf(line.event)] ?? fromMs)) continue;
        counting.count(line.event, line.worker);
      }
      const closed = counting.takeDue({ everything: true });
      if (untilMs - fromMs >= windowMs)
        return {
          checkpoint: { fromMs: untilMs, readUntilMs: untilMs, sentMs: {} },
          windows: closed.map(addressed),
          isBehind: readableMs - untilMs >= windowMs,
        };
      const surging = closed.filter(({ activity }) => isSurge(activity));
      const told = surging.map(({ place, activity }) => [keyOf({ place, workteamArn: activity.workteamArn }), untilMs]);
      return {
        checkpoint: { fromMs, readUntilMs: untilMs, sentMs: { ...sentMs, ...Object.fromEntries(told) } },
        windows: surging.map(addressed),
        isBehind: false,
      };
    },
  };
};

export type WorkerLogReader = { client: Client; taskQueue: string; logger: EventLogger };

/** Lets the one reader run with these settings; begins it if there is none. */
export const followLog = async ({ client, taskQueue }: WorkerLogReader, settings: WorkerLogSettings): Promise<void> => {
  await client.workflow.signalWithStart<typeof workerActivityLog, [WorkerLogSettings]>('workerActivityLog', {
    workflowId: workerActivityLogId(taskQueue, settings.region),
    taskQueue,
    args: [{ settings: null, checkpoint: null }],
    signal: followWorkerLog,
    signalArgs: [settings],
    staticSummary: `Worker activity from the log of ${settings.region}`,
  });
};

/** Ends the reader of a region where worker events come from elsewhere now, or are off: nothing is counted from two places at once. */
export const leaveLog = async ({ client, taskQueue, logger }: WorkerLogReader, region: string): Promise<void> => {
  try {
    await client.workflow
      .getHandle(workerActivityLogId(taskQueue, region))
      .terminate('worker events do not come from the log any more (LABEL_RELAY_WORKER_EVENTS)');
    logger.info('The reader of the worker activity log was ended', { region });
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return;
    logger.warn('Could not make sure that no reader of the worker activity log runs', { why: messageOf(error) });
  }
};
