/** Values and errors as Temporal carries them: the SDK's own converters, so only plain JSON comes through. */
import {
  ApplicationFailure,
  defaultFailureConverter,
  defaultPayloadConverter,
  ensureTemporalFailure,
} from '@temporalio/common';
import type { temporal } from '@temporalio/proto';

export type Payload = temporal.api.common.v1.IPayload;
export type Failure = temporal.api.failure.v1.IFailure;

/** Protobuf leaves out what is not set, or writes null. */
export const isSet = <Value>(value: Value | null | undefined): value is Value => value !== null && value !== undefined;

export const encode = (value: unknown): Payload => defaultPayloadConverter.toPayload(value) ?? {};

export const decode = (payload: Payload | null | undefined): unknown =>
  !isSet(payload) ? undefined : defaultPayloadConverter.fromPayload(payload as never);

/** A proto duration or timestamp as milliseconds; null if it is not set. */
export const toMs = (duration: { seconds?: unknown; nanos?: number | null } | null | undefined): number | null =>
  !isSet(duration) ? null : Number(duration.seconds ?? 0) * 1000 + Math.floor((duration.nanos ?? 0) / 1_000_000);

/** What an activity threw. */
export const failureOf = (thrown: unknown): { failure: Failure; retryable: boolean } => {
  const failure = ensureTemporalFailure(thrown);
  const retryable = !(failure instanceof ApplicationFailure && failure.nonRetryable === true);
  return { failure: defaultFailureConverter.errorToFailure(failure, defaultPayloadConverter) as Failure, retryable };
};

/** The failure of an activity as its workflow sees it. */
export const activityFailure = (activityType: string, activityId: string, cause: Failure): Failure => ({
  message: 'Activity task failed',
  activityFailureInfo: { activityType: { name: activityType }, activityId },
  cause,
});

export const activityTimeout = (): Failure => ({
  message: 'activity StartToClose timeout',
  timeoutFailureInfo: { timeoutType: 1 },
});

export const cancelled = (message: string): Failure => ({ message, canceledFailureInfo: {} });

/** The failure of a child workflow as its parent sees it. */
export const childFailure = (workflowId: string, type: string, cause: Failure): Failure => ({
  message: 'Child Workflow execution failed',
  childWorkflowExecutionFailureInfo: { workflowExecution: { workflowId }, workflowType: { name: type } },
  cause,
});

/** A signal to a workflow that is not there (or closed), as the SDK's core reports it. */
export const signalFailure = (workflowId: string): Failure => ({
  message: `Unable to signal external workflow because it was not found: ${workflowId}`,
  applicationFailureInfo: { type: 'ExternalWorkflowExecutionNotFound', nonRetryable: true },
});
