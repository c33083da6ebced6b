/**
 * The client API: start, steer and look at chains through a Temporal client. No AWS credentials are needed here; what
 * has to be read from AWS is read by the worker.
 *
 * @example
 * ```ts
 * import { Client, Connection } from '@temporalio/client';
 * import { LabelRelay } from 'label-relay';
 *
 * const connection = await Connection.connect({ address: 'localhost:7233' });
 * const relay = new LabelRelay({ client: new Client({ connection }) });
 * await relay.startChain(JSON.parse(await readFile('birds.json', 'utf8')));
 * for await (const chain of relay.watch('birds')) console.log(chain.status, chain.objects.remaining);
 * ```
 */
import {
  QueryNotRegisteredError,
  QueryRejectedError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type Client,
  type WorkflowExecutionDescription,
} from '@temporalio/client';
import type { LookedUpJob } from './activities/adoption.ts';
import type { Finding, Preflight, PreflightInput } from './activities/preflight.ts';
import { readAmendment, type Amendment } from './decisions/amend.ts';
import type { ChainState } from './decisions/chain-state.ts';
import { asTerminal } from './decisions/ending.ts';
import {
  DEFAULT_TASK_QUEUE,
  chainOfWorkflowId,
  isChainName,
  labelingChainWorkflowId,
  labelingJobWorkflowId,
  parseLabelingJobArn,
  type JobPlace,
} from './decisions/names.ts';
import { nearest } from './decisions/nearest.ts';
import type { ResumeOptions } from './decisions/resume.ts';
import { readSpec, type Spec } from './decisions/spec.ts';
import { chainDocument, withLiveJob, type ChainDocument, type ChainStatus } from './decisions/view.ts';
import { InputError, OperationError, messageOf } from './errors.ts';
import { collectReport } from './report/collect.ts';
import type { Report } from './report/document.ts';
import type { labelingChain, LabelingChainInput } from './workflows/labeling-chain.ts';
import type { labelingLookup } from './workflows/labeling-lookup.ts';
import type { labelingPreflight } from './workflows/labeling-preflight.ts';
import {
  amendChain,
  labelingChainState,
  labelingJobView,
  resumeChain,
  stopChain,
  type CommandResult,
  type JobView,
} from './workflows/messages.ts';
import { searchAttributes } from './workflows/search-attributes.ts';

export { InputError, OperationError } from './errors.ts';
export type { ChainDocument, ChainStatus, JobDocument } from './decisions/view.ts';
export type { Finding, Preflight } from './activities/preflight.ts';
export type { Report } from './report/document.ts';
export type { Spec } from './decisions/spec.ts';

export type LabelRelayOptions = {
  client: Client;
  /** Default `label-relay`. */
  taskQueue?: string;
  /** Address of the Temporal Web UI, for links; null or left out: no links. */
  webUrl?: string | null;
  /** How long a command that needs a worker waits for one to poll, in milliseconds. Default 60 s. */
  workerWaitMs?: number;
};

export type StartOptions = {
  /** Warnings of the preflight stop the start too. */
  strict?: boolean;
  /** Only check. */
  dryRun?: boolean;
};

export type Started = { chain: string; preflight: Preflight; started: boolean; webUrl: string | null };

/** Changes to a chain: `{ job, policy }` with only what changes, and a manifest of further objects. */
export type Change = { changes?: unknown; manifestUri?: string };

export type AdoptOptions = {
  chain: string;
  /** The `policy` part of a spec. */
  policy?: unknown;
  /** The dataset; default: the job's own input. It must hold all of the job's objects. */
  datasetUri?: string;
  /** Warnings of the preflight stop it too. */
  strict?: boolean;
  /** Only check. */
  dryRun?: boolean;
};

export type ChainSummary = {
  chain: string;
  status: ChainStatus;
  generation: number;
  remaining: number;
  attention: string | null;
  job: string | null;
  webUrl: string | null;
};

export type ListFilter = {
  status?: ChainStatus;
  /** Chains whose name contains this. */
  text?: string;
};

/** A chain with what its live job knows beside it. */
export type ChainDetail = { document: ChainDocument; live: JobView | null; spec: Spec | null };

const POLL_MS = 1_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const isAbsent = (thrown: unknown): boolean => thrown instanceof WorkflowNotFoundError;

export class LabelRelay {
  readonly #client: Client;
  readonly #taskQueue: string;
  readonly #webUrl: string | null;
  readonly #workerWaitMs: number;

  constructor({ client, taskQueue = DEFAULT_TASK_QUEUE, webUrl = null, workerWaitMs = 60_000 }: LabelRelayOptions) {
    this.#client = client;
    this.#taskQueue = taskQueue;
    this.#webUrl = webUrl;
    this.#workerWaitMs = workerWaitMs;
  }

  /**
   * Checks a spec (DESIGN: `{ chain, job, policy }`) and starts its chain.
   * @throws InputError with every mistake; nothing is started then.
   */
  async startChain(input: unknown, { strict = false, dryRun = false }: StartOptions = {}): Promise<Started> {
    const spec = this.#readSpec(input);
    const { chain } = spec;
    await this.#requireWorker();
    await this.#requireFree(spec);
    const preflight = await this.#preflight({ spec, purpose: 'start', manifestUri: null }, strict);
    if (dryRun) return { chain, preflight, started: false, webUrl: null };
    await this.#start({ kind: 'start', spec }, spec, 'FAIL');
    return { chain, preflight, started: true, webUrl: await this.#webUrlOf(chain) };
  }

  /** A chain as it is now. @throws InputError if there is none of this name. */
  async get(chain: string): Promise<ChainDocument> {
    return (await this.detail(chain)).document;
  }

  /** A chain with its live job and spec. @throws InputError if there is none of this name. */
  async detail(chain: string): Promise<ChainDetail> {
    const description = await this.#describe(chain);
    const webUrl = this.#link(description.workflowId, description.runId);
    const status = description.status.name;
    const broken = status === 'FAILED' || status === 'TERMINATED' || status === 'TIMED_OUT';
    const state = await this.#state(chain, broken);
    if (state === null) {
      const document: ChainDocument = {
        chain,
        status: 'failed',
        reason: `its workflow is ${status.toLowerCase()}${status === 'FAILED' ? `: ${await this.#failureOf(chain)}` : ''}`,
        generation: 0,
        objects: { total: 0, labeled: 0, remaining: 0, setAside: 0, doubled: 0 },
        jobs: [],
        attention: null,
        finalManifest: null,
        leftoverReport: null,
        webUrl,
        cost: null,
        objectsSent: 0,
      };
      return { document, live: null, spec: null };
    }
    const live = await this.#liveJob(state);
    const document = chainDocument(withLiveJob(state, live?.observation ?? null), webUrl);
    const isOver = status !== 'RUNNING' && status !== 'CONTINUED_AS_NEW';
    if (isOver && state.end === null) {
      const reason =
        status === 'FAILED'
          ? await this.#failureOf(chain)
          : `its workflow is ${status.toLowerCase()}; go on by: label-relay resume ${chain}`;
      return { document: { ...document, status: 'failed', reason }, live, spec: state.spec };
    }
    return { document, live, spec: state.spec };
  }

  /** Chains, the newest first. Visibility lags a few seconds behind. */
  async list(filter: ListFilter = {}): Promise<ChainSummary[]> {
    const found: ChainSummary[] = [];
    const seen = new Set<string>();
    for await (const info of this.#client.workflow.list({ query: `WorkflowType = 'labelingChain'` })) {
      const chain = chainOfWorkflowId(info.workflowId);
      if (chain === null || seen.has(chain)) continue;
      seen.add(chain);
      if (filter.text !== undefined && !chain.includes(filter.text)) continue;
      const attributes = new Map(info.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]));
      const text = (name: string): string => String(attributes.get(name) ?? '');
      const attention = text('LabelingAttention');
      const running = info.status.name === 'RUNNING';
      // An ended chain stays open for its late look; the word of its last job tells which chains may be such.
      const mayHaveEnded = running && attention === '' && asTerminal(text('LabelingJobStatus')) !== null;
      const endStatus = mayHaveEnded ? await this.#endStatus(chain) : null;
      const ended = running && attention === '' ? null : info.status.name;
      const status: ChainStatus =
        attention !== '' && running
          ? 'attention'
          : ended === null
            ? (endStatus ?? 'running')
            : ended === 'COMPLETED' || ended === 'CANCELLED'
              ? ((await this.#endStatus(chain)) ?? 'finished')
              : 'failed';
      if (filter.status !== undefined && filter.status !== status) continue;
      found.push({
        chain,
        status,
        generation: Number(attributes.get('LabelingGeneration') ?? 0),
        remaining: Number(attributes.get('LabelingRemaining') ?? 0),
        attention: attention === '' ? null : attention,
        job: text('LabelingJobName') === '' ? null : text('LabelingJobName'),
        webUrl: this.#link(info.workflowId, info.runId),
      });
    }
    return found;
  }

  /** Yields the chain now and after every change, until it waits for a person no more and has ended, or `signal` aborts. */
  async *watch(chain: string, options: { signal?: AbortSignal; pollMs?: number } = {}): AsyncGenerator<ChainDetail> {
    let last = '';
    for (;;) {
      const detail = await this.detail(chain);
      const now = JSON.stringify(detail);
      if (now !== last) yield detail;
      last = now;
      if (!['running', 'attention'].includes(detail.document.status)) return;
      await pause(options.pollMs ?? POLL_MS);
      if (options.signal?.aborted === true) return;
    }
  }

  /** Waits until a chain has ended or waits for a person. */
  async result(chain: string, options: { signal?: AbortSignal } = {}): Promise<ChainDocument> {
    for (;;) {
      const document = await this.get(chain);
      if (document.status !== 'running' || options.signal?.aborted === true) return document;
      await pause(POLL_MS);
    }
  }

  /** Stops the live job, if any, keeps its labels, and ends the chain. Returns once the stop is accepted. */
  async stop(chain: string, reason = 'asked by a person'): Promise<void> {
    await this.#command(chain, (handle) => handle.executeUpdate(stopChain, { args: [{ reason }] }));
  }

  /**
   * Goes on with a chain that waits for a person or has ended. One that Temporal has forgotten is resumed from its
   * record in S3: then `recordAt`, its S3OutputPath, and `spec` are needed to find it.
   */
  async resume(chain: string, options: Partial<ResumeOptions> = {}): Promise<void> {
    const resumeOptions: ResumeOptions = {
      acceptMissing: options.acceptMissing ?? false,
      retrySetAside: options.retrySetAside ?? false,
    };
    const description = await this.#describe(chain);
    await this.#requireWorker();
    if (description.status.name === 'RUNNING') {
      await this.#command(chain, (handle) => handle.executeUpdate(resumeChain, { args: [resumeOptions] }));
      return;
    }
    const spec = await this.#specOf(chain);
    await this.resumeFromRecord(spec, resumeOptions);
  }

  /**
   * Resumes an ended chain from its record in S3; the spec only has to name the chain, the output path and the region.
   * @throws InputError if there is no record, or nothing to go on with.
   */
  async resumeFromRecord(input: unknown, options: Partial<ResumeOptions> = {}): Promise<void> {
    const spec = isSpec(input) ? input : this.#readSpec(input);
    const resumeOptions: ResumeOptions = {
      acceptMissing: options.acceptMissing ?? false,
      retrySetAside: options.retrySetAside ?? false,
    };
    await this.#requireWorker();
    await this.#preflight({ spec, purpose: 'resume', manifestUri: null, resumeOptions }, false);
    await this.#start({ kind: 'resume', spec, options: resumeOptions }, spec, 'FAIL');
  }

  /**
   * Changes a chain: parts of its request and policy (they hold from the next job on), and further objects. For an ended
   * chain it is written to its record, for the next resume.
   * @throws InputError with every mistake, or for a field that cannot change.
   */
  async amend(chain: string, change: Change): Promise<void> {
    const description = await this.#describe(chain);
    const old = await this.#specOf(chain);
    if (description.status.name !== 'RUNNING') return this.amendRecord(old, change);
    const amendment = await this.#amendment(old, change);
    await this.#command(chain, (handle) => handle.executeUpdate(amendChain, { args: [amendment] }));
  }

  /**
   * Changes the record of an ended chain, also of one that Temporal has forgotten; the spec only has to name the chain, the
   * output path and the region. @throws InputError with every mistake, or if there is no record.
   */
  async amendRecord(input: unknown, change: Change): Promise<void> {
    const place = isSpec(input) ? input : this.#readSpec(input);
    await this.#requireWorker();
    const { recorded } = await this.#preflight({ spec: place, purpose: 'resume', manifestUri: null }, false);
    const amendment = await this.#amendment(recorded ?? place, change);
    await this.#start({ kind: 'amend', spec: place, amendment }, place, 'FAIL');
    try {
      await this.#client.workflow.getHandle(labelingChainWorkflowId(place.chain)).result();
    } catch (thrown) {
      throw thrown instanceof WorkflowFailedError ? new InputError(rootMessage(thrown)) : this.#explained(thrown);
    }
  }

  /**
   * Takes over a labeling job that was started elsewhere, running or over: it becomes generation 1 of a new chain, and its
   * request that of the next jobs. Returns once the job is tagged and followed.
   * @throws InputError with every mistake; nothing is changed then.
   */
  async adopt(arn: string, options: AdoptOptions): Promise<Started> {
    const { chain, strict = false, dryRun = false } = options;
    const place = parseLabelingJobArn(arn);
    if (place === null) {
      throw new InputError(
        `${arn} is not the ARN of a labeling job (arn:aws:sagemaker:<region>:<account>:labeling-job/<name>)`,
      );
    }
    await this.#requireWorker();
    const found = await this.#lookUp(place);
    const given: Record<string, unknown> = { chain, job: found.job };
    if (options.policy !== undefined) given['policy'] = options.policy;
    const rebuilt = this.#readSpec(given);
    if (rebuilt.account !== place.account || rebuilt.region !== place.region) {
      throw new InputError(
        `${arn}: its role and work team are in ${rebuilt.account} and ${rebuilt.region}; both must be where the job is`,
      );
    }
    const manifestUri = options.datasetUri ?? found.inputManifestUri;
    const spec = withDataset(rebuilt, manifestUri);
    await this.#requireFree(spec);
    const preflight = await this.#preflight({ spec, purpose: 'adopt', manifestUri }, strict);
    if (dryRun) return { chain, preflight, started: false, webUrl: null };
    const { name: jobName, inputManifestUri } = found;
    await this.#start({ kind: 'adopt', spec, jobName, manifestUri, inputManifestUri }, spec, 'FAIL');
    await this.#begun(chain);
    return { chain, preflight, started: true, webUrl: await this.#webUrlOf(chain) };
  }

  /** A labeling job as AWS has it. @throws InputError if it is not there, or another chain's. */
  async #lookUp({ region, jobName }: JobPlace): Promise<Extract<LookedUpJob, { kind: 'found' }>> {
    const found = await this.#client.workflow
      .execute<typeof labelingLookup>('labelingLookup', {
        workflowId: `labeling-lookup:${jobName}:${Date.now().toString(36)}`,
        taskQueue: this.#taskQueue,
        args: [{ region, name: jobName }],
        staticSummary: `Looks at ${jobName}, which may be adopted`,
      })
      .catch((thrown: unknown) => {
        throw thrown instanceof WorkflowFailedError
          ? new OperationError(`the labeling job could not be looked at: ${rootMessage(thrown)}`)
          : this.#explained(thrown);
      });
    if (found.kind === 'absent')
      throw new InputError(`there is no labeling job ${jobName} in ${region}: ${found.message}`);
    if (found.ofChain !== null) {
      throw new InputError(
        `${jobName} belongs to the chain ${found.ofChain} already; see: label-relay show ${found.ofChain}`,
      );
    }
    return found;
  }

  /** Waits until a chain has its first job. @throws InputError with the sentence that its workflow failed with. */
  async #begun(chain: string): Promise<void> {
    for (const untilMs = Date.now() + this.#workerWaitMs; Date.now() < untilMs; await pause(200)) {
      const { document } = await this.detail(chain);
      if (document.status === 'failed') throw new InputError(document.reason ?? `the chain ${chain} failed`);
      if (document.generation > 0) return;
    }
  }

  async #amendment(old: Spec, change: Change): Promise<Amendment> {
    const { changes } = change;
    const manifestUri = change.manifestUri ?? null;
    const reading = changes === undefined ? null : readAmendment(old, changes);
    if (reading?.kind === 'problems') throw new InputError(reading.problems);
    const spec = reading === null ? null : reading.spec;
    await this.#requireWorker();
    await this.#preflight({ spec: spec ?? old, purpose: 'amend', manifestUri }, false);
    return { spec, manifestUri };
  }

  /**
   * The report on a chain: what happened, progress, jobs, objects by attempts, cost. What cannot be read any more is left out
   * and said in its `notes`. @throws InputError if there is no chain of this name.
   */
  async report(chain: string): Promise<Report> {
    return collectReport(await this.get(chain), {
      client: this.#client,
      taskQueue: this.#taskQueue,
      link: (workflowId) => this.#link(workflowId, null),
    });
  }

  #readSpec(input: unknown): Spec {
    const reading = readSpec(input);
    if (reading.kind === 'problems') throw new InputError(reading.problems);
    return reading.spec;
  }

  /** Without a run id the page of its latest run. */
  #link(workflowId: string, runId: string | null): string | null {
    if (this.#webUrl === null) return null;
    const namespace = encodeURIComponent(this.#client.options.namespace);
    return `${this.#webUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}${runId === null ? '' : `/${runId}/history`}`;
  }

  async #webUrlOf(chain: string): Promise<string | null> {
    const description = await this.#describe(chain);
    return this.#link(description.workflowId, description.runId);
  }

  async #describe(chain: string): Promise<WorkflowExecutionDescription> {
    if (!isChainName(chain))
      throw new InputError(`${JSON.stringify(chain)} is no chain name: lower case letters, digits and inner hyphens`);
    try {
      return await this.#client.workflow.getHandle(labelingChainWorkflowId(chain)).describe();
    } catch (thrown) {
      if (!isAbsent(thrown)) throw this.#explained(thrown);
      const known = (await this.list()).map((one) => one.chain);
      const like = nearest(chain, known);
      throw new InputError(
        `there is no chain ${chain}${like === null ? '' : `; did you mean ${like}?`}; see: label-relay list`,
      );
    }
  }

  async #state(chain: string, broken: boolean): Promise<ChainState | null> {
    const handle = this.#client.workflow.getHandle(labelingChainWorkflowId(chain));
    if (!broken) await this.#requireWorker();
    try {
      return await handle.query(labelingChainState);
    } catch (thrown) {
      if (thrown instanceof QueryNotRegisteredError || thrown instanceof QueryRejectedError || broken) return null;
      throw this.#explained(thrown);
    }
  }

  async #endStatus(chain: string): Promise<ChainStatus | null> {
    try {
      const state = await this.#client.workflow.getHandle(labelingChainWorkflowId(chain)).query(labelingChainState);
      return state.end?.status ?? null;
    } catch {
      return null;
    }
  }

  async #liveJob(state: ChainState): Promise<JobView | null> {
    const { phase, spec } = state;
    const job = phase.kind === 'job' ? state.generations.find((one) => one.generation === phase.generation) : undefined;
    if (job === undefined) return null;
    const workflowId = labelingJobWorkflowId({ account: spec.account, region: spec.region, jobName: job.name });
    try {
      return await this.#client.workflow.getHandle(workflowId).query(labelingJobView);
    } catch {
      // The job's workflow is about to start, or just ended: the chain's own view serves.
      return null;
    }
  }

  async #failureOf(chain: string): Promise<string> {
    try {
      await this.#client.workflow.getHandle(labelingChainWorkflowId(chain)).result();
      return '';
    } catch (thrown) {
      return rootMessage(thrown);
    }
  }

  async #specOf(chain: string): Promise<Spec> {
    await this.#describe(chain);
    const state = await this.#state(chain, false);
    if (state === null)
      throw new OperationError(`the chain ${chain} cannot be read; is its worker of an older version?`);
    return state.spec;
  }

  /** A second open chain on the same manifest and label attribute would pay twice for every label. */
  async #requireFree(spec: Spec): Promise<void> {
    const workflowId = labelingChainWorkflowId(spec.chain);
    const description = await this.#client.workflow
      .getHandle(workflowId)
      .describe()
      .catch((thrown: unknown) => {
        if (isAbsent(thrown)) return null;
        throw this.#explained(thrown);
      });
    if (description?.status.name === 'RUNNING') {
      throw new InputError(
        `the chain ${spec.chain} is running; see: label-relay show ${spec.chain}, or choose another name`,
      );
    }
    const dataset = datasetKey(spec);
    for await (const info of this.#client.workflow.list({
      query: `WorkflowType = 'labelingChain' AND ExecutionStatus = 'Running'`,
    })) {
      if (info.memo?.['dataset'] === dataset && info.workflowId !== workflowId) {
        const other = chainOfWorkflowId(info.workflowId) ?? info.workflowId;
        throw new InputError(
          `the chain ${other} is open on the same manifest and label attribute; two would pay twice. See: label-relay show ${other}`,
        );
      }
    }
  }

  async #preflight(input: PreflightInput, strict: boolean): Promise<Preflight> {
    const preflight = await this.#client.workflow
      .execute<typeof labelingPreflight>('labelingPreflight', {
        workflowId: `labeling-preflight:${input.spec.chain}:${Date.now().toString(36)}`,
        taskQueue: this.#taskQueue,
        args: [input],
        staticSummary: `Checks before ${input.purpose === 'start' || input.purpose === 'adopt' ? 'the start' : 'a change'} of ${input.spec.chain}`,
      })
      .catch((thrown: unknown) => {
        if (!(thrown instanceof WorkflowFailedError)) throw this.#explained(thrown);
        const cause = rootMessage(thrown);
        throw new InputError(
          `the checks before the ${input.purpose === 'start' || input.purpose === 'adopt' ? 'start' : 'change'} could not be made, nothing was started: ${cause}; check that the worker reaches AWS (AWS_ENDPOINT_URL, AWS_REGION, credentials)`,
        );
      });
    const stops = (finding: Finding): boolean => finding.level === 'error' || (strict && finding.level === 'warning');
    const problems = preflight.findings.filter(stops).map((finding) => finding.message);
    if (problems.length > 0) throw new InputError(problems);
    return preflight;
  }

  async #start(
    input: Exclude<LabelingChainInput, { kind: 'continued' }>,
    spec: Spec,
    onConflict: 'FAIL',
  ): Promise<void> {
    try {
      await this.#client.workflow.start<typeof labelingChain>('labelingChain', {
        workflowId: labelingChainWorkflowId(spec.chain),
        taskQueue: this.#taskQueue,
        args: [input],
        workflowIdConflictPolicy: onConflict,
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        memo: { dataset: datasetKey(spec) },
        typedSearchAttributes: searchAttributes({
          LabelingChain: spec.chain,
          LabelingGeneration: 0,
          LabelingRemaining: 0,
          LabelingAttention: '',
        }),
        staticSummary: `Labels ${spec.job.LabelAttributeName} of ${spec.job.InputConfig.DataSource.S3DataSource?.ManifestS3Uri ?? 'a stream'}`,
        staticDetails: `One labeling job after another until nothing is unlabeled. Look: \`label-relay show ${spec.chain}\``,
      });
    } catch (thrown) {
      if (thrown instanceof WorkflowExecutionAlreadyStartedError) {
        throw new InputError(`the chain ${spec.chain} is running; see: label-relay show ${spec.chain}`);
      }
      throw this.#explained(thrown);
    }
  }

  async #command(
    chain: string,
    run: (handle: ReturnType<Client['workflow']['getHandle']>) => Promise<CommandResult>,
  ): Promise<void> {
    const description = await this.#describe(chain);
    if (description.status.name !== 'RUNNING') {
      throw new InputError(
        `the chain ${chain} has ended (${description.status.name.toLowerCase()}); go on with it by: label-relay resume ${chain}`,
      );
    }
    await this.#requireWorker();
    try {
      const result = await run(this.#client.workflow.getHandle(labelingChainWorkflowId(chain)));
      if (result.kind === 'refused') throw new InputError(result.message);
    } catch (thrown) {
      if (thrown instanceof WorkflowUpdateFailedError) throw new OperationError(messageOf(thrown.cause ?? thrown));
      throw this.#explained(thrown);
    }
  }

  /** Waits for a worker to poll our task queue. @throws InputError if none does. */
  async #requireWorker(): Promise<void> {
    const untilMs = Date.now() + this.#workerWaitMs;
    for (;;) {
      const { pollers } = await this.#client.workflowService
        .describeTaskQueue({
          namespace: this.#client.options.namespace,
          taskQueue: { name: this.#taskQueue },
          taskQueueType: 1,
        })
        .catch((thrown: unknown) => {
          throw this.#explained(thrown);
        });
      const recentMs = Date.now() - 2 * 60_000;
      const isRecent = (seconds: unknown): boolean => Number(seconds ?? 0) * 1000 > recentMs;
      if (pollers.some((poller) => isRecent(poller.lastAccessTime?.seconds))) return;
      if (Date.now() >= untilMs) {
        throw new InputError(
          `no worker polls the task queue ${this.#taskQueue} in the namespace ${this.#client.options.namespace}; start one with: label-relay worker`,
        );
      }
      await pause(500);
    }
  }

  #explained(thrown: unknown): unknown {
    if (thrown instanceof InputError || thrown instanceof OperationError) return thrown;
    if (thrown instanceof ServiceError) {
      return new OperationError(`Temporal refused or did not answer: ${messageOf(thrown.cause ?? thrown)}`, {
        cause: thrown,
      });
    }
    return thrown;
  }
}

/** The sentence at the bottom of a chain of failures. */
const rootMessage = (thrown: unknown): string => {
  let cause = thrown;
  while (cause instanceof Error && cause.cause instanceof Error) ({ cause } = cause);
  return messageOf(cause);
};

/** The spec with its dataset as input. */
const withDataset = (spec: Spec, manifestUri: string | null): Spec =>
  manifestUri === null
    ? spec
    : {
        ...spec,
        job: {
          ...spec.job,
          InputConfig: { ...spec.job.InputConfig, DataSource: { S3DataSource: { ManifestS3Uri: manifestUri } } },
        },
      };

const isSpec = (value: unknown): value is Spec =>
  typeof value === 'object' &&
  value !== null &&
  'account' in value &&
  'region' in value &&
  'policy' in value &&
  'streaming' in value;

/** What two chains must not share while both are open. */
const datasetKey = ({ job }: Spec): string =>
  JSON.stringify([
    job.InputConfig.DataSource.S3DataSource?.ManifestS3Uri ??
      job.InputConfig.DataSource.SnsDataSource?.SnsTopicArn ??
      '',
    job.LabelAttributeName,
  ]);
