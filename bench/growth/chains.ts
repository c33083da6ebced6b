/**
 * What an open chain costs, the more of them are open: processor time of a worker and of the Temporal server from the start of a
 * job's workflow until it has looked at its job and waits. The chain's own workflow meanwhile only waits for it. The cost of a size is that of
 * the chains which it has more than the size before; of the smallest, that of many turns in which so many are started and then ended.
 */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { z } from 'zod';
import { SEARCH_ATTRIBUTES } from '../../decisions/search-attributes.ts';
import { connectToLocalTemporal } from '../../local/local-clients.ts';
import { startTemporalServer } from '../../local/temporal-server.ts';
import { figure, type Figure } from '../figures.ts';
import { startOpenJob } from '../open-jobs.ts';
import { processorSeconds } from '../processor-time.ts';
import { poke, signalThenActivity } from '../workflows/raw.ts';
import { GROWTH_BAR } from './bar.ts';

const TASK_QUEUE = 'growth';
const BARE_QUEUE = 'bare';
const SIDE_BY_SIDE = 20;
/** Each looks whether its job is there, and then how it is. */
const LOOKS = 2;
/** After its second look a workflow has a turn or two left: a worker that used no processor time for so long has none. */
const IDLE_MS = 60;

/** The two processes that are measured. */
const MEASURED = ['worker', 'server'] as const;
type Seconds = Record<(typeof MEASURED)[number], number>;

const reportShape = z.object({ describes: z.number() });

class Stage {
  readonly #client: Client;
  readonly #pids: Seconds;
  readonly #describes: () => number;
  #started = 0;

  constructor(client: Client, pids: Seconds, describes: () => number) {
    this.#client = client;
    this.#pids = pids;
    this.#describes = describes;
  }

  /** Starts so many and waits until they wait; what that took. */
  async open(count: number): Promise<{ handles: WorkflowHandle[]; taken: Seconds }> {
    const before = this.#seconds();
    const numbers = Array.from({ length: count }, (_, index) => this.#started + index);
    this.#started += count;
    const handles: WorkflowHandle[] = [];
    const startSome = async (): Promise<void> => {
      for (let number = numbers.shift(); number !== undefined; number = numbers.shift())
        handles.push(await startOpenJob(this.#client, TASK_QUEUE, number));
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, startSome));
    await this.#untilWaiting();
    const after = this.#seconds();
    return { handles, taken: { worker: after.worker - before.worker, server: after.server - before.server } };
  }

  /** Opens so many and ends them, again and again; what the opening took for each. */
  async turns(count: number, turns: number): Promise<Seconds> {
    const sum = { worker: 0, server: 0 };
    for (let turn = 0; turn < turns; turn += 1) {
      const { handles, taken } = await this.open(count);
      for (const name of MEASURED) sum[name] += taken[name];
      await Promise.all(handles.map((handle) => handle.terminate()));
      await this.#untilWaiting();
    }
    return { worker: sum.worker / (count * turns), server: sum.server / (count * turns) };
  }

  #seconds(): Seconds {
    return { worker: processorSeconds(this.#pids.worker), server: processorSeconds(this.#pids.server) };
  }

  async #untilWaiting(): Promise<void> {
    for (let look = 0; this.#describes() < LOOKS * this.#started; look += 1) {
      if (look === 24_000) throw new Error('not every job was looked at within four minutes');
      await sleep(10);
    }
    for (let before = -1; ;) {
      const now = processorSeconds(this.#pids.worker);
      if (now === before) return;
      before = now;
      await sleep(IDLE_MS);
    }
  }
}

/** Lives of the least workflow that there is, side by side, again and again; seconds of the server for each. */
const bareTurns = async (client: Client, serverPid: number, count: number, turns: number): Promise<number> => {
  const before = processorSeconds(serverPid);
  for (let turn = 0; turn < turns; turn += 1) {
    await Promise.all(
      Array.from({ length: count }, async () => {
        const workflowId = `bare-${crypto.randomUUID()}`;
        const handle = await client.workflow.start(signalThenActivity, { taskQueue: BARE_QUEUE, workflowId });
        await handle.signal(poke, { status: 'Completed', eventId: '1' });
        await handle.result();
      }),
    );
  }
  return (processorSeconds(serverPid) - before) / (count * turns);
};

const compare = async (
  stage: Stage,
  bare: () => Promise<number>,
  sizes: readonly number[],
  turns: number,
): Promise<Figure[]> => {
  const [smallest = 0, ...larger] = sizes;
  // Code that is new to a process is slow.
  await stage.turns(smallest, turns);
  await bare();
  const base = await stage.turns(smallest, turns);
  const bareBase = await bare();
  const figures: Figure[] = [];
  let open = 0;
  for (const size of larger) {
    const { taken } = await stage.open(size - open);
    for (const name of MEASURED) {
      const cost = taken[name] / (size - open);
      figures.push(
        figure(
          `growth: ${size.toLocaleString('en')} open chains, processor time of the ${name}`,
          cost / base[name],
          '×',
          {
            baseline: { what: `${smallest} open`, value: base[name] * 1e3, unit: 'ms per chain' },
            bar: GROWTH_BAR,
            note: `${(cost * 1e3).toFixed(1)} ms for each${open === 0 ? '' : ` beyond ${open.toLocaleString('en')}`}`,
          },
        ),
      );
    }
    open = size;
  }
  const bareCost = await bare();
  figures.push(
    figure(
      `growth: ${open.toLocaleString('en')} open chains, processor time of the server for a bare workflow beside them`,
      bareCost / bareBase,
      '×',
      {
        baseline: { what: `${smallest} open`, value: bareBase * 1e3, unit: 'ms per workflow' },
        note: `${(bareCost * 1e3).toFixed(1)} ms: a signal, one activity, the result; how the server itself grows`,
      },
    ),
  );
  return figures;
};

/** The figures of each size but the smallest. `turns`: in which the smallest is measured. */
export const measureChains = async (
  directory: string,
  { sizes, turns }: { sizes: readonly number[]; turns: number },
): Promise<Figure[]> => {
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
  const native = await NativeConnection.connect({ address: server.address });
  const script = fileURLToPath(new URL('./chains-worker.ts', import.meta.url));
  const worker = spawn(process.execPath, [script, server.address, TASK_QUEUE, bundle], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    if (worker.pid === undefined) throw new Error('the worker did not start');
    let describes = 0;
    createInterface({ input: worker.stdout }).on('line', (line) => {
      // Temporal's core writes its warnings there too.
      if (line.startsWith('{')) ({ describes } = reportShape.parse(JSON.parse(line)));
      else process.stderr.write(`${line}\n`);
    });
    const client = new Client({ connection });
    const stage = new Stage(client, { worker: worker.pid, server: server.pid }, () => describes);
    const bare = await Worker.create({
      connection: native,
      taskQueue: BARE_QUEUE,
      workflowsPath: fileURLToPath(new URL('../workflows/raw.ts', import.meta.url)),
      activities: { answer: () => Promise.resolve('answer') },
    });
    return await bare.runUntil(compare(stage, () => bareTurns(client, server.pid, sizes[0] ?? 1, turns), sizes, turns));
  } finally {
    const gone = new Promise((resolve) => worker.once('close', resolve));
    worker.kill('SIGKILL');
    await gone;
    await connection.close();
    await native.close().catch(() => undefined);
    await server.stop();
  }
};
