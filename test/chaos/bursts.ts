/**
 * Bursts through a real queue, the consumer and a real Temporal server, with the product's workflows behind them: everything at
 * once for many jobs while the worker is away, and more for one job than one run of a workflow takes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { WorkflowBundle } from '@temporalio/worker';
import { startLoadQueue, type LoadQueue } from '../../bench/queue.ts';
import { startConsumer, type RunningConsumer } from '../../events/consumer.ts';
import { forEachLimited } from '../../local/for-each-limited.ts';
import { LOCAL_ACCOUNT, LOCAL_REGION } from '../../local/child-environment.ts';
import { labelingJobView } from '../../workflows/messages.ts';
import { jobArn, stateChangeEvent } from '../events/recorded-events.ts';
import { follow, followerOf, startFollowing, toldTo } from './followers.ts';

/** Where a burst takes place. */
export type BurstStage = { client: Client; address: string; workflowBundle: WorkflowBundle };

/** Events sent, those in no history, and the workflows that know of fewer than their history holds. */
export type BurstResult = { jobs: number; events: number; lost: number; unheard: string[] };

const SIDE_BY_SIDE = 30;
const LOOK_EVERY_MS = 100;
/** For any one wait; a busy machine is slow. */
const PATIENCE_MS = 10 * 60_000;
/** A message that could not be signalled comes back after so long; a second run is there by then. Seconds. */
const RETURN_AFTER_S = 2;

/** A question that was not answered in time is asked again. */
const eventually = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  const untilMs = performance.now() + PATIENCE_MS;
  let failure = '';
  const ask = async (): Promise<boolean> => {
    try {
      return await isSo();
    } catch (thrown) {
      failure = String(thrown);
      return false;
    }
  };
  while (!(await ask())) {
    if (performance.now() > untilMs) throw new Error(`never so: ${String(isSo)} ${failure}`);
    await sleep(LOOK_EVERY_MS);
  }
};

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Event `number` about a job: no two share a status, so that none stands for another. */
const eventOf = (jobName: string, number: number): string =>
  JSON.stringify(
    stateChangeEvent(jobName, `Status${number}`, {
      account: LOCAL_ACCOUNT,
      resources: [jobArn(jobName, LOCAL_ACCOUNT)],
    }),
  );

const consume = ({ client }: BurstStage, { sqs, queueUrl }: LoadQueue): RunningConsumer =>
  startConsumer({
    client,
    sqs,
    queueUrl,
    accounts: [LOCAL_ACCOUNT],
    regions: [LOCAL_REGION],
    logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
    waitTimeS: 1,
    pace: { returnAfterS: () => RETURN_AFTER_S },
  });

const withQueue = async <Result>(work: (queue: LoadQueue) => Promise<Result>): Promise<Result> => {
  const queue = await startLoadQueue();
  try {
    return await work(queue);
  } finally {
    queue.close();
  }
};

const isEmpty = (queue: LoadQueue) => async (): Promise<boolean> => (await queue.left()) === 0;

/** `each` events for every job, while no worker runs; then it comes back. */
export const burstOfMany = (stage: BurstStage, { jobs, each }: { jobs: number; each: number }): Promise<BurstResult> =>
  withQueue(async (queue) => {
    const { client, address, workflowBundle } = stage;
    const names = range(jobs).map((job) => `many-${job}`);
    const viewOf = (name: string) => followerOf(client, name).query(labelingJobView);
    const stopFollowing = await startFollowing(address, workflowBundle);
    await forEachLimited(names, (name) => follow(client, name), SIDE_BY_SIDE);
    await forEachLimited(
      names,
      (name) => eventually(async () => (await viewOf(name)).observation !== null),
      SIDE_BY_SIDE,
    );
    await stopFollowing();

    await queue.send(range(each).flatMap((number) => names.map((name) => eventOf(name, number))));
    const consumer = consume(stage, queue);
    await eventually(isEmpty(queue));
    await consumer.stop();

    const stopAgain = await startFollowing(address, workflowBundle);
    const unheard: string[] = [];
    let lost = 0;
    await forEachLimited(
      names,
      async (name) => {
        // The server keeps signals out of the history while a workflow task is under way, and an answer comes after it.
        await eventually(async () => (await viewOf(name)).events >= each);
        const told = await toldTo(client, name);
        // A queue delivers at least once: repeats are allowed, and may not stand for what is missing.
        lost += each - new Set(told).size;
        let events = 0;
        await eventually(async () => {
          ({ events } = await viewOf(name));
          return true;
        });
        if (events < told.length) unheard.push(`${name} knows of ${events} of ${told.length}`);
      },
      SIDE_BY_SIDE,
    );
    await stopAgain();
    return { jobs, events: jobs * each, lost, unheard };
  });

/** The same with runs of one workflow: how many signals each of them took. */
export type CapResult = BurstResult & { perRun: number[]; refusedAtCap: number };

/**
 * More events for one job than a run takes (`cap`, as the server is set up), all of them before its worker comes: the run is
 * full, the queue keeps the rest, and the next run takes it.
 */
export const burstOfOne = (stage: BurstStage, { cap, beyond }: { cap: number; beyond: number }): Promise<CapResult> =>
  withQueue(async (queue) => {
    const { client, address, workflowBundle } = stage;
    const name = 'one';
    const events = cap + beyond;
    await follow(client, name);
    const runs = new Set([(await followerOf(client, name).describe()).runId]);
    await queue.send(range(events).map((number) => eventOf(name, number)));
    const consumer = consume(stage, queue);
    const refused = (): number => consumer.stats().counts['signal-limit'] ?? 0;
    await eventually(() => refused() > 0);
    const stopFollowing = await startFollowing(address, workflowBundle);
    await eventually(isEmpty(queue));
    await consumer.stop();
    let heard = 0;
    await eventually(async () => {
      runs.add((await followerOf(client, name).describe()).runId);
      heard = (await followerOf(client, name).query(labelingJobView)).events;
      return heard >= events;
    });
    const told = await Promise.all([...runs].map((runId) => toldTo(client, name, runId)));
    await stopFollowing();
    return {
      jobs: 1,
      events,
      lost: events - new Set(told.flat()).size,
      unheard: heard < told.flat().length ? [`${name} knows of ${heard} of ${told.flat().length}`] : [],
      perRun: told.map(({ length }) => length),
      refusedAtCap: refused(),
    };
  });
