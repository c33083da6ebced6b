/** What Temporal and the queues must look like when everything has come to rest. */
import { GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Client } from '@temporalio/client';
import { forEachLimited } from '../../local/for-each-limited.ts';
import { localAwsConfig } from '../../local/local-clients.ts';

/** temporal/api/enums/v1/event_type.proto. */
const WORKFLOW_TASK_FAILED = 9;
/**
 * temporal/api/enums/v1/failed_cause.proto: UNHANDLED_COMMAND (a signal came while the workflow was closing) and
 * RESET_STICKY_TASK_QUEUE are nobody's mistake.
 */
const HARMLESS_CAUSES = [1, 13];

/** Workflows of the product by how they closed, and what is wrong with them. */
export type WorkflowFindings = {
  workflows: number;
  closed: Record<string, number>;
  /** Failed workflow tasks by their cause; a signal that came while the workflow was closing is not counted. */
  taskFailures: Record<string, number>;
  problems: string[];
};

const add = (counts: Record<string, number>, key: string): void => void (counts[key] = (counts[key] ?? 0) + 1);

/**
 * Reads every history. A preflight that fails is the answer to a command while something was away: nothing was started.
 * Everything else has to be closed, and not by a failure.
 */
export const inspectWorkflows = async (client: Client): Promise<WorkflowFindings> => {
  const found: WorkflowFindings = { workflows: 0, closed: {}, taskFailures: {}, problems: [] };
  const runs: { workflowId: string; runId: string; type: string; status: string }[] = [];
  for await (const { workflowId, runId, type, status } of client.workflow.list())
    if (type.startsWith('labeling')) runs.push({ workflowId, runId, type, status: status.name });
  found.workflows = runs.length;
  await forEachLimited(runs, async ({ workflowId, runId, type, status }) => {
    add(found.closed, `${type} ${status}`);
    const isPreflight = type === 'labelingPreflight';
    if (!['COMPLETED', 'CONTINUED_AS_NEW'].includes(status) && !(isPreflight && status === 'FAILED'))
      found.problems.push(`${workflowId} is ${status}`);
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    for (const { eventType, eventId, workflowTaskFailedEventAttributes: failed } of events ?? []) {
      if (eventType !== WORKFLOW_TASK_FAILED) continue;
      const cause = Number(failed?.cause ?? 0);
      if (HARMLESS_CAUSES.includes(cause)) continue;
      add(found.taskFailures, `cause ${cause}: ${failed?.failure?.message ?? ''}`.slice(0, 200));
      found.problems.push(
        `${workflowId} event ${String(eventId)}: workflow task failed, ${failed?.failure?.message ?? `cause ${cause}`}`,
      );
    }
  });
  return found;
};

/** Open workflows whose task was tried so often; with none an empty list. */
export const stuckWorkflows = async (client: Client, attempts: number): Promise<string[]> => {
  const stuck: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query: `ExecutionStatus = 'Running'` })) {
    const { raw } = await client.workflow.getHandle(workflowId).describe();
    if ((raw.pendingWorkflowTask?.attempt ?? 0) > attempts) stuck.push(workflowId);
  }
  return stuck;
};

/** Messages that nobody has deleted, waiting or taken. */
export const queueDepth = async (endpoint: string, queueUrl: string): Promise<number> => {
  const sqs = new SQSClient(localAwsConfig(endpoint));
  try {
    const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...AttributeNames] }),
    );
    return Object.values(Attributes ?? {}).reduce((sum, count) => sum + Number(count), 0);
  } finally {
    sqs.destroy();
  }
};

/** The bodies of all messages of a queue that nobody else reads. */
export const bodiesIn = async (endpoint: string, queueUrl: string): Promise<string[]> => {
  const sqs = new SQSClient(localAwsConfig(endpoint));
  try {
    const bodies = new Map<string, string>();
    for (;;) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 600 }),
      );
      if (Messages.length === 0) return [...bodies.values()];
      for (const { MessageId = '', Body = '' } of Messages) bodies.set(MessageId, Body);
    }
  } finally {
    sqs.destroy();
  }
};
