/** Counts open chains at a low rate, for the gauges. Visibility lags by seconds and is asked, never decided by. */
import type { Client } from '@temporalio/client';
import { ATTENTION_REASONS } from '../decisions/attention.ts';

/** A self-hosted namespace answers 10 list and count calls a second; this asks two a minute. Milliseconds. */
const PERIOD_MS = 60_000;

const OPEN = `WorkflowType = 'labelingChain' AND ExecutionStatus = 'Running'`;
const IN_ATTENTION = `${OPEN} AND LabelingAttention IN (${ATTENTION_REASONS.map((reason) => `'${reason}'`).join(', ')})`;

export type ChainCounts = { open: number; inAttention: number };

export const countChains = async (client: Client): Promise<ChainCounts> => {
  const open = await client.workflow.count(OPEN);
  const inAttention = await client.workflow.count(IN_ATTENTION);
  return { open: open.count, inAttention: inAttention.count };
};

/** Counts now and then; a count that fails is left out. Returns the function that ends it. */
export const watchChainCounts = (client: Client, onCounts: (counts: ChainCounts) => void): (() => void) => {
  const count = (): void => void countChains(client).then(onCounts, () => undefined);
  count();
  const timer = setInterval(count, PERIOD_MS);
  timer.unref();
  return () => clearInterval(timer);
};
