/**
 * Moves the time of one workflow on a real server (time skipping, Temporal server 1.32), and never leaves it half way.
 *
 * What was measured and is kept here: a second fast-forward before the first has ended jumps over the timers in
 * between; without `disablePropagation` a child that is started meanwhile skips without any limit; a workflow that
 * waits for a child does not move and its fast-forward would stay pending; a skip count that is used up stops time
 * without a word; a running activity halts the skipping until it ends; work that ends just as the target passes is taken beyond it.
 */
import { randomUUID } from 'node:crypto';
import { type Client, isGrpcCancelledError, isGrpcDeadlineError, isGrpcServiceError } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { OperationError } from '../errors.ts';
import { formatDuration } from '../decisions/durations.ts';
import { describeOpenWorkflow } from './open-workflows.ts';
import type { Patience } from './patience.ts';

/** How long one poll waits. Short, because a workflow that has meanwhile begun to wait for a child gives no other sign. */
const POLL_MS = 1_000;

/**
 * How much further than asked a fast-forward goes. A workflow task that completes just as the target passes is taken
 * beyond it, to the next timer, and that timer fires a whole period too early: measured in one of sixty steps, where a 6-hour timer fires
 * some 15 ms before the target. With this margin the work that a timer begins is long done when the target passes.
 * Being ahead does no harm: ages come from the service's clock.
 */
const MARGIN_MS = 2_000;

/** gRPC's NOT_FOUND: the workflow has ended (and the server forgot it), or ended while we asked. */
const NOT_FOUND = 5;
const isNotFound = (thrown: unknown): boolean => isGrpcServiceError(thrown) && Number(thrown.code) === NOT_FOUND;

/** temporal/api/enums/v1/common.proto, FastForwardPollingResult. Enums arrive as numbers or as names. */
const hasCompleted = (result: unknown): boolean =>
  result === 2 || result === 'FAST_FORWARD_POLLING_RESULT_FAST_FORWARD_COMPLETED';

/** How a fast-forward ended. `parent`: the workflow waits for a child, so its own time stands still. */
export type FastForwardEnd = 'arrived' | 'ended' | 'parent';

const update = async (client: Client, workflowId: string, move: { id: string; durationMs: number } | null) => {
  const options = { enabled: move !== null, disablePropagation: true };
  await client.connection.workflowService.updateWorkflowExecutionOptions({
    namespace: client.options.namespace,
    workflowExecution: { workflowId },
    workflowExecutionOptions: {
      timeSkippingConfig:
        move === null ? options : { ...options, fastForwardConfig: { id: move.id, duration: msToTs(move.durationMs) } },
    },
    updateMask: { paths: ['time_skipping_config'] },
  });
};

/** Ends a pending fast-forward where it is. Does nothing to a workflow that has ended. */
export const cancelFastForward = async (client: Client, workflowId: string): Promise<void> => {
  try {
    await update(client, workflowId, null);
  } catch (thrown) {
    if (!isNotFound(thrown)) throw thrown;
  }
};

/** True once the fast-forward has reached its target; false if that is not known yet or will not happen. */
const pollOnce = async (client: Client, workflowId: string, fastForwardId: string): Promise<boolean> => {
  try {
    const { fastForwardPollingResult } = await client.withDeadline(Date.now() + POLL_MS, () =>
      client.connection.workflowService.pollWorkflowExecutionTimeSkipping({
        namespace: client.options.namespace,
        workflowExecution: { workflowId },
        fastForwardId,
      }),
    );
    return hasCompleted(fastForwardPollingResult);
  } catch (thrown) {
    // At the deadline either side may end the call first; when the server does, it says CANCELLED.
    if (isGrpcDeadlineError(thrown) || isGrpcCancelledError(thrown) || isNotFound(thrown)) return false;
    throw thrown;
  }
};

const untilArrived = async (
  client: Client,
  workflowId: string,
  durationMs: number,
  patience: Patience,
): Promise<FastForwardEnd> => {
  let id = randomUUID();
  await update(client, workflowId, { id, durationMs: durationMs + MARGIN_MS });
  for (;;) {
    if (await pollOnce(client, workflowId, id)) return 'arrived';
    const workflow = await describeOpenWorkflow(client, workflowId);
    if (workflow === null) return 'ended';
    const { fastForward, children, isSkipping, isBusy, progress } = workflow;
    if (fastForward?.id !== id) {
      // Continued as new under way, or somebody else moves it: this fast-forward can no longer end.
      await cancelFastForward(client, workflowId);
      return 'arrived';
    }
    const leftMs = fastForward.targetMs - fastForward.nowMs;
    if (!isSkipping && leftMs <= 0) return 'arrived';
    if (children.length > 0 && !isBusy) {
      await cancelFastForward(client, workflowId);
      return 'parent';
    }
    if (!isSkipping) {
      // The server's skip count was used up; a new fast-forward begins a new count.
      id = randomUUID();
      await update(client, workflowId, { id, durationMs: leftMs });
    }
    await patience.watch(workflowId, progress);
  }
};

/**
 * Moves one open workflow forward on its own time and waits until it is there: every timer in between fires at its time, and work that
 * they begin is done before time goes on. Whatever happens, no fast-forward of it is pending afterwards.
 * @throws OperationError when `patience` ends.
 */
export const fastForward = async (
  client: Client,
  workflowId: string,
  durationMs: number,
  patience: Patience,
): Promise<FastForwardEnd> => {
  try {
    return await untilArrived(client, workflowId, durationMs, patience);
  } catch (thrown) {
    if (isNotFound(thrown)) return 'ended';
    await cancelFastForward(client, workflowId).catch((cause: unknown) => {
      throw new OperationError(
        `Moving ${workflowId} by ${formatDuration(durationMs)} failed, and the rest of the way could not be cancelled: a later advance will do that.`,
        { cause: new AggregateError([thrown, cause]) },
      );
    });
    throw thrown;
  }
};
