/** The list of chains, from Temporal's visibility store, which lags a few seconds behind. */
import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { END_STATUSES } from '../decisions/chain-state.ts';
import { chainOfWorkflowId } from '../decisions/names.ts';
import { CHAIN_MEMO, type SearchAttributeName } from '../decisions/search-attributes.ts';
import type { ChainStatus } from '../decisions/view.ts';
import type { labelingChain, LabelingChainResult } from '../workflows/labeling-chain.ts';
import { readingWhatItCan } from '../unreadable-payloads.ts';
import { isOpenWorkflow, throwExplained, webUiLink, type ClientContext } from './context.ts';
import type { ChainSummary, ListFilter } from './types.ts';

/** What the list and a description say of a workflow alike. */
type WorkflowInfo = Omit<WorkflowExecutionInfo, 'raw'>;

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

const memoOf = (info: WorkflowInfo, field: string): string | null => {
  const value: unknown = info.memo?.[field];
  return typeof value === 'string' ? value : null;
};

const attributeOf = (info: WorkflowInfo, name: SearchAttributeName): unknown =>
  info.typedSearchAttributes.getAll().find(({ key }) => key.name === name)?.value;

const textOf = (info: WorkflowInfo, name: SearchAttributeName): string | null => {
  const value = attributeOf(info, name);
  return typeof value === 'string' && value !== '' ? value : null;
};

const attentionOf = (info: WorkflowInfo): string | null =>
  isOpenWorkflow(info.status.name) ? textOf(info, 'LabelingAttention') : null;

const remainingOf = (info: WorkflowInfo): number => Number(attributeOf(info, 'LabelingRemaining') ?? 0);

const summaryOf = async (
  context: ClientContext,
  chain: string,
  workTeam: string | null,
  info: WorkflowInfo,
): Promise<ChainSummary> => ({
  chain,
  status: await statusOfWorkflow(context, info),
  generation: Number(attributeOf(info, 'LabelingGeneration') ?? 0),
  remaining: remainingOf(info),
  attention: attentionOf(info),
  job: textOf(info, 'LabelingJobName'),
  workTeam,
  webUrl: webUiLink(context, info.workflowId, info.runId),
});

/** How a chain ended, as its workflow's result says: no worker is needed. Null: it is encrypted with a key that is not at hand. */
const resultOf = async (client: Client, { workflowId, runId }: WorkflowInfo): Promise<ChainStatus | null> => {
  const reading = readingWhatItCan(client).workflow;
  const handle = reading.getHandle<typeof labelingChain>(workflowId, runId, { followRuns: false });
  const result: LabelingChainResult | null = await handle.result();
  return result?.status ?? null;
};

/** The status of a chain by what the server keeps of its workflow: no worker is needed. */
export const statusOfWorkflow = async ({ client }: ClientContext, info: WorkflowInfo): Promise<ChainStatus> => {
  const ended = END_STATUSES.find((status) => status === memoOf(info, CHAIN_MEMO.end));
  switch (info.status.name) {
    case 'RUNNING':
    case 'PAUSED':
    case 'CONTINUED_AS_NEW':
      // An ended chain stays open for its late look.
      return attentionOf(info) !== null ? 'attention' : (ended ?? 'running');
    case 'CANCELLED':
      return ended ?? 'stopped';
    case 'COMPLETED':
      return ended ?? (await resultOf(client, info)) ?? (remainingOf(info) === 0 ? 'labeled' : 'finished');
    case 'FAILED':
    case 'TERMINATED':
    case 'TIMED_OUT':
    case 'UNSPECIFIED':
    case 'UNKNOWN':
      return ended ?? 'failed';
  }
};
