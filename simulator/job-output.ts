/** A job's files in S3: the output manifest, written now and then, and the workers' answers. */
import { between } from './random.ts';
import type { InputLine } from './input-manifest.ts';
import type { JobEnvironment } from './job-environment.ts';
import { arrangeLines, renderManifest, renderResult, type ObjectResult } from './output-manifest.ts';
import type { JobRules } from './script.ts';
import { HOUR_MS, MINUTE_MS } from './duration.ts';
import type { Planned } from './agenda.ts';

/** Above this many objects the answers are not written one by one unless the script asks for it. */
const WORKER_RESPONSES_MAX_OBJECTS = 1000;

export type JobOutputOptions = {
  environment: JobEnvironment;
  jobName: string;
  /** `S3OutputPath/<job-name>`, without a slash at the end. */
  rootUri: string;
  labelAttribute: string;
  lines: readonly InputLine[];
  rules: NonNullable<JobRules['output']>;
};

export type WorkerAnswer = { workerId: string; acceptedMs: number; submittedMs: number; content: unknown };

/** Where AWS writes the output manifest of a job. */
export const outputManifestUri = (rootUri: string): string => `${rootUri}/manifests/output/output.manifest`;

export class JobOutput {
  readonly #options: JobOutputOptions;
  readonly #order: readonly number[];
  readonly #written: ReadonlySet<number> | null;
  readonly #rendered = new Map<number, string>();
  #unpublished: number[] = [];
  #planned: Planned | null = null;
  #writtenOnce = false;

  constructor(options: JobOutputOptions) {
    this.#options = options;
    const { environment, jobName, lines, rules } = options;
    const faults = {
      serialization: rules.serialization ?? 'bytes',
      shuffled: rules.shuffled ?? false,
      short: rules.short ?? 1,
    };
    this.#order = arrangeLines(lines.length, faults, environment.draw, jobName);
    this.#written = faults.short < 1 ? new Set(this.#order) : null;
  }

  /** Keeps an object's result for the next time the manifest is written. */
  record(index: number, result: ObjectResult): void {
    const { lines, labelAttribute, rules } = this.#options;
    const line = lines[index];
    if (line === undefined) return;
    this.#rendered.set(index, renderResult(line, result, labelAttribute, rules.serialization ?? 'bytes'));
    if (result.kind === 'labeled' && this.#written?.has(index) !== false) this.#unpublished.push(index);
  }

  /** Plans a write while the job runs, if none is planned. */
  writeSoon(): void {
    if (this.#planned !== null) return;
    const { environment } = this.#options;
    this.#planned = environment.agenda.plan(environment.nowMs() + this.#intervalMs(), () => this.#write());
  }

  /** The job ended: the last write comes `late` afterwards, or now if that is nothing. */
  finish(): void {
    if (this.#planned !== null) this.#planned.cancelled = true;
    const { environment, jobName, rules } = this.#options;
    const lateMs = rules.late ?? between(environment.draw('late', jobName), 2 * MINUTE_MS, 5 * MINUTE_MS);
    if (lateMs === 0) this.#write();
    else this.#planned = environment.agenda.plan(environment.nowMs() + lateMs, () => this.#write());
  }

  /** Writes the manifest again after the last write, if there is something new in it. */
  writeLate(): void {
    if (this.#unpublished.length > 0) this.#write();
  }

  /** The answers to one object so far, in AWS's layout (guide: sms-data-output). */
  writeResponses(index: number, iteration: number, answers: readonly WorkerAnswer[]): void {
    const { environment, rootUri, lines, rules } = this.#options;
    if (!(rules.workerResponses ?? lines.length <= WORKER_RESPONSES_MAX_OBJECTS)) return;
    const stamp = new Date(environment.nowMs()).toISOString().replace('T', '_').slice(0, 19);
    const uri = `${rootUri}/annotations/worker-response/iteration-${iteration}/${index}/${stamp}.json`;
    const body = {
      answers: answers.map(({ workerId, acceptedMs, submittedMs, content }) => ({
        acceptanceTime: new Date(acceptedMs).toISOString(),
        answerContent: content,
        submissionTime: new Date(submittedMs).toISOString(),
        timeSpentInSeconds: (submittedMs - acceptedMs) / 1000,
        workerId,
        workerMetadata: { identityData: { identityProviderType: 'Cognito', issuer: 'simulator', sub: workerId } },
      })),
    };
    environment.write(uri, () => Buffer.from(JSON.stringify(body)));
  }

  /** A big manifest is written more seldom: every write is one of the whole file. */
  #intervalMs(): number {
    const { lines, rules } = this.#options;
    const bySizeMs = (lines.length / 1000) * 4 * MINUTE_MS;
    return (
      rules.every ?? (this.#writtenOnce ? Math.min(6 * HOUR_MS, Math.max(5 * MINUTE_MS, bySizeMs)) : 3 * MINUTE_MS)
    );
  }

  #write(): void {
    this.#planned = null;
    const { environment, jobName, rootUri, lines, rules } = this.#options;
    if (rules.missing === true) return;
    const uri = outputManifestUri(rootUri);
    environment.write(uri, () => renderManifest(lines, this.#rendered, this.#order, rules.serialization ?? 'bytes'));
    const newlyReadable = this.#unpublished;
    this.#unpublished = [];
    this.#writtenOnce = true;
    environment.ledger.append({
      kind: 'published',
      atMs: environment.nowMs(),
      job: jobName,
      uri,
      lines: this.#order.length,
      newlyReadable,
    });
  }
}
