/**
 * Carries one event to the workflow that follows its job, by a plain signal, and names what came of it in one word.
 * Owns the reading of Temporal's errors (DESIGN 7, the table): which of them lose nothing by deleting the message, which
 * are an outage, which belong to this one message.
 */
import {
  isGrpcServiceError,
  NamespaceNotFoundError,
  ServiceError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import type { SignalDefinition } from '@temporalio/common';
import { labelingJobWorkflowId, type JobPlace } from '../decisions/names.ts';

/**
 * What came of a signal.
 * - `delivered`: in the workflow's history.
 * - `nobody-follows`, `closed`: there is no such open workflow; nothing is lost by deleting the message.
 * - `busy`: this one workflow takes no signal now; the service is well.
 * - `outage`: the service, not this message; `why` is a gRPC status name or our own word.
 * - `signal-limit`: this run has taken all the signals that a run may take (10,000).
 * - `refused`: the service finds fault with this one signal.
 */
export type Delivery =
  | { kind: 'delivered' }
  | { kind: 'nobody-follows' }
  | { kind: 'closed' }
  | { kind: 'signal-limit' }
  | { kind: 'busy' }
  | { kind: 'outage'; why: string }
  | { kind: 'refused'; why: string };

/** One call with all its retries ends within this time, well inside the message's visibility. Milliseconds. */
export const SIGNAL_DEADLINE_MS = 20_000;

/**
 * Signals the workflow that follows the job. Never signal-with-start: a late repeat would bring a finished workflow back
 * to life. Never throws.
 */
export const deliver = async <Message>(
  client: Client,
  place: JobPlace,
  signal: SignalDefinition<[Message]>,
  message: Message,
): Promise<Delivery> => {
  const handle = client.workflow.getHandle(labelingJobWorkflowId(place));
  try {
    await client.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () => handle.signal(signal, message));
    return { kind: 'delivered' };
  } catch (error) {
    const delivery = deliveryOf(error);
    // The native connection of a worker drops the text that tells a closed workflow from an absent one.
    if (delivery.kind === 'nobody-follows' && error instanceof Error && error.message === '')
      return { kind: (await exists(client, handle)) ? 'closed' : 'nobody-follows' };
    return delivery;
  }
};

/** Whether there is such a workflow at all; no answer counts as none, as both are deleted alike. */
const exists = (client: Client, handle: WorkflowHandle): Promise<boolean> =>
  client
    .withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () => handle.describe())
    .then(
      () => true,
      () => false,
    );

/** gRPC status codes by number. https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
const grpcStatusNames = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** Reads an error of a signal call. Whatever is not understood is an outage: that keeps the message. */
export const deliveryOf = (error: unknown): Delivery => {
  if (error instanceof NamespaceNotFoundError) return { kind: 'outage', why: 'namespace not found' };
  if (error instanceof WorkflowNotFoundError) {
    // Server texts: "workflow not found for ID: …", "workflow execution already completed".
    return { kind: /already completed/i.test(error.message) ? 'closed' : 'nobody-follows' };
  }
  const grpc = error instanceof ServiceError ? error.cause : error;
  if (!isGrpcServiceError(grpc)) return { kind: 'outage', why: 'no answer' };
  const code = grpcStatusNames[grpc.code] ?? 'UNKNOWN';
  // The pure connection puts the server's text into the details, the native one into the message.
  const text = `${grpc.message} ${grpc.details}`;
  // Server text, of one workflow whose lock is held: "Workflow is busy."
  if (code === 'RESOURCE_EXHAUSTED' && /workflow is busy/i.test(text)) return { kind: 'busy' };
  if (code !== 'INVALID_ARGUMENT') return { kind: 'outage', why: code };
  // Server text: "exceeded workflow execution limit for signal events".
  if (/limit for signal/i.test(text)) return { kind: 'signal-limit' };
  if (/namespace/i.test(text)) return { kind: 'outage', why: code };
  return { kind: 'refused', why: code };
};
