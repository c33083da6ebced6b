/**
 * One account of Ground Truth in one region: its jobs, its API and its virtual clock. No I/O but the two ports, no other
 * time than what `advanceTo` is told, so that equal seeds, scripts and calls give equal labels, times and ledgers.
 */
import { z } from 'zod';
import { Agenda } from './agenda.ts';
import { ApiError } from './api-error.ts';
import { ApiFaults } from './api-faults.ts';
import type { JobEnvironment } from './job-environment.ts';
import { isTerminal } from './job-state.ts';
import { listJobs, listJobsForWorkteam } from './job-lists.ts';
import { refuseLabelAttribute } from './label-attribute.ts';
import { LabelingJob } from './labeling-job.ts';
import { Ledger } from './ledger.ts';
import type { BusEvent, EventBus, ObjectStore } from './ports.ts';
import { seededDraw, type Draw } from './random.ts';
import * as requests from './requests.ts';
import { matchesGlob, parseScript, rulesFor, type Script } from './script.ts';
import { refuseTaskTimes } from './start-checks.ts';
import { taskTypeOf } from './task-type.ts';
import { checkRequest } from './validation.ts';
import { describeWorkteam } from './workteams.ts';

export type GroundTruthOptions = {
  account: string;
  region: string;
  seed: number;
  startMs: number;
  store: ObjectStore;
  bus: EventBus;
  /** Without one: everything goes well. */
  script?: Script;
};

/** What the API answers. `dropped`: the connection is cut without an answer. */
export type ApiAnswer = { kind: 'ok'; body: object } | { kind: 'error'; error: ApiError } | { kind: 'dropped' };

/** Something for a port to do before time goes on. */
type Effect = { kind: 'put'; uri: string; body: () => Uint8Array } | { kind: 'event'; event: BusEvent };

const namedSchema = z.object({ LabelingJobName: z.string() });

const TAGS_MAX = 50;

export class GroundTruth {
  readonly ledger = new Ledger();
  readonly #options: GroundTruthOptions;
  readonly #agenda = new Agenda();
  readonly #environment: JobEnvironment;
  /** By name in lower case: AWS's names are unique without regard to case, and never freed. */
  readonly #jobs = new Map<string, LabelingJob>();
  readonly #effects: Effect[] = [];
  #nowMs: number;
  #script: Script;
  #faults: ApiFaults;

  constructor(options: GroundTruthOptions) {
    this.#options = options;
    this.#nowMs = options.startMs;
    this.#script = options.script ?? parseScript({});
    this.#faults = new ApiFaults(this.#script.api);
    this.#environment = {
      account: options.account,
      region: options.region,
      agenda: this.#agenda,
      ledger: this.ledger,
      draw: seededDraw(options.seed),
      nowMs: () => this.#nowMs,
      read: (uri) => options.store.get(uri),
      write: (uri, body) => this.#effects.push({ kind: 'put', uri, body }),
      emit: (event) => this.#effects.push({ kind: 'event', event }),
    };
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** When the next thing happens by itself; null if nothing will. */
  get nextMs(): number | null {
    return this.#agenda.nextMs();
  }

  /** Every job, in the order of creation. */
  get jobs(): readonly LabelingJob[] {
    return [...this.#jobs.values()];
  }

  /** Rules for jobs hold for jobs created from now on; everything else at once. */
  setScript(script: Script): void {
    this.#script = script;
    this.#faults = new ApiFaults(script.api);
  }

  /**
   * Lets everything happen that is due until `ms`, in order, each with its writes and events done before the next. Rejects if a
   * port does; the clock then stands where it was and the next call tries again. Never goes back.
   */
  async advanceTo(ms: number): Promise<void> {
    await this.#settleEffects();
    for (let due = this.#agenda.takeDue(ms); due !== null; due = this.#agenda.takeDue(ms)) {
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      const running = due.run();
      if (running !== undefined) {
        try {
          await running;
        } catch (error) {
          // A port failed before the happening changed anything: it is tried again.
          this.#agenda.plan(due.atMs, due.run);
          throw error;
        }
      }
      if (this.#effects.length > 0) await this.#settleEffects();
    }
    this.#nowMs = Math.max(this.#nowMs, ms);
  }

  /** One call of the API at the present moment. Never throws for what AWS would answer with an error. */
  async call(operation: string, input: unknown): Promise<ApiAnswer> {
    const named = namedSchema.safeParse(input);
    const rule = this.#faults.next(operation, named.success ? named.data.LabelingJobName : '');
    if (rule === null) return this.#answer(operation, input);
    if (rule.fault === 'drop') return { kind: 'dropped' };
    if (rule.fault === 'after-effect-timeout') {
      await this.#answer(operation, input);
      return { kind: 'dropped' };
    }
    if (rule.fault === 'after-effect-error') await this.#answer(operation, input);
    const name = rule.fault === 'after-effect-error' ? 'InternalFailure' : rule.fault;
    const usual = name === 'ThrottlingException' ? 'Rate exceeded' : 'Fault of the script.';
    return { kind: 'error', error: new ApiError(name, rule.message ?? usual) };
  }

  async #answer(operation: string, input: unknown): Promise<ApiAnswer> {
    try {
      const body = this.#perform(operation, input);
      if (this.#effects.length > 0) await this.#settleEffects();
      return { kind: 'ok', body };
    } catch (error) {
      if (error instanceof ApiError) return { kind: 'error', error };
      throw error;
    }
  }

  #perform(operation: string, input: unknown): object {
    switch (operation) {
      case 'CreateLabelingJob':
        return this.#create(checkRequest(requests.createLabelingJobSchema, input));
      case 'DescribeLabelingJob':
        return this.#find(checkRequest(requests.namedJobSchema, input).LabelingJobName).describe();
      case 'StopLabelingJob':
        return this.#stop(checkRequest(requests.namedJobSchema, input).LabelingJobName);
      case 'ListLabelingJobs':
        return listJobs(this.jobs, checkRequest(requests.listLabelingJobsSchema, input));
      case 'ListLabelingJobsForWorkteam': {
        const request = checkRequest(requests.listForWorkteamSchema, input);
        if (this.#isAbsent(request.WorkteamArn))
          throw new ApiError('ResourceNotFound', 'The work team does not exist.');
        return listJobsForWorkteam(this.jobs, request);
      }
      case 'DescribeWorkteam': {
        const { WorkteamName } = checkRequest(requests.describeWorkteamSchema, input);
        const { account, region, startMs } = this.#options;
        const workteam = describeWorkteam(WorkteamName, account, region, startMs);
        if (this.#isAbsent(workteam.WorkteamArn)) {
          throw new ApiError('ValidationException', `The work team ${WorkteamName} does not exist.`);
        }
        return { Workteam: workteam };
      }
      case 'AddTags':
        return this.#addTags(checkRequest(requests.addTagsSchema, input));
      case 'ListTags': {
        const { tags } = this.#findByArn(checkRequest(requests.listTagsSchema, input).ResourceArn);
        return { Tags: [...tags].map(([Key, Value]) => ({ Key, Value })) };
      }
      default:
        throw new ApiError('UnknownOperationException', `The operation ${operation} is not simulated.`);
    }
  }

  #create(request: requests.CreateLabelingJob): object {
    this.#refuseCreate(request);
    const tags = new Map((request.Tags ?? []).map(({ Key, Value }) => [Key, Value]));
    const ordinal = this.#jobs.size + 1;
    const rules = rulesFor(this.#script, { name: request.LabelingJobName, ordinal, tags });
    const environment = { ...this.#environment, draw: this.#drawFor(request.LabelingJobName, ordinal) };
    const job = new LabelingJob({ environment, request, ordinal, rules, tags });
    this.#jobs.set(job.name.toLowerCase(), job);
    return { LabelingJobArn: job.arn };
  }

  /** Draws are made for a job's name; by order its number stands in for it. */
  #drawFor(name: string, ordinal: number): Draw {
    const { draw } = this.#environment;
    if (this.#script.chance === 'name') return draw;
    return (...about) => draw(...about.map((word) => String(word).replaceAll(name, `#${ordinal}`)));
  }

  /** The checks that are not about the shape of one field. */
  #refuseCreate(request: requests.CreateLabelingJob): void {
    const { HumanTaskConfig: human, InputConfig, Tags = [] } = request;
    const type = taskTypeOf([
      human.AnnotationConsolidationConfig?.AnnotationConsolidationLambdaArn,
      human.PreHumanTaskLambdaArn,
    ]);
    const { S3DataSource, SnsDataSource } = InputConfig.DataSource;
    const { UiTemplateS3Uri, HumanTaskUiArn } = human.UiConfig;
    const keys = Tags.map(({ Key }) => Key);
    const refusals = [
      S3DataSource === undefined && SnsDataSource === undefined
        ? 'InputConfig.DataSource needs an S3DataSource or an SnsDataSource.'
        : null,
      (UiTemplateS3Uri === undefined) === (HumanTaskUiArn === undefined)
        ? 'UiConfig needs either UiTemplateS3Uri or HumanTaskUiArn.'
        : null,
      refuseLabelAttribute(request.LabelAttributeName, type),
      refuseTaskTimes(request, type),
      SnsDataSource !== undefined && request.LabelingJobAlgorithmsConfig !== undefined
        ? 'Automated data labeling is not supported for streaming labeling jobs.'
        : null,
      request.RoleArn.split(':')[4] === this.#options.account ? null : 'Cross-account pass role is not allowed.',
      this.#isAbsent(human.WorkteamArn) ? `The work team ${human.WorkteamArn} does not exist.` : null,
      keys.some((key) => key.startsWith('aws:')) ? 'Tag keys that start with aws: are reserved.' : null,
      new Set(keys).size < keys.length ? 'Tag keys must be unique.' : null,
    ];
    const refusal = refusals.find((text) => text !== null);
    if (refusal !== undefined && refusal !== null) throw new ApiError('ValidationException', refusal);
    if (this.#jobs.has(request.LabelingJobName.toLowerCase())) {
      throw new ApiError('ResourceInUse', `Labeling job ${request.LabelingJobName} already exists.`);
    }
    const live = this.jobs.filter(({ status }) => !isTerminal(status)).length;
    if (live >= (this.#script.maxLiveJobs ?? Infinity)) {
      throw new ApiError('ResourceLimitExceeded', `The account-level limit of ${live} labeling jobs is reached.`);
    }
  }

  #stop(name: string): object {
    const job = this.#find(name);
    const { whenEnded = 'ValidationException', whenInitializing = 'ok' } = job.rules.stop ?? {};
    const refused =
      (isTerminal(job.status) && whenEnded === 'ValidationException') ||
      (job.status === 'Initializing' && whenInitializing === 'ValidationException');
    if (refused) {
      throw new ApiError(
        'ValidationException',
        `The request was rejected because the labeling job is in status ${job.status}.`,
      );
    }
    job.requestStop('api');
    return {};
  }

  #addTags({ ResourceArn, Tags }: z.infer<typeof requests.addTagsSchema>): object {
    const { tags } = this.#findByArn(ResourceArn);
    const keys = new Set([...tags.keys(), ...Tags.map(({ Key }) => Key)]);
    if (keys.size > TAGS_MAX) throw new ApiError('ValidationException', `A resource has at most ${TAGS_MAX} tags.`);
    for (const { Key, Value } of Tags) tags.set(Key, Value);
    return { Tags };
  }

  #isAbsent(workteamArn: string): boolean {
    return this.#script.absentWorkteams.some((glob) => matchesGlob(glob, workteamArn));
  }

  #find(name: string): LabelingJob {
    const job = this.#jobs.get(name.toLowerCase());
    if (job !== undefined) return job;
    throw new ApiError(this.#script.notFound, `Labeling job ${name} not found.`);
  }

  #findByArn(arn: string): LabelingJob {
    const { account, region } = this.#options;
    const prefix = `arn:aws:sagemaker:${region}:${account}:labeling-job/`;
    const job = arn.startsWith(prefix) ? this.#jobs.get(arn.slice(prefix.length).toLowerCase()) : undefined;
    if (job !== undefined) return job;
    throw new ApiError('ValidationException', `The resource ${arn} does not exist.`);
  }

  /** In order, each taken off only when it is done. */
  async #settleEffects(): Promise<void> {
    const { store, bus } = this.#options;
    for (let effect = this.#effects[0]; effect !== undefined; effect = this.#effects[0]) {
      if (effect.kind === 'put') await store.put(effect.uri, effect.body());
      else await bus.put([effect.event]);
      this.#effects.shift();
    }
  }
}
