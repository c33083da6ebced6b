/**
 * The life of one labeling job: Initializing, InProgress, then an end. It owns the statuses, the counters and the times;
 * the human side is in human-tasks.ts, the files are in job-output.ts, the events in job-events.ts.
 */
import { z } from 'zod';
import type { Planned } from './agenda.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './duration.ts';
import type { HumanTasks } from './human-tasks.ts';
import { readInputManifest } from './input-manifest.ts';
import type { JobEnvironment } from './job-environment.ts';
import { JobEvents } from './job-events.ts';
import { JobObjects } from './job-objects.ts';
import { outputManifestUri } from './job-output.ts';
import { isTerminal, NO_LABELS, type JobDescription, type JobView, type LabelCounters } from './job-state.ts';
import { createHumanTasks } from './job-workers.ts';
import { DEFAULT_CATEGORIES } from './labels.ts';
import type { LedgerRecord } from './ledger.ts';
import { TASKS_EXPIRED } from './output-manifest.ts';
import { between, drawUuid } from './random.ts';
import type { CreateLabelingJob, JobStatus } from './requests.ts';
import type { JobRules } from './script.ts';
import { refuseAtStart } from './start-checks.ts';
import { taskTypeOf, type TaskType } from './task-type.ts';

/** API, LabelingJobStoppingConditions: a job ends after 30 days; counted from CreationTime. */
const JOB_LIFETIME_MS = 30 * DAY_MS;
/** Guide, sms-streaming-stop-labeling-job. */
const STREAMING_IDLE_MS = 10 * DAY_MS;
/** Guide, sms-monitor-cloud-watch; the wording of the reason is ours, AWS's is not documented. */
const EXPIRY_REASON =
  'ClientError: The labeling job expired because it was not completed within 30 days of its creation.';

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
  #tasks: HumanTasks | null = null;
  #objects: JobObjects | null = null;
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
      ...(this.#objects === null && !(this.isStreaming && view.status !== 'Initializing')
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
    const counters = this.#objects?.counters ?? NO_LABELS;
    const failed = unlabeledIncludesFailed === true ? counters.FailedNonRetryableError : 0;
    return { ...counters, Unlabeled: counters.Unlabeled + failed };
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
    const nowMs = this.#environment.nowMs();
    const shown = this.#views.findLast((view) => view.sinceMs + this.#lagMs(view.status) <= nowMs);
    return shown ?? this.#views[0] ?? this.#view;
  }

  /** For how long Describe does not show a status yet. */
  #lagMs(status: JobStatus): number {
    const { describeLag = 0, events } = this.rules;
    return describeLag + (isTerminal(status) ? (events?.beforeDescribe ?? 0) : 0);
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
    const { nowMs, ledger, agenda } = this.#environment;
    const from = this.status;
    const atMs = nowMs();
    this.#views.push({ sinceMs: atMs, status: to, failureReason, lastModifiedMs: atMs });
    ledger.append({ kind: 'status', atMs, job: this.name, from, to, reason: failureReason });
    // Nothing happens then but that Describe begins to show it: whoever asks for the next moment should see it.
    if (this.#lagMs(to) > 0) agenda.plan(atMs + this.#lagMs(to), () => {});
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
    const manifest = readInputManifest(body, this.request.LabelAttributeName);
    if (manifest.kind === 'refused') return this.#end('Failed', manifest.reason);
    const refusal = refuseAtStart(this.request, this.#taskType, manifest.lines.length);
    if (refusal !== null) return this.#end('Failed', refusal);
    const categories = await this.#readCategories();
    const { request, rules } = this;
    const rootUri = this.#rootUri;
    const objects = new JobObjects({
      environment,
      request,
      rules,
      rootUri,
      taskType: this.#taskType,
      categories,
      lines: manifest.lines,
    });
    this.#objects = objects;
    this.#setStatus('InProgress', null);
    this.#events.statusChanged('InProgress');
    this.#tasks = createHumanTasks({
      environment,
      request,
      rules,
      createdMs: this.createdMs,
      objects: objects.unlabeledIndices,
      sourceOf: (index) => objects.sourceOf(index),
      on: {
        sent: (batch, indices) => objects.send(batch, indices),
        acted: (index, workerId, action, acceptedMs) => {
          objects.act(index, workerId, action, acceptedMs);
          this.#events.workerActed(action);
        },
        labeled: (index, answers) => {
          objects.label(index, answers, false);
          this.#progressed(objects);
        },
        failed: (index, reason) => {
          objects.fail(index, reason ?? TASKS_EXPIRED);
          this.#progressed(objects);
        },
        finished: () => this.#plan(this.#completingMs(), () => this.#end('Completed', null)),
      },
    });
    this.#tasks.start();
  }

  async #readCategories(): Promise<readonly string[]> {
    const uri = this.request.LabelCategoryConfigS3Uri;
    const body = uri === undefined ? null : await this.#environment.read(uri);
    if (body === null) return DEFAULT_CATEGORIES;
    try {
      const file = categoryFileSchema.parse(JSON.parse(new TextDecoder().decode(body)));
      return file.labels.map(({ label }) => label);
    } catch {
      // The file is not AWS's format; what AWS does then is not documented.
      return DEFAULT_CATEGORIES;
    }
  }

  #completingMs(): number {
    return between(this.#environment.draw('completing', this.name), MINUTE_MS, 3 * MINUTE_MS);
  }

  #progressed(objects: JobObjects): void {
    this.#workedMs = this.#environment.nowMs();
    if (this.status !== 'InProgress') return;
    objects.output.writeSoon();
    if (objects.isStoppingConditionReached()) this.requestStop('stopping-condition');
  }

  /** Takes the tasks from the work team and decides what becomes of those that were open. */
  #closeTasks(): void {
    const tasks = this.#tasks;
    const objects = this.#objects;
    if (tasks === null || objects === null) return;
    this.#tasks = null;
    const { openTasks = 'never', lateLabels } = this.rules;
    const open = tasks.close(openTasks === 'late');
    if (openTasks === 'at-end') {
      for (const { index, answers } of open) if (answers > 0) objects.label(index, answers, false);
    }
    if (openTasks !== 'late') return;
    const { agenda, draw, nowMs } = this.#environment;
    const lateMs = lateLabels ?? between(draw('late labels', this.name), HOUR_MS, DAY_MS);
    agenda.plan(nowMs() + lateMs, () => {
      for (const { index, answers } of tasks.openObjects()) if (answers > 0) objects.label(index, answers, true);
      objects.output.writeLate();
    });
  }

  #expire(): void {
    const { status = 'Failed', reason = EXPIRY_REASON, openTasks } = this.rules.expiry ?? {};
    const open = openTasks === 'expired' ? (this.#tasks?.openObjects() ?? []) : [];
    this.#closeTasks();
    for (const { index, answers } of open) {
      const keepsAnswers = answers > 0 && (this.rules.openTasks ?? 'never') !== 'never';
      if (!keepsAnswers) this.#objects?.fail(index, TASKS_EXPIRED);
    }
    this.#end(status, status === 'Failed' ? reason : null);
  }

  #end(status: 'Completed' | 'Failed' | 'Stopped', reason: string | null): void {
    this.#cancelPlans();
    this.#closeTasks();
    this.#setStatus(status, reason);
    this.#objects?.output.finish();
    this.#events.statusChanged(status);
  }
}
