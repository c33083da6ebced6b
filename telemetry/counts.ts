/** Counts chains and live jobs at a low rate, for the gauges. Visibility lags by seconds and is asked, never decided by. */
import type { Client } from '@temporalio/client';
import { DAY_MS } from '../decisions/durations.ts';
import { readingWhatItCan } from '../unreadable-payloads.ts';

/** A self-hosted namespace answers 10 list and count calls a second; this asks a handful a minute. Milliseconds. */
const PERIOD_MS = 60_000;

const CHAINS = `WorkflowType = 'labelingChain'`;
const OPEN_CHAINS = `${CHAINS} AND ExecutionStatus = 'Running'`;
const OPEN_JOBS = `WorkflowType = 'labelingJob' AND ExecutionStatus = 'Running'`;

/**
 * Runs of chains that Temporal still has. `running` and `attention` are open; a chain that is over stays open for a day, for
 * late labels. `ended` has nothing left to label, `leftovers` has (by a limit, a stop, a brake); `failed` was terminated too.
 */
export type ChainCounts = Record<'running' | 'attention' | 'ended' | 'leftovers' | 'failed', number>;

/** Live jobs by how near AWS's end of them is. `none`: a streaming job, or one that was not seen yet. */
export type JobCounts = Record<'past' | 'day' | 'later' | 'none', number>;

export type Counts = { chains: ChainCounts; jobs: JobCounts; remainingObjects: number };

const openChains = async (client: Client): Promise<{ running: number; attention: number; remaining: number }> => {
  const found = { running: 0, attention: 0, remaining: 0 };
  const chains = readingWhatItCan(client).workflow.list({ query: OPEN_CHAINS, pageSize: 1000 });
  for await (const { typedSearchAttributes } of chains) {
    const values = new Map(typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]));
    found[(values.get('LabelingAttention') ?? '') === '' ? 'running' : 'attention'] += 1;
    found.remaining += Number(values.get('LabelingRemaining') ?? 0);
  }
  return found;
};

export const countAll = async (client: Client, nowMs: number): Promise<Counts> => {
  const count = async (query: string): Promise<number> => (await client.workflow.count(query)).count;
  const before = (ms: number): string => `${OPEN_JOBS} AND LabelingDeadline < '${new Date(ms).toISOString()}'`;
  const { running, attention, remaining } = await openChains(client);
  const ended = await count(`${CHAINS} AND ExecutionStatus = 'Completed' AND LabelingRemaining = 0`);
  const leftovers =
    (await count(`${CHAINS} AND ExecutionStatus = 'Completed'`)) -
    ended +
    (await count(`${CHAINS} AND ExecutionStatus = 'Canceled'`));
  const failed = await count(`${CHAINS} AND ExecutionStatus IN ('Failed', 'Terminated', 'TimedOut')`);
  const jobs = await count(OPEN_JOBS);
  const withDeadline = await count(`${OPEN_JOBS} AND LabelingDeadline > '2000-01-01T00:00:00Z'`);
  const past = await count(before(nowMs));
  const withinDay = await count(before(nowMs + DAY_MS));
  return {
    chains: { running, attention, ended, leftovers, failed },
    // Counted one after the other: a job may end in between.
    jobs: {
      past,
      day: Math.max(0, withinDay - past),
      later: Math.max(0, withDeadline - withinDay),
      none: Math.max(0, jobs - withDeadline),
    },
    remainingObjects: remaining,
  };
};

/** Counts now and then; a count that fails is left out, and the first in a row told of. Returns the function that ends it. */
export const watchCounts = (
  client: Client,
  onCounts: (counts: Counts) => void,
  onFailing: (why: unknown) => void,
): (() => void) => {
  let isFailing = false;
  const count = (): void =>
    void countAll(client, Date.now()).then(
      (counts) => {
        isFailing = false;
        onCounts(counts);
      },
      (why: unknown) => {
        if (!isFailing) onFailing(why);
        isFailing = true;
      },
    );
  count();
  const timer = setInterval(count, PERIOD_MS);
  timer.unref();
  return () => clearInterval(timer);
};
