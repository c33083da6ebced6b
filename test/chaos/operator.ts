/**
 * The person of a run: starts the chains, answers their questions, stops and resumes some. Does again what failed because
 * something was away, as a person does, and notes what was accepted when.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { LabelRelay } from '../../client.ts';
import { InputError } from '../../errors.ts';
import { chainOfWorkflowId } from '../../decisions/names.ts';
import { localAwsConfig } from '../../local/local-clients.ts';
import type { ChainPlan } from './plans.ts';
import type { StackUnderTest } from './stack.ts';

/** A stop is noted when its acceptance was heard, a resume when it was begun: what lies between must hold. */
export type Accepted = { chain: string; kind: 'stop' | 'resume'; atMs: number };

export type OperatorCounts = {
  started: number;
  stops: number;
  resumes: number;
  attentions: number;
  /** Commands that had nothing to do any more: the chain had ended, or went on already. */
  refused: number;
  failedCommands: number;
};

const LOOK_EVERY_MS = 3_000;
const TRY_AGAIN_AFTER_MS = 4_000;
const TRY_AGAIN_WITHIN_MS = 30_000;
/** So much of an error is printed. */
const SAID = 160;
/** A command that was not refused but could not be done now. */
const AWAY = /no worker polls|could not be made|Temporal/;
/** How far the cap on objects is raised when a chain asks for it. */
const CAP_RAISED_BY = 30;

export class Operator {
  readonly accepted: Accepted[] = [];
  readonly counts: OperatorCounts = { started: 0, stops: 0, resumes: 0, attentions: 0, refused: 0, failedCommands: 0 };
  readonly relay: LabelRelay;
  /** The highest cap on objects that each chain had. */
  readonly caps = new Map<string, number>();
  readonly #stack: StackUnderTest;
  readonly #plans: ReadonlyMap<string, ChainPlan>;
  readonly #s3: S3Client;
  readonly #say: (line: string) => void;
  #accompanied: Promise<unknown> = Promise.resolve();

  constructor(stack: StackUnderTest, plans: readonly ChainPlan[], say: (line: string) => void) {
    this.#stack = stack;
    this.#plans = new Map(plans.map((plan) => [plan.name, plan]));
    this.#say = say;
    this.relay = new LabelRelay({ client: stack.client, workerWaitMs: 30_000 });
    this.#s3 = new S3Client({ ...localAwsConfig(stack.facts.awsEndpoint), forcePathStyle: true });
    for (const { name, maxObjectsSent } of plans) if (maxObjectsSent !== null) this.caps.set(name, maxObjectsSent);
  }

  async #put(key: string, body: string): Promise<void> {
    await this.#s3.send(new PutObjectCommand({ Bucket: this.#stack.facts.bucket, Key: key, Body: body }));
  }

  /** Files that all chains need; the gates do not stand in this way. */
  async prepare(): Promise<void> {
    await this.#put('chaos/template.html', '<crowd-form></crowd-form>');
    for (const { name, manifest } of this.#plans.values()) await this.#put(`chaos/${name}.manifest`, manifest);
  }

  /** Does it until it works or is refused: it was done already, or there is nothing to do. */
  async #insist(what: string, work: () => Promise<void>): Promise<void> {
    for (let waitMs = TRY_AGAIN_AFTER_MS; ; waitMs = Math.min(2 * waitMs, TRY_AGAIN_WITHIN_MS)) {
      try {
        return await work();
      } catch (thrown) {
        const text = String(thrown);
        if (thrown instanceof InputError && !AWAY.test(text)) {
          this.counts.refused += 1;
          this.#say(`${what}, refused: ${text.slice(0, SAID)}`);
          return;
        }
        this.counts.failedCommands += 1;
        if (waitMs === TRY_AGAIN_AFTER_MS) this.#say(`${what}: ${text.split('\n')[0]?.slice(0, SAID)}`);
        await sleep(waitMs);
      }
    }
  }

  /** Starts one chain at its time, and stops and resumes it if its plan says so. */
  async #accompany(plan: ChainPlan): Promise<void> {
    const { name, interruption } = plan;
    await sleep(plan.startAtMs);
    const spec = plan.spec(this.#stack.facts.bucket);
    await this.#insist(`start ${name}`, async () => void (await this.relay.startChain(spec)));
    this.counts.started += 1;
    const { stopAtMs, resumeAtMs } = interruption;
    if (stopAtMs === null) return;
    await sleep(stopAtMs);
    await this.#insist(`stop ${name}`, async () => {
      await this.relay.stop(name);
      this.counts.stops += 1;
      this.accepted.push({ chain: name, kind: 'stop', atMs: Date.now() });
    });
    if (resumeAtMs === null) return;
    await sleep(resumeAtMs - stopAtMs);
    await this.#resume(name);
  }

  async #resume(chain: string, acceptMissing = false): Promise<void> {
    await this.#insist(`resume ${chain}`, async () => {
      this.accepted.push({ chain, kind: 'resume', atMs: Date.now() });
      await this.relay.resume(chain, { acceptMissing }).catch(async (thrown: unknown) => {
        // It asked for something else, and stands at its cap too.
        if (!String(thrown).includes('maxObjectsSent')) throw thrown;
        await this.#raiseCap(chain);
        await this.relay.resume(chain, { acceptMissing });
      });
      this.counts.resumes += 1;
    });
  }

  async #raiseCap(chain: string): Promise<void> {
    const cap = this.caps.get(chain);
    if (cap === undefined) return;
    const raised = cap + CAP_RAISED_BY;
    await this.relay.amend(chain, { changes: { policy: { maxObjectsSent: raised } } });
    this.caps.set(chain, raised);
  }

  /** The chains that ask for a person now. */
  async #asking(): Promise<{ chain: string; reason: string }[]> {
    const asking: { chain: string; reason: string }[] = [];
    const query = `WorkflowType = 'labelingChain' AND ExecutionStatus = 'Running'`;
    for await (const { workflowId, typedSearchAttributes } of this.#stack.client.workflow.list({ query })) {
      const chain = chainOfWorkflowId(workflowId);
      const reason = typedSearchAttributes.getAll().find(({ key }) => key.name === 'LabelingAttention')?.value;
      if (chain !== null && typeof reason === 'string' && reason !== '') asking.push({ chain, reason });
    }
    return asking;
  }

  /** Looks once at who asks, and answers. */
  async answerAll(): Promise<number> {
    const asking = await this.#asking();
    for (const { chain, reason } of asking) {
      this.counts.attentions += 1;
      if (reason === 'max-objects-sent') await this.#raiseCap(chain);
      await this.#resume(chain, reason === 'labels-missing');
    }
    return asking.length;
  }

  /** Starts what is planned and looks after it until `signal` is aborted. */
  async work(signal: AbortSignal): Promise<void> {
    this.#accompanied = Promise.all([...this.#plans.values()].map((plan) => this.#accompany(plan)));
    while (!signal.aborted) {
      await sleep(LOOK_EVERY_MS);
      await this.answerAll().catch((thrown: unknown) => {
        this.counts.failedCommands += 1;
        this.#say(`looking after the chains: ${String(thrown).split('\n')[0]?.slice(0, SAID)}`);
      });
    }
  }

  /** Resolves when every chain of the plan was started and nothing more is planned for it. */
  async allStarted(): Promise<void> {
    await this.#accompanied;
  }

  close(): void {
    this.#s3.destroy();
  }
}
