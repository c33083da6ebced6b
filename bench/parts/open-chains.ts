/**
 * Many open chains at once: what a worker needs for those that wait, and how long it takes after a worker was killed until
 * an event for each is handled by the next one. The baseline is the rate at which the same code replays their histories.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type ReplayWorkerOptions } from '@temporalio/worker';
import { z } from 'zod';
import { SEARCH_ATTRIBUTES } from '../../decisions/search-attributes.ts';
import { connectToLocalTemporal } from '../../local/local-clients.ts';
import { startTemporalServer } from '../../local/temporal-server.ts';
import { stateChange } from '../../workflows/messages.ts';
import { atMost, figure, type Figure, type Part } from '../figures.ts';
import { openJobId, startOpenJob } from '../open-jobs.ts';

const SIDE_BY_SIDE = 20;
const REPLAYED = 200;
const TASK_QUEUE = 'open-chains';

const reportShape = z.object({ describes: z.number(), memoryMb: z.number() });
type Report = z.infer<typeof reportShape>;

type RunningWorker = { child: ChildProcess; report: () => Report };

const startWorker = (address: string, bundle: string): RunningWorker => {
  const script = fileURLToPath(new URL('../open-chains-worker.ts', import.meta.url));
  const child = spawn(process.execPath, [script, address, TASK_QUEUE, bundle], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let latest: Report = { describes: 0, memoryMb: 0 };
  createInterface({ input: child.stdout }).on('line', (line) => {
    // Temporal's core writes its warnings there too.
    if (line.startsWith('{')) latest = reportShape.parse(JSON.parse(line));
    else process.stderr.write(`${line}\n`);
  });
  return { child, report: () => latest };
};

/** Kills it as an outage would, and waits until it is gone. */
const kill = async ({ child }: RunningWorker): Promise<void> => {
  const gone = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await gone;
};

const until = async (isSo: () => boolean, what: string): Promise<void> => {
  for (let look = 0; look < 24_000; look += 1) {
    if (isSo()) return;
    await sleep(25);
  }
  throw new Error(`${what} did not happen within ten minutes`);
};

const sideBySide = async (from: number, to: number, work: (number: number) => Promise<unknown>): Promise<void> => {
  let next = from;
  await Promise.all(
    Array.from({ length: SIDE_BY_SIDE }, async () => {
      while (next < to) await work(next++);
    }),
  );
};

/** Histories that this process replays in a second, with the worker's own bundle. */
const replayRate = async (client: Client, count: number, options: ReplayWorkerOptions): Promise<number> => {
  const histories = await Promise.all(
    Array.from({ length: count }, async (_, number) => ({
      workflowId: openJobId(number),
      history: await client.workflow.getHandle(openJobId(number)).fetchHistory(),
    })),
  );
  const replay = async (): Promise<number> => {
    const start = performance.now();
    for await (const result of Worker.runReplayHistories(options, histories)) if (result.error) throw result.error;
    return (performance.now() - start) / 1e3;
  };
  await replay();
  return count / (await replay());
};

const measure = async (
  client: Client,
  address: string,
  bundle: string,
  counts: readonly number[],
): Promise<Figure[]> => {
  const figures: Figure[] = [];
  let worker = startWorker(address, bundle);
  const smallest = counts[0] ?? 0;
  let smallestMb = 0;
  let started = 0;
  let rate = 0;
  for (const count of counts) {
    const before = worker.report().describes;
    const added = count - started;
    await sideBySide(started, count, (number) => startOpenJob(client, TASK_QUEUE, number));
    started = count;
    // Each looks whether the job is there, and then how it is.
    await until(() => worker.report().describes >= before + 2 * added, 'the first look of every job');
    await sleep(2_000);
    const { memoryMb } = worker.report();
    smallestMb ||= memoryMb;
    const name = `open-chains: ${count.toLocaleString('en')}`;
    figures.push(
      figure(`${name}, memory of the worker`, memoryMb / smallestMb, '×', {
        baseline: { what: `${smallest} open`, value: smallestMb, unit: 'MB' },
        bar: count === smallest ? null : atMost(1.2),
        note: `${memoryMb.toFixed(0)} MB`,
      }),
    );
    rate ||= await replayRate(client, Math.min(count, REPLAYED), { workflowBundle: { codePath: bundle } });
    await kill(worker);
    await sideBySide(0, count, (number) =>
      client.workflow
        .getHandle(openJobId(number))
        .signal(stateChange, { status: 'Completed', eventId: `after ${count}` }),
    );
    const startMs = performance.now();
    worker = startWorker(address, bundle);
    await until(() => worker.report().describes >= count, 'an event for each job');
    const seconds = (performance.now() - startMs) / 1e3;
    figures.push(
      figure(`${name}, killed: until one event for each is handled`, seconds / (count / rate), '×', {
        baseline: { what: `${count} / replay rate of ${rate.toFixed(0)}/s`, value: count / rate, unit: 's' },
        bar: atMost(1.3),
        note: `${seconds.toFixed(1)} s, the start of the process included`,
      }),
    );
    // The looks again that law 1 asks for after an event come 10 s later; they are not to be counted with the next step.
    await until(() => worker.report().describes >= 2 * count, 'the first look again');
    await sleep(2_000);
  }
  await kill(worker);
  return figures;
};

/** See the head of this file. */
export const run: Part = async ({ quick, directory }) => {
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  const bundle = join(directory, 'workflow-bundle.js');
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    logger: new DefaultLogger('WARN'),
  });
  await writeFile(bundle, code);
  const server = await startTemporalServer({
    logFile: join(directory, 'temporal.log'),
    searchAttributes: SEARCH_ATTRIBUTES,
  });
  const connection = await connectToLocalTemporal(server.address);
  try {
    return await measure(new Client({ connection }), server.address, bundle, quick ? [100, 300] : [1_000, 3_000]);
  } finally {
    await connection.close();
    await server.stop();
  }
};
