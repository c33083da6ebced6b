/**
 * The activities of one workflow, by Temporal's rules: attempts, back-off, time-outs, cancellation. An attempt may be
 * lost before it began, between any two calls to AWS, or after it was done: then it times out and is tried again.
 */
import type { Clock, EngineCounts } from './virtual-temporal.ts';
import type { Draw } from './draw.ts';
import {
  activityFailure,
  activityTimeout,
  cancelled,
  decode,
  encode,
  failureOf,
  toMs,
  type Failure,
} from './payloads.ts';
import type { ActivationJob, Command } from './sandbox.ts';

/** How an attempt is disturbed: `crashAtCall` counts its calls to AWS from 1. */
export type Disturbance = { crashAtCall: number | null; crashAfterEffect: boolean };

/** What came of an attempt. `lost`: the worker died under way; nobody hears of it. */
export type Attempt = { kind: 'completed'; value: unknown } | { kind: 'threw'; error: unknown } | { kind: 'lost' };

export type ExecuteActivity = (type: string, args: unknown[], disturbance: Disturbance) => Promise<Attempt>;

/** Probabilities for each attempt, from 0 to 1. */
export type ActivityFaults = { lostBefore: number; lostResult: number; crash: number; slow: number };

type Schedule = NonNullable<Command['scheduleActivity']>;
type Task = { schedule: Schedule; attempt: number; inFlight: boolean; cancelRequested: boolean; done: boolean };

/** Enum ActivityCancellationType of the SDK's core. */
const WAIT_CANCELLATION_COMPLETED = 1;

export type ActivityTasksOptions = {
  clock: Clock;
  draw: Draw;
  execute: ExecuteActivity;
  faults: () => ActivityFaults;
  counts: EngineCounts;
  /** No attempt begins before this moment, in milliseconds. */
  startsAtMs: () => number;
  resolve: (job: ActivationJob) => void;
};

export class ActivityTasks {
  readonly #tasks = new Map<number, Task>();
  readonly #options: ActivityTasksOptions;

  constructor(options: ActivityTasksOptions) {
    this.#options = options;
  }

  schedule(schedule: Schedule): void {
    const task: Task = { schedule, attempt: 1, inFlight: false, cancelRequested: false, done: false };
    this.#tasks.set(schedule.seq ?? 0, task);
    this.#planAttempt(task, this.#options.draw.int(1, 30));
  }

  requestCancel(seq: number): void {
    const task = this.#tasks.get(seq);
    if (task === undefined || task.done) return;
    task.cancelRequested = true;
    // An attempt that waits for its turn or its next try is cancelled by the server itself.
    const waits = task.schedule.cancellationType === WAIT_CANCELLATION_COMPLETED && task.inFlight;
    if (!waits) this.#resolve(task, { cancelled: { failure: this.#failure(task, cancelled('Activity cancelled')) } });
  }

  /** The workflow closed. */
  abandonAll(): void {
    for (const task of this.#tasks.values()) task.done = true;
    this.#tasks.clear();
  }

  #planAttempt(task: Task, delayMs: number): void {
    const { clock, startsAtMs } = this.#options;
    clock.plan(Math.max(delayMs, startsAtMs() - clock.nowMs()), async () => {
      if (task.done) return;
      if (startsAtMs() > clock.nowMs()) return this.#planAttempt(task, 1);
      await this.#attempt(task);
    });
  }

  async #attempt(task: Task): Promise<void> {
    const { clock, draw, execute, faults, counts } = this.#options;
    const { lostBefore, lostResult, crash, slow } = faults();
    counts.activityAttempts += 1;
    task.inFlight = true;
    const type = task.schedule.activityType ?? '';
    const args = (task.schedule.arguments ?? []).map(decode);
    const crashes = draw.chance(crash);
    const disturbance = {
      crashAtCall: crashes ? draw.int(1, draw.pick([6, 6, 24])) : null,
      crashAfterEffect: draw.chance(0.5),
    };
    const attempt: Attempt = draw.chance(lostBefore) ? { kind: 'lost' } : await execute(type, args, disturbance);
    const isLost = attempt.kind === 'lost' || draw.chance(lostResult);
    if (attempt.kind === 'lost') counts.crashes += 1;
    else if (isLost) counts.lostResults += 1;
    const timeoutMs = toMs(task.schedule.heartbeatTimeout) || toMs(task.schedule.startToCloseTimeout) || 60_000;
    const tookMs = isLost ? timeoutMs : draw.chance(slow) ? draw.int(100, 45_000) : draw.int(1, 80);
    clock.plan(tookMs, () => {
      task.inFlight = false;
      if (task.done) return;
      if (isLost) this.#failed(task, activityTimeout(), true);
      else if (attempt.kind === 'completed') this.#resolve(task, { completed: { result: encode(attempt.value) } });
      else {
        const { failure, retryable } = failureOf(attempt.error);
        this.#failed(task, failure, retryable);
      }
    });
  }

  /** Server: an activity whose cancel was asked for is not tried again, its failure is the result. */
  #failed(task: Task, failure: Failure, retryable: boolean): void {
    const { retryPolicy } = task.schedule;
    const most = retryPolicy?.maximumAttempts ?? 0;
    if (!retryable || task.cancelRequested || (most > 0 && task.attempt >= most)) {
      return this.#resolve(task, { failed: { failure: this.#failure(task, failure) } });
    }
    const first = toMs(retryPolicy?.initialInterval) ?? 1_000;
    const longest = toMs(retryPolicy?.maximumInterval) ?? 100 * first;
    const delayMs = Math.min(longest, first * (retryPolicy?.backoffCoefficient ?? 2) ** (task.attempt - 1));
    task.attempt += 1;
    this.#options.counts.activityRetries += 1;
    this.#planAttempt(task, delayMs);
  }

  #failure({ schedule }: Task, cause: Failure): Failure {
    return activityFailure(schedule.activityType ?? '', schedule.activityId ?? '', cause);
  }

  #resolve(task: Task, result: NonNullable<NonNullable<ActivationJob['resolveActivity']>['result']>): void {
    task.done = true;
    const seq = task.schedule.seq ?? 0;
    this.#tasks.delete(seq);
    this.#options.resolve({ resolveActivity: { seq, result } });
  }
}
