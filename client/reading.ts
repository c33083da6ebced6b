/** How a chain stands: read from its workflow, its live job's, and what Temporal says of both. */
import {
  QueryNotRegisteredError,
  QueryRejectedError,
  type Client,
  type WorkflowExecutionDescription,
} from '@temporalio/client';
import type { ChainState } from '../decisions/chain-state.ts';
import { isChainName, labelingChainWorkflowId, labelingJobWorkflowId } from '../decisions/names.ts';
import { nearest } from '../decisions/nearest.ts';
import type { Spec } from '../decisions/spec.ts';
import { amendedText, chainDocument, withLiveJob, type ChainDocument } from '../decisions/view.ts';
import { InputError, OperationError } from '../errors.ts';
import { labelingChainState, labelingJobView, type JobView } from '../workflows/messages.ts';
import { readingWhatItCan } from '../unreadable-payloads.ts';
import { askWorker, explained, isAbsent, rootMessage, webUiLink, type ClientContext } from './context.ts';
import { listChains } from './list.ts';
import type { ChainDetail } from './types.ts';

/** @throws InputError if there is no chain of this name; the message names the nearest that there is. */
export const describeChain = async (context: ClientContext, chain: string): Promise<WorkflowExecutionDescription> => {
  if (!isChainName(chain))
    throw new InputError(`${JSON.stringify(chain)} is no chain name: lower case letters, digits and inner hyphens`);
  try {
    return await readingWhatItCan(context.client).workflow.getHandle(labelingChainWorkflowId(chain)).describe();
  } catch (thrown) {
    if (!isAbsent(thrown)) throw explained(thrown);
    const known = (await listChains(context, {})).map((one) => one.chain);
    const like = nearest(chain, known);
    throw new InputError(
      `there is no chain ${chain}${like === null ? '' : `; did you mean ${like}?`}; see: label-relay list`,
    );
  }
};

/** What the chain's workflow keeps; null where no worker can tell, as of one that failed. */
const stateOf = async (context: ClientContext, chain: string, broken: boolean): Promise<ChainState | null> => {
  const ask = () => context.client.workflow.getHandle(labelingChainWorkflowId(chain)).query(labelingChainState);
  try {
    return await (broken ? ask() : askWorker(context, ask));
  } catch (thrown) {
    if (thrown instanceof QueryNotRegisteredError || thrown instanceof QueryRejectedError || broken) return null;
    throw explained(thrown);
  }
};

const liveJobOf = async (client: Client, { phase, spec, generations }: ChainState): Promise<JobView | null> => {
  const job = phase.kind === 'job' ? generations.find((one) => one.generation === phase.generation) : undefined;
  if (job === undefined) return null;
  const workflowId = labelingJobWorkflowId({ account: spec.account, region: spec.region, jobName: job.name });
  try {
    return await client.workflow.getHandle(workflowId).query(labelingJobView);
  } catch {
    // The job's workflow is about to start, or just ended: the chain's own view serves.
    return null;
  }
};

const failureOf = async (client: Client, chain: string): Promise<string> => {
  try {
    await client.workflow.getHandle(labelingChainWorkflowId(chain)).result();
    return '';
  } catch (thrown) {
    return rootMessage(thrown);
  }
};

const unreadable = (chain: string, reason: string, webUrl: string | null): ChainDocument => ({
  chain,
  status: 'failed',
  reason,
  generation: 0,
  objects: { total: 0, labeled: 0, remaining: 0, setAside: 0, doubled: 0 },
  jobs: [],
  attention: null,
  finalManifest: null,
  leftoverReport: null,
  webUrl,
  cost: null,
  objectsSent: 0,
});

/** A chain with its live job and spec. @throws InputError if there is none of this name. */
export const chainDetail = async (context: ClientContext, chain: string): Promise<ChainDetail> => {
  const { client } = context;
  const description = await describeChain(context, chain);
  const webUrl = webUiLink(context, description.workflowId, description.runId);
  const status = description.status.name;
  const broken = status === 'FAILED' || status === 'TERMINATED' || status === 'TIMED_OUT';
  const state = await stateOf(context, chain, broken);
  if (state === null) {
    const why = status === 'FAILED' ? `: ${await failureOf(client, chain)}` : '';
    return {
      document: unreadable(chain, `its workflow is ${status.toLowerCase()}${why}`, webUrl),
      live: null,
      spec: null,
    };
  }
  const live = await liveJobOf(client, state);
  const document = chainDocument(withLiveJob(state, live?.observation ?? null), webUrl);
  const isOver = status !== 'RUNNING' && status !== 'CONTINUED_AS_NEW';
  if (!isOver || state.end !== null) return { document, live, spec: state.spec };
  const reason =
    status === 'FAILED'
      ? await failureOf(client, chain)
      : status === 'COMPLETED'
        ? amendedText(chain)
        : `its workflow is ${status.toLowerCase()}; go on by: label-relay resume ${chain}`;
  // What it asked when it was ended from outside nobody can answer any more; a resume asks again.
  return { document: { ...document, status: 'failed', reason, attention: null }, live, spec: state.spec };
};

/** The spec of a chain as amended so far. @throws OperationError if no worker can read it. */
export const specOfChain = async (context: ClientContext, chain: string): Promise<Spec> => {
  await describeChain(context, chain);
  const state = await stateOf(context, chain, false);
  if (state === null) throw new OperationError(`the chain ${chain} cannot be read; is its worker of an older version?`);
  return state.spec;
};
