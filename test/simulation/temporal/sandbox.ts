/**
 * Our workflows as a worker runs them: the product's own bundle in the SDK's own sandbox (virtual clock, seeded random
 * numbers, no Node). Only what is around it, Temporal's server and its Rust core, is played by the simulation.
 *
 * It uses two internal modules of the pinned SDK; a new version of the SDK may ask for changes here.
 */
import { fileURLToPath } from 'node:url';
import { TypedSearchAttributes } from '@temporalio/common';
import type { coresdk } from '@temporalio/proto';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { ReusableVMWorkflowCreator } from '@temporalio/worker/lib/workflow/reusable-vm.js';
import { globalHandlers } from '@temporalio/worker/lib/workflow/vm-shared.js';

export type Activation = coresdk.workflow_activation.IWorkflowActivation;
export type ActivationJob = coresdk.workflow_activation.IWorkflowActivationJob;
export type Completion = coresdk.workflow_completion.IWorkflowActivationCompletion;
export type Command = coresdk.workflow_commands.IWorkflowCommand;

/** A workflow in the sandbox. */
export type SandboxedWorkflow = {
  activate(activation: coresdk.workflow_activation.IWorkflowActivation): Promise<Completion>;
  getAndResetSinkCalls(): Promise<unknown>;
  dispose(): Promise<void>;
};

export type WorkflowIdentity = {
  workflowId: string;
  runId: string;
  firstRunId: string;
  type: string;
  startMs: number;
  randomSeed: number;
};

/** Where workflows of one bundle are made. */
export type Sandbox = { create(identity: WorkflowIdentity): Promise<SandboxedWorkflow> };

const TASK_QUEUE = 'label-relay';

/** The bundle's code, made from the sources. Takes some seconds. */
export const bundleCode = async (): Promise<string> => {
  const workflowsPath = fileURLToPath(new URL('../../../workflows/index.ts', import.meta.url));
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
  return code;
};

/** Opens a sandbox for a bundle and the names of the activities it may call. */
export const openSandbox = async (code: string, activityNames: readonly string[]): Promise<Sandbox> => {
  // Stack traces of every promise cost most of the time and are read by nobody here.
  globalHandlers.installed = true;
  const sourceMap = { version: 3, sources: [], names: [], mappings: '', file: '', sourcesContent: [] };
  const bundle = { code, sourceMap, filename: 'workflow-bundle.js' };
  const creator = await ReusableVMWorkflowCreator.create(bundle as never, 5_000, new Set(activityNames));
  return {
    create: ({ workflowId, runId, firstRunId, type, startMs, randomSeed }) => {
      const start = new Date(startMs);
      const randomnessSeed = [0, 8, 16, 24, 0, 8, 16, 24].map((shift) => (randomSeed >>> shift) & 0xff);
      const info = {
        workflowId,
        runId,
        workflowType: type,
        searchAttributes: {},
        typedSearchAttributes: new TypedSearchAttributes(),
        taskQueue: TASK_QUEUE,
        namespace: 'default',
        firstExecutionRunId: firstRunId,
        originalExecutionRunId: runId,
        startTime: start,
        runStartTime: start,
        taskTimeoutMs: 10_000,
        attempt: 1,
        historyLength: 3,
        historySize: 0,
        continueAsNewSuggested: false,
        targetWorkerDeploymentVersionChanged: false,
        currentBuildId: '',
        unsafe: { now: () => startMs, isReplaying: false, isReplayingHistoryEvents: false, random: {} },
      };
      const options = {
        info,
        randomnessSeed,
        now: startMs,
        showStackTraceSources: false,
        failureExceptionTypeNames: [],
      };
      return creator.createWorkflow(options as never) as unknown as Promise<SandboxedWorkflow>;
    },
  };
};
