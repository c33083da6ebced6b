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
import { amendedText, chainDocument, withLiveJob, type ChainDocument, type ChainStatus } from '../decisions/view.ts';
import { InputError, OperationError } from '../errors.ts';
import { labelingChainState, labelingJobView, type JobView } from '../workflows/messages.ts';
import { readPayload, readingWhatItCan } from '../unreadable-payloads.ts';
import {
  askWorker,
  explained,
  isAbsent,
  isOpenWorkflow,
  rootMessage,
  stillPolled,
  throwExplained,
  webUiLink,
  type ClientContext,
  type LastPoll,
} from './context.ts';
import { listChains, statusOfWorkflow } from './list.ts';
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

type Status = WorkflowExecutionDescription['status']['name'];

const askForState = ({ client }: ClientContext, chain: string): Promise<ChainState> =>
  client.workflow.getHandle(labelingChainWorkflowId(chain)).query(labelingChainState);

/** The workers cannot carry the workflow out again: it is of another version. */
const isOfAnotherVersion = (thrown: unknown): boolean =>
  thrown instanceof QueryNotRegisteredError || thrown instanceof QueryRejectedError;

/** What the workflow of an open chain keeps. @throws OperationError if no worker can tell. */
const stateOfOpenChain = async (context: ClientContext, chain: string): Promise<ChainState> => {
  try {
    return await askWorker(context, () => askForState(context, chain));
  } catch (thrown) {
    if (!isOfAnotherVersion(thrown)) throw explained(thrown);
    throw new OperationError(`the chain ${chain} cannot be read; is its worker of another version?`, { cause: thrown });
  }
};

/** What the workflow of an ended chain kept; null where no worker can tell: it failed, or is of another version. */
const stateOfEndedChain = async (context: ClientContext, chain: string, status: Status): Promise<ChainState | null> => {
  const isFailed = status === 'FAILED';
  const ask = () => askForState(context, chain);
  try {
    return await (isFailed ? ask() : askWorker(context, ask));
  } catch (thrown) {
    if (isFailed || isOfAnotherVersion(thrown)) return null;
    throw explained(thrown);
  }
};

const stateOf = (context: ClientContext, chain: string, status: Status): Promise<ChainState | null> =>
  isOpenWorkflow(status) ? stateOfOpenChain(context, chain) : stateOfEndedChain(context, chain, status);

/** Stays the same while a workflow does; null where the server does not say how long its history is. */
const markOf = ({ runId, status, historyLength }: WorkflowExecutionDescription): string | null =>
  historyLength > 0 ? `${runId} ${status.name} ${historyLength}` : null;

type JobReading = { mark: string | null; view: JobView | null };

const readLiveJob = async (
  client: Client,
  { phase, spec, generations }: ChainState,
  last: JobReading | null,
): Promise<JobReading | null> => {
  const job = phase.kind === 'job' ? generations.find((one) => one.generation === phase.generation) : undefined;
  if (job === undefined) return null;
  const workflowId = labelingJobWorkflowId({ account: spec.account, region: spec.region, jobName: job.name });
  try {
    const mark = markOf(await readingWhatItCan(client).workflow.getHandle(workflowId).describe());
    if (mark !== null && mark === last?.mark) return last;
    return { mark, view: await client.workflow.getHandle(workflowId).query(labelingJobView) };
  } catch {
    // The job's workflow is about to start, or just ended: the chain's own view serves.
    return { mark: null, view: null };
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

const unreadable = (chain: string, status: ChainStatus, reason: string, webUrl: string | null): ChainDocument => ({
  chain,
  status,
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

/** A chain as it was read, and what it was read from: while the marks stay the same nothing else has changed. */
export type ChainReading = {
  detail: ChainDetail;
  mark: string | null;
  poll: LastPoll | null;
  state: ChainState | null;
  job: JobReading | null;
};

/**
 * Reads a chain with its live job and spec. Temporal Cloud bills a query as an action and a description not, and whoever waits for a chain reads it every
 * second for weeks: nothing is asked again that has not changed since `last`. Source: Temporal Cloud's page on actions.
 * @throws InputError if there is none of this name.
 */
export const readChain = async (
  context: ClientContext,
  chain: string,
  last: ChainReading | null,
): Promise<ChainReading> => {
  const { client } = context;
  const description = await describeChain(context, chain);
  const webUrl = webUiLink(context, description.workflowId, description.runId);
  const status = description.status.name;
  const mark = markOf(description);
  const isSame = last !== null && mark !== null && mark === last.mark;
  // What nobody works on does not change either.
  const poll = isSame && isOpenWorkflow(status) ? await stillPolled(context, last.poll) : null;
  const state = isSame ? last.state : await stateOf(context, chain, status);
  if (state === null) {
    const ended = await statusOfWorkflow(context, description);
    const why =
      status === 'FAILED'
        ? await failureOf(client, chain)
        : 'no worker can carry it out again to tell more, being of another version; its record has the rest';
    const next = ended === 'failed' && status !== 'FAILED' ? `; go on by: label-relay resume ${chain}` : '';
    const reason = `its workflow is ${status.toLowerCase()}: ${why}${next}`;
    const document = unreadable(chain, ended, reason, webUrl);
    return { detail: { document, live: null, spec: null }, mark, poll, state, job: null };
  }
  const job = await readLiveJob(client, state, last?.job ?? null);
  const live = job?.view ?? null;
  const document = chainDocument(withLiveJob(state, live?.observation ?? null), webUrl);
  const reading = (shown: ChainDocument): ChainReading => ({
    detail: { document: shown, live, spec: state.spec },
    mark,
    poll,
    state,
    job,
  });
  if (isOpenWorkflow(status) || state.end !== null) return reading(document);
  const reason =
    status === 'FAILED'
      ? await failureOf(client, chain)
      : status === 'COMPLETED'
        ? amendedText(chain)
        : `its workflow is ${status.toLowerCase()}; go on by: label-relay resume ${chain}`;
  // What it asked when it was ended from outside nobody can answer any more; a resume asks again.
  return reading({ ...document, status: 'failed', reason, attention: null });
};

/** The spec of an open chain as amended so far. @throws OperationError if no worker can read it. */
export const specOfOpenChain = async (context: ClientContext, chain: string): Promise<Spec> =>
  (await stateOfOpenChain(context, chain)).spec;

/** Whether an outside value is a whole spec, as we write one: with the fields that `readSpec` adds. */
export const isSpec = (value: unknown): value is Spec =>
  typeof value === 'object' &&
  value !== null &&
  'account' in value &&
  'region' in value &&
  'policy' in value &&
  'streaming' in value;

/** The spec in what a chain's workflow was started with: its own, or in what it was carried on with (`LabelingChainInput`). */
const specOfInput = (input: unknown): Spec | null => {
  if (typeof input !== 'object' || input === null) return null;
  if ('spec' in input) return isSpec(input.spec) ? input.spec : null;
  if (!('carried' in input) || typeof input.carried !== 'object' || input.carried === null) return null;
  return 'state' in input.carried ? specOfInput(input.carried.state) : null;
};

/**
 * The spec that the last run of an ended chain began with, which says where its record is. The server has it: no worker has to carry the workflow
 * out again, which one of an older version could not. @throws OperationError if it cannot be read.
 */
export const specOfEndedChain = async (
  { client }: ClientContext,
  { workflowId, runId }: WorkflowExecutionDescription,
  chain: string,
): Promise<Spec> => {
  const { namespace } = client.options;
  const { history } = await client.workflowService
    .getWorkflowExecutionHistory({ namespace, execution: { workflowId, runId }, maximumPageSize: 1 })
    .catch(throwExplained);
  const [payload] = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  const spec = payload === undefined ? null : specOfInput(await readPayload(client, payload));
  if (spec !== null) return spec;
  throw new OperationError(
    `what the chain ${chain} was started with cannot be read from Temporal; its record is found by its spec: give it with --spec <file>`,
  );
};
