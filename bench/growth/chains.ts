/**
 * What an open chain costs, the more of them are open: processor time of a worker and of the Temporal server from the start of a
 * job's workflow until it has looked at its job and waits. The chain's own workflow meanwhile only waits for it. The cost of a size is that of
 * the chains which it has more than the size before; of the smallest, that of many turns in which so many are started and then ended.
 *
 * The development server itself needs more for whatever it does, the more it holds. So its time is compared with that for a bare workflow
 * (a signal, one activity, the result) beside as many open chains.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES } from '../../decisions/search-attributes.ts';
import { forEachLimited } from '../../local/for-each-limited.ts';
import { connectToLocalTemporal } from '../../local/local-clients.ts';
import { startTemporalServer } from '../../local/temporal-server.ts';
import { figure, type Figure } from '../figures.ts';
import { kill, startOpenChainsWorker, writeWorkflowBundle } from '../open-chains.ts';
import { startOpenJob } from '../open-jobs.ts';
import { processorSeconds } from '../processor-time.ts';
import { poke, signalThenActivity } from '../workflows/raw.ts';
import { GROWTH_BAR } from './bar.ts';

const TASK_QUEUE = 'growth';
const BARE_QUEUE = 'bare';
/** Each looks whether its job is there, and then how it is. */
const LOOKS = 2;
/** After its second look a workflow has a turn or two left: a worker that used no processor time for so long has none. */
const IDLE_MS = 60;

/** The two processes that are measured. */
const MEASURED = ['worker', 'server'] as const;
type Seconds = Record<(typeof MEASURED)[number], number>;

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
    await forEachLimited(numbers, async (number) => {
      handles.push(await startOpenJob(this.#client, TASK_QUEUE, number));
    });
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
    const bareCost = await bare();
    const name = `growth: ${size.toLocaleString('en')} open chains, processor time of the`;
    const beyond = open === 0 ? '' : ` beyond ${open.toLocaleString('en')}`;
    const cost = { worker: taken.worker / (size - open), server: taken.server / (size - open) };
    figures.push(
      figure(`${name} worker`, cost.worker / base.worker, '×', {
        baseline: { what: `${smallest} open`, value: base.worker * 1e3, unit: 'ms per chain' },
        bar: GROWTH_BAR,
        note: `${(cost.worker * 1e3).toFixed(1)} ms for each${beyond}`,
      }),
      figure(`${name} server`, cost.server / base.server / (bareCost / bareBase), '×', {
        baseline: { what: 'how much more a bare workflow takes beside as many', value: bareCost / bareBase, unit: '×' },
        bar: GROWTH_BAR,
        note: `${(cost.server * 1e3).toFixed(1)} ms for each${beyond}, with ${smallest} open ${(base.server * 1e3).toFixed(1)}; a bare workflow ${(bareCost * 1e3).toFixed(1)}, before ${(bareBase * 1e3).toFixed(1)}`,
      }),
    );
    open = size;
  }
  return figures;
};

/** The figures of each size but the smallest. `turns`: in which the smallest is measured. */
export const measureChains = async (
  directory: string,
  { sizes, turns }: { sizes: readonly number[]; turns: number },
): Promise<Figure[]> => {
  const bundle = await writeWorkflowBundle(directory);
  const server = await startTemporalServer({
    logFile: join(directory, 'temporal.log'),
    searchAttributes: SEARCH_ATTRIBUTES,
  });
  const connection = await connectToLocalTemporal(server.address);
  const native = await NativeConnection.connect({ address: server.address });
  const worker = await startOpenChainsWorker({ address: server.address, taskQueue: TASK_QUEUE, bundle });
  try {
    const client = new Client({ connection });
    const stage = new Stage(client, { worker: worker.pid, server: server.pid }, () => worker.report().describes);
    const bare = await Worker.create({
      connection: native,
      taskQueue: BARE_QUEUE,
      workflowsPath: fileURLToPath(new URL('../workflows/raw.ts', import.meta.url)),
      activities: { answer: () => Promise.resolve('answer') },
    });
    return await bare.runUntil(compare(stage, () => bareTurns(client, server.pid, sizes[0] ?? 1, turns), sizes, turns));
  } finally {
    await kill(worker);
    await connection.close();
    await native.close().catch(() => undefined);
    await server.stop();
  }
};
