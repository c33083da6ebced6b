/** A worker as a process of its own on the local stack, with its health endpoints and metrics on. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { findFreePort } from '../../local/ports.ts';
import type { Stack } from '../../local/stack.ts';
import { spawnCli } from '../end-to-end/run-cli.ts';

const readySchema = z.object({ ready: z.literal(true), healthPort: z.number() });

export type WorkerProcess = {
  health: (path: string) => Promise<{ status: number; body: unknown }>;
  /** The text that Prometheus would read. */
  metrics: () => Promise<string>;
  /** What it has written on stderr so far. */
  log: () => string;
  /** Asks it to end; its exit code. */
  stop: () => Promise<number | null>;
  child: ChildProcess;
};

/** Started and ready. */
export const startWorkerProcess = async (
  stack: Stack,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<WorkerProcess> => {
  const metricsAddress = `127.0.0.1:${await findFreePort()}`;
  const child = spawnCli(['worker', ...args], {
    ...stack.facts.env,
    LABEL_RELAY_HEALTH_PORT: '0',
    LABEL_RELAY_METRICS_ADDRESS: metricsAddress,
    LABEL_RELAY_POLL_SECONDS: '1',
    ...env,
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const closed = once(child, 'close');
  const first = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    closed.then(() => Promise.reject(new Error(`the worker ended before it was ready: ${log}`))),
  ]);
  const { healthPort } = readySchema.parse(JSON.parse(String(first[0])));
  return {
    child,
    log: () => log,
    health: async (path) => {
      const response = await fetch(`http://127.0.0.1:${healthPort}${path}`);
      return { status: response.status, body: await response.json() };
    },
    metrics: async () => (await fetch(`http://${metricsAddress}/metrics`)).text(),
    stop: async () => {
      child.kill('SIGTERM');
      await closed;
      return child.exitCode;
    },
  };
};
