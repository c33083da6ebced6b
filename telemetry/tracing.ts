/**
 * Traces by OpenTelemetry: from an event that is signalled, by what workflows decide because of it, to the calls to AWS. Spans
 * are made here; where they go is in span-export.ts. Without an exporter the API's own tracer makes nothing.
 *
 * The header and the attributes are those of Temporal's own interceptors, so that a client that has them joins in.
 */
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
} from '@opentelemetry/api';
import { WorkflowNotFoundError, type WorkflowClientInterceptor } from '@temporalio/client';
import { defaultPayloadConverter, type Headers } from '@temporalio/common';
import type { ActivityInterceptorsFactory, InjectedSinks } from '@temporalio/worker';
import type { AwsCall } from '../activities/watch-calls.ts';
import type { TraceSinks, WorkflowSpan } from '../workflows/causes.ts';

/** The same as in workflows/causes.ts, which runs in the sandbox. */
export const TRACE_HEADER = '_tracer-data';

const tracer = () => trace.getTracer('label-relay');

const asHeader = (headers: Headers): Headers => {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return Object.keys(carrier).length === 0
    ? headers
    : { ...headers, [TRACE_HEADER]: defaultPayloadConverter.toPayload(carrier) };
};

const contextOf = (headers: Headers): Context => {
  const payload = headers[TRACE_HEADER];
  if (payload === undefined) return ROOT_CONTEXT;
  try {
    return propagation.extract(ROOT_CONTEXT, defaultPayloadConverter.fromPayload(payload));
  } catch {
    return ROOT_CONTEXT;
  }
};

type SpanOptions = {
  kind: SpanKind;
  attributes: Attributes;
  parent?: Context;
  isExpected?: (thrown: unknown) => boolean;
};

/** Runs `run` inside of a span; what it throws is the span's error unless it is expected. */
export const inSpan = <Result>(
  name: string,
  { kind, attributes, parent = context.active(), isExpected }: SpanOptions,
  run: (span: Span) => Promise<Result>,
): Promise<Result> =>
  tracer().startActiveSpan(name, { kind, attributes }, parent, async (span) => {
    try {
      return await run(span);
    } catch (thrown) {
      if (isExpected?.(thrown) !== true) {
        const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
        span.setStatus({ code: SpanStatusCode.ERROR, message });
      }
      throw thrown;
    } finally {
      span.end();
    }
  });

/** The id of the event behind a signal, where it has one. */
const eventIdOf = (message: unknown): Attributes => {
  const id: unknown = typeof message === 'object' && message !== null ? Reflect.get(message, 'eventId') : undefined;
  return typeof id === 'string' ? { 'label_relay.event_id': id } : {};
};

/** A signal is where a trace begins; a workflow that is not there is nobody's failure. */
export const traceSignals: WorkflowClientInterceptor = {
  signal: (input, next) =>
    inSpan(
      `signal ${input.signalName}`,
      {
        kind: SpanKind.PRODUCER,
        attributes: { temporalWorkflowId: input.workflowExecution.workflowId, ...eventIdOf(input.args[0]) },
        isExpected: (thrown) => thrown instanceof WorkflowNotFoundError,
      },
      () => next({ ...input, headers: asHeader(input.headers) }),
    ),
};

/** An activity, below what its workflow was told or decided. */
export const traceActivities: ActivityInterceptorsFactory = ({ info }) => ({
  inbound: {
    execute: (input, next) => {
      const { workflowId, runId } = info.workflowExecution ?? {};
      const attributes = {
        temporalActivityId: info.activityId,
        'label_relay.attempt': info.attempt,
        ...(workflowId === undefined ? {} : { temporalWorkflowId: workflowId }),
        ...(runId === undefined ? {} : { run_id: runId }),
      };
      const parent = contextOf(input.headers);
      return inSpan(info.activityType, { kind: SpanKind.CONSUMER, attributes, parent }, () => next(input));
    },
  },
});

/** A call to AWS with all its attempts, in the words of OpenTelemetry's conventions. */
export const traceAwsCall = <Result>({ service, operation }: AwsCall, run: () => Promise<Result>): Promise<Result> =>
  inSpan(
    `${service}.${operation}`,
    {
      kind: SpanKind.CLIENT,
      attributes: { 'rpc.system': 'aws-api', 'rpc.service': service, 'rpc.method': operation },
    },
    run,
  );

/** Takes the spans that workflows make; never in a replay. */
export const traceSinks = (take: (span: WorkflowSpan, workflowId: string) => void): InjectedSinks<TraceSinks> => ({
  traces: { span: { fn: ({ workflowId }, span) => take(span, workflowId), callDuringReplay: false } },
});
