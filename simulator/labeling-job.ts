/**
 * The life of one labeling job: Initializing, InProgress, then an end. It owns the statuses, the counters and the times;
 * the human side is in human-tasks.ts, the files are in job-output.ts, the events in job-events.ts.
 */
import { z } from 'zod';
import type { Planned } from './agenda.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './duration.ts';
import { HumanTasks } from './human-tasks.ts';
import { identifyObject, readInputManifest, type InputLine } from './input-manifest.ts';
import type { JobEnvironment } from './job-environment.ts';
import { JobEvents } from './job-events.ts';
import { JobOutput, outputManifestUri, type WorkerAnswer } from './job-output.ts';
import { isTerminal, NO_LABELS, type JobDescription, type JobView, type LabelCounters } from './job-state.ts';
import { DEFAULT_CATEGORIES, drawLabel, type Label } from './labels.ts';
import type { LedgerRecord, SentObject, WorkerAction } from './ledger.ts';
import { TASKS_EXPIRED } from './output-manifest.ts';
import { between, drawUuid } from './random.ts';
import type { CreateLabelingJob, JobStatus } from './requests.ts';
import { matchesGlob, type JobRules } from './script.ts';
import { refuseAtStart } from './start-checks.ts';
import { taskTypeOf, type TaskType } from './task-type.ts';

/** API, LabelingJobStoppingConditions: a job ends after 30 days; counted from CreationTime. */
const JOB_LIFETIME_MS = 30 * DAY_MS;
/** Guide, sms-streaming-stop-labeling-job. */
const STREAMING_IDLE_MS = 10 * DAY_MS;
/** Guide, sms-monitor-cloud-watch; the wording of the reason is ours, AWS's is not documented. */
const EXPIRY_REASON =
  'ClientError: The labeling job expired because it was not completed within 30 days of its creation.';

const DEFAULT_WORKERS = 5;
const DEFAULT_ANSWER_MS = MINUTE_MS;
const DEFAULT_BATCH_SIZE = 1000;

const categoryFileSchema = z.object({ labels: z.array(z.object({ label: z.string() })).min(1) });

export type StopCause = Extract<LedgerRecord, { kind: 'stop-requested' }>['by'];

export type LabelingJobOptions = {
  environment: JobEnvironment;
  request: CreateLabelingJob;
  ordinal: number;
  rules: JobRules;
  /** Live, so that AddTags shows. */
  tags: Map<string, string>;
};

export class LabelingJob {
  readonly name: string;
  readonly arn: string;
  readonly ordinal: number;
  readonly request: CreateLabelingJob;
  readonly rules: JobRules;
  readonly tags: Map<string, string>;
  readonly createdMs: number;
  readonly #environment: JobEnvironment;
  readonly #rootUri: string;
  readonly #taskType: TaskType;
  readonly #events: JobEvents;
  readonly #views: JobView[] = [];
  readonly #lifePlans: Planned[] = [];
  readonly #answers = new Map<number, WorkerAnswer[]>();
  #counters: LabelCounters = { ...NO_LABELS };
  #lines: readonly InputLine[] = [];
  #objects: readonly SentObject[] = [];
  #unlabeledAtStart = 0;
  #batch = 0;
  #categories = DEFAULT_CATEGORIES;
  #tasks: HumanTasks | null = null;
  #output: JobOutput | null = null;
  #workedMs: number;

  constructor({ environment, request, ordinal, rules, tags }: LabelingJobOptions) {
    const { account, region, nowMs, draw } = environment;
    this.name = request.LabelingJobName;
    this.arn = `arn:aws:sagemaker:${region}:${account}:labeling-job/${this.name}`;
    this.ordinal = ordinal;
    this.request = request;
    this.rules = rules;
    this.tags = tags;
    this.createdMs = nowMs();
    this.#workedMs = this.createdMs;
    this.#environment = environment;
    this.#rootUri = `${request.OutputConfig.S3OutputPath.replace(/\/+$/, '')}/${this.name}`;
    const { HumanTaskConfig: human } = request;
    this.#taskType = taskTypeOf([
      human.AnnotationConsolidationConfig?.AnnotationConsolidationLambdaArn,
      human.PreHumanTaskLambdaArn,
    ]);
    this.#events = new JobEvents(
      environment,
      { name: this.name, arn: this.arn, workteamArn: human.WorkteamArn },
      rules.events ?? {},
    );
    this.#views.push({
      sinceMs: this.createdMs,
      status: 'Initializing',
      failureReason: null,
      lastModifiedMs: this.createdMs,
    });
    environment.ledger.append({
      kind: 'created',
      atMs: this.createdMs,
      job: this.name,
      arn: this.arn,
      ordinal,
      labelAttribute: request.LabelAttributeName,
      inputManifestUri: request.InputConfig.DataSource.S3DataSource?.ManifestS3Uri ?? null,
      outputManifestUri: outputManifestUri(this.#rootUri),
      tags: [...tags].map(([Key, Value]) => ({ Key, Value })),
    });
    this.#events.statusChanged('Initializing');
    const initializingMs = rules.initializing ?? between(draw('initializing', this.name), MINUTE_MS, 2 * MINUTE_MS);
    this.#plan(initializingMs, () => this.#start());
    const { fail, stop } = rules;
    if (fail !== undefined) this.#plan(fail.after, () => this.#end('Failed', fail.reason));
    if (stop?.after !== undefined) this.#plan(stop.after, () => this.requestStop('script'));
    if (this.isStreaming) this.#plan(STREAMING_IDLE_MS, () => this.requestStop('idle'));
    else this.#plan(JOB_LIFETIME_MS, () => this.#expire());
  }

  get status(): JobStatus {
    return this.#view.status;
  }

  get isStreaming(): boolean {
    return this.request.InputConfig.DataSource.SnsDataSource !== undefined;
  }

  get jobReferenceCode(): string {
    return `${this.#environment.account}-${drawUuid(this.#environment.draw, 'reference', this.name).slice(0, 8)}`;
  }

  /** What Describe answers now: with a lag in the script, the state of some time ago. */
  describe(): JobDescription {
    const view = this.#shownView();
    const { LabelingJobName: _name, Tags: _tags, ...request } = this.request;
    return {
      ...request,
      LabelingJobName: this.name,
      LabelingJobArn: this.arn,
      LabelingJobStatus: view.status,
      LabelCounters: this.counters(),
      CreationTime: this.createdMs / 1000,
      LastModifiedTime: Math.max(view.lastModifiedMs, isTerminal(view.status) ? 0 : this.#workedMs) / 1000,
      JobReferenceCode: this.jobReferenceCode,
      Tags: [...this.tags].map(([Key, Value]) => ({ Key, Value })),
      ...(view.failureReason === null ? {} : { FailureReason: view.failureReason }),
      // AWS's samples show an empty model ARN for jobs without a model.
      ...(this.#output === null && !(this.isStreaming && view.status !== 'Initializing')
        ? {}
        : {
            LabelingJobOutput: {
              OutputDatasetS3Uri: outputManifestUri(this.#rootUri),
              FinalActiveLearningModelArn: this.#modelArn(view.status),
            },
          }),
    };
  }

  counters(): LabelCounters {
    const { zeroFor, unlabeledIncludesFailed } = this.rules.counters ?? {};
    if (zeroFor !== undefined && this.#environment.nowMs() < this.createdMs + zeroFor) return { ...NO_LABELS };
    const failed = unlabeledIncludesFailed === true ? this.#counters.FailedNonRetryableError : 0;
    return { ...this.#counters, Unlabeled: this.#counters.Unlabeled + failed };
  }

  /** Moves a job that has not ended to Stopping, and after some minutes on to Stopped. */
  requestStop(by: StopCause): void {
    if (isTerminal(this.status) || this.status === 'Stopping') return;
    const { ledger, nowMs, draw } = this.#environment;
    ledger.append({ kind: 'stop-requested', atMs: nowMs(), job: this.name, by });
    this.#cancelPlans();
    this.#setStatus('Stopping', null);
    this.#closeTasks();
    const takesMs = this.rules.stop?.takes ?? between(draw('stopping', this.name), 2 * MINUTE_MS, 5 * MINUTE_MS);
    const end = by === 'stopping-condition' ? (this.rules.stoppingCondition ?? 'Stopped') : 'Stopped';
    this.#plan(takesMs, () => this.#end(end, null));
  }

  get #view(): JobView {
    const last = this.#views.at(-1);
    if (last === undefined) throw new Error(`labeling job ${this.name} has no state`);
    return last;
  }

  #shownView(): JobView {
    const { describeLag = 0, events } = this.rules;
    const nowMs = this.#environment.nowMs();
    const isShown = (view: JobView): boolean => {
      const lagMs = describeLag + (isTerminal(view.status) ? (events?.beforeDescribe ?? 0) : 0);
      return view.sinceMs + lagMs <= nowMs;
    };
    return this.#views.findLast(isShown) ?? this.#views[0] ?? this.#view;
  }

  #modelArn(status: JobStatus): string {
    const { account, region } = this.#environment;
    const learned = this.request.LabelingJobAlgorithmsConfig !== undefined && status === 'Completed';
    return learned ? `arn:aws:sagemaker:${region}:${account}:model/${this.name}` : '';
  }

  #plan(afterMs: number, run: () => void | Promise<void>): void {
    this.#lifePlans.push(this.#environment.agenda.plan(this.#environment.nowMs() + afterMs, run));
  }

  #cancelPlans(): void {
    for (const planned of this.#lifePlans) planned.cancelled = true;
    this.#lifePlans.length = 0;
  }

  #setStatus(to: JobStatus, failureReason: string | null): void {
    const { nowMs, ledger } = this.#environment;
    const from = this.status;
    const atMs = nowMs();
    this.#views.push({ sinceMs: atMs, status: to, failureReason, lastModifiedMs: atMs });
    ledger.append({ kind: 'status', atMs, job: this.name, from, to, reason: failureReason });
  }

  async #start(): Promise<void> {
    // A start that failed because S3 was out comes again, perhaps after a stop.
    if (this.status !== 'Initializing') return;
    const environment = this.#environment;
    const manifestUri = this.request.InputConfig.DataSource.S3DataSource?.ManifestS3Uri;
    if (this.isStreaming || manifestUri === undefined) {
      this.#setStatus('InProgress', null);
      return this.#events.statusChanged('InProgress');
    }
    const body = await environment.read(manifestUri);
    if (body === null) return this.#end('Failed', `ClientError: Unable to read the manifest file ${manifestUri}.`);
    const { LabelAttributeName: labelAttribute } = this.request;
    const manifest = readInputManifest(body, labelAttribute);
    if (manifest.kind === 'refused') return this.#end('Failed', manifest.reason);
    const { lines } = manifest;
    const refusal = refuseAtStart(this.request, this.#taskType, lines.length);
    if (refusal !== null) return this.#end('Failed', refusal);
    await this.#readCategories();
    this.#lines = lines;
    this.#objects = lines.map((line, index) => identifyObject(line, index, labelAttribute));
    const unlabeledIndices = lines.flatMap((line, index) => (line.labeled ? [] : [index]));
    this.#unlabeledAtStart = unlabeledIndices.length;
    this.#counters.Unlabeled = unlabeledIndices.length;
    environment.ledger.append({
      kind: 'started',
      atMs: environment.nowMs(),
      job: this.name,
      objectCount: lines.length,
      unlabeledIndices,
    });
    const { name: jobName } = this;
    this.#output = new JobOutput({
      environment,
      jobName,
      rootUri: this.#rootUri,
      labelAttribute,
      lines,
      rules: this.rules.output ?? {},
    });
    this.#setStatus('InProgress', null);
    this.#events.statusChanged('InProgress');
    this.#tasks = this.#openTasks(unlabeledIndices);
    this.#tasks.start();
  }

  async #readCategories(): Promise<void> {
    const uri = this.request.LabelCategoryConfigS3Uri;
    const body = uri === undefined ? null : await this.#environment.read(uri);
    if (body === null) return;
    try {
      const file = categoryFileSchema.parse(JSON.parse(new TextDecoder().decode(body)));
      this.#categories = file.labels.map(({ label }) => label);
    } catch {
      // A file that AWS could not read either; the labels then come from the default categories.
    }
  }

  #openTasks(objects: readonly number[]): HumanTasks {
    const { agenda, nowMs } = this.#environment;
    const { HumanTaskConfig: human } = this.request;
    const { workers = {} } = this.rules;
    const count = workers.count ?? DEFAULT_WORKERS;
    const paceMs = workers.ratePerHour === undefined ? 0 : Math.round((count * HOUR_MS) / workers.ratePerHour);
    const answerMs = workers.answerTime ?? (paceMs > 0 ? Math.min(DEFAULT_ANSWER_MS, paceMs) : DEFAULT_ANSWER_MS);
    return new HumanTasks({
      agenda,
      nowMs,
      objects,
      answersPerObject: human.NumberOfHumanWorkersPerDataObject,
      timeLimitMs: human.TaskTimeLimitInSeconds * 1000,
      availabilityMs: (human.TaskAvailabilityLifetimeInSeconds ?? JOB_LIFETIME_MS / 1000) * 1000,
      batchSize: human.MaxConcurrentTaskCount ?? DEFAULT_BATCH_SIZE,
      workerIds: Array.from({ length: count }, (_, number) => `worker-${number + 1}`),
      answerMs,
      paceMs: Math.max(paceMs, answerMs),
      hours: {
        createdMs: this.createdMs,
        fromMs: workers.from ?? 0,
        untilMs: workers.until ?? null,
        hoursPerDay: workers.hoursPerDay ?? 24,
        daysPerWeek: workers.daysPerWeek ?? 7,
      },
      react: (index, workerId) => {
        if (this.#isPicked(this.rules.declines, 'decline', index, workerId)) return 'decline';
        return this.#isPicked(this.rules.returns, 'return', index, workerId) ? 'return' : 'submit';
      },
      brokenReason: (index) =>
        this.#isPicked(this.rules.broken, 'broken', index, '')
          ? (this.rules.broken?.reason ?? `ClientError: Unable to read the data object ${this.#lines[index]?.source}.`)
          : null,
      on: {
        sent: (batch, indices) => this.#sent(batch, indices),
        acted: (index, workerId, action, acceptedMs) => this.#acted(index, workerId, action, acceptedMs),
        labeled: (index, answers) => this.#labeled(index, answers, false),
        failed: (index, reason) => this.#failed(index, reason ?? TASKS_EXPIRED),
        finished: () => this.#plan(this.#completingMs(), () => this.#end('Completed', null)),
      },
    });
  }

  #completingMs(): number {
    return between(this.#environment.draw('completing', this.name), MINUTE_MS, 3 * MINUTE_MS);
  }

  #isPicked(
    some: { fraction?: number | undefined; objects?: string[] | undefined } | undefined,
    what: string,
    index: number,
    workerId: string,
  ): boolean {
    if (some === undefined) return false;
    const source = this.#lines[index]?.source ?? '';
    if (some.objects !== undefined && !some.objects.some((glob) => matchesGlob(glob, source))) return false;
    const fraction = some.fraction ?? (some.objects === undefined ? 0 : 1);
    return this.#environment.draw(what, this.name, index, workerId) < fraction;
  }

  #sent(batch: number, indices: readonly number[]): void {
    this.#batch = batch;
    const objects = indices.flatMap((index) => this.#objects[index] ?? []);
    this.#environment.ledger.append({
      kind: 'sent',
      atMs: this.#environment.nowMs(),
      job: this.name,
      batch,
      objects,
    });
  }

  /** The label that one object gets; every worker answers the same. */
  #labelOf(index: number, answers: number): Label {
    const { draw, nowMs } = this.#environment;
    return drawLabel(draw, `${this.name}/${index}`, index, {
      type: this.#taskType,
      categories: this.#categories,
      annotationsUri: `${this.#rootUri}/annotations/consolidated-annotation/output`,
      jobName: this.rules.output?.jobName === 'bare' ? this.name : `labeling-job/${this.name}`,
      atMs: nowMs(),
      workers: answers,
    });
  }

  #acted(index: number, workerId: string, action: WorkerAction, acceptedMs: number): void {
    const { ledger, nowMs } = this.#environment;
    const atMs = nowMs();
    const objectSha256 = this.#objects[index]?.sha256 ?? '';
    const label = action === 'submitted' ? this.#labelOf(index, 1).value : undefined;
    ledger.append({
      kind: 'answer',
      atMs,
      job: this.name,
      objectIndex: index,
      objectSha256,
      workerId,
      action,
      ...(action === 'submitted' ? { label } : {}),
    });
    this.#events.workerActed(action);
    if (action !== 'submitted') return;
    const answers = this.#answers.get(index) ?? [];
    answers.push({ workerId, acceptedMs, submittedMs: atMs, content: { label } });
    this.#answers.set(index, answers);
    this.#output?.writeResponses(index, this.#batch, answers);
  }

  #labeled(index: number, answers: number, late: boolean): void {
    const { ledger, nowMs } = this.#environment;
    this.#answers.delete(index);
    const label = this.#labelOf(index, answers);
    this.#output?.record(index, { kind: 'labeled', label });
    ledger.append({
      kind: 'labeled',
      atMs: nowMs(),
      job: this.name,
      objectIndex: index,
      answers,
      late,
      label: label.value,
    });
    if (late) return;
    this.#counters.TotalLabeled++;
    this.#counters.HumanLabeled++;
    this.#counters.Unlabeled--;
    this.#progressed();
  }

  #failed(index: number, reason: string): void {
    const { ledger, nowMs } = this.#environment;
    this.#output?.record(index, { kind: 'failed', reason });
    ledger.append({ kind: 'object-failed', atMs: nowMs(), job: this.name, objectIndex: index, reason });
    this.#counters.FailedNonRetryableError++;
    this.#counters.Unlabeled--;
    this.#progressed();
  }

  #progressed(): void {
    this.#workedMs = this.#environment.nowMs();
    if (isTerminal(this.status) || this.status === 'Stopping') return;
    this.#output?.writeSoon();
    const { MaxHumanLabeledObjectCount: most, MaxPercentageOfInputDatasetLabeled: percentage } =
      this.request.StoppingConditions ?? {};
    const { HumanLabeled: labeled } = this.#counters;
    // With everything labeled the job completes by itself: then a condition of 100 % is no brake.
    if (labeled === this.#unlabeledAtStart) return;
    const before = this.#lines.length - this.#unlabeledAtStart;
    const reached =
      (most !== undefined && labeled >= most) ||
      (percentage !== undefined && (before + labeled) * 100 >= percentage * this.#lines.length);
    if (reached) this.requestStop('stopping-condition');
  }

  /** Takes the tasks from the work team and decides what becomes of those that were open. */
  #closeTasks(): void {
    const tasks = this.#tasks;
    if (tasks === null) return;
    this.#tasks = null;
    const { openTasks = 'never' } = this.rules;
    const open = tasks.close(openTasks === 'late');
    if (openTasks === 'at-end') {
      for (const { index, answers } of open) if (answers > 0) this.#labeled(index, answers, false);
    }
    if (openTasks !== 'late') return;
    const { agenda, draw, nowMs } = this.#environment;
    agenda.plan(nowMs() + between(draw('late labels', this.name), HOUR_MS, DAY_MS), () => {
      for (const { index, answers } of tasks.openObjects()) if (answers > 0) this.#labeled(index, answers, true);
      this.#output?.writeLate();
    });
  }

  #expire(): void {
    const { status = 'Failed', reason = EXPIRY_REASON, openTasks } = this.rules.expiry ?? {};
    const open = openTasks === 'expired' ? (this.#tasks?.openObjects() ?? []) : [];
    this.#closeTasks();
    for (const { index, answers } of open) {
      const keepsAnswers = answers > 0 && (this.rules.openTasks ?? 'never') !== 'never';
      if (!keepsAnswers) this.#failed(index, TASKS_EXPIRED);
    }
    this.#end(status, status === 'Failed' ? reason : null);
  }

  #end(status: 'Completed' | 'Failed' | 'Stopped', reason: string | null): void {
    this.#cancelPlans();
    this.#closeTasks();
    this.#setStatus(status, reason);
    this.#output?.finish();
    this.#events.statusChanged(status);
  }
}
