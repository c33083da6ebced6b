/**
 * The one reader of Ground Truth's log of worker activity (`workerEvents: log`): a workflow that looks into the log every few
 * minutes, and brings what was counted to the workflows of the jobs. There is one by its id, whatever the number of processes, and
 * how far it has read is in its history: a restart counts nothing twice and leaves nothing out.
 */
import {
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  log,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { followWorkerLog, workerActivity, type WorkerActivity, type WorkerLogSettings } from './messages.ts';

/**
 * How far the log is read. The window that is open began at `fromMs`, and is read again as a whole with each reading: so nothing of
 * a worker has to be kept between two. `sentMs`: up to when a job and team were told of already, in a surge.
 */
export type WorkerLogCheckpoint = { fromMs: number; readUntilMs: number; sentMs: Readonly<Record<string, number>> };

/** `isBehind`: there is more to read at once. */
export type WorkerLogReading = {
  checkpoint: WorkerLogCheckpoint;
  windows: { workflowId: string; activity: WorkerActivity }[];
  isBehind: boolean;
};

export type WorkerLogActivities = {
  readWorkerLog: (from: {
    settings: WorkerLogSettings;
    checkpoint: WorkerLogCheckpoint | null;
  }) => Promise<WorkerLogReading>;
};

export type WorkerActivityLogInput = { settings: WorkerLogSettings | null; checkpoint: WorkerLogCheckpoint | null };

/** How long to wait between two readings: a surge of declines is told so soon. Milliseconds. */
const READ_EVERY_MS = 300_000;

/** A run stays small enough to look at, also where the server suggests nothing. */
const READS_A_RUN = 200;

// Without end: what cannot be read now is read once it can be, from the same place on.
const { readWorkerLog } = proxyActivities<WorkerLogActivities>({
  startToCloseTimeout: '10m',
  retry: { initialInterval: '2s', backoffCoefficient: 2, maximumInterval: '5m' },
});

export async function workerActivityLog(input: WorkerActivityLogInput): Promise<void> {
  let { settings, checkpoint } = input;
  setHandler(followWorkerLog, (given) => {
    settings = given;
  });
  await condition(() => settings !== null);
  for (let reads = 0; settings !== null && reads < READS_A_RUN; reads += 1) {
    if (workflowInfo().continueAsNewSuggested) break;
    const reading = await readWorkerLog({ settings, checkpoint });
    checkpoint = reading.checkpoint;
    setCurrentDetails(`Worker activity is read up to ${new Date(checkpoint.readUntilMs).toISOString()}.`);
    await Promise.all(
      reading.windows.map(async ({ workflowId, activity }) => {
        try {
          await getExternalWorkflowHandle(workflowId).signal(workerActivity, activity);
        } catch {
          log.debug('Nobody follows the job of a window of worker activity', { workflowId });
        }
      }),
    );
    if (reading.isBehind) continue;
    await condition(() => false, Math.min(READ_EVERY_MS, settings.windowMs), { summary: 'Until the next reading' });
  }
  await continueAsNew<typeof workerActivityLog>({ settings, checkpoint });
}
