/**
 * A small world for tests of whole chains: the real workflows and activities, the SageMaker simulator, S3 in memory,
 * and one clock. The simulator's clock follows Temporal's before every call, so that ages and deadlines agree with timers.
 */
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { IAMClient } from '@aws-sdk/client-iam';
import { SNSClient } from '@aws-sdk/client-sns';
import { Worker } from '@temporalio/worker';
import { Client, type WorkflowHandle, type WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { createActivities } from '../../../activities/index.ts';
import { sageMakerClient } from '../../../activities/clients.ts';
import type { Amendment } from '../../../decisions/amendment.ts';
import type { ChainState } from '../../../decisions/chain-state.ts';
import { HOUR_MS } from '../../../decisions/durations.ts';
import { describeTaskQueue, labelingChainWorkflowId, labelingJobWorkflowId } from '../../../decisions/names.ts';
import type { ResumeOptions } from '../../../decisions/resume.ts';
import type { Spec } from '../../../decisions/spec.ts';
import type { ScriptSource } from '../../../simulator/script.ts';
import type { EventBus } from '../../../simulator/ports.ts';
import { startSimulator, type Simulator } from '../../../simulator/simulator.ts';
import type { labelingChain } from '../../../workflows/labeling-chain.ts';
import type { LabelingChainInput } from '../../../workflows/labeling-chain.ts';
import {
  amendChain,
  labelingChainState,
  resumeChain,
  stateChange,
  stopChain,
  type CommandResult,
} from '../../../workflows/messages.ts';
import { encryptionOf, type PayloadKey } from '../../../payload-encryption.ts';
import { stopAfterTests, temporaryFolder } from '../../support/servers.ts';
import { startMemoryS3, type MemoryS3 } from '../../support/memory-s3.ts';
import { workflowBundle } from './bundle.ts';
import { ACCOUNT, BUCKET, REGION, manifestText, manifestUriOf, specOf, type SpecChanges } from './spec.ts';

export const TASK_QUEUE = 'world';

export type JobScript = Omit<NonNullable<ScriptSource['jobs']>[number], 'match'>;

const AWS_ERRORS = {
  refused: { message: 'not authorized', name: 'AccessDeniedException', $metadata: { httpStatusCode: 400 } },
  outage: { message: 'try again', name: 'InternalFailure', $metadata: { httpStatusCode: 500 } },
};

export type ChainHandle = WorkflowHandleWithFirstExecutionRunId<typeof labelingChain>;

/** What a record in S3 holds. */
export type RecordedChain = { state: ChainState; pending: { manifestUris: string[] } };

export type Story = SpecChanges & {
  /** Lines of the manifest. Default 10. */
  objects?: number;
  /** What happens to each generation, from the first; later ones go well. */
  jobs?: JobScript[];
  api?: ScriptSource['api'];
  script?: Omit<ScriptSource, 'jobs' | 'api'>;
};

export class World {
  readonly env: TestWorkflowEnvironment;
  readonly client: Client;
  readonly simulator: Simulator;
  readonly s3: MemoryS3;
  /** `real`: the dev server, whose clock only passes; the simulator's is moved by the test. */
  readonly #follows: boolean;
  /** Runs before each call of SageMaker, with its operation and the job's name; what it throws, the activity throws. */
  beforeCall: ((operation: string, jobName: string) => unknown) | null = null;
  /** The status that Describe shows, in place of the simulator's. */
  shownStatus: ((status: string) => string) | null = null;
  readonly #started: string[] = [];
  #clearedJobs = 0;

  private constructor(
    env: TestWorkflowEnvironment,
    client: Client,
    simulator: Simulator,
    s3: MemoryS3,
    follows: boolean,
  ) {
    this.env = env;
    this.client = client;
    this.simulator = simulator;
    this.s3 = s3;
    this.#follows = follows;
  }

  /** Opens a world with a worker; all of it is closed after the file's tests. */
  static async open(
    env: TestWorkflowEnvironment,
    {
      followsTemporal,
      sendsEvents,
      payloadKeys = [],
    }: { followsTemporal: boolean; sendsEvents: boolean; payloadKeys?: readonly PayloadKey[] },
  ): Promise<World> {
    const encryption = encryptionOf(payloadKeys);
    // The environment's own client lets time pass while a result is awaited.
    const client = payloadKeys.length === 0 ? env.client : new Client({ connection: env.connection, ...encryption });
    const s3 = await startMemoryS3();
    stopAfterTests(s3.close);
    s3.store.write(`${BUCKET}/template.html`, '<crowd-form></crowd-form>');
    const events: EventBus = {
      put: async (put) => {
        if (!sendsEvents) return;
        for (const event of put) {
          const jobName = event.resources[0]?.split('/').at(-1) ?? '';
          const workflowId = labelingJobWorkflowId({ account: ACCOUNT, region: REGION, jobName });
          const change = { status: event.detail['LabelingJobStatus'] ?? '', eventId: event.id };
          await client.workflow
            .getHandle(workflowId)
            .signal(stateChange, change)
            .catch(() => undefined);
        }
      },
    };
    const startMs = await env.currentTimeMs();
    const simulator = await startSimulator({
      s3: s3.store,
      events,
      startMs,
      clock: followsTemporal ? 'stopped' : 'real',
      account: ACCOUNT,
      region: REGION,
    });
    stopAfterTests(() => simulator.close());
    const world = new World(env, client, simulator, s3, followsTemporal);
    s3.before = () => world.sync();
    const sagemaker = sageMakerClient({
      endpoint: simulator.endpoint,
      region: REGION,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
    sagemaker.middlewareStack.add(
      (next, { commandName = '' }) =>
        async (args) => {
          await world.sync();
          const { input } = args;
          const jobName = 'LabelingJobName' in input ? String(input.LabelingJobName) : '';
          await world.beforeCall?.(commandName.replace(/Command$/, ''), jobName);
          const result = await next(args);
          const { output } = result;
          if (world.shownStatus !== null && 'LabelingJobStatus' in output) {
            Reflect.set(output, 'LabelingJobStatus', world.shownStatus(String(output.LabelingJobStatus)));
          }
          return result;
        },
      { step: 'initialize', name: 'world' },
    );
    const activities = createActivities({
      sagemaker: () => sagemaker,
      s3: () => s3.client,
      iam: () => new IAMClient({ region: REGION, endpoint: 'http://127.0.0.1:9', maxAttempts: 1 }),
      sns: (region) => new SNSClient({ region, endpoint: 'http://127.0.0.1:9' }),
      temporaryDirectory: await temporaryFolder(),
      webhookSecret: () => null,
      regions: [],
      accounts: [],
    });
    const worker = await Worker.create({
      connection: env.nativeConnection,
      ...encryption,
      taskQueue: TASK_QUEUE,
      workflowBundle: await workflowBundle(encryption.dataConverter?.failureConverterPath),
      activities,
    });
    const describes = await Worker.create({
      connection: env.nativeConnection,
      ...encryption,
      taskQueue: describeTaskQueue(TASK_QUEUE, { account: ACCOUNT, region: REGION }),
      activities: { describeLabelingJob: activities.describeLabelingJob },
    });
    const running = [worker.run(), describes.run()];
    stopAfterTests(async () => {
      worker.shutdown();
      describes.shutdown();
      await Promise.all(running);
    });
    return world;
  }

  /** Brings the simulator's clock to Temporal's. */
  async sync(): Promise<void> {
    if (!this.#follows) return;
    const behindMs = (await this.env.currentTimeMs()) - this.simulator.clock.nowMs();
    if (behindMs > 0) await this.simulator.advance(behindMs);
  }

  /** Writes the manifest and the script of a chain, without starting it. */
  async prepare(chain: string, story: Story = {}): Promise<Spec> {
    const { objects = 10, jobs = [], api = [], script = {} } = story;
    await this.sync();
    if (objects > 0) this.s3.store.write(manifestUriOf(chain), manifestText(chain, objects));
    await this.simulator.script({
      ...script,
      api,
      jobs: jobs.map((rules, index) => ({
        ...rules,
        match: { name: `${chain}-*-${String(index + 1).padStart(3, '0')}` },
      })),
    });
    return specOf(chain, story);
  }

  async start(chain: string, story: Story = {}): Promise<ChainHandle> {
    return this.run(chain, { kind: 'start', spec: await this.prepare(chain, story) });
  }

  run(chain: string, input: LabelingChainInput): Promise<ChainHandle> {
    this.#started.push(labelingChainWorkflowId(chain));
    return this.client.workflow.start<typeof labelingChain>('labelingChain', {
      workflowId: labelingChainWorkflowId(chain),
      taskQueue: TASK_QUEUE,
      args: [input],
    });
  }

  /** The workflow that follows a job. */
  follower(jobName: string): WorkflowHandle {
    return this.client.workflow.getHandle(labelingJobWorkflowId({ account: ACCOUNT, region: REGION, jobName }));
  }

  /** From now on AWS refuses these operations, or has an outage of them, until `beforeCall` is taken away. */
  fail(how: 'refused' | 'outage', ...operations: string[]): void {
    this.beforeCall = (operation) => {
      if (!operations.includes(operation)) return;
      const { message, ...error } = AWS_ERRORS[how];
      throw Object.assign(new Error(message), error);
    };
  }

  state(chain: string): Promise<ChainState> {
    return this.#handle(chain).query(labelingChainState);
  }

  /** Lets time pass until the chain's state is as wanted. */
  async until(
    chain: string,
    wanted: (state: ChainState) => boolean,
    { stepMs = HOUR_MS, steps = 400 }: { stepMs?: number; steps?: number } = {},
  ): Promise<ChainState> {
    for (let step = 0; step < steps; step += 1) {
      const state = await this.state(chain).catch(() => null);
      if (state !== null && wanted(state)) return state;
      await this.env.sleep(stepMs);
      await this.sync();
    }
    const last = await this.state(chain);
    throw new Error(`${chain} did not get there: ${JSON.stringify({ ...last, spec: null }, null, 1)}`);
  }

  /** What a person does; each resolves with the answer of the chain. */
  stop(chain: string, reason = 'enough'): Promise<CommandResult> {
    return this.#handle(chain).executeUpdate(stopChain, { args: [{ reason }] });
  }

  resume(chain: string, options: Partial<ResumeOptions> = {}): Promise<CommandResult> {
    return this.#handle(chain).executeUpdate(resumeChain, {
      args: [{ acceptMissing: false, retrySetAside: false, ...options }],
    });
  }

  amend(chain: string, amendment: Partial<Amendment>): Promise<CommandResult> {
    return this.#handle(chain).executeUpdate(amendChain, { args: [{ spec: null, manifestUri: null, ...amendment }] });
  }

  #handle(chain: string) {
    return this.client.workflow.getHandle(labelingChainWorkflowId(chain));
  }

  untilAttention(chain: string, stepMs = HOUR_MS): Promise<ChainState> {
    return this.until(chain, (state) => state.attention !== null, { stepMs });
  }

  /** Until the chain has ended, its late look still to come; an attention on the way is an error. */
  async untilEnded(chain: string, stepMs = 6 * HOUR_MS): Promise<ChainState> {
    const state = await this.until(chain, ({ end, attention }) => end !== null || attention !== null, { stepMs });
    if (state.end === null) throw new Error(`${chain} asks a person: ${JSON.stringify(state.attention)}`);
    return state;
  }

  /** Ends what the test left open, so that its timers do not slow what follows. */
  async clear(): Promise<void> {
    this.s3.fault = null;
    this.beforeCall = null;
    this.shownStatus = null;
    const jobs = this.simulator.groundTruth.jobs.slice(this.#clearedJobs);
    this.#clearedJobs += jobs.length;
    const jobIds = jobs.map(({ name }) => this.follower(name).workflowId);
    for (const workflowId of [...this.#started.splice(0), ...jobIds]) {
      await this.client.workflow
        .getHandle(workflowId)
        .terminate('the test is over')
        .catch(() => undefined);
    }
  }

  /** Where AWS writes the output of a job. */
  outputUri(jobName: string): string {
    return `${BUCKET}/out/${jobName}/manifests/output/output.manifest`;
  }

  /** The chain's records, in order. */
  records(chain: string): RecordedChain[] {
    return [...this.s3.store.objects.keys()]
      .filter((uri) => uri.startsWith(`${BUCKET}/out/${chain}/record/`))
      .toSorted()
      .map((uri) => JSON.parse(this.s3.store.text(uri) ?? ''));
  }

  /** How often AWS took a stop of ours for a job of the chain. */
  countStops(chain: string): number {
    return this.simulator
      .ledger()
      .filter((record) => record.kind === 'stop-requested' && record.by === 'api' && record.job.startsWith(`${chain}-`))
      .length;
  }

  /** The labeling jobs of a chain that AWS knows, in the order of their creation. */
  jobNames(chain: string): string[] {
    return this.simulator.groundTruth.jobs.map(({ name }) => name).filter((name) => name.startsWith(`${chain}-`));
  }
}
