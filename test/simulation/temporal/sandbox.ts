/**
 * Our workflows in the SDK's own workflow runtime: the product's bundle, evaluated anew for every run with globals of its
 * own (virtual clock, seeded random numbers). Only what is around it, Temporal's server and its core, is played by the
 * simulation. The SDK's worker would use a V8 context for each; here the same bundle is a function, which is forty times
 * faster. The boundaries test holds that the bundle needs nothing else.
 */
import { isSet } from './payloads.ts';
import { AsyncLocalStorage } from 'node:async_hooks';
import { Script } from 'node:vm';
import { TypedSearchAttributes } from '@temporalio/common';
import proto, { type coresdk } from '@temporalio/proto';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { workflowFiles } from '../../../worker/workflow-code.ts';

export type Activation = coresdk.workflow_activation.IWorkflowActivation;
export type ActivationJob = coresdk.workflow_activation.IWorkflowActivationJob;
export type Command = coresdk.workflow_commands.IWorkflowCommand;

export type WorkflowIdentity = {
  workflowId: string;
  runId: string;
  firstRunId: string;
  type: string;
  startMs: number;
  randomSeed: number;
};

/** The runtime inside of the bundle (`@temporalio/workflow/lib/worker-interface`), as far as it is used here. */
type Runtime = {
  initRuntime(options: object): void;
  initialize(job: object): void;
  activate(activation: object): void;
  tryUnblockConditions(): number;
  concludeActivation(): { successful?: { commands?: Command[] | null } | null };
  dispose(): void;
};

/** What the runtime keeps of one workflow (`Activator`), as far as it is used here. */
type Activator = {
  now: number;
  unhandled?: unknown;
  mutateWorkflowInfo(change: (info: Record<string, unknown>) => object): void;
  addKnownFlags(flags: readonly number[]): void;
  notifyHasPatch(patch: object): void;
  getAndResetSinkCalls(): unknown;
};

type Globals = {
  __TEMPORAL__: { api: Runtime };
  __TEMPORAL_ACTIVATOR__: Activator;
  __webpack_module_cache__: Record<string, unknown>;
};

/** Evaluates a bundle; each call gives globals and modules of their own. */
type Evaluate = (outside: object) => Globals;

/** Globals that the runtime replaces: they live in variables that the bundle's own assignments change. */
const REPLACED = ['Date', 'Math', 'WeakRef', 'FinalizationRegistry', 'setTimeout', 'clearTimeout'];

const evaluatorOf = (code: string): Evaluate => {
  const source = `(function (outside) {
    let ${REPLACED.map((name) => `${name} = outside.${name}`).join(', ')};
    const globalThis = Object.create(outside);
    Object.defineProperties(globalThis, {
      ${REPLACED.map((name) => `${name}: { get: () => ${name}, set: (value) => { ${name} = value; } }`).join(',\n')}
    });
    globalThis.globalThis = globalThis;
    globalThis.__webpack_module_cache__ = { ...outside.sharedModules };
    const { console, AsyncLocalStorage } = outside;
    const process = undefined, require = undefined, fetch = undefined, setInterval = undefined, setImmediate = undefined;
    ${code}
    ;globalThis.__TEMPORAL__ = __TEMPORAL__;
    return globalThis;
  })`;
  return new Script(source, { filename: 'workflow-bundle.js' }).runInThisContext() as Evaluate;
};

/** The bundle's code, made from the sources. Takes some seconds. */
export const bundleCode = async (): Promise<string> => {
  const { workflowsPath, workflowInterceptorModules } = workflowFiles();
  const logger = new DefaultLogger('WARN');
  const { code } = await bundleWorkflowCode({ workflowsPath, workflowInterceptorModules, logger });
  return code.replace(/\n\/\/# sourceMappingURL=.*$/, '');
};

const quiet = { log: () => {}, warn: () => {}, error: () => {}, info: () => {}, debug: () => {} };

/** Lets every microtask run, and the handlers of unhandled rejections. */
const drained = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const infoOf = ({ workflowId, runId, firstRunId, type, startMs }: WorkflowIdentity): object => ({
  workflowId,
  runId,
  workflowType: type,
  searchAttributes: {},
  typedSearchAttributes: new TypedSearchAttributes(),
  taskQueue: 'label-relay',
  namespace: 'default',
  firstExecutionRunId: firstRunId,
  originalExecutionRunId: runId,
  startTime: new Date(startMs),
  runStartTime: new Date(startMs),
  taskTimeoutMs: 10_000,
  attempt: 1,
  historyLength: 3,
  historySize: 0,
  continueAsNewSuggested: false,
  targetWorkerDeploymentVersionChanged: false,
  currentBuildId: '',
  unsafe: { isReplaying: false, isReplayingHistoryEvents: false },
});

/** One workflow in the runtime. */
export class SandboxedWorkflow {
  readonly #globals: Globals;

  constructor(globals: Globals) {
    this.#globals = globals;
  }

  /** Runs the jobs of one activation; returns the commands. Throws what made the workflow task fail. */
  async activate(activation: Activation, nowMs: number, patches: readonly string[]): Promise<Command[]> {
    const { api } = this.#globals.__TEMPORAL__;
    const activator = this.#globals.__TEMPORAL_ACTIVATOR__;
    const { isReplaying = false, continueAsNewSuggested = false, historyLength = 0 } = activation;
    activator.now = nowMs;
    activator.mutateWorkflowInfo((info) => ({
      ...info,
      historyLength,
      continueAsNewSuggested,
      unsafe: { ...Object(info['unsafe']), isReplaying, isReplayingHistoryEvents: isReplaying },
    }));
    activator.addKnownFlags(activation.availableInternalFlags ?? []);
    const given = proto.coresdk.workflow_activation.WorkflowActivation.fromObject(activation);
    const first = given.jobs.find((job) => isSet(job.initializeWorkflow))?.initializeWorkflow;
    if (isSet(first)) api.initialize(first);
    for (const patchId of patches) activator.notifyHasPatch({ patchId });
    api.activate(given);
    do await drained();
    while (api.tryUnblockConditions() > 0);
    const commands = api.concludeActivation().successful?.commands ?? [];
    activator.getAndResetSinkCalls();
    return commands;
  }

  /** Asks a query; changes nothing. */
  async query(queryType: string, runId: string): Promise<Command[]> {
    const { api } = this.#globals.__TEMPORAL__;
    const jobs = [{ queryWorkflow: { queryId: 'query', queryType, arguments: [], headers: {} } }];
    api.activate(proto.coresdk.workflow_activation.WorkflowActivation.fromObject({ runId, jobs }));
    await drained();
    return api.concludeActivation().successful?.commands ?? [];
  }

  dispose(): void {
    this.#globals.__TEMPORAL__.api.dispose();
  }
}

/** Libraries without state, and our decisions, which are pure: loaded once, shared by all runs. */
const SHARED_LIBRARIES = /node_modules\/(zod|long|ms|nexus-rpc|@temporalio\/(common|proto))\/|^\.\/decisions\//;

/** Where workflows of one bundle are made. */
export type Sandbox = { create(identity: WorkflowIdentity): SandboxedWorkflow };

/** Opens a sandbox for a bundle and the names of the activities it may call. */
export const openSandbox = (code: string, activityNames: readonly string[]): Sandbox => {
  const evaluate = evaluatorOf(code);
  let sharedModules: Record<string, unknown> = {};
  return {
    create: (identity) => {
      const math = Object.defineProperties({}, Object.getOwnPropertyDescriptors(Math));
      const outside = Object.create(globalThis, {
        Math: { value: math },
        console: { value: quiet },
        AsyncLocalStorage: { value: AsyncLocalStorage },
        sharedModules: { value: sharedModules },
      }) as object;
      const globals = evaluate(outside);
      globals.__TEMPORAL__.api.initRuntime({
        info: infoOf(identity),
        randomnessSeed: [0, 8, 16, 24, 4, 12, 20, 28].map((shift) => (identity.randomSeed >>> shift) & 0xff),
        now: identity.startMs,
        showStackTraceSources: false,
        failureExceptionTypeNames: [],
        sourceMap: null,
        getTimeOfDay: () => 0n,
        registeredActivityNames: new Set(activityNames),
        stackTracesEnabled: false,
      });
      const modules = Object.entries(globals.__webpack_module_cache__);
      sharedModules = Object.fromEntries(modules.filter(([path]) => SHARED_LIBRARIES.test(path)));
      return new SandboxedWorkflow(globals);
    },
  };
};
