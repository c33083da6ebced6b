/** A worker of open chains in a process of its own, as parts use it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { z } from 'zod';
import { CACHED_WORKFLOWS } from '../config.ts';
import { findFreePort, LOOPBACK } from '../local/ports.ts';
import { workflowFiles } from '../worker/workflow-code.ts';

/** What Node takes by itself in a container of 1 GB: with more, it collects garbage so seldom that memory tells of nothing else. */
const HEAP_MB = 512;

const reportShape = z.object({ describes: z.number(), jobs: z.number(), memoryMb: z.number() });
/** Describes that it answered, and of how many jobs; its memory in MB of 10^6 bytes. */
type Report = z.infer<typeof reportShape>;

export type RunningWorker = { child: ChildProcess; pid: number; metricsUrl: string; report: () => Report };

/** Writes the bundle of our workflows into a directory; gives its path. */
export const writeWorkflowBundle = async (directory: string): Promise<string> => {
  const bundle = join(directory, 'workflow-bundle.js');
  const { workflowsPath, workflowInterceptorModules } = workflowFiles();
  const logger = new DefaultLogger('WARN');
  const { code } = await bundleWorkflowCode({ workflowsPath, workflowInterceptorModules, logger });
  await writeFile(bundle, code);
  return bundle;
};

/** Starts a worker; it polls a little later. With more workflows in memory than usual it has more memory for them. */
export const startOpenChainsWorker = async (options: {
  address: string;
  taskQueue: string;
  bundle: string;
  cachedWorkflows?: number;
}): Promise<RunningWorker> => {
  const { address, taskQueue, bundle, cachedWorkflows = CACHED_WORKFLOWS } = options;
  const heap = `--max-old-space-size=${Math.ceil(HEAP_MB * (cachedWorkflows / CACHED_WORKFLOWS))}`;
  const script = fileURLToPath(new URL('./open-chains-worker.ts', import.meta.url));
  const metricsAddress = `${LOOPBACK}:${await findFreePort()}`;
  const child = spawn(
    process.execPath,
    [heap, script, address, taskQueue, bundle, metricsAddress, String(cachedWorkflows)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  if (child.pid === undefined) throw new Error('the worker did not start');
  let latest: Report = { describes: 0, jobs: 0, memoryMb: 0 };
  createInterface({ input: child.stdout }).on('line', (line) => {
    // Temporal's core writes its warnings there too.
    if (line.startsWith('{')) latest = reportShape.parse(JSON.parse(line));
    else process.stderr.write(`${line}\n`);
  });
  return { child, pid: child.pid, metricsUrl: `http://${metricsAddress}/metrics`, report: () => latest };
};

/** Kills it as an outage would, and waits until it is gone. */
export const kill = async ({ child }: RunningWorker): Promise<void> => {
  const gone = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await gone;
};
