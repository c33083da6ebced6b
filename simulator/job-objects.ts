/**
 * The data objects of one job: its input lines, the workers' answers, the labels, the counters; and the ledger's record of each.
 */
import { identifyObject, type InputLine } from './input-manifest.ts';
import type { JobEnvironment } from './job-environment.ts';
import { JobOutput, type WorkerAnswer } from './job-output.ts';
import { NO_LABELS, type LabelCounters } from './job-state.ts';
import { drawLabel, type Label } from './labels.ts';
import type { SentObject, WorkerAction } from './ledger.ts';
import type { CreateLabelingJob } from './requests.ts';
import type { JobRules } from './script.ts';
import type { TaskType } from './task-type.ts';

export type JobObjectsOptions = {
  environment: JobEnvironment;
  request: CreateLabelingJob;
  rules: JobRules;
  /** `S3OutputPath/<job-name>`. */
  rootUri: string;
  taskType: TaskType;
  categories: readonly string[];
  lines: readonly InputLine[];
};

export class JobObjects {
  readonly output: JobOutput;
  readonly counters: LabelCounters;
  /** Objects that lacked the label when the job started. */
  readonly unlabeledIndices: readonly number[];
  readonly #options: JobObjectsOptions;
  readonly #jobName: string;
  readonly #sent = new Map<number, SentObject>();
  readonly #answers = new Map<number, WorkerAnswer[]>();
  #batch = 0;

  constructor(options: JobObjectsOptions) {
    const { environment, request, rules, rootUri, lines } = options;
    this.#options = options;
    this.#jobName = request.LabelingJobName;
    this.unlabeledIndices = lines.flatMap((line, index) => (line.labeled ? [] : [index]));
    this.counters = { ...NO_LABELS, Unlabeled: this.unlabeledIndices.length };
    this.output = new JobOutput({
      environment,
      jobName: this.#jobName,
      rootUri,
      labelAttribute: request.LabelAttributeName,
      lines,
      rules: rules.output ?? {},
    });
    environment.ledger.append({
      kind: 'started',
      ...this.#stamp(),
      objectCount: lines.length,
      unlabeledIndices: this.unlabeledIndices,
    });
  }

  sourceOf(index: number): string {
    return this.#options.lines[index]?.source ?? '';
  }

  /** A batch went to the work team. */
  send(batch: number, indices: readonly number[]): void {
    this.#batch = batch;
    const { lines, request, environment } = this.#options;
    const objects: SentObject[] = [];
    for (const index of indices) {
      const line = lines[index];
      if (line === undefined) continue;
      const object = identifyObject(line, index, request.LabelAttributeName);
      this.#sent.set(index, object);
      objects.push(object);
    }
    environment.ledger.append({ kind: 'sent', ...this.#stamp(), batch, objects });
  }

  /** A worker did something with an object. */
  act(index: number, workerId: string, action: WorkerAction, acceptedMs: number): void {
    const { ledger, nowMs } = this.#options.environment;
    const objectSha256 = this.#sent.get(index)?.sha256 ?? '';
    const record = { kind: 'answer', ...this.#stamp(), objectIndex: index, objectSha256, workerId, action } as const;
    if (action !== 'submitted') return ledger.append(record);
    const label = this.#labelOf(index, 1).value;
    ledger.append({ ...record, label });
    const answers = this.#answers.get(index) ?? [];
    answers.push({ workerId, acceptedMs, submittedMs: nowMs(), content: { label } });
    this.#answers.set(index, answers);
    this.output.writeResponses(index, this.#batch, answers);
  }

  /** The answers became the label. A late one is not counted: AWS's counters are final at the end of a job. */
  label(index: number, answers: number, late: boolean): void {
    const label = this.#labelOf(index, answers);
    this.#answers.delete(index);
    this.output.record(index, { kind: 'labeled', label });
    this.#options.environment.ledger.append({
      kind: 'labeled',
      ...this.#stamp(),
      objectIndex: index,
      answers,
      late,
      label: label.value,
    });
    if (late) return;
    this.counters.TotalLabeled++;
    this.counters.HumanLabeled++;
    this.counters.Unlabeled--;
  }

  fail(index: number, reason: string): void {
    this.output.record(index, { kind: 'failed', reason });
    this.#options.environment.ledger.append({ kind: 'object-failed', ...this.#stamp(), objectIndex: index, reason });
    this.counters.FailedNonRetryableError++;
    this.counters.Unlabeled--;
  }

  /** Whether the user's brake is reached. With everything labeled the job completes by itself: then it is none. */
  isStoppingConditionReached(): boolean {
    const { lines, request } = this.#options;
    const labeled = this.counters.HumanLabeled;
    if (labeled === this.unlabeledIndices.length) return false;
    const { MaxHumanLabeledObjectCount: most, MaxPercentageOfInputDatasetLabeled: percentage } =
      request.StoppingConditions ?? {};
    const labeledBefore = lines.length - this.unlabeledIndices.length;
    return (
      (most !== undefined && labeled >= most) ||
      (percentage !== undefined && (labeledBefore + labeled) * 100 >= percentage * lines.length)
    );
  }

  #stamp(): { atMs: number; job: string } {
    return { atMs: this.#options.environment.nowMs(), job: this.#jobName };
  }

  #labelOf(index: number, workers: number): Label {
    const { environment, rules, rootUri, taskType, categories } = this.#options;
    return drawLabel(environment.draw, `${this.#jobName}/${index}`, index, {
      type: taskType,
      categories,
      annotationsUri: `${rootUri}/annotations/consolidated-annotation/output`,
      jobName: rules.output?.jobName === 'bare' ? this.#jobName : `labeling-job/${this.#jobName}`,
      atMs: environment.nowMs(),
      workers,
    });
  }
}
