/**
 * What one more chain costs, the more of them are open: processor time of a worker and of the Temporal server from the start of a
 * job's workflow until it has looked at its job and waits. The chain's own workflow meanwhile only waits for it. At every size a few chains are
 * opened beside those that are open, and ended, again and again.
 *
 * The development server itself needs more for whatever it does, the more it holds. So its time is compared with that for a bare workflow
 * (a signal, one activity, the result) beside as many open chains, in turns. A round is seconds of a noisy machine: the median of several counts.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { CACHED_WORKFLOWS } from '../../config.ts';
import { SEARCH_ATTRIBUTES } from '../../decisions/search-attributes.ts';
import { forEachLimited } from '../../local/for-each-limited.ts';
import { connectToLocalTemporal } from '../../local/local-clients.ts';
import { startTemporalServer } from '../../local/temporal-server.ts';
import { figure, median, type Figure } from '../figures.ts';
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
const ROUNDS = 5;

/** So many chains are opened at once and ended, so often. */
type Amounts = { few: number; turns: number };
/** The baseline is measured with no others open than the few. */
type Sizes = Amounts & { sizes: readonly number[] };

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
      if (look === 90_000) throw new Error('not every job was looked at within fifteen minutes');
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

/** Costs of one chain beside those that are open, in seconds. */
type Costs = { worker: number; server: number; bare: number; serverToBare: number };

/** In rounds; the median of each. */
const measureCosts = async (stage: Stage, bare: () => Promise<number>, { few, turns }: Amounts): Promise<Costs> => {
  const rounds: Costs[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const { worker, server } = await stage.turns(few, turns);
    const bareCost = await bare();
    rounds.push({ worker, server, bare: bareCost, serverToBare: server / bareCost });
  }
  const medianOf = (name: keyof Costs): number => median(rounds.map((round) => round[name]));
  return {
    worker: medianOf('worker'),
    server: medianOf('server'),
    bare: medianOf('bare'),
    serverToBare: medianOf('serverToBare'),
  };
};

const compare = async (stage: Stage, bare: () => Promise<number>, { sizes, ...amounts }: Sizes): Promise<Figure[]> => {
  // Code that is new to a process is slow, and so is one more workflow when the worker's cache is full.
  await stage.turns(amounts.few, Math.ceil(CACHED_WORKFLOWS / amounts.few));
  await bare();
  const base = await measureCosts(stage, bare, amounts);
  const figures: Figure[] = [];
  let open = 0;
  for (const size of sizes) {
    await stage.open(size - amounts.few - open);
    open = size - amounts.few;
    const cost = await measureCosts(stage, bare, amounts);
    const name = `growth: one chain beside ${size.toLocaleString('en')} open, processor time of the`;
    figures.push(
      figure(`${name} worker`, cost.worker / base.worker, '×', {
        baseline: { what: `${amounts.few} open`, value: base.worker * 1e3, unit: 'ms per chain' },
        bar: GROWTH_BAR,
        note: `${(cost.worker * 1e3).toFixed(1)} ms for one; the median of ${ROUNDS} rounds`,
      }),
      figure(`${name} server`, cost.serverToBare / base.serverToBare, '×', {
        baseline: { what: `${amounts.few} open`, value: base.serverToBare, unit: '× a bare workflow' },
        bar: GROWTH_BAR,
        note: `${cost.serverToBare.toFixed(2)} × a bare workflow beside as many; ${(cost.server * 1e3).toFixed(1)} ms for one and ${(cost.bare * 1e3).toFixed(1)} for a bare one, with ${amounts.few} open ${(base.server * 1e3).toFixed(1)} and ${(base.bare * 1e3).toFixed(1)}; medians of ${ROUNDS} rounds`,
      }),
    );
  }
  return figures;
};

/** The figures of each size. */
export const measureChains = async (directory: string, sizes: Sizes): Promise<Figure[]> => {
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
    return await bare.runUntil(compare(stage, () => bareTurns(client, server.pid, sizes.few, sizes.turns), sizes));
  } finally {
    await kill(worker);
    await connection.close();
    await native.close().catch(() => undefined);
    await server.stop();
  }
};
