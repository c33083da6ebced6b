/**
 * Random histories of a chain: jobs that end in every way, merges, late labels, stops, resumes and amendments, against a
 * small model of the objects. Held: each history ends, I1 to I6 as far as the decisions can hold them, no function throws,
 * and over the run no outcome stays unreached.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  jobDecided,
  jobEnded,
  jobMerged,
  jobObserved,
  lateLabelsMerged,
  streamingJobEnded,
  type Merge,
} from '../../decisions/after-job.ts';
import { countsAttempt } from '../../decisions/attempts.ts';
import { lastGeneration, newChain, type ChainState, type JobInput } from '../../decisions/chain-state.ts';
import { DAY_MS, HOUR_MS } from '../../decisions/durations.ts';
import { asTerminal, type Ending, type TerminalStatus } from '../../decisions/ending.ts';
import { labelingJobRequest } from '../../decisions/job-request.ts';
import { isLabelingJobName } from '../../decisions/names.ts';
import { maxJobsOf, nextOrder, type JobOrder } from '../../decisions/next-order.ts';
import { OUTCOMES } from '../../decisions/outcome.ts';
import { resume } from '../../decisions/resume.ts';
import { committedCost, objectsSent } from '../../decisions/spending.ts';
import { chainDocument } from '../../decisions/view.ts';
import { FIRST_RUN_ID, T0, counters, datasetOf, observationOf, specOf, streamingJob } from './builders.ts';

type Fate = 'labeled' | 'declined' | 'broken' | 'untouched';
type Kind =
  | { kind: 'ended'; status: TerminalStatus; ageMs: number; reason: string | null; stop: 'person' | 'hand-over' | null }
  | { kind: 'not-created'; why: 'stop-requested' | 'refused' | 'name-taken' }
  | { kind: 'gone' };
type Round = {
  how: Kind;
  fates: Fate[];
  answer: 'resume' | 'retry-set-aside' | 'stop' | 'raise';
  late: number;
  stop: boolean;
};

const ended: fc.Arbitrary<Kind> = fc.record({
  kind: fc.constant('ended' as const),
  status: fc.constantFrom<TerminalStatus[]>('Completed', 'Completed', 'Failed', 'Stopped'),
  ageMs: fc.constantFrom(HOUR_MS, DAY_MS, 29 * DAY_MS, 30 * DAY_MS),
  reason: fc.constantFrom(null, 'InternalServerError', 'AccessDenied', 'odd', 'fails after 30 days'),
  stop: fc.constantFrom(null, null, null, null, 'person' as const, 'hand-over' as const),
});
const round: fc.Arbitrary<Round> = fc.record({
  how: fc.oneof(
    { weight: 12, arbitrary: ended },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('not-created' as const),
        why: fc.constantFrom('stop-requested' as const, 'refused' as const, 'name-taken' as const),
      }),
    },
    { weight: 1, arbitrary: fc.constant<Kind>({ kind: 'gone' }) },
  ),
  fates: fc.array(fc.constantFrom<Fate[]>('labeled', 'labeled', 'declined', 'broken', 'untouched'), {
    minLength: 1,
    maxLength: 6,
  }),
  answer: fc.constantFrom(
    'resume' as const,
    'resume' as const,
    'retry-set-aside' as const,
    'stop' as const,
    'raise' as const,
  ),
  late: fc.nat(2),
  stop: fc.boolean(),
});
const history = fc.record({
  objects: fc.integer({ min: 1, max: 40 }),
  streaming: fc.constantFrom(true, false, false, false, false, false, false, false),
  policy: fc.record({
    maxObjectsPerJob: fc.integer({ min: 1, max: 40 }),
    maxAttemptsPerObject: fc.integer({ min: 1, max: 3 }),
    stoppingConditions: fc.constantFrom('finish', 'per-job'),
    nextInput: fc.constantFrom('unlabeled', 'dataset'),
    price: fc.constant({ perAnswer: 0.1, perObject: 0.05 }),
    maxCost: fc.constantFrom(2, 5, 100),
    maxObjectsSent: fc.constantFrom(10, 50, 1_000),
  }),
  brake: fc.constantFrom(undefined, { MaxPercentageOfInputDatasetLabeled: 50 }, { MaxHumanLabeledObjectCount: 3 }),
  rounds: fc.array(round, { minLength: 1, maxLength: 80 }),
});

type Model = { state: 'labeled' | 'open' | 'set-aside'; attempts: number; sentAfterLabel: boolean };

/** The chain beside its objects: what the workflow and the manifest activities do, without either. */
class Chain {
  state: ChainState;
  readonly objects: Model[];
  nowMs = T0;
  live = 0;

  constructor({
    objects,
    policy,
    brake,
    streaming,
  }: {
    objects: number;
    policy: object;
    brake: object | undefined;
    streaming: boolean;
  }) {
    const job = { ...(streaming ? streamingJob : {}), ...(brake === undefined ? {} : { StoppingConditions: brake }) };
    this.objects = Array.from({ length: objects }, () => ({ state: 'open', attempts: 0, sentAfterLabel: false }));
    const fresh = newChain(specOf({ job, policy }), FIRST_RUN_ID);
    this.state = { ...fresh, dataset: streaming ? null : this.#dataset() };
  }

  #dataset(doubled = this.state?.dataset?.doubled ?? 0) {
    const count = (state: Model['state']): number => this.objects.filter((one) => one.state === state).length;
    const version = (this.state?.dataset?.version ?? -1) + 1;
    return datasetOf({
      version,
      doubled,
      labeled: count('labeled'),
      remaining: count('open'),
      setAside: count('set-aside'),
    });
  }

  /** Runs one job as the order says, to the ending of the round. */
  run(order: JobOrder, { how, fates, late }: Round): void {
    const { policy } = this.state.spec;
    const open = this.objects.filter((one) => one.state === 'open');
    const sent = order.mode === 'dataset' ? open : open.slice(0, order.maxObjects);
    const input: JobInput | null = this.state.spec.streaming
      ? null
      : {
          manifestUri: 's3://in',
          ordinalsUri: 's3://ordinals',
          objects: order.mode === 'dataset' ? this.objects.length : sent.length,
          sentObjects: sent.length,
          mode: order.mode,
          withoutAlgorithms: order.withoutAlgorithms,
          note: order.note,
        };
    this.state = jobDecided(this.state, order, input);
    // I3: the one live job.
    this.live += 1;
    assert.equal(this.live, 1);
    assert.ok(isLabelingJobName(order.name));
    assert.equal(
      labelingJobRequest(this.state, this.state.generations.at(-1) ?? this.fail('no generation')).LabelingJobName,
      order.name,
    );
    // I6: with all that the live job may cost, the cap holds.
    if (!this.state.spec.streaming) {
      assert.ok((committedCost(this.state) ?? 0) <= (policy.maxCost ?? 0) + 1e-6);
      assert.ok(objectsSent(this.state) <= (policy.maxObjectsSent ?? 0));
      assert.ok(sent.length > 0);
    }
    // I1: nothing that has a label is sent.
    assert.ok(sent.every((one) => one.state === 'open'));
    this.#end(order, how, fates, sent, late);
    this.live -= 1;
  }

  #end(order: JobOrder, how: Kind, fates: Fate[], sent: Model[], late: number): void {
    const { generation } = order;
    if (how.kind === 'gone') {
      this.state = jobEnded(this.state, generation, { kind: 'gone', name: order.name, observedAtMs: this.nowMs });
      return;
    }
    if (how.kind === 'not-created') {
      const why =
        how.why === 'stop-requested'
          ? { kind: how.why }
          : how.why === 'refused'
            ? { kind: how.why, error: 'ValidationException', message: 'no' }
            : { kind: how.why, message: 'taken' };
      this.state = jobEnded(this.state, generation, { kind: 'not-created', why, observedAtMs: this.nowMs });
      return;
    }
    const createdAtMs = this.nowMs;
    this.nowMs += how.ageMs;
    const given = sent.map((object, index) => ({ object, fate: fates[index % fates.length] ?? 'untouched' }));
    const labeled = given.filter(({ fate }) => fate === 'labeled').length;
    const failed = given.filter(({ fate }) => fate === 'declined' || fate === 'broken').length;
    const observation = observationOf({
      status: how.status,
      createdAtMs,
      lastModifiedAtMs: this.nowMs,
      serviceNowMs: this.nowMs,
      failureReason: how.status === 'Failed' ? how.reason : null,
      counters: counters({
        totalLabeled: labeled,
        humanLabeled: labeled,
        failed,
        unlabeled: sent.length - labeled - failed,
      }),
    });
    const stop = how.stop === null ? null : { by: how.stop, requestedAtMs: this.nowMs };
    const ending: Extract<Ending, { kind: 'ended' }> = {
      kind: 'ended',
      status: how.status,
      observation,
      stop,
      declines: 0,
    };
    this.state = jobObserved(this.state, generation, { ...observation, status: 'InProgress' });
    this.state = jobEnded(this.state, generation, ending);
    if (this.state.spec.streaming) {
      this.state = streamingJobEnded(this.state, generation);
      return;
    }
    const before = this.#dataset();
    let attemptsCounted = 0;
    let newlySetAside = 0;
    for (const { object, fate } of given) {
      if (fate === 'labeled') object.state = 'labeled';
      if (fate === 'labeled' || fate === 'untouched') continue;
      const reason = fate === 'broken' ? 'the image is broken' : 'ClientError: Annotation tasks expired.';
      const facts = {
        status: how.status,
        counters: observation.counters,
        ageAtEndMs: how.ageMs,
        taskAvailabilityMs: 30 * DAY_MS,
        declines: 0,
      };
      if (!countsAttempt(facts, reason)) continue;
      attemptsCounted += 1;
      object.attempts += 1;
      if (object.attempts >= this.state.spec.policy.maxAttemptsPerObject) {
        object.state = 'set-aside';
        newlySetAside += 1;
      }
    }
    // Labels of an earlier job that appear only now: the first stays, they are merged, never dropped.
    const lateObjects = this.objects.filter((one) => one.state === 'open').slice(0, late);
    for (const object of lateObjects) object.state = 'labeled';
    const dataset = this.#dataset();
    assert.ok(dataset.labeled >= before.labeled);
    const merge: Merge = {
      dataset,
      output: { uri: 's3://out', etag: `e${generation}` },
      newLabels: labeled,
      complete: labeled === sent.length,
      attemptsCounted,
      newlySetAside,
      unmatchedLabeled: 0,
      unmatchedUri: null,
    };
    this.state = lateLabelsMerged(jobMerged(this.state, ending, generation, merge), { dataset, outputs: [] });
  }

  /** What a person does with an attention. */
  answer(how: Round['answer']): 'went-on' | 'refused' {
    const setAside = this.objects.filter((one) => one.state === 'set-aside');
    const retrySetAside = how === 'retry-set-aside' && setAside.length > 0;
    if (how === 'stop') {
      this.state = { ...this.state, attention: null, stopRequested: { atMs: this.nowMs, reason: 'a person' } };
      return 'went-on';
    }
    if (how === 'raise') {
      const policy = { ...this.state.spec.policy, maxCost: 1_000, maxObjectsSent: 5_000 };
      this.state = { ...this.state, spec: { ...this.state.spec, policy } };
    }
    const resumed = resume(this.state, { acceptMissing: false, retrySetAside }, false);
    if (resumed.kind === 'refused') return 'refused';
    this.state = resumed.state;
    if (retrySetAside) {
      for (const object of setAside) Object.assign(object, { state: 'open', attempts: 0 });
      this.state = { ...this.state, dataset: this.#dataset() };
    }
    return 'went-on';
  }

  /** I2: every object stands in exactly one of the counts that people see. */
  check(): void {
    const { objects, jobs } = chainDocument(this.state, null);
    assert.equal(objects.total, objects.labeled + objects.remaining + objects.setAside);
    if (!this.state.spec.streaming) assert.equal(objects.total, this.objects.length);
    assert.equal(new Set(jobs.map((job) => job.name)).size, jobs.length);
    assert.deepEqual(JSON.parse(JSON.stringify(this.state)), this.state);
  }

  fail(what: string): never {
    throw new Error(what);
  }
}

test('every history ends, holds I1 to I6, and over all of them no outcome stays unreached', () => {
  const reached = new Map<string, number>();
  const ends = new Map<string, number>();
  fc.assert(
    fc.property(history, (given) => {
      const chain = new Chain(given);
      let answers = 0;
      let steps = 0;
      const roundAt = (index: number): Round => given.rounds[index % given.rounds.length] ?? chain.fail('no round');
      for (; ; steps += 1) {
        // Bounded: by maxJobs and by the answers of a person, of which each leads to at most one job that was not counted.
        assert.ok(steps < 600);
        const order = nextOrder(chain.state);
        chain.check();
        if (order.kind === 'end') {
          ends.set(order.status, (ends.get(order.status) ?? 0) + 1);
          if (order.status === 'labeled') assert.ok(chain.objects.every((one) => one.state !== 'open'));
          break;
        }
        if (order.kind === 'ask') {
          chain.state = { ...chain.state, attention: order.attention };
          // A person answers sixty times at most, then stops the chain. A refused answer changes nothing.
          answers += 1;
          const before = chain.state;
          const how = answers > 60 ? 'stop' : roundAt(steps).answer;
          const answered = chain.answer(how);
          if (answered === 'refused' && how !== 'raise') assert.equal(chain.state, before);
          if (answered === 'refused') chain.answer('stop');
          continue;
        }
        assert.equal(chain.state.stopRequested, null);
        expect(chain.state.generations.filter((job) => job.outcome !== 'not-created').length).toBeLessThan(
          maxJobsOf(chain.state),
        );
        const round = roundAt(steps);
        chain.run(order, round);
        const outcome = lastGeneration(chain.state)?.outcome ?? chain.fail('the job has no outcome');
        reached.set(outcome, (reached.get(outcome) ?? 0) + 1);
        expect(asTerminal(lastGeneration(chain.state)?.status ?? '') !== null).toBe(
          !['not-created', 'gone'].includes(outcome),
        );
        // I5: after a stop no further create is decided.
        if (round.stop && steps > 20) {
          chain.state = { ...chain.state, stopRequested: { atMs: chain.nowMs, reason: 'a person' } };
          assert.equal(nextOrder(chain.state).kind, 'end');
        }
      }
    }),
    { numRuns: 400, seed: 20_261_124 },
  );
  expect([...OUTCOMES, 'not-created', 'gone'].filter((outcome) => !reached.has(outcome))).toEqual([]);
  expect([...ends.keys()].toSorted()).toEqual(['finished', 'labeled', 'stopped']);
});
