/** The process's one Temporal runtime: where its logs and its metrics go. */
import { DefaultLogger, Runtime, type LogEntry, type Logger } from '@temporalio/worker';
import { chainOfWorkflowId, jobOfWorkflowId } from '../decisions/names.ts';
import { InputError, messageOf } from '../errors.ts';
import { HISTOGRAM_BUCKETS } from './metrics.ts';

/** The names that people know, where only a workflow's id was logged. */
const namesOf = (workflowId: unknown): { chain?: string; job?: string } => {
  if (typeof workflowId !== 'string') return {};
  const chain = chainOfWorkflowId(workflowId);
  const job = jobOfWorkflowId(workflowId);
  return { ...(chain === null ? {} : { chain }), ...(job === null ? {} : { job }) };
};

const jsonLine = ({ level, message, meta, timestampNanos }: LogEntry): string =>
  JSON.stringify(
    {
      time: new Date(Number(timestampNanos / 1_000_000n)).toISOString(),
      level,
      message,
      ...namesOf(meta?.['workflowId']),
      ...meta,
    },
    (_key, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value instanceof Error ? value.message : value,
  );

/** Structured logs, one JSON line each, on stderr. */
export const stderrLogger = (level: 'DEBUG' | 'INFO' | 'WARN'): Logger =>
  new DefaultLogger(level, (entry) => process.stderr.write(`${jsonLine(entry)}\n`));

/**
 * Installs the runtime; once in a process, before any worker or native connection. With a metrics address, the SDK's
 * metrics and ours are served there under `/metrics`, for Prometheus: counters end in `_total`, durations are in seconds.
 * @throws InputError if nothing can be served at the address.
 */
export const installRuntime = (logger: Logger, metricsAddress: string | null): Runtime => {
  const telemetryOptions =
    metricsAddress === null
      ? {}
      : {
          metrics: {
            prometheus: {
              bindAddress: metricsAddress,
              countersTotalSuffix: true,
              unitSuffix: true,
              useSecondsForDurations: true,
              histogramBucketOverrides: HISTOGRAM_BUCKETS,
            },
          },
        };
  try {
    return Runtime.install({ logger, shutdownSignals: [], telemetryOptions });
  } catch (thrown) {
    if (metricsAddress === null) throw thrown;
    throw new InputError(
      `metrics cannot be served at ${metricsAddress} (${messageOf(thrown)}); set LABEL_RELAY_METRICS_ADDRESS to a free address such as 0.0.0.0:9464`,
      { cause: thrown },
    );
  }
};
