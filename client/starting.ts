/** What comes before a chain's workflow and its start: is its name free, do the checks on the worker pass, is a job there to adopt. */
import { WorkflowExecutionAlreadyStartedError, WorkflowFailedError } from '@temporalio/client';
import type { LookedUpJob } from '../activities/adoption.ts';
import type { Finding } from '../activities/preflight-findings.ts';
import type { Preflight, PreflightInput } from '../activities/preflight.ts';
import { chainOfWorkflowId, labelingChainWorkflowId, type JobPlace } from '../decisions/names.ts';
import { CHAIN_MEMO, datasetKey } from '../decisions/search-attributes.ts';
import type { Spec } from '../decisions/spec.ts';
import { InputError, OperationError } from '../errors.ts';
import { readingWhatItCan } from '../unreadable-payloads.ts';
import type { labelingChain, LabelingChainInput } from '../workflows/labeling-chain.ts';
import type { labelingLookup } from '../workflows/labeling-lookup.ts';
import type { labelingPreflight } from '../workflows/labeling-preflight.ts';
import { searchAttributes } from '../workflows/search-attributes.ts';
import {
  explained,
  isAbsent,
  isOpenWorkflow,
  resultInTime,
  rootMessage,
  throwExplained,
  type ClientContext,
} from './context.ts';

/** The manifest, or the topic of a stream. */
const sourceOf = ({ job }: Spec): string =>
  job.InputConfig.DataSource.S3DataSource?.ManifestS3Uri ?? job.InputConfig.DataSource.SnsDataSource?.SnsTopicArn ?? '';

/** @throws InputError if the name or the dataset is taken by an open chain. */
export const requireFree = async (context: ClientContext, spec: Spec): Promise<void> => {
  const { client } = context;
  const workflowId = labelingChainWorkflowId(spec.chain);
  const description = await readingWhatItCan(client)
    .workflow.getHandle(workflowId)
    .describe()
    .catch((thrown: unknown) => {
      if (isAbsent(thrown)) return null;
      throw explained(thrown);
    });
  if (description !== null && isOpenWorkflow(description.status.name)) {
    throw new InputError(
      `the chain ${spec.chain} is running; see: label-relay show ${spec.chain}, or choose another name`,
    );
  }
  await requireFreeDataset(context, spec);
};

/**
 * A second open chain on the same manifest and label attribute would pay twice for every label. `manifestUris`: those that are looked for; none: the one
 * that the spec names.
 * @throws InputError if one of them is taken by another open chain, or if that cannot be told of one.
 */
export const requireFreeDataset = (
  context: ClientContext,
  spec: Spec,
  manifestUris: readonly string[] = [],
): Promise<void> =>
  requireFreeManifests(context, spec, manifestUris.length === 0 ? [sourceOf(spec)] : manifestUris).catch(
    throwExplained,
  );

const requireFreeManifests = async (
  { client }: ClientContext,
  { chain, job }: Spec,
  manifestUris: readonly string[],
): Promise<void> => {
  const workflowId = labelingChainWorkflowId(chain);
  const own: readonly unknown[] = manifestUris.map((uri) => datasetKey(uri, job.LabelAttributeName));
  const query = `WorkflowType = 'labelingChain' AND ExecutionStatus = 'Running'`;
  for await (const info of readingWhatItCan(client).workflow.list({ query })) {
    if (info.workflowId === workflowId) continue;
    const other = chainOfWorkflowId(info.workflowId) ?? info.workflowId;
    const dataset: unknown = info.memo?.[CHAIN_MEMO.dataset];
    const further: unknown = info.memo?.[CHAIN_MEMO.furtherDatasets];
    const others: readonly unknown[] = Array.isArray(further) ? further : [];
    if ([dataset, ...others].some((one) => own.includes(one))) {
      throw new InputError(
        `the chain ${other} is open on the same manifest and label attribute; two would pay twice. See: label-relay show ${other}`,
      );
    }
    if (dataset === null || further === null) {
      throw new InputError(
        `the chain ${other} is open, and on which manifest is encrypted with a key that is not among LABEL_RELAY_PAYLOAD_KEYS; two on the same one would pay twice. Give the key too; if it is lost, no worker goes on with that chain: terminate it (temporal workflow terminate --workflow-id ${info.workflowId}), and resume it later from its record: label-relay resume ${other} --spec <file>`,
      );
    }
  }
};

/** Checks on the worker. @throws InputError with every finding that forbids; with `strict` warnings do too. */
export const preflight = async (context: ClientContext, input: PreflightInput, strict = false): Promise<Preflight> => {
  const { client, taskQueue } = context;
  const before = input.purpose === 'start' || input.purpose === 'adopt' ? 'start' : 'change';
  const checked = await client.workflow
    .start<typeof labelingPreflight>('labelingPreflight', {
      workflowId: `labeling-preflight:${input.spec.chain}:${Date.now().toString(36)}`,
      taskQueue,
      args: [input],
      staticSummary: `Checks before ${before === 'start' ? 'the start' : 'a change'} of ${input.spec.chain}`,
    })
    .then((handle) => resultInTime<Preflight>(context, handle))
    .catch((thrown: unknown) => {
      if (!(thrown instanceof WorkflowFailedError)) throw explained(thrown);
      throw new InputError(
        `the checks before the ${before} could not be made, nothing was started: ${rootMessage(thrown)}; check that the worker reaches AWS (AWS_ENDPOINT_URL, AWS_REGION, credentials)`,
      );
    });
  const forbids = ({ level }: Finding): boolean => level === 'error' || (strict && level === 'warning');
  const problems = checked.findings.filter(forbids).map(({ message }) => message);
  if (problems.length > 0) throw new InputError(problems);
  return checked;
};

/** Starts the workflow of a chain. @throws InputError if one is open. */
export const startChainWorkflow = async (
  { client, taskQueue }: ClientContext,
  input: Exclude<LabelingChainInput, { kind: 'continued' }>,
  spec: Spec,
): Promise<void> => {
  const { chain, job } = spec;
  try {
    await client.workflow.start<typeof labelingChain>('labelingChain', {
      workflowId: labelingChainWorkflowId(chain),
      taskQueue,
      args: [input],
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      memo: {
        [CHAIN_MEMO.dataset]: datasetKey(sourceOf(spec), job.LabelAttributeName),
        [CHAIN_MEMO.workTeam]: job.HumanTaskConfig.WorkteamArn,
      },
      typedSearchAttributes: searchAttributes({
        LabelingChain: chain,
        LabelingGeneration: 0,
        LabelingRemaining: 0,
        LabelingAttention: '',
      }),
      staticSummary: `Labels ${job.LabelAttributeName} of ${job.InputConfig.DataSource.S3DataSource?.ManifestS3Uri ?? 'a stream'}`,
      staticDetails: `One labeling job after another until nothing is unlabeled. Look: \`label-relay show ${chain}\``,
    });
  } catch (thrown) {
    if (thrown instanceof WorkflowExecutionAlreadyStartedError) {
      throw new InputError(`the chain ${chain} is running; see: label-relay show ${chain}`);
    }
    throwExplained(thrown);
  }
};

/** A labeling job as AWS has it, for `chain` to adopt. @throws InputError if it is not there, or another chain's. */
export const lookUpJob = async (
  context: ClientContext,
  { region, jobName }: JobPlace,
  chain: string,
): Promise<Extract<LookedUpJob, { kind: 'found' }>> => {
  const { client, taskQueue } = context;
  const found = await client.workflow
    .start<typeof labelingLookup>('labelingLookup', {
      workflowId: `labeling-lookup:${jobName}:${Date.now().toString(36)}`,
      taskQueue,
      args: [{ region, name: jobName }],
      staticSummary: `Looks at ${jobName}, which may be adopted`,
    })
    .then((handle) => resultInTime<LookedUpJob>(context, handle))
    .catch((thrown: unknown) => {
      throw thrown instanceof WorkflowFailedError
        ? new OperationError(`the labeling job could not be looked at: ${rootMessage(thrown)}`)
        : explained(thrown);
    });
  if (found.kind === 'absent')
    throw new InputError(`there is no labeling job ${jobName} in ${region}: ${found.message}`);
  // Tagged by the chain of this name: an adoption that failed half-way, or one whose record the checks find.
  if (found.ofChain !== null && found.ofChain !== chain) {
    throw new InputError(
      `${jobName} belongs to the chain ${found.ofChain} already; see: label-relay show ${found.ofChain}`,
    );
  }
  return found;
};
