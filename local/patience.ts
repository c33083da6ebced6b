/**
 * How long `advance` waits for workflows that get nowhere, in real time, before it says why.
 */
import type { Client } from '@temporalio/client';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import { OperationError } from '../errors.ts';

/** Without a worker: as long as every other command waits for one (DESIGN 8). */
const WITHOUT_WORKER_MS = 60_000;
/** With a worker: an activity may take minutes with a large manifest, and the emulators answer slowly under load. */
const WITH_WORKER_MS = 10 * 60_000;
/** A worker's poll lasts up to a minute, so one that lives has been seen within this time. */
const POLLER_SEEN_MS = 75_000;

/** Watches that workflows get somewhere. */
export type Patience = {
  /**
   * Tells where a workflow is now; the same `progress` as last time means that it stands still.
   * @throws OperationError if it stood still too long, or the caller was told to stop.
   */
  watch: (workflowId: string, progress: string) => Promise<void>;
};

const hasWorker = async (client: Client, taskQueue: string): Promise<boolean> => {
  const { pollers } = await client.connection.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: 1,
  });
  return (pollers ?? []).some(
    ({ lastAccessTime }) => Date.now() - (optionalTsToMs(lastAccessTime) ?? 0) < POLLER_SEEN_MS,
  );
};

/** @param signal ends the waiting early, for a Ctrl-C. */
export const createPatience = (client: Client, taskQueue: string, signal?: AbortSignal): Patience => {
  const standing = new Map<string, { progress: string; sinceMs: number }>();
  return {
    watch: async (workflowId, progress) => {
      if (signal?.aborted === true)
        throw new OperationError('The advance was stopped; the workflows stay where they are.');
      const before = standing.get(workflowId);
      if (before === undefined || before.progress !== progress) {
        standing.set(workflowId, { progress, sinceMs: performance.now() });
        return;
      }
      const forMs = performance.now() - before.sinceMs;
      if (forMs < WITHOUT_WORKER_MS) return;
      if (!(await hasWorker(client, taskQueue))) {
        throw new OperationError(
          `${workflowId} waits for a worker, and none polls the task queue "${taskQueue}". Start one (\`label-relay worker\`) and advance again.`,
        );
      }
      if (forMs > WITH_WORKER_MS) {
        throw new OperationError(
          `${workflowId} got nowhere for ${Math.round(forMs / 60_000)} minutes. Look at it in the Temporal Web UI: a workflow task or an activity does not end.`,
        );
      }
    },
  };
};
