/**
 * Where spans go: by OTLP over HTTP to where OpenTelemetry's own variables say (OTEL_EXPORTER_OTLP_ENDPOINT and the others,
 * which its libraries read). Loaded only if traces are on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SpanKind, SpanStatusCode, TraceFlags, type HrTime } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace-node';
import type { WorkflowSpan } from '../workflows/causes.ts';

export type SpanExport = {
  /** A span that a workflow has made. */
  take: (span: WorkflowSpan, workflowId: string) => void;
  /** Sends what waits. */
  shutdown: () => Promise<void>;
};

const SHUTDOWN_WITHIN_MS = 5_000;

const hrTime = (ms: number): HrTime => [Math.floor(ms / 1000), Math.round((ms % 1000) * 1_000_000)];

/** Installs the process's tracer; once in a process. */
export const startSpanExport = (): SpanExport => {
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': 'label-relay' }))
    .merge(detectResources({ detectors: [envDetector] }));
  const processor = new BatchSpanProcessor(new OTLPTraceExporter());
  const provider = new NodeTracerProvider({ resource, spanProcessors: [processor] });
  // Also sets the propagators, W3C's, and the context of asynchronous calls.
  provider.register();
  const readable = (span: WorkflowSpan, workflowId: string): ReadableSpan => {
    const { name, traceId, spanId, parentSpanId, atMs, attributes } = span;
    const spanContext = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
    return {
      name,
      kind: SpanKind.INTERNAL,
      spanContext: () => spanContext,
      parentSpanContext: { traceId, spanId: parentSpanId, traceFlags: TraceFlags.SAMPLED, isRemote: true },
      startTime: hrTime(atMs),
      endTime: hrTime(atMs),
      duration: [0, 0],
      status: { code: SpanStatusCode.UNSET },
      attributes: { temporalWorkflowId: workflowId, ...attributes },
      links: [],
      events: [],
      ended: true,
      resource,
      instrumentationScope: { name: 'label-relay' },
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    };
  };
  return {
    take: (span, workflowId) => processor.onEnd(readable(span, workflowId)),
    // A collector that is away must not hold a stop up for long.
    shutdown: () =>
      Promise.race([provider.shutdown().catch(() => undefined), sleep(SHUTDOWN_WITHIN_MS, undefined, { ref: false })]),
  };
};
