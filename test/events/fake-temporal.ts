/** A Temporal client that records signals and answers as the test says, for answers that a real server gives only when it is ill. */
import { ServiceError, WorkflowNotFoundError, type Client } from '@temporalio/client';

export type SentSignal = { workflowId: string; signal: string; args: unknown[] };

/** `answer` returns for "taken" and throws what the client would throw. */
export const fakeTemporal = (
  answer: (sent: SentSignal) => void | Promise<void> = () => {},
): { client: Client; sent: SentSignal[] } => {
  const sent: SentSignal[] = [];
  const partial = {
    withDeadline: async (_deadline: number, call: () => Promise<unknown>) => call(),
    workflow: {
      getHandle: (workflowId: string) => ({
        signal: async (definition: { name: string }, ...args: unknown[]) => {
          const one = { workflowId, signal: definition.name, args };
          // The consumer's probe goes to a workflow that cannot exist.
          if (workflowId.startsWith('labeling-job:000000000000')) await answer(one);
          if (workflowId.startsWith('labeling-job:000000000000')) throw notFound('workflow not found for ID: probe');
          sent.push(one);
          await answer(one);
        },
      }),
    },
  };
  return { client: partial as unknown as Client, sent };
};

/** What the client throws for a gRPC status with this number and text. */
export const grpcFailure = (code: number, details: string): ServiceError =>
  new ServiceError('Failed to signal Workflow', {
    cause: Object.assign(new Error(`${code}: ${details}`), { code, details, metadata: {} }),
  });

export const notFound = (text: string): WorkflowNotFoundError => new WorkflowNotFoundError(text, 'id', undefined);
