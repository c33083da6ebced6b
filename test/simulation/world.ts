/**
 * One simulated world: Ground Truth and its ledger, S3, the event stream, Temporal with our workflows and activities, a
 * person at the command line. One agenda, one clock, one thing at a time: a seed repeats itself.
 */
import { createActivities, type Activities } from '../../activities/index.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../decisions/durations.ts';
import { readSpec, type Spec } from '../../decisions/spec.ts';
import { Agenda } from '../../simulator/agenda.ts';
import { GroundTruth } from '../../simulator/ground-truth.ts';
import { MemoryStore, type BusEvent } from '../../simulator/ports.ts';
import { parseScript } from '../../simulator/script.ts';
import type { AwsBackend, CallFault, openAws } from './aws.ts';
import { EventStream } from './event-stream.ts';
import { Operator } from './operator.ts';
import { ACCOUNT, NO_FAULTS, REGION, START_MS, type ChainPlan, type Faults, type Scenario } from './scenario.ts';
import type { Attempt, Disturbance } from './temporal/activity-tasks.ts';
import { Draw } from './temporal/draw.ts';
import type { Sandbox } from './temporal/sandbox.ts';
import { VirtualTemporal } from './temporal/virtual-temporal.ts';

/** Loaded once for all worlds. */
export type Machinery = { sandbox: Sandbox; aws: ReturnType<typeof openAws>; temporaryDirectory: string };

/** The names of our activities, for the sandbox. */
export const activityNames = ({ aws, temporaryDirectory }: Omit<Machinery, 'sandbox'>): string[] =>
  Object.keys(createActivities(dependencies(aws, temporaryDirectory)));

const dependencies = (aws: Machinery['aws'], temporaryDirectory: string) => ({
  ...aws.clients,
  temporaryDirectory,
  webhookSecret: () => null,
  regions: [],
  accounts: [],
});

/** Every call of the activities that changes something at AWS, and how much more often it fails than one that only looks: the rarer, the more. */
export const WRITE_FAULTS: ReadonlyMap<string, number> = new Map([
  ['CreateLabelingJob', 6],
  ['StopLabelingJob', 15],
  ['AddTags', 15],
  ['PutObject', 2],
  ['Publish', 4],
]);

/** A world that does not come to rest is broken too. */
const STEPS_MAX = 20_000;

const addOne = (counts: Record<string, number>, key: string): void => void (counts[key] = (counts[key] ?? 0) + 1);

class WorkerCrash extends Error {
  override readonly name = 'WorkerCrash';
}

export type Chain = { plan: ChainPlan; spec: Spec; workflowId: string; closedAtMs: number | null };

export class World {
  readonly scenario: Scenario;
  readonly store = new MemoryStore();
  readonly groundTruth: GroundTruth;
  readonly temporal: VirtualTemporal;
  readonly chains: Chain[];
  readonly events: EventStream;
  readonly operator: Operator;
  readonly counts = { nudges: 0, steps: 0, workerOutages: 0, staleDescribes: 0, doubled: 0 };
  /** Faults of AWS, by their kind. */
  readonly awsFaults: Record<string, number> = {};
  /** By operation: calls that happened and reported a time-out. */
  readonly unheard: Record<string, number> = {};
  faults: Faults;
  readonly #agenda = new Agenda();
  readonly #draw: Draw;
  readonly #activities: Activities;
  #attempt: { calls: number; disturbance: Disturbance; crashed: boolean; draw: Draw } | null = null;

  constructor(scenario: Scenario, { sandbox, aws, temporaryDirectory }: Machinery) {
    this.scenario = scenario;
    this.faults = scenario.faults;
    this.#draw = new Draw(scenario.seed ^ 0x2545f491);
    const { store } = this;
    store.write('s3://data/template.html', '<p>{{ task.input.taskObject }}</p>');
    this.groundTruth = new GroundTruth({
      account: ACCOUNT,
      region: REGION,
      seed: scenario.seed,
      startMs: START_MS,
      store,
      bus: { put: (events) => this.#onEvents(events) },
      script: parseScript(scenario.script),
    });
    aws.use(this.#backend());
    this.#activities = createActivities(dependencies(aws, temporaryDirectory));
    this.temporal = new VirtualTemporal({
      sandbox,
      clock: { nowMs: () => this.nowMs, plan: (delayMs, run) => this.plan(delayMs, run) },
      draw: this.#draw.fork(),
      execute: (type, args, disturbance) => this.#execute(type, args, disturbance),
      faults: scenario.faults.workflow,
      activityFaults: scenario.faults.activity,
    });
    this.chains = scenario.chains.map((plan): Chain => {
      store.write(plan.manifestUri, plan.manifest);
      const reading = readSpec(plan.spec);
      if (reading.kind === 'problems') throw new Error(reading.problems.join('\n'));
      return { plan, spec: reading.spec, workflowId: `labeling-chain:${plan.name}`, closedAtMs: null };
    });
    this.events = new EventStream(this, this.#draw.fork());
    this.operator = new Operator(this, this.#draw.fork());
  }

  get nowMs(): number {
    return this.groundTruth.nowMs;
  }

  plan(delayMs: number, run: () => void | Promise<void>): void {
    this.#agenda.plan(this.nowMs + Math.max(0, delayMs), run);
  }

  /** Lives through the disturbed phase, then the quiet one, until every chain is over. */
  async live(): Promise<void> {
    this.operator.begin();
    for (const { atMs, downMs } of this.scenario.outages)
      this.plan(atMs, () => {
        this.counts.workerOutages += 1;
        return this.temporal.killWorkers(downMs);
      });
    await this.#runUntil(() => this.nowMs >= START_MS + this.scenario.quietAfterMs);
    this.faults = { ...NO_FAULTS, eventDropped: this.scenario.quietWithoutEvents ? 1 : 0 };
    this.temporal.faults = NO_FAULTS.workflow;
    this.temporal.activityFaults = NO_FAULTS.activity;
    this.groundTruth.setScript(parseScript({}));
    this.operator.calmDown();
    await this.#runUntil(() => this.operator.allOver());
    // What is still under way at AWS (late labels) or in the queue comes to its end.
    const restMs = this.nowMs + 2 * DAY_MS;
    await this.#runUntil(() => this.nowMs >= restMs);
  }

  async #runUntil(done: () => boolean): Promise<void> {
    while (!done()) {
      if ((this.counts.steps += 1) > STEPS_MAX)
        throw new Error(`no rest after ${STEPS_MAX} steps; open: ${this.temporal.open.join(', ')}`);
      const agendaMs = this.#agenda.nextMs();
      const serviceMs = this.groundTruth.nextMs;
      if (agendaMs === null && serviceMs === null) {
        await this.groundTruth.advanceTo(this.nowMs + HOUR_MS);
      } else if (serviceMs !== null && (agendaMs === null || serviceMs <= agendaMs)) {
        await this.groundTruth.advanceTo(serviceMs);
      } else if (agendaMs !== null) {
        await this.groundTruth.advanceTo(agendaMs);
        await this.#agenda.takeDue(agendaMs)?.run();
      }
    }
  }

  #onEvents(events: readonly BusEvent[]): Promise<void> {
    for (const event of events) this.events.put(event);
    return Promise.resolve();
  }

  async #execute(type: string, args: unknown[], disturbance: Disturbance): Promise<Attempt> {
    const attempt = { calls: 0, disturbance, crashed: false, draw: this.#draw.fork() };
    this.#attempt = attempt;
    const activity = (this.#activities as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[type];
    try {
      if (activity === undefined) throw new Error(`no activity ${type}`);
      const value = await activity(...args);
      return attempt.crashed ? { kind: 'lost' } : { kind: 'completed', value };
    } catch (error) {
      return attempt.crashed ? { kind: 'lost' } : { kind: 'threw', error };
    } finally {
      this.#attempt = null;
    }
  }

  /** Describe showed a job as it was some time ago. */
  #noteStale(body: object): void {
    const { LabelingJobName, LabelingJobStatus } = body as { LabelingJobName?: string; LabelingJobStatus?: string };
    const job = this.groundTruth.jobs.find(({ name }) => name === LabelingJobName);
    if (job !== undefined && job.status !== LabelingJobStatus) this.counts.staleDescribes += 1;
  }

  #backend(): AwsBackend {
    return {
      store: this.store,
      nowMs: () => this.nowMs,
      call: async (operation, input) => {
        const answer = await this.groundTruth.call(operation, input);
        if (operation === 'DescribeLabelingJob' && answer.kind === 'ok') this.#noteStale(answer.body);
        return answer;
      },
      before: async (_service, operation): Promise<CallFault> => {
        const attempt = this.#attempt;
        if (attempt === null) return 'none';
        attempt.calls += 1;
        const { crashAtCall, crashAfterEffect } = attempt.disturbance;
        if (attempt.crashed || (attempt.calls === crashAtCall && !crashAfterEffect)) {
          attempt.crashed = true;
          throw new WorkerCrash();
        }
        const { awsCall, nudge } = this.faults;
        if (attempt.draw.chance(nudge)) {
          this.counts.nudges += 1;
          await this.groundTruth.advanceTo(this.nowMs + attempt.draw.pick([SECOND_MS, 20 * SECOND_MS, 5 * MINUTE_MS]));
        }
        if (!attempt.draw.chance(awsCall * (WRITE_FAULTS.get(operation) ?? 1))) return 'none';
        const fault = attempt.draw.pick(['throttled', 'outage', 'timeout', 'afterTimeout', 'afterTimeout'] as const);
        addOne(this.awsFaults, fault);
        return fault;
      },
      after: (operation, unheard) => {
        if (unheard) addOne(this.unheard, operation);
        const attempt = this.#attempt;
        if (attempt !== null && attempt.calls === attempt.disturbance.crashAtCall) {
          attempt.crashed = true;
          throw new WorkerCrash();
        }
      },
    };
  }
}
