/** What every call of the client API goes through: the Temporal client, the wait for a worker, failures in sentences. */
import {
  ServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  isGrpcServiceError,
  type Client,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
} from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';
import { InputError, OperationError, messageOf } from '../errors.ts';

export type ClientContext = {
  client: Client;
  taskQueue: string;
  /** Address of the Temporal Web UI; null: no links. */
  webUrl: string | null;
  /** How long a command that needs a worker waits for one to poll, in milliseconds. */
  workerWaitMs: number;
};

/** Waits so long, or until the signal aborts. Never throws. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });

export const isAbsent = (thrown: unknown): boolean => thrown instanceof WorkflowNotFoundError;

/** Whether a chain's workflow goes on, by the name of its status; also one that a person paused. */
export const isOpenWorkflow = (status: WorkflowExecutionDescription['status']['name']): boolean =>
  status === 'RUNNING' || status === 'PAUSED' || status === 'CONTINUED_AS_NEW';

/** The sentence at the bottom of a chain of failures. */
export const rootMessage = (thrown: unknown): string => {
  let cause = thrown;
  while (cause instanceof Error && cause.cause instanceof Error) ({ cause } = cause);
  return messageOf(cause);
};

/** The namespace that the server says it does not have. Which calls say so by an error of its own, the library decides. */
const unknownNamespace = (thrown: unknown): string | null => {
  if (thrown instanceof NamespaceNotFoundError) return thrown.namespace;
  return isGrpcServiceError(thrown) ? (/^Namespace (\S+) is not found/.exec(thrown.details)?.[1] ?? null) : null;
};

/**
 * A namespace that is not there becomes an InputError, what else Temporal refused or did not answer an OperationError;
 * everything else stays as it is.
 */
export const explained = (thrown: unknown): unknown => {
  const namespace = unknownNamespace(thrown) ?? unknownNamespace(thrown instanceof Error ? thrown.cause : null);
  if (namespace !== null) {
    return new InputError(
      `the Temporal server has no namespace ${namespace}; set TEMPORAL_NAMESPACE to one that it has, or create it`,
      { cause: thrown },
    );
  }
  return thrown instanceof ServiceError
    ? new OperationError(`Temporal refused or did not answer: ${messageOf(thrown.cause ?? thrown)}`, { cause: thrown })
    : thrown;
};

/** For `.catch`. @throws what {@link explained} makes of it. */
export const throwExplained = (thrown: unknown): never => {
  throw explained(thrown);
};

/** The page of a workflow in the Temporal Web UI: of a run what it says of itself, without a run id its latest run. */
export const webUiLink = (
  { client, webUrl }: ClientContext,
  workflowId: string,
  runId: string | null,
): string | null => {
  if (webUrl === null) return null;
  const namespace = encodeURIComponent(client.options.namespace);
  return `${webUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}${runId === null ? '' : `/${runId}/user-metadata`}`;
};

const noWorker = ({ client, taskQueue }: ClientContext): InputError =>
  new InputError(
    `no worker polls the task queue ${taskQueue} in the namespace ${client.options.namespace}; start one with: label-relay worker`,
  );

/**
 * When a worker last polled our task queue, in milliseconds since the epoch by the server's clock, which this machine's may differ from; null: none did
 * in the last five minutes, after which the server forgets one.
 */
const lastPollMs = async ({ client, taskQueue }: ClientContext): Promise<number | null> => {
  const { pollers } = await client.workflowService
    .describeTaskQueue({ namespace: client.options.namespace, taskQueue: { name: taskQueue }, taskQueueType: 1 })
    .catch(throwExplained);
  if (pollers.length === 0) return null;
  return Math.max(...pollers.map(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000));
};

/** Waits for a worker to poll our task queue. @throws InputError if none does. */
export const requireWorker = async (context: ClientContext): Promise<void> => {
  for (const untilMs = Date.now() + context.workerWaitMs; (await lastPollMs(context)) === null; await pause(500)) {
    if (Date.now() >= untilMs) throw noWorker(context);
  }
};

/** A worker polls again within a minute (Temporal's long poll): one that has not for so long is gone. */
const POLLS_AGAIN_MS = 2 * 60_000;

/** What was last seen of polls: when the last one was by the server's clock, and since when that is known by ours. */
export type LastPoll = { atMs: number; knownSinceMs: number };

/** Whether workers still poll, without a question to them. @throws InputError if there has been no poll for two minutes. */
export const stillPolled = async (context: ClientContext, before: LastPoll | null): Promise<LastPoll> => {
  const atMs = await lastPollMs(context);
  const isSame = before !== null && before.atMs === atMs;
  if (atMs === null || (isSame && Date.now() - before.knownSinceMs > POLLS_AGAIN_MS)) throw noWorker(context);
  return isSame ? before : { atMs, knownSinceMs: Date.now() };
};

/** API, PendingWorkflowTaskState and PendingActivityState: a worker has not taken it. */
const SCHEDULED = 1;
const LOOK_MS = 2_000;

/** An activity that failed waits for its next try, and stands as scheduled too. */
const isTaken = ({ raw }: WorkflowExecutionDescription): boolean =>
  raw.pendingWorkflowTask?.state !== SCHEDULED &&
  !(raw.pendingActivities ?? []).some(({ state, attempt }) => state === SCHEDULED && (attempt ?? 1) <= 1);

/**
 * The result of a short workflow that a person waits for. `abandon`: what to do where no worker takes its tasks for as long as one is
 * waited for, as when it was killed and still counts among the pollers. @throws what `abandon` throws, an InputError without it.
 */
export const resultInTime = async <Result>(
  context: ClientContext,
  handle: WorkflowHandle<() => Promise<Result>>,
  abandon: () => Promise<unknown> = () => handle.terminate('no worker took it'),
): Promise<Result> => {
  const settled = handle.result().then(
    (value) => ({ value }),
    (thrown: unknown) => ({ thrown }),
  );
  const done = new AbortController();
  let untakenSinceMs: number | null = null;
  try {
    for (;;) {
      const answer = await Promise.race([settled, pause(LOOK_MS, done.signal).then(() => null)]);
      if (answer !== null && 'thrown' in answer) throw answer.thrown;
      if (answer !== null) return answer.value;
      const description = await handle.describe().catch(() => null);
      untakenSinceMs = description === null || isTaken(description) ? null : (untakenSinceMs ?? Date.now());
      if (untakenSinceMs === null || Date.now() - untakenSinceMs < context.workerWaitMs) continue;
      await abandon();
      throw noWorker(context);
    }
  } finally {
    done.abort();
  }
};

/** gRPC: no answer within the time that was given. */
const DEADLINE_EXCEEDED = 4;

/**
 * What the server says of a query that no worker took. One that was killed stands among the pollers for minutes, so that
 * only the question itself shows it.
 */
const NO_WORKER_TOOK_IT = /no poller seen|before a worker could process/i;

/** The server itself waits half a minute for somebody to take a question; past our deadline it has not said so yet. */
const isWithoutWorker = (thrown: unknown): boolean => {
  const cause = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown;
  if (!isGrpcServiceError(cause)) return false;
  return NO_WORKER_TOOK_IT.test(cause.details) || Number(cause.code) === DEADLINE_EXCEEDED;
};

/** Asks what only a worker can answer, again while none does. @throws InputError if none came in time. */
export const askWorker = async <Answer>(context: ClientContext, ask: () => Promise<Answer>): Promise<Answer> => {
  const untilMs = Date.now() + context.workerWaitMs;
  await requireWorker(context);
  for (;;) {
    try {
      return await context.client.withDeadline(untilMs, ask);
    } catch (thrown) {
      if (!isWithoutWorker(thrown)) throw thrown;
      if (Date.now() >= untilMs) throw noWorker(context);
    }
    await pause(500);
  }
};

/**
 * Gives an open chain a command, which its workflow answers at once if a worker lives.
 * @throws OperationError if none answered in time: one that was killed counts among the pollers for minutes.
 */
export const answeredInTime = async <Answer>(
  { client, taskQueue, workerWaitMs }: ClientContext,
  chain: string,
  command: () => Promise<Answer>,
): Promise<Answer> => {
  try {
    return await client.withDeadline(Date.now() + workerWaitMs, command);
  } catch (thrown) {
    if (!(thrown instanceof WorkflowUpdateRPCTimeoutOrCancelledError)) throw thrown;
    throw new OperationError(
      `no worker on the task queue ${taskQueue} took the command within ${Math.round(workerWaitMs / 1000)} s; it may still be carried out when one does. Start one with: label-relay worker, then look with: label-relay show ${chain}`,
      { cause: thrown },
    );
  }
};
