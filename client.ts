/**
 * The client API: start, steer and look at chains through a Temporal client. No AWS credentials are needed here; what
 * has to be read from AWS is read by the worker.
 *
 * Everything that goes wrong is one of two classes: an `InputError` says what was wrong with what was asked for and what is
 * accepted, and nothing was changed; an `OperationError` says what failed on the way and what to do. The examples of the
 * methods below are run by a test, in their order.
 *
 * @example
 * ```ts
 * import { Client, Connection } from '@temporalio/client';
 * import { LabelRelay } from 'label-relay';
 *
 * const connection = await Connection.connect({ address: process.env.TEMPORAL_ADDRESS ?? 'localhost:7233' });
 * const relay = new LabelRelay({ client: new Client({ connection }) });
 * ```
 */
import { Readable } from 'node:stream';
import { WorkflowFailedError, WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import type { Preflight } from './activities/preflight.ts';
import {
  answeredInTime,
  explained,
  isAbsent,
  isOpenWorkflow,
  pause,
  requireWorker,
  resultInTime,
  rootMessage,
  webUiLink,
  type ClientContext,
} from './client/context.ts';
import { listChains } from './client/list.ts';
import {
  describeChain,
  isSpec,
  readChain,
  specOfEndedChain,
  specOfOpenChain,
  type ChainReading,
} from './client/reading.ts';
import { lookUpJob, preflight, requireFree, requireFreeDataset, startChainWorkflow } from './client/starting.ts';
import type {
  AdoptOptions,
  ChainDetail,
  ChainSummary,
  Change,
  LabelRelayOptions,
  ListFilter,
  SendOptions,
  Started,
  StartOptions,
  WatchOptions,
} from './client/types.ts';
import { watchChain } from './client/watching.ts';
import { readAmendment } from './decisions/amend.ts';
import { streamingTakesNoManifest, type Amendment } from './decisions/amendment.ts';
import { DEFAULT_TASK_QUEUE, labelingChainWorkflowId, parseLabelingJobArn } from './decisions/names.ts';
import type { ResumeOptions } from './decisions/resume.ts';
import { readSpec, type Spec } from './decisions/spec.ts';
import type { ChainDocument } from './decisions/view.ts';
import { InputError, OperationError, afterChange, messageOf } from './errors.ts';
import { sendEvents, type SendReport } from './events/send.ts';
import { collectReport, type CollectOptions } from './report/collect.ts';
import type { Report } from './report/document.ts';
import { amendChain, resumeChain, stopChain, type CommandResult } from './workflows/messages.ts';

export { InputError, OperationError } from './errors.ts';
export type * from './client/types.ts';
export type { AttentionReason } from './decisions/attention.ts';
export type { ResumeOptions } from './decisions/resume.ts';
export type { ChainDocument, ChainStatus, JobDocument } from './decisions/view.ts';
export type { Preflight } from './activities/preflight.ts';
export type { Finding } from './activities/preflight-findings.ts';
export type { SendReport } from './events/send.ts';
export type { Report } from './report/document.ts';
export type { Spec } from './decisions/spec.ts';
export type { JobView } from './workflows/messages.ts';

export class LabelRelay {
  readonly #context: ClientContext;

  constructor({ client, taskQueue = DEFAULT_TASK_QUEUE, webUrl = null, workerWaitMs = 60_000 }: LabelRelayOptions) {
    this.#context = { client, taskQueue, webUrl, workerWaitMs };
  }

  /**
   * Checks a spec, `{ chain, job, policy }`, and what it names (bucket, manifest line by line, template, work team), then
   * starts its chain. Returns once the chain knows its objects (of a stream: has its first job), at the latest after `workerWaitMs`.
   * @throws InputError with every mistake; nothing is started then. Or with why the chain could not begin: nothing was created in AWS then.
   * @example
   * ```ts
   * import { readFile } from 'node:fs/promises';
   *
   * const spec: unknown = JSON.parse(await readFile('examples/image-classification.json', 'utf8'));
   * const { preflight } = await relay.startChain(spec, { dryRun: true });
   * for (const { level, message } of preflight.findings) console.log(level, message);
   * const { chain } = await relay.startChain(spec);
   * console.log(`${chain} is started`);
   * ```
   */
  async startChain(input: unknown, { strict = false, dryRun = false }: StartOptions = {}): Promise<Started> {
    const spec = specOf(input);
    await requireWorker(this.#context);
    await requireFree(this.#context, spec);
    const checked = await preflight(this.#context, { spec, purpose: 'start', manifestUri: null }, strict);
    if (!dryRun) {
      // Once more: the checks take a while, and somebody else may have started one meanwhile.
      await requireFree(this.#context, spec);
      await startChainWorkflow(this.#context, { kind: 'start', spec }, spec);
      await this.#begun(spec.chain, spec.streaming);
    }
    return this.#started(spec.chain, checked, !dryRun);
  }

  /**
   * A chain as it is now: the document of `show --json`. Times are ISO 8601, on the service's clock.
   * @throws InputError if there is none of this name.
   * @example
   * ```ts
   * const { status, objects } = await relay.get('example-images');
   * console.log(`${status}: ${objects.labeled} of ${objects.total} labeled`);
   * ```
   */
  async get(chain: string): Promise<ChainDocument> {
    return (await this.detail(chain)).document;
  }

  /**
   * A chain with its spec as amended so far and, while a labeling job is live, what its workflow knows: counters,
   * forecast, worker activity. @throws InputError if there is none of this name.
   * @example
   * ```ts
   * const { live, spec } = await relay.detail('example-images');
   * console.log(spec?.policy.maxAttemptsPerObject, live?.observation?.status ?? 'no live job');
   * ```
   */
  async detail(chain: string): Promise<ChainDetail> {
    return (await readChain(this.#context, chain, null)).detail;
  }

  /**
   * Chains, the newest first. Temporal's visibility store lags a few seconds behind.
   * @example
   * ```ts
   * for (const { chain, attention } of await relay.list({ attention: true })) console.log(chain, attention);
   * const ours = await relay.list({ workTeam: 'ornithologists', status: 'running', text: 'images' });
   * console.log(ours.length);
   * ```
   */
  async list(filter: ListFilter = {}): Promise<ChainSummary[]> {
    return listChains(this.#context, filter);
  }

  /**
   * Yields the chain now and after every change, until it has ended; a chain that waits for a person has not. It goes on
   * through an outage of up to five minutes. To go on with an earlier watch give what that yielded last as `after`.
   * @throws InputError if there is none of this name.
   * @example
   * ```ts
   * let last;
   * for await (const detail of relay.watch('example-images')) {
   *   console.log(detail.document.status, detail.document.objects.remaining);
   *   last = detail;
   *   if (detail.document.generation > 0) break;
   * }
   * const signal = AbortSignal.timeout(2_000);
   * for await (const detail of relay.watch('example-images', { after: last, signal })) console.log(detail.live);
   * ```
   */
  watch(chain: string, options: WatchOptions = {}): AsyncGenerator<ChainDetail> {
    return watchChain(this.#context, chain, options);
  }

  /**
   * Stops the live job, if any, keeps its labels, and ends the chain `stopped`. Returns once the stop is accepted; AWS
   * takes minutes to confirm it. @throws InputError if the chain has ended.
   * @example
   * ```ts
   * await relay.stop('example-images', 'the guidelines change');
   * ```
   */
  async stop(chain: string, reason = 'asked by a person'): Promise<void> {
    await this.#command(chain, (handle) => handle.executeUpdate(stopChain, { args: [{ reason }] }));
  }

  /**
   * Waits until a chain has ended or waits for a person, or until the signal aborts; returns it as it is then.
   * @throws InputError if there is none of this name.
   * @example
   * ```ts
   * const { status, finalManifest } = await relay.result('example-images');
   * console.log(status, finalManifest);
   * ```
   */
  async result(chain: string, options: Omit<WatchOptions, 'after'> = {}): Promise<ChainDocument> {
    for await (const { document } of this.watch(chain, options)) if (document.status !== 'running') return document;
    return this.get(chain);
  }

  /**
   * Changes a chain: parts of its request and policy, and further objects. It holds from the next job on. For an ended
   * chain it is written to its record, for the next resume. Returns what the checks before it found.
   * @throws InputError with every mistake, or for a field that cannot change.
   * @example
   * ```ts
   * await relay.amend('example-images', { changes: { policy: { maxJobs: 30, handOver: '6h' } } });
   * ```
   */
  async amend(chain: string, change: Change): Promise<Preflight> {
    const description = await describeChain(this.#context, chain);
    if (!isOpenWorkflow(description.status.name))
      return this.amendRecord(await specOfEndedChain(this.#context, description, chain), change);
    const old = await specOfOpenChain(this.#context, chain);
    const { amendment, checked } = await this.#amendment(old, change);
    await this.#command(chain, (handle) => handle.executeUpdate(amendChain, { args: [amendment] }));
    return checked;
  }

  /**
   * Goes on with a chain that waits for a person or has ended. `acceptMissing` goes on without labels that AWS counted and
   * the output lacks; `retrySetAside` gives set-aside objects new attempts.
   * @throws InputError if the chain is running, or if nothing is left to do.
   * @example
   * ```ts
   * await relay.resume('example-images');
   * console.log((await relay.get('example-images')).status);
   * ```
   */
  async resume(chain: string, options: Partial<ResumeOptions> = {}): Promise<void> {
    const description = await describeChain(this.#context, chain);
    await requireWorker(this.#context);
    if (!isOpenWorkflow(description.status.name))
      return this.resumeFromRecord(await specOfEndedChain(this.#context, description, chain), options);
    await this.#command(chain, (handle) => handle.executeUpdate(resumeChain, { args: [resumeOptionsOf(options)] }));
  }

  /**
   * Resumes an ended chain from its record in S3, also one that Temporal has forgotten; the spec only has to name the chain,
   * the output path and the region. @throws InputError if there is no record, nothing to go on with, or another chain is open on
   * its dataset by now.
   * @example
   * ```ts
   * await relay.resumeFromRecord(spec);
   * ```
   */
  async resumeFromRecord(input: unknown, options: Partial<ResumeOptions> = {}): Promise<void> {
    const spec = isSpec(input) ? input : specOf(input);
    const resumeOptions = resumeOptionsOf(options);
    await requireWorker(this.#context);
    const checks = { spec, purpose: 'resume', manifestUri: null, resumeOptions } as const;
    const { recorded, recordedManifests } = await preflight(this.#context, checks);
    await requireFreeDataset(this.#context, recorded ?? spec, recordedManifests);
    await startChainWorkflow(this.#context, { kind: 'resume', spec, options: resumeOptions }, recorded ?? spec);
    await this.#begun(spec.chain);
  }

  /**
   * Changes the record of an ended chain, also of one that Temporal has forgotten; the spec only has to name the chain, the
   * output path and the region. Returns what the checks before it found, once it is written.
   * @throws InputError with every mistake, or if there is no record.
   * @example
   * ```ts
   * await relay.amendRecord(spec, { changes: { policy: { maxJobs: 40 } } });
   * await relay.resumeFromRecord(spec);
   * ```
   */
  async amendRecord(input: unknown, change: Change): Promise<Preflight> {
    const place = isSpec(input) ? input : specOf(input);
    await requireWorker(this.#context);
    const { recorded } = await preflight(this.#context, { spec: place, purpose: 'record', manifestUri: null });
    const { amendment, checked } = await this.#amendment(recorded ?? place, change);
    await startChainWorkflow(this.#context, { kind: 'amend', spec: place, amendment }, place);
    try {
      await resultInTime(this.#context, this.#handle(place.chain), () =>
        Promise.reject(mayStillBeWritten(place.chain)),
      );
    } catch (thrown) {
      throw thrown instanceof WorkflowFailedError ? new InputError(rootMessage(thrown)) : explained(thrown);
    }
    return checked;
  }

  /**
   * Takes over a labeling job that was started elsewhere, running or over: it becomes generation 1 of a new chain, and its
   * request that of the next jobs. Returns once the job is tagged and followed.
   * @throws InputError with every mistake; nothing is changed then.
   * @example
   * ```ts
   * const arn = 'arn:aws:sagemaker:us-east-1:123456789012:labeling-job/made-by-hand';
   * const { webUrl } = await relay.adopt(arn, { chain: 'adopted', policy: { maxFailures: 5 } });
   * console.log(webUrl);
   * ```
   */
  async adopt(arn: string, options: AdoptOptions): Promise<Started> {
    const { chain, strict = false, dryRun = false } = options;
    const place = parseLabelingJobArn(arn);
    if (place === null) {
      throw new InputError(
        `${arn} is not the ARN of a labeling job (arn:aws:sagemaker:<region>:<account>:labeling-job/<name>)`,
      );
    }
    await requireWorker(this.#context);
    const { name: jobName, job, inputManifestUri } = await lookUpJob(this.#context, place, chain);
    const rebuilt = specOf({ chain, job, ...(options.policy === undefined ? {} : { policy: options.policy }) });
    if (rebuilt.account !== place.account || rebuilt.region !== place.region) {
      throw new InputError(
        `${arn}: its role and work team are in ${rebuilt.account} and ${rebuilt.region}; both must be where the job is`,
      );
    }
    const manifestUri = options.datasetUri ?? inputManifestUri;
    const spec = withDataset(rebuilt, manifestUri);
    await requireFree(this.#context, spec);
    const checked = await preflight(this.#context, { spec, purpose: 'adopt', manifestUri }, strict);
    if (!dryRun) {
      await requireFree(this.#context, spec);
      await startChainWorkflow(this.#context, { kind: 'adopt', spec, jobName, manifestUri, inputManifestUri }, spec);
      await this.#begun(chain, true);
    }
    return this.#started(chain, checked, !dryRun);
  }

  /**
   * The report on a chain: what happened, progress, jobs, objects by attempts, cost. What cannot be read any more is left out
   * and said in its `notes`. @throws InputError if there is no chain of this name.
   * @example
   * ```ts
   * const { progress, notes } = await relay.report('example-images');
   * console.log(progress.length, notes);
   * ```
   */
  async report(chain: string): Promise<Report> {
    const { client, taskQueue } = this.#context;
    const link = (workflowId: string): string | null => webUiLink(this.#context, workflowId, null);
    const resultOf: CollectOptions['resultOf'] = (handle) => resultInTime(this.#context, handle);
    return collectReport(await this.get(chain), { client, taskQueue, resultOf, link });
  }

  /**
   * Carries events to the workflows that follow their jobs, as the consumer does: from an archive, or when the queue was
   * away. Takes the parsed events, or a stream of JSON or JSON Lines. Sending one again costs nothing twice.
   * @example
   * ```ts
   * import { createReadStream } from 'node:fs';
   *
   * const { counts, problems } = await relay.sendEvents(createReadStream('events.jsonl'));
   * console.log(counts, problems);
   * ```
   */
  async sendEvents(events: Readable | Iterable<unknown>, options: SendOptions = {}): Promise<SendReport> {
    const input = events instanceof Readable ? events : Readable.from([linesOf(events)]);
    return sendEvents(input, {
      client: this.#context.client,
      believed: { accounts: options.accounts ?? 'any', regions: options.regions ?? 'any' },
    });
  }

  #handle(chain: string): WorkflowHandle {
    return this.#context.client.workflow.getHandle(labelingChainWorkflowId(chain));
  }

  async #started(chain: string, checked: Started['preflight'], started: boolean): Promise<Started> {
    if (!started) return { chain, preflight: checked, started, webUrl: null };
    const { workflowId, runId } = await describeChain(this.#context, chain);
    return { chain, preflight: checked, started, webUrl: webUiLink(this.#context, workflowId, runId) };
  }

  /** Waits until a chain knows its objects or has its first job. @throws InputError with the sentence that its workflow failed with. */
  async #begun(chain: string, untilFirstJob = false): Promise<void> {
    let reading: ChainReading | null = null;
    for (const untilMs = Date.now() + this.#context.workerWaitMs; Date.now() < untilMs; await pause(200)) {
      reading = await readChain(this.#context, chain, reading).catch(afterChange);
      const { document }: ChainDetail = reading.detail;
      if (document.status === 'failed') throw new InputError(document.reason ?? `the chain ${chain} failed`);
      const { generation, status, objects } = document;
      if (generation > 0 || status !== 'running' || (!untilFirstJob && objects.total > 0)) return;
    }
  }

  async #amendment(old: Spec, change: Change): Promise<{ amendment: Amendment; checked: Preflight }> {
    const { changes } = change;
    const manifestUri = change.manifestUri ?? null;
    const reading = changes === undefined ? null : readAmendment(old, changes);
    if (reading?.kind === 'problems') throw new InputError(reading.problems);
    if (manifestUri !== null && old.streaming) throw new InputError(streamingTakesNoManifest(old.chain));
    const spec = reading === null ? null : reading.spec;
    await requireWorker(this.#context);
    if (manifestUri !== null) await requireFreeDataset(this.#context, spec ?? old, [manifestUri]);
    const checked = await preflight(this.#context, { spec: spec ?? old, purpose: 'amend', manifestUri });
    return { amendment: { spec, manifestUri, ...(spec === null ? {} : { basis: old }) }, checked };
  }

  async #command(chain: string, run: (handle: WorkflowHandle) => Promise<CommandResult>): Promise<void> {
    const description = await describeChain(this.#context, chain);
    const { name: status } = description.status;
    if (!isOpenWorkflow(status)) throw new InputError(hasEnded(chain, status));
    await requireWorker(this.#context);
    try {
      const result = await answeredInTime(this.#context, chain, () => run(this.#handle(chain)));
      if (result.kind === 'refused') throw new InputError(result.message);
    } catch (thrown) {
      if (thrown instanceof WorkflowUpdateFailedError) throw new OperationError(messageOf(thrown.cause ?? thrown));
      // Since it was described.
      if (isAbsent(thrown)) throw new InputError(hasEnded(chain, 'just now'), { cause: thrown });
      throw explained(thrown);
    }
  }
}

const hasEnded = (chain: string, how: string): string =>
  `the chain ${chain} has ended (${how.toLowerCase()}); go on with it by: label-relay resume ${chain}`;

const mayStillBeWritten = (chain: string): OperationError =>
  new OperationError(
    `no worker took the change to ${chain} in time; it may still be written when one does. Start one with: label-relay worker, then look with: label-relay show ${chain}`,
  );

/** @throws InputError with every mistake. */
const specOf = (input: unknown): Spec => {
  const reading = readSpec(input);
  if (reading.kind === 'problems') throw new InputError(reading.problems);
  return reading.spec;
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

const resumeOptionsOf = ({ acceptMissing = false, retrySetAside = false }: Partial<ResumeOptions>): ResumeOptions => ({
  acceptMissing,
  retrySetAside,
});

/** Events as JSON Lines; a text is taken to be that already. */
const linesOf = (events: Iterable<unknown>): string =>
  typeof events === 'string' ? events : Array.from(events, (event) => JSON.stringify(event)).join('\n');
