/** The list of chains, from Temporal's visibility store, which lags a few seconds behind. */
import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { END_STATUSES } from '../decisions/chain-state.ts';
import { chainOfWorkflowId } from '../decisions/names.ts';
import { CHAIN_MEMO } from '../decisions/search-attributes.ts';
import type { ChainStatus } from '../decisions/view.ts';
import type { labelingChain } from '../workflows/labeling-chain.ts';
import { readingWhatItCan } from '../unreadable-payloads.ts';
import { throwExplained, webUiLink, type ClientContext } from './context.ts';
import type { ChainSummary, ListFilter } from './types.ts';

const LABELING_CHAINS = `WorkflowType = 'labelingChain'`;

/** What the visibility store itself can choose. A chain that waits for a person is an open one. */
const queryOf = ({ status, attention }: ListFilter): string => {
  const clauses = [LABELING_CHAINS];
  if (status === 'running' || status === 'attention' || attention !== undefined)
    clauses.push(`ExecutionStatus = 'Running'`);
  if (typeof attention === 'string') clauses.push(`LabelingAttention = '${attention}'`);
  else if (status === 'attention' || attention === true) clauses.push(`LabelingAttention != ''`);
  return clauses.join(' AND ');
};

const isTeam = (arn: string | null, wanted: string): boolean => arn === wanted || arn?.endsWith(`/${wanted}`) === true;

/** Chains, the newest first; of a chain with several runs the newest only. */
export const listChains = async (context: ClientContext, filter: ListFilter): Promise<ChainSummary[]> => {
  const found: ChainSummary[] = [];
  // Open and closed ones are sorted each for themselves, by times that a local stack moves.
  const newest = new Map<string, WorkflowExecutionInfo>();
  try {
    for await (const info of readingWhatItCan(context.client).workflow.list({ query: queryOf(filter) })) {
      const chain = chainOfWorkflowId(info.workflowId);
      if (chain !== null && (newest.get(chain)?.startTime ?? new Date(0)) < info.startTime) newest.set(chain, info);
    }
    for (const [chain, info] of [...newest].toSorted(([, a], [, b]) => Number(b.startTime) - Number(a.startTime))) {
      if (filter.text !== undefined && !chain.includes(filter.text)) continue;
      const workTeam = memoOf(info, CHAIN_MEMO.workTeam);
      if (filter.workTeam !== undefined && !isTeam(workTeam, filter.workTeam)) continue;
      const summary = await summaryOf(context, chain, workTeam, info);
      if (filter.attention !== undefined && summary.attention === null) continue;
      if (filter.status === undefined || filter.status === summary.status) found.push(summary);
    }
  } catch (thrown) {
    return throwExplained(thrown);
  }
  return found;
};

const memoOf = (info: WorkflowExecutionInfo, field: string): string | null => {
  const value: unknown = info.memo?.[field];
  return typeof value === 'string' ? value : null;
};

const summaryOf = async (
  context: ClientContext,
  chain: string,
  workTeam: string | null,
  info: WorkflowExecutionInfo,
): Promise<ChainSummary> => {
  const attributes = new Map(info.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]));
  const text = (name: string): string | null => {
    const value = String(attributes.get(name) ?? '');
    return value === '' ? null : value;
  };
  const isOpen = info.status.name === 'RUNNING';
  const attention = isOpen ? text('LabelingAttention') : null;
  return {
    chain,
    status: await statusOf(context, info, attention),
    generation: Number(attributes.get('LabelingGeneration') ?? 0),
    remaining: Number(attributes.get('LabelingRemaining') ?? 0),
    attention,
    job: text('LabelingJobName'),
    workTeam,
    webUrl: webUiLink(context, info.workflowId, info.runId),
  };
};

/** How a chain ended, as its workflow's result says: no worker is needed. */
const resultOf = async (client: Client, workflowId: string, runId: string): Promise<ChainStatus> => {
  const handle = client.workflow.getHandle<typeof labelingChain>(workflowId, runId, { followRuns: false });
  return (await handle.result()).status;
};

const statusOf = async (
  { client }: ClientContext,
  info: WorkflowExecutionInfo,
  attention: string | null,
): Promise<ChainStatus> => {
  const { workflowId, runId } = info;
  const execution = info.status.name;
  if (execution === 'RUNNING') {
    if (attention !== null) return 'attention';
    // An ended chain stays open for its late look.
    return END_STATUSES.find((status) => status === memoOf(info, CHAIN_MEMO.end)) ?? 'running';
  }
  if (execution === 'CANCELLED') return 'stopped';
  return execution === 'COMPLETED' ? resultOf(client, workflowId, runId) : 'failed';
};
