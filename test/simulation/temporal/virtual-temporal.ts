/**
 * Temporal's server and core, as far as our workflows can tell, on a virtual clock: workflows by id, histories, timers,
 * signals, updates, children, continue-as-new, cancel and terminate. Harsher than the real one: workflow tasks are lost,
 * runs are forgotten and replayed, continue-as-new is suggested at any time.
 */
import { ActivityTasks, type ActivityFaults, type ExecuteActivity } from './activity-tasks.ts';
import type { Draw } from './draw.ts';
import {
  cancelled,
  childFailure,
  decode,
  encode,
  signalFailure,
  toMs,
  type Failure,
  type Payload,
  isSet,
} from './payloads.ts';
import type { ActivationJob, Command, Sandbox } from './sandbox.ts';
import { WorkflowRun } from './workflow-run.ts';

/** Time as the simulation has it, in milliseconds. */
export type Clock = { nowMs: () => number; plan: (delayMs: number, run: () => void | Promise<void>) => void };

/** Probabilities for each workflow task, from 0 to 1. */
export type WorkflowFaults = { lostTask: number; forgotten: number; slowTask: number; suggestContinueAsNew: number };

export type RunStatus = 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated';

/** What happened in the engine, for the checks and for the guard against passing trivially. */
export type EngineCounts = {
  workflowTasks: number;
  lostTasks: number;
  replays: number;
  continuedAsNew: number;
  unhandledCommands: number;
  activityAttempts: number;
  activityRetries: number;
  crashes: number;
  lostResults: number;
};

export type ChildStart = { atMs: number; workflowId: string; input: unknown };

/** The run that waits for a child: a later run of the same workflow does not hear of it. */
type Parent = { workflow: Execution; run: WorkflowRun; seq: number };

class Execution {
  readonly workflowId: string;
  readonly parent: Parent | null;
  readonly tasks: ActivityTasks;
  readonly timers = new Set<number>();
  run: WorkflowRun;
  status: RunStatus = 'running';
  closedAtMs: number | null = null;
  failure: Failure | null = null;
  result: unknown = undefined;
  pending: ActivationJob[] = [];
  planned = false;
  /** The present run was asked to cancel: the server takes that once. */
  cancelRequested = false;
  /** What the present run began with, and the signals and updates that it has heard since: a reset repeats them. */
  args: Payload[] = [];
  heard: ActivationJob[] = [];

  constructor(workflowId: string, run: WorkflowRun, parent: Parent | null, tasks: ActivityTasks) {
    this.workflowId = workflowId;
    this.run = run;
    this.parent = parent;
    this.tasks = tasks;
  }
}

export type UpdateAnswer = { kind: 'answer'; value: unknown } | { kind: 'lost' };

const isClosing = (command: Command): boolean =>
  isSet(command.completeWorkflowExecution) ||
  isSet(command.failWorkflowExecution) ||
  isSet(command.cancelWorkflowExecution) ||
  isSet(command.continueAsNewWorkflowExecution);

/** A reset repeats these. */
const isSent = (job: ActivationJob): boolean => isSet(job.signalWorkflow) || isSet(job.doUpdate);

const isEvent = (job: ActivationJob): boolean => !isSet(job.doUpdate);

const WORKFLOW_TASK_TIMEOUT_MS = 10_000;

export class VirtualTemporal {
  readonly counts: EngineCounts = {
    workflowTasks: 0,
    lostTasks: 0,
    replays: 0,
    continuedAsNew: 0,
    unhandledCommands: 0,
    activityAttempts: 0,
    activityRetries: 0,
    crashes: 0,
    lostResults: 0,
  };
  readonly childStarts: ChildStart[] = [];
  /** Every close of a workflow, in order. */
  readonly closes: { atMs: number; workflowId: string; status: RunStatus }[] = [];
  /** No worker polls before this moment. */
  workersDownUntilMs = 0;
  faults: WorkflowFaults;
  activityFaults: ActivityFaults;
  readonly #sandbox: Sandbox;
  readonly #clock: Clock;
  readonly #draw: Draw;
  readonly #execute: ExecuteActivity;
  readonly #executions = new Map<string, Execution>();
  readonly #updates = new Map<string, (answer: UpdateAnswer) => void>();
  readonly #cancels = new WeakMap<ActivationJob, () => void>();
  #ids = 0;

  constructor(options: {
    sandbox: Sandbox;
    clock: Clock;
    draw: Draw;
    execute: ExecuteActivity;
    faults: WorkflowFaults;
    activityFaults: ActivityFaults;
  }) {
    this.#sandbox = options.sandbox;
    this.#clock = options.clock;
    this.#draw = options.draw;
    this.#execute = options.execute;
    this.faults = options.faults;
    this.activityFaults = options.activityFaults;
  }

  /** Starts a workflow; false if one of this id is open. */
  start(workflowId: string, type: string, args: readonly unknown[]): boolean {
    return this.#start(workflowId, type, args.map(encode), null, null) !== null;
  }

  statusOf(workflowId: string): RunStatus | null {
    return this.#executions.get(workflowId)?.status ?? null;
  }

  failureOf(workflowId: string): string {
    const texts: string[] = [];
    for (let failure = this.#executions.get(workflowId)?.failure; isSet(failure); failure = failure.cause)
      texts.push(failure.message ?? '');
    return texts.join(': ');
  }

  /** When the workflow of this chain or job (its name) closed; null while it is open or if there is none. */
  closedAtMs(name: string): number | null {
    const found = [...this.#executions.values()].find(({ workflowId }) => workflowId.endsWith(`:${name}`));
    return found?.closedAtMs ?? null;
  }

  get open(): string[] {
    return [...this.#executions.values()].filter((one) => one.status === 'running').map((one) => one.workflowId);
  }

  signal(workflowId: string, name: string, args: readonly unknown[]): 'delivered' | 'not-found' | 'closed' {
    return this.#signal(workflowId, name, args.map(encode));
  }

  /** Sends an update; `onAnswer` hears what came of it. False if no such workflow is open. */
  update(
    workflowId: string,
    name: string,
    args: readonly unknown[],
    onAnswer: (answer: UpdateAnswer) => void,
  ): boolean {
    const execution = this.#executions.get(workflowId);
    if (execution?.status !== 'running') return false;
    const id = `update-${(this.#ids += 1)}`;
    this.#updates.set(id, onAnswer);
    const input = args.map(encode);
    this.#enqueue(execution, {
      doUpdate: { id, protocolInstanceId: id, name, input, headers: {}, runValidator: true },
    });
    return true;
  }

  async query(workflowId: string, name: string): Promise<unknown> {
    const execution = this.#executions.get(workflowId);
    if (execution === undefined || execution.run.activations === 0) return undefined;
    const [answer] = await execution.run.query(name);
    return decode(answer?.respondToQuery?.succeeded?.response);
  }

  /** Asks a workflow to cancel; `onSeen` is told when a workflow task has heard of it. */
  cancel(workflowId: string, onSeen: () => void = () => undefined): void {
    const execution = this.#executions.get(workflowId);
    if (execution?.status !== 'running' || execution.cancelRequested) return;
    execution.cancelRequested = true;
    const job: ActivationJob = { cancelWorkflow: { reason: 'by a person' } };
    this.#cancels.set(job, onSeen);
    this.#enqueue(execution, job);
  }

  /** Resets a workflow to the beginning of its present run, as the Web UI does: signals and updates are repeated, a cancel is not. */
  reset(workflowId: string): boolean {
    const execution = this.#executions.get(workflowId);
    if (execution?.status !== 'running' || execution.run.activations === 0) return false;
    const waiting = execution.pending.splice(0).filter(isSent);
    this.#beginAgain(execution, execution.args);
    for (const job of [...execution.heard.splice(0), ...waiting]) this.#enqueue(execution, job);
    return true;
  }

  async terminate(workflowId: string): Promise<void> {
    const execution = this.#executions.get(workflowId);
    if (execution?.status !== 'running') return;
    const failure = { message: 'terminated', terminatedFailureInfo: {} };
    await this.#close(execution, 'terminated', failure, undefined);
  }

  /** Forgets everything that workers hold in memory: kill -9 of all of them. */
  async killWorkers(downMs: number): Promise<void> {
    this.workersDownUntilMs = this.#clock.nowMs() + downMs;
    for (const { run } of this.#executions.values()) run.forget();
  }

  /** Ends the simulation: nothing of it stays in the sandbox. */
  async close(): Promise<void> {
    for (const { run } of this.#executions.values()) {
      this.counts.replays += run.replays;
      run.forget();
    }
  }

  #start(
    workflowId: string,
    type: string,
    args: Payload[],
    parent: Parent | null,
    first: string | null,
  ): Execution | null {
    const known = this.#executions.get(workflowId);
    if (known?.status === 'running') return null;
    const run = this.#newRun(workflowId, type, first);
    const tasks = new ActivityTasks({
      clock: this.#clock,
      draw: this.#draw,
      execute: this.#execute,
      faults: () => this.activityFaults,
      counts: this.counts,
      startsAtMs: () => this.workersDownUntilMs,
      resolve: (job) => this.#enqueue(execution, job),
    });
    const execution: Execution = new Execution(workflowId, run, parent, tasks);
    this.#executions.set(workflowId, execution);
    execution.args = args;
    this.#enqueue(execution, this.#firstJob(run, args));
    return execution;
  }

  #newRun(workflowId: string, type: string, first: string | null): WorkflowRun {
    const number = (this.#ids += 1);
    const tail = this.#draw.int(0, 0xfffff).toString(16).padStart(5, '0');
    const runId = `019ab000-0000-7000-8000-${String(number).padStart(7, '0')}${tail}`;
    return new WorkflowRun(this.#sandbox, {
      workflowId,
      runId,
      firstRunId: first ?? runId,
      type,
      startMs: this.#clock.nowMs(),
      randomSeed: this.#draw.int(1, 0x7fffffff),
    });
  }

  #firstJob({ identity }: WorkflowRun, args: Payload[]): ActivationJob {
    return {
      initializeWorkflow: {
        workflowType: identity.type,
        workflowId: identity.workflowId,
        arguments: args,
        headers: {},
      },
    };
  }

  #signal(workflowId: string, signalName: string, input: Payload[]): 'delivered' | 'not-found' | 'closed' {
    const execution = this.#executions.get(workflowId);
    if (execution === undefined) return 'not-found';
    if (execution.status !== 'running') return 'closed';
    this.#enqueue(execution, { signalWorkflow: { signalName, input, headers: {} } });
    return 'delivered';
  }

  #enqueue(execution: Execution, job: ActivationJob): void {
    if (execution.status !== 'running') return;
    execution.pending.push(job);
    this.#planTask(execution, this.#draw.int(1, 40));
  }

  #planTask(execution: Execution, delayMs: number): void {
    if (execution.planned) return;
    execution.planned = true;
    const waitMs = Math.max(delayMs, this.workersDownUntilMs - this.#clock.nowMs());
    this.#clock.plan(waitMs, () => this.#task(execution));
  }

  async #task(execution: Execution): Promise<void> {
    if (execution.status !== 'running') return;
    if (this.workersDownUntilMs > this.#clock.nowMs()) {
      execution.planned = false;
      return this.#planTask(execution, 1);
    }
    const draw = this.#draw;
    const jobs = execution.pending.splice(0);
    this.counts.workflowTasks += 1;
    if (draw.chance(this.faults.forgotten)) execution.run.forget();
    const { run } = execution;
    const commands = await run.perform(jobs, this.#clock.nowMs(), draw.chance(this.faults.suggestContinueAsNew));
    const apply = async (): Promise<void> => {
      execution.planned = false;
      if (execution.status !== 'running') return;
      // Reset meanwhile: the server takes nothing more of this run.
      if (execution.run !== run) return this.#planTask(execution, 1);
      const lost = draw.chance(this.faults.lostTask);
      const unhandled = commands.some(isClosing) && execution.pending.some(isEvent);
      // A worker that died with a slow task gives no commands.
      if (lost || unhandled || !run.commit()) {
        if (lost) this.counts.lostTasks += 1;
        else if (unhandled) this.counts.unhandledCommands += 1;
        run.forget();
        execution.pending.unshift(...jobs);
        return this.#planTask(execution, unhandled && !lost ? 1 : WORKFLOW_TASK_TIMEOUT_MS);
      }
      for (const job of jobs) this.#cancels.get(job)?.();
      execution.heard.push(...jobs.filter(isSent));
      for (const command of commands) await this.#apply(execution, command);
      if (execution.status === 'running' && execution.pending.length > 0) this.#planTask(execution, 1);
    };
    if (draw.chance(this.faults.slowTask)) this.#clock.plan(draw.int(1, 8_000), apply);
    else await apply();
  }

  async #apply(execution: Execution, command: Command): Promise<void> {
    const { timers, tasks } = execution;
    if (isSet(command.startTimer)) {
      const seq = command.startTimer.seq ?? 0;
      timers.add(seq);
      const { run } = execution;
      this.#clock.plan(toMs(command.startTimer.startToFireTimeout) ?? 0, () => {
        if (execution.run === run && timers.delete(seq)) this.#enqueue(execution, { fireTimer: { seq } });
      });
    } else if (isSet(command.cancelTimer)) {
      timers.delete(command.cancelTimer.seq ?? 0);
      execution.pending = execution.pending.filter(({ fireTimer }) => fireTimer?.seq !== command.cancelTimer?.seq);
    } else if (isSet(command.scheduleActivity)) tasks.schedule(command.scheduleActivity);
    else if (isSet(command.requestCancelActivity)) tasks.requestCancel(command.requestCancelActivity.seq ?? 0);
    else if (isSet(command.startChildWorkflowExecution))
      this.#startChild(execution, command.startChildWorkflowExecution);
    else if (isSet(command.signalExternalWorkflowExecution)) {
      const { seq, workflowExecution, signalName, args } = command.signalExternalWorkflowExecution;
      const target = workflowExecution?.workflowId ?? '';
      const sent = this.#signal(target, signalName ?? '', [...(args ?? [])]);
      const answer = sent === 'delivered' ? { seq: seq ?? 0 } : { seq: seq ?? 0, failure: signalFailure(target) };
      this.#enqueue(execution, { resolveSignalExternalWorkflow: answer });
    } else if (isSet(command.updateResponse)) {
      const { protocolInstanceId, completed, rejected } = command.updateResponse;
      const id = protocolInstanceId ?? '';
      if (isSet(completed)) this.#answer(id, { kind: 'answer', value: decode(completed) });
      else if (isSet(rejected))
        this.#answer(id, { kind: 'answer', value: { kind: 'refused', message: rejected.message } });
    } else if (isSet(command.completeWorkflowExecution)) {
      await this.#close(execution, 'completed', null, command.completeWorkflowExecution.result);
    } else if (isSet(command.failWorkflowExecution)) {
      await this.#close(execution, 'failed', command.failWorkflowExecution.failure ?? {}, undefined);
    } else if (isSet(command.cancelWorkflowExecution)) {
      await this.#close(execution, 'cancelled', cancelled('cancelled'), undefined);
    } else if (isSet(command.continueAsNewWorkflowExecution)) {
      await this.#continueAsNew(execution, [...(command.continueAsNewWorkflowExecution.arguments ?? [])]);
    }
  }

  #startChild(
    parent: Execution,
    { seq, workflowId, workflowType, input }: NonNullable<Command['startChildWorkflowExecution']>,
  ): void {
    const type = workflowType ?? '';
    const id = workflowId ?? '';
    const child = this.#start(id, type, [...(input ?? [])], { workflow: parent, run: parent.run, seq: seq ?? 0 }, null);
    if (child === null) {
      const failed = { workflowId: id, workflowType: type, cause: 1 };
      return this.#enqueue(parent, { resolveChildWorkflowExecutionStart: { seq: seq ?? 0, failed } });
    }
    this.childStarts.push({ atMs: this.#clock.nowMs(), workflowId: id, input: decode(input?.[0]) });
    const succeeded = { runId: child.run.identity.runId };
    this.#enqueue(parent, { resolveChildWorkflowExecutionStart: { seq: seq ?? 0, succeeded } });
  }

  async #continueAsNew(execution: Execution, args: Payload[]): Promise<void> {
    this.counts.continuedAsNew += 1;
    const waiting = execution.pending.splice(0).filter((job) => !isEvent(job));
    this.#loseUpdates(waiting);
    execution.args = args;
    execution.heard = [];
    this.#beginAgain(execution, args);
  }

  /** Another run of the same workflow; nothing that is under way reaches it. */
  #beginAgain(execution: Execution, args: Payload[]): void {
    const { identity } = execution.run;
    this.counts.replays += execution.run.replays;
    execution.run.forget();
    execution.timers.clear();
    execution.tasks.abandonAll();
    execution.cancelRequested = false;
    execution.run = this.#newRun(execution.workflowId, identity.type, identity.firstRunId);
    this.#enqueue(execution, this.#firstJob(execution.run, args));
  }

  async #close(
    execution: Execution,
    status: RunStatus,
    failure: Failure | null,
    result: Payload | null | undefined,
  ): Promise<void> {
    execution.status = status;
    execution.closedAtMs = this.#clock.nowMs();
    this.closes.push({ atMs: this.#clock.nowMs(), workflowId: execution.workflowId, status });
    execution.failure = failure;
    execution.result = decode(result);
    execution.timers.clear();
    execution.tasks.abandonAll();
    this.#loseUpdates(execution.pending.splice(0));
    this.counts.replays += execution.run.replays;
    execution.run.replays = 0;
    execution.run.forget();
    const { parent } = execution;
    if (parent === null || parent.workflow.run !== parent.run) return;
    const { workflowId } = execution;
    const outcome =
      failure === null
        ? { completed: { result: result ?? encode(undefined) } }
        : status === 'cancelled'
          ? { cancelled: { failure: childFailure(workflowId, execution.run.identity.type, failure) } }
          : { failed: { failure: childFailure(workflowId, execution.run.identity.type, failure) } };
    this.#enqueue(parent.workflow, { resolveChildWorkflowExecution: { seq: parent.seq, result: outcome } });
  }

  #loseUpdates(jobs: readonly ActivationJob[]): void {
    for (const { doUpdate } of jobs) if (isSet(doUpdate?.id)) this.#answer(doUpdate.id, { kind: 'lost' });
  }

  #answer(id: string, answer: UpdateAnswer): void {
    const onAnswer = this.#updates.get(id);
    this.#updates.delete(id);
    onAnswer?.(answer);
  }
}
