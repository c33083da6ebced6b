/**
 * Why a workflow does what it does, for traces: the event, command or report that came last. Whoever starts or signals a
 * workflow may send the context of a trace in a header (as Temporal's OpenTelemetry interceptors do); what the workflow then
 * asks for carries it on. Without such a header nothing here does anything.
 *
 * Nothing of it is a command or changes the order of one, so histories replay the same with traces and without (I8): spans
 * go out by a sink, their ids come from a random stream of their own, and no interceptor awaits anything.
 */
import { defaultPayloadConverter, type Headers } from '@temporalio/common';
import { getRandomStream, proxySinks, workflowInfo, type Sinks } from '@temporalio/workflow';
import { HOUR_MS } from '../decisions/durations.ts';

/** The header of Temporal's OpenTelemetry interceptors: a map with W3C's `traceparent`. */
export const TRACE_HEADER = '_tracer-data';

/** A span that is over when it is made: something came, or something was decided. Plain, because it leaves the sandbox. */
export type WorkflowSpan = {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  atMs: number;
  attributes: Record<string, string | number>;
};

/** Where spans go, on the worker's side. Never called in a replay. */
export interface TraceSinks extends Sinks {
  traces: { span(span: WorkflowSpan): void };
}

type Cause = { traceId: string; spanId: string; flags: string; atMs: number };

/** What comes later than this after the event is no answer to it: a reconcile, a reminder, another job. */
const CAUSE_LASTS_MS = HOUR_MS;

/** Of one workflow: every workflow has modules of its own. */
let cause: Cause | null = null;

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

const causeIn = (headers: Headers): Cause | null => {
  const payload = headers[TRACE_HEADER];
  if (payload === undefined) return null;
  let carrier: unknown;
  try {
    carrier = defaultPayloadConverter.fromPayload(payload);
  } catch {
    return null;
  }
  const traceparent: unknown =
    typeof carrier === 'object' && carrier !== null ? Reflect.get(carrier, 'traceparent') : undefined;
  const [, traceId, spanId, flags] = typeof traceparent === 'string' ? (TRACEPARENT.exec(traceparent) ?? []) : [];
  return traceId === undefined || spanId === undefined || flags === undefined
    ? null
    : { traceId, spanId, flags, atMs: Date.now() };
};

const newSpanId = (): string => {
  const bytes = getRandomStream('label-relay/traces').fill(new Uint8Array(8));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
};

/** Makes a span below the cause, which is the cause from now on. */
const note = (name: string, attributes: WorkflowSpan['attributes']): void => {
  if (cause === null) return;
  const { traceId, spanId: parentSpanId, flags } = cause;
  const atMs = Date.now();
  const spanId = newSpanId();
  cause = { traceId, spanId, flags, atMs };
  // The last bit of the flags: whoever began the trace records it.
  if ((Number.parseInt(flags, 16) & 1) === 1)
    proxySinks<TraceSinks>().traces.span({ name, traceId, spanId, parentSpanId, atMs, attributes });
};

/** Something came: a start, a signal, an update. Without a trace of its own it ends nothing that goes on. */
export const cameIn = (what: string, headers: Headers): void => {
  const came = causeIn(headers);
  if (came === null) return;
  cause = came;
  note(`${workflowInfo().workflowType} ${what}`, {});
};

/** A decision, as a span: what follows is done because of it. */
export const decided = (what: string, attributes: WorkflowSpan['attributes']): void => {
  if (cause !== null && Date.now() - cause.atMs <= CAUSE_LASTS_MS) note(`decide ${what}`, attributes);
};

/** The headers with the context of the trace; as they are if nothing with a trace came lately. */
export const withCause = (headers: Headers): Headers => {
  if (cause === null || Date.now() - cause.atMs > CAUSE_LASTS_MS) return headers;
  const { traceId, spanId, flags } = cause;
  const carrier = { traceparent: `00-${traceId}-${spanId}-${flags}` };
  return { ...headers, [TRACE_HEADER]: defaultPayloadConverter.toPayload(carrier) };
};
