/**
 * The human side of one job: batches of objects, the workers who take tasks from them, and what comes of each object.
 * Knows nothing of statuses, manifests or S3.
 */
import type { Agenda, Planned } from './agenda.ts';
import { MINUTE_MS } from './duration.ts';
import type { WorkerAction } from './ledger.ts';
import { nextWorkingMs, type WorkingHours } from './working-hours.ts';

/** What a worker makes of a task. */
export type Reaction = 'submit' | 'decline' | 'return';

export type HumanTasksOptions = {
  agenda: Agenda;
  nowMs: () => number;
  /** Indices of the objects to send, in order. */
  objects: readonly number[];
  /** NumberOfHumanWorkersPerDataObject. */
  answersPerObject: number;
  /** TaskTimeLimitInSeconds: a task held longer is returned. */
  timeLimitMs: number;
  /** TaskAvailabilityLifetimeInSeconds, counted from when an object is sent. */
  availabilityMs: number;
  /** MaxConcurrentTaskCount. */
  batchSize: number;
  workerIds: readonly string[];
  answerMs: number;
  /** From one answer of a worker to the next: `answerMs` or more. */
  paceMs: number;
  hours: WorkingHours;
  react: (index: number, workerId: string) => Reaction;
  /** Why an object cannot be shown to anybody; null if it can. */
  brokenReason: (index: number) => string | null;
  on: {
    sent: (batch: number, indices: readonly number[]) => void;
    acted: (index: number, workerId: string, action: WorkerAction, acceptedMs: number) => void;
    /** Enough answers, or the availability ended with at least one. */
    labeled: (index: number, answers: number) => void;
    /** Without a reason: expired or declined. */
    failed: (index: number, reason: string | null) => void;
    /** Every object has its label or failed. */
    finished: () => void;
  };
};

type Task = {
  index: number;
  touchedBy: Set<string>;
  holding: number;
  answers: number;
  declines: number;
  done: boolean;
};

type Worker = {
  id: string;
  /** How far through the batch this worker has looked. */
  cursor: number;
  /** Before this moment the worker takes nothing: that keeps the pace. */
  readyMs: number;
  planned: Planned | null;
  holds: { task: Task; acceptedMs: number } | null;
};

/** Workers look at a task for a moment before they decline it, and for longer before they give it back. */
const DECLINE_AFTER_MS = 10_000;
const RETURN_AFTER_MS = 30_000;
/** Between the last answer of a batch and the next batch. */
const BATCH_GAP_MS = MINUTE_MS;

export class HumanTasks {
  readonly #options: HumanTasksOptions;
  readonly #workers: Worker[];
  #batch: Task[] = [];
  #batchNumber = 0;
  #nextObject = 0;
  #openTasks = 0;
  /** Tasks that became free again after the workers' cursors had passed them. */
  #reopened: Task[] = [];
  #planned: Planned | null = null;
  #state: 'open' | 'draining' | 'closed' = 'open';

  constructor(options: HumanTasksOptions) {
    this.#options = options;
    this.#workers = options.workerIds.map((id) => ({ id, cursor: 0, readyMs: 0, planned: null, holds: null }));
  }

  /** Sends the first batch. */
  start(): void {
    this.#sendBatch();
  }

  /**
   * Takes the tasks away from the work team. With `drain` the workers may still submit what they hold. Returns the objects
   * that were with the team and have no result; `answers` counts what was submitted for each so far.
   */
  close(drain: boolean): { index: number; answers: number }[] {
    this.#state = drain ? 'draining' : 'closed';
    this.#cancel(this.#planned);
    for (const worker of this.#workers) {
      if (drain && worker.holds !== null) continue;
      this.#cancel(worker.planned);
      this.#giveBack(worker);
    }
    return this.openObjects();
  }

  /** The objects of the current batch that have no result yet. */
  openObjects(): { index: number; answers: number }[] {
    return this.#batch.filter((task) => !task.done).map(({ index, answers }) => ({ index, answers }));
  }

  #cancel(planned: Planned | null): void {
    if (planned !== null) planned.cancelled = true;
  }

  #sendBatch(): void {
    const { objects, batchSize, availabilityMs, agenda, nowMs, on, brokenReason } = this.#options;
    this.#cancel(this.#planned);
    const indices = objects.slice(this.#nextObject, this.#nextObject + batchSize);
    this.#nextObject += indices.length;
    if (indices.length === 0) return on.finished();
    const broken = indices.map((index) => ({ index, reason: brokenReason(index) }));
    const shown = broken.filter(({ reason }) => reason === null).map(({ index }) => index);
    this.#batch = shown.map((index) => ({
      index,
      touchedBy: new Set(),
      holding: 0,
      answers: 0,
      declines: 0,
      done: false,
    }));
    this.#openTasks = shown.length;
    this.#reopened = [];
    this.#batchNumber++;
    if (shown.length > 0) on.sent(this.#batchNumber, shown);
    for (const { index, reason } of broken) if (reason !== null) on.failed(index, reason);
    if (shown.length === 0) return this.#planNextBatch();
    this.#planned = agenda.plan(nowMs() + availabilityMs, () => this.#endAvailability());
    for (const worker of this.#workers) {
      worker.cursor = 0;
      this.#wake(worker);
    }
  }

  #planNextBatch(): void {
    this.#cancel(this.#planned);
    this.#planned = this.#options.agenda.plan(this.#options.nowMs() + BATCH_GAP_MS, () => this.#sendBatch());
  }

  /** The lifetime of the whole batch ends at one moment, because it was sent at one moment. */
  #endAvailability(): void {
    for (const worker of this.#workers) {
      if (worker.holds === null) continue;
      this.#cancel(worker.planned);
      this.#giveBack(worker);
    }
    for (const task of this.#batch) if (!task.done && this.#state === 'open') this.#settle(task);
  }

  /** An object without a single answer failed; one answer suffices for a label (guide: sms-batching). */
  #settle(task: Task): void {
    task.done = true;
    if (task.answers > 0) this.#options.on.labeled(task.index, task.answers);
    else this.#options.on.failed(task.index, null);
    this.#openTasks--;
    // What was just reported may have led to a stop of the job.
    if (this.#openTasks === 0 && this.#state === 'open') this.#planNextBatch();
  }

  #wake(worker: Worker): void {
    if (this.#state !== 'open' || worker.holds !== null) return;
    this.#cancel(worker.planned);
    const { agenda, nowMs, hours } = this.#options;
    const atMs = nextWorkingMs(Math.max(nowMs(), worker.readyMs), hours);
    worker.planned = atMs === null ? null : agenda.plan(atMs, () => this.#takeNext(worker));
  }

  #takeNext(worker: Worker): void {
    worker.planned = null;
    if (this.#state !== 'open') return;
    const task = this.#findTask(worker);
    if (task === null) return;
    const { agenda, nowMs, timeLimitMs, answerMs, on, react } = this.#options;
    task.touchedBy.add(worker.id);
    task.holding++;
    const acceptedMs = nowMs();
    worker.holds = { task, acceptedMs };
    on.acted(task.index, worker.id, 'accepted', acceptedMs);
    const reaction = react(task.index, worker.id);
    const wantedMs = { submit: answerMs, decline: DECLINE_AFTER_MS, return: RETURN_AFTER_MS }[reaction];
    const tooSlow = wantedMs > timeLimitMs;
    worker.planned = agenda.plan(acceptedMs + Math.min(wantedMs, timeLimitMs), () =>
      this.#finish(worker, tooSlow ? 'return' : reaction),
    );
  }

  /**
   * Nobody else gets the object: it has its answers, or as many workers declined as it needs (guide, sms-monitor-cloud-watch).
   * Who works on it may still finish.
   */
  #isClosed(task: Task): boolean {
    const { answersPerObject } = this.#options;
    return task.done || task.answers >= answersPerObject || task.declines >= answersPerObject;
  }

  #findTask(worker: Worker): Task | null {
    const { answersPerObject } = this.#options;
    const wants = (task: Task): boolean =>
      !this.#isClosed(task) && task.answers + task.holding < answersPerObject && !task.touchedBy.has(worker.id);
    if (this.#reopened.length > 0) {
      this.#reopened = this.#reopened.filter((task) => !task.done);
      const reopened = this.#reopened.find(wants);
      if (reopened !== undefined) return reopened;
    }
    while (worker.cursor < this.#batch.length) {
      const task = this.#batch[worker.cursor++];
      if (task !== undefined && wants(task)) return task;
    }
    return null;
  }

  #finish(worker: Worker, reaction: Reaction): void {
    const held = worker.holds;
    if (held === null) return;
    const { task, acceptedMs } = held;
    const { on, paceMs } = this.#options;
    if (reaction === 'submit') worker.readyMs = acceptedMs + paceMs;
    worker.planned = null;
    if (reaction === 'return') {
      this.#giveBack(worker);
    } else {
      worker.holds = null;
      task.holding--;
      if (reaction === 'submit') task.answers++;
      else task.declines++;
      on.acted(task.index, worker.id, reaction === 'submit' ? 'submitted' : 'declined', acceptedMs);
    }
    if (this.#state !== 'open') return;
    if (this.#isClosed(task)) {
      if (task.holding === 0) this.#settle(task);
    } else if (reaction !== 'submit') this.#reopen(task);
    this.#wake(worker);
  }

  #giveBack(worker: Worker): void {
    const held = worker.holds;
    if (held === null) return;
    worker.holds = null;
    held.task.holding--;
    this.#options.on.acted(held.task.index, worker.id, 'returned', held.acceptedMs);
  }

  #reopen(task: Task): void {
    if (!this.#reopened.includes(task)) this.#reopened.push(task);
    for (const worker of this.#workers) if (worker.planned === null) this.#wake(worker);
  }
}
