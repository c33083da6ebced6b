/**
 * What `advance` needs to know of the workflows that are open: plain data, read from the server.
 */
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import { forEachLimited } from './for-each-limited.ts';

/** One open workflow, at one moment. */
export type OpenWorkflow = {
  workflowId: string;
  /** Workflow ids of the children that it waits for. While there is one, its own time cannot be moved. */
  children: readonly string[];
  /** Something of it runs or is about to: a workflow task, or an activity that is not between two attempts. */
  isBusy: boolean;
  /** A fast-forward, ours or a forgotten one, has not ended. */
  isSkipping: boolean;
  /** When the fast-forward that it is in ends, and where it is, on its own time; null if it never skipped. */
  fastForward: { id: string; targetMs: number; nowMs: number } | null;
  /** The latest end of the job that it follows, on the service's clock. */
  deadlineMs: number | null;
  /** Changes whenever it gets anywhere. */
  progress: string;
};

const DEADLINE = defineSearchAttributeKey('LabelingDeadline', 'DATETIME');

/** temporal/api/enums/v1/workflow.proto, PendingActivityState. Enums arrive as numbers or as names. */
const isScheduled = (state: unknown): boolean => state === 1 || state === 'PENDING_ACTIVITY_STATE_SCHEDULED';

/** The workflow now; null if it has ended or there is none. Asks by workflow id: the newest run answers. */
export const describeOpenWorkflow = async (client: Client, workflowId: string): Promise<OpenWorkflow | null> => {
  let description;
  try {
    description = await client.workflow.getHandle(workflowId).describe();
  } catch (thrown) {
    if (thrown instanceof WorkflowNotFoundError) return null;
    throw thrown;
  }
  if (description.status.name !== 'RUNNING') return null;
  const { pendingChildren, pendingWorkflowTask, pendingActivities, workflowExtendedInfo } = description.raw;
  const skipping = workflowExtendedInfo?.timeSkippingInfo;
  const fastForward = skipping?.fastForwardInfo;
  const nowMs = optionalTsToMs(skipping?.currentTime) ?? 0;
  return {
    workflowId,
    children: (pendingChildren ?? []).map((child) => child.workflowId ?? ''),
    isBusy:
      Boolean(pendingWorkflowTask) ||
      // Started a moment ago: its first task is not scheduled yet.
      description.historyLength <= 1 ||
      // Between two attempts an activity waits for its back-off, which the next fast-forward skips.
      (pendingActivities ?? []).some(({ state, attempt }) => !isScheduled(state) || (attempt ?? 1) <= 1),
    isSkipping: skipping?.effectiveConfig?.enabled ?? false,
    fastForward: fastForward
      ? { id: fastForward.fastForwardId ?? '', targetMs: optionalTsToMs(fastForward.targetTime) ?? 0, nowMs }
      : null,
    deadlineMs: description.typedSearchAttributes.get(DEADLINE)?.getTime() ?? null,
    progress: `${description.runId} ${description.historyLength} ${nowMs}`,
  };
};

/** The ids of the open workflows on a task queue, as the list knows them: it may lag by some hundred milliseconds. */
export const listOpenWorkflowIds = async (client: Client, taskQueue: string): Promise<string[]> => {
  const ids: string[] = [];
  const query = `TaskQueue = "${taskQueue}" AND ExecutionStatus = "Running"`;
  for await (const { workflowId } of client.workflow.list({ query })) ids.push(workflowId);
  return ids;
};

/**
 * The open ones among these workflows and all their descendants, parents before children, so that a child that ended meanwhile is
 * missing from the answer but still named by its parent.
 */
export const describeFamilies = async (client: Client, ids: Iterable<string>): Promise<Map<string, OpenWorkflow>> => {
  const open = new Map<string, OpenWorkflow>();
  const asked = new Set<string>();
  let wave = new Set(ids);
  while (wave.size > 0) {
    const next = new Set<string>();
    await forEachLimited(wave, async (workflowId) => {
      asked.add(workflowId);
      const workflow = await describeOpenWorkflow(client, workflowId);
      if (workflow === null) return;
      open.set(workflowId, workflow);
      for (const child of workflow.children) next.add(child);
    });
    wave = new Set([...next].filter((child) => !asked.has(child)));
  }
  return open;
};

/** Nothing runs, and nobody waits for a child that has ended or has not begun. */
export const areQuiet = (open: ReadonlyMap<string, OpenWorkflow>): boolean =>
  [...open.values()].every(({ isBusy, children }) => !isBusy && children.every((child) => open.has(child)));
