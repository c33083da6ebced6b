/**
 * Collects what a report is made from: the chain's document, what the workflows of its jobs know, and the counts of its
 * objects, which only the worker can read. What cannot be had is left out, and the report says so.
 */
import type { Client, WorkflowHandle } from '@temporalio/client';
import type { ObjectsSummary } from '../activities/report.ts';
import type { ChainState } from '../decisions/chain-state.ts';
import { labelingChainWorkflowId, labelingJobWorkflowId } from '../decisions/names.ts';
import type { ChainDocument } from '../decisions/view.ts';
import { messageOf } from '../errors.ts';
import type { labelingReport } from '../workflows/labeling-report.ts';
import { labelingChainState, labelingJobView, type JobView } from '../workflows/messages.ts';
import { reportOf, type Report } from './document.ts';

export type CollectOptions = {
  client: Client;
  taskQueue: string;
  /** Waits for the result of a short workflow, no longer than a person does where no worker takes it. */
  resultOf: <Result>(handle: WorkflowHandle<() => Promise<Result>>) => Promise<Result>;
  /** The page of a workflow in the Temporal Web UI; null where its address is not known. */
  link: (workflowId: string) => string | null;
};

/** Workflows that are asked at a time: each may have to be replayed by a worker. */
const ASKED_AT_A_TIME = 4;

const innermost = (thrown: unknown): string =>
  thrown instanceof Error && thrown.cause instanceof Error ? innermost(thrown.cause) : messageOf(thrown);

const objectsOf = async (
  { client, taskQueue, resultOf }: CollectOptions,
  state: ChainState,
  notes: string[],
): Promise<ObjectsSummary | null> => {
  const { dataset, spec } = state;
  if (dataset === null) return null;
  try {
    const handle = await client.workflow.start<typeof labelingReport>('labelingReport', {
      workflowId: `labeling-report:${state.chain}:${Date.now().toString(36)}`,
      taskQueue,
      args: [
        {
          chain: state.chain,
          region: spec.region,
          manifestUri: dataset.manifestUri,
          statesUri: dataset.statesUri,
          jobs: state.generations.map(({ generation, name }) => ({ generation, name })),
        },
      ],
      staticSummary: `Counts the objects of ${state.chain} for a report`,
    });
    return await resultOf<ObjectsSummary>(handle);
  } catch (thrown) {
    notes.push(`The objects could not be counted: ${innermost(thrown)}`);
    return null;
  }
};

/** The report on a chain whose document is known. */
export const collectReport = async (document: ChainDocument, options: CollectOptions): Promise<Report> => {
  const { client, link } = options;
  const notes: string[] = [];
  const views = new Map<number, JobView>();
  const jobUrls = new Map<number, string>();
  let objects: ObjectsSummary | null = null;
  let state: ChainState | null = null;
  try {
    state = await client.workflow.getHandle(labelingChainWorkflowId(document.chain)).query(labelingChainState);
  } catch (thrown) {
    notes.push(`The chain's workflow could not be asked: ${innermost(thrown)}`);
  }
  if (state !== null) {
    const { account, region } = state.spec;
    const jobs = [...state.generations];
    const ask = async (): Promise<void> => {
      for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
        const workflowId = labelingJobWorkflowId({ account, region, jobName: job.name });
        try {
          const view = await client.workflow.getHandle(workflowId).query(labelingJobView);
          views.set(job.generation, view);
          const url = link(workflowId);
          if (url !== null) jobUrls.set(job.generation, url);
        } catch {
          // Decided and not begun, or older than Temporal keeps: the chain's own view serves.
        }
      }
    };
    await Promise.all(Array.from({ length: ASKED_AT_A_TIME }, ask));
    objects = await objectsOf(options, state, notes);
  }
  return reportOf({ document, views, jobUrls, objects, notes, madeAtMs: Date.now() });
};
