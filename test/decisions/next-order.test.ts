/** What a chain does next: the default of every outcome, the limits in their order, the input of the next job, stops. */
import { attention } from '../../decisions/attention.ts';
import type { ChainState, Generation } from '../../decisions/chain-state.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import { failureBackOffMs, maxJobsOf, nextOrder } from '../../decisions/next-order.ts';
import { T0, chainOf, counters, datasetOf, jobOf, specOf, streamingJob } from './builders.ts';

const after = (job: Partial<Generation>, change: Partial<ChainState> = {}): ChainState =>
  chainOf({ generations: [jobOf(job)], ...change });

const jobs = (count: number, change: Partial<Generation> = {}): Generation[] =>
  Array.from({ length: count }, (_, index) => jobOf({ generation: index + 1, ...change }));

test('the first job of a chain holds everything that is unlabeled', () => {
  expect(nextOrder(chainOf())).toEqual({
    kind: 'run-job',
    generation: 1,
    name: 'birds-abcde-001',
    mode: 'unlabeled',
    maxObjects: 100,
    withoutAlgorithms: false,
    note: null,
    delayMs: 0,
  });
});

describe('the default of each outcome, where objects remain', () => {
  test.each(['expired', 'leftovers'] as const)('%s: the next job, at once', (outcome) => {
    expect(nextOrder(after({ outcome }))).toMatchObject({
      kind: 'run-job',
      generation: 2,
      name: 'birds-abcde-002',
      delayMs: 0,
    });
  });

  test('labeled: the chain ends labeled', () => {
    const state = after({ outcome: 'labeled' }, { dataset: datasetOf({ total: 100, labeled: 100 }) });
    expect(nextOrder(state)).toEqual({ kind: 'end', status: 'labeled', reason: 'all 100 objects are labeled' });
  });

  test('labeled with objects set aside says how many', () => {
    const state = after({ outcome: 'labeled' }, { dataset: datasetOf({ total: 100, labeled: 97, setAside: 3 }) });
    expect(nextOrder(state)).toEqual({
      kind: 'end',
      status: 'labeled',
      reason: 'nothing remains; 3 objects were set aside',
    });
  });

  test('stopped-by-us: the chain ends stopped', () => {
    expect(nextOrder(after({ outcome: 'stopped-by-us' }))).toEqual({
      kind: 'end',
      status: 'stopped',
      reason: 'birds-abcde-001 was stopped by a person through label-relay',
    });
  });

  test('stopping-condition: the user’s brake ends the chain', () => {
    expect(nextOrder(after({ outcome: 'stopping-condition' }))).toEqual({
      kind: 'end',
      status: 'finished',
      reason: 'birds-abcde-001 reached its StoppingConditions',
    });
  });

  test('stopping-condition with policy.stoppingConditions "per-job": the next job', () => {
    const spec = specOf({ policy: { stoppingConditions: 'per-job' } });
    expect(nextOrder(after({ outcome: 'stopping-condition' }, { spec }))).toMatchObject({
      kind: 'run-job',
      generation: 2,
    });
  });

  test('stopped-outside: a person is asked, never silently restarted', () => {
    expect(nextOrder(after({ outcome: 'stopped-outside' }))).toEqual({
      kind: 'ask',
      attention: attention(
        'stopped-outside',
        'birds',
        'birds-abcde-001 was stopped by somebody else with 100 objects unlabeled',
        {
          sinceMs: T0,
          generation: 1,
        },
      ),
    });
  });

  test('failed-input: a person is asked at once, with the reason', () => {
    const order = nextOrder(after({ outcome: 'failed-input', failureReason: 'AccessDenied' }, { failuresInRow: 1 }));
    expect(order).toMatchObject({
      kind: 'ask',
      attention: {
        reason: 'failed-input',
        message: 'birds-abcde-001 failed because of its input or permissions: AccessDenied',
        generation: 1,
      },
    });
  });

  test('failed-transient: retried with back-off', () => {
    expect(nextOrder(after({ outcome: 'failed-transient' }, { failuresInRow: 2 }))).toMatchObject({
      kind: 'run-job',
      delayMs: 10 * MINUTE_MS,
    });
  });

  test('failed-transient: maxFailures in a row are retried, one more asks a person', () => {
    expect(nextOrder(after({ outcome: 'failed-transient' }, { failuresInRow: 3 })).kind).toBe('run-job');
    expect(
      nextOrder(after({ outcome: 'failed-transient', failureReason: 'Internal error' }, { failuresInRow: 4 })),
    ).toMatchObject({
      kind: 'ask',
      attention: {
        reason: 'too-many-failures',
        message: '4 jobs in a row failed; the last, birds-abcde-001: Internal error',
      },
    });
  });

  test('failed-unknown: one retry, then a person is asked', () => {
    const state = after({ outcome: 'failed-unknown' }, { failuresInRow: 1, unknownFailuresInRow: 1 });
    expect(nextOrder(state)).toMatchObject({ kind: 'run-job', delayMs: 5 * MINUTE_MS });
    expect(nextOrder({ ...state, failuresInRow: 2, unknownFailuresInRow: 2 })).toMatchObject({
      kind: 'ask',
      attention: {
        reason: 'failed-unknown',
        message: 'birds-abcde-001 failed for a reason that we do not know, again: no reason given',
      },
    });
  });

  test('failed-unknown as one of many failures of other kinds is bounded by maxFailures too', () => {
    const state = after({ outcome: 'failed-unknown' }, { failuresInRow: 4, unknownFailuresInRow: 1 });
    expect(nextOrder(state)).toMatchObject({
      kind: 'ask',
      attention: {
        reason: 'too-many-failures',
        message: '4 jobs in a row failed; the last, birds-abcde-001: no reason given',
      },
    });
  });

  test('an ending that a person has answered no longer holds the chain', () => {
    for (const outcome of ['stopped-by-us', 'stopped-outside', 'failed-input', 'stopping-condition'] as const) {
      expect(nextOrder(after({ outcome }, { clearedGeneration: 1 })).kind).toBe('run-job');
    }
  });

  test('a job that was never created, or is gone, leaves the next one free once a person has answered', () => {
    expect(nextOrder(after({ outcome: 'not-created' }))).toMatchObject({ kind: 'run-job', generation: 2 });
    expect(nextOrder(after({ outcome: 'gone' }))).toMatchObject({ kind: 'run-job', generation: 2 });
  });
});

describe('a streaming job', () => {
  const spec = specOf({ job: streamingJob });
  const streaming = (change: Partial<ChainState> = {}) => chainOf({ spec, dataset: null, ...change });

  test('is started once, with nothing counted', () => {
    expect(nextOrder(streaming())).toMatchObject({ kind: 'run-job', generation: 1, maxObjects: 0, note: null });
  });

  test('is never continued: the chain is finished when it ends', () => {
    const state = streaming({ generations: [jobOf({ outcome: 'streaming', status: 'Stopped', input: null })] });
    expect(nextOrder(state)).toEqual({
      kind: 'end',
      status: 'finished',
      reason:
        'the streaming job birds-abcde-001 ended (Stopped); its SQS queue GroundTruth-birds-abcde-001 is left over and may hold objects: look, then delete it',
    });
  });

  test('that could not be created asks a person, and is tried again after the answer', () => {
    const asked = attention('create-refused', 'birds', 'no', { sinceMs: null, generation: 1 });
    const state = streaming({ generations: [jobOf({ outcome: 'not-created', input: null })], attention: asked });
    expect(nextOrder(state)).toEqual({ kind: 'ask', attention: asked });
    expect(nextOrder({ ...state, attention: null })).toMatchObject({ kind: 'run-job', generation: 2 });
  });
});

describe('the order after a merge: attention, nothing remains, limits, no progress, next', () => {
  const atAllLimits = {
    spec: specOf({ policy: { maxJobs: 1, maxObjectsSent: 1, maxDuration: '1d', price: { perObject: 1 }, maxCost: 1 } }),
    jobsWithoutProgressInRow: 9,
    lastHeardMs: T0 + DAY_MS,
  };

  test('what the merge asked comes first', () => {
    const asked = attention('unmatched-label', 'birds', 'odd', { sinceMs: T0, generation: 1 });
    const state = after({}, { ...atAllLimits, dataset: datasetOf({ remaining: 0 }), attention: asked });
    expect(nextOrder(state)).toEqual({ kind: 'ask', attention: asked });
  });

  test('then, that nothing remains: whatever limit is reached', () => {
    const state = after(
      { outcome: 'stopped-outside' },
      { ...atAllLimits, dataset: datasetOf({ total: 9, labeled: 9 }) },
    );
    expect(nextOrder(state)).toMatchObject({ kind: 'end', status: 'labeled' });
  });

  test('then maxJobs: finished', () => {
    expect(nextOrder(after({}, atAllLimits))).toEqual({
      kind: 'end',
      status: 'finished',
      reason: 'the limit of 1 jobs is reached',
    });
  });

  test('then the duration of the chain: finished', () => {
    const spec = specOf({ policy: { maxDuration: '1d', maxObjectsSent: 1 } });
    expect(nextOrder(after({}, { ...atAllLimits, spec }))).toEqual({
      kind: 'end',
      status: 'finished',
      reason: 'the chain is 1d old; its limit is 1d',
    });
    expect(nextOrder(after({}, { ...atAllLimits, spec, lastHeardMs: T0 + DAY_MS - 1 })).kind).toBe('ask');
  });

  test('then maxObjectsSent: a person is asked', () => {
    const spec = specOf({ policy: { maxObjectsSent: 100 } });
    expect(nextOrder(after({}, { spec, jobsWithoutProgressInRow: 9 }))).toMatchObject({
      kind: 'ask',
      attention: {
        reason: 'max-objects-sent',
        message: '100 objects were sent to workers; the limit is 100, and with all 100 that remain it would be 200',
      },
    });
  });

  test('then money: a person is asked', () => {
    const spec = specOf({ policy: { price: { perObject: 1, currency: 'EUR' }, maxCost: 50 } });
    const job = { counters: counters({ totalLabeled: 50, humanLabeled: 50 }) };
    expect(nextOrder(after(job, { spec, jobsWithoutProgressInRow: 9 }))).toMatchObject({
      kind: 'ask',
      attention: {
        reason: 'max-cost',
        message:
          '50.00 EUR of at most 50 are committed; not one more object fits, and with all 100 that remain it would be 150.00',
      },
    });
  });

  test('I6: the question about money names the jobs that AWS never counted', () => {
    const spec = specOf({ policy: { price: { perObject: 1, currency: 'EUR' }, maxCost: 100 } });
    expect(nextOrder(after({}, { spec }))).toMatchObject({
      attention: {
        reason: 'max-cost',
        message:
          '100.00 EUR of at most 100 are committed, among them every object of birds-abcde-001, of which AWS shows no counters: see in the SageMaker console what was labeled; not one more object fits, and with all 100 that remain it would be 200.00',
      },
    });
  });

  test('then no progress: after two jobs in a row a person is asked', () => {
    expect(nextOrder(after({}, { jobsWithoutProgressInRow: 1 })).kind).toBe('run-job');
    expect(nextOrder(after({}, { jobsWithoutProgressInRow: 2 }))).toMatchObject({
      kind: 'ask',
      attention: { reason: 'no-progress', message: '2 jobs in a row brought no label', sinceMs: T0, generation: 1 },
    });
  });

  test('a dataset that was never read is no reason to create a job', () => {
    expect(nextOrder(chainOf({ dataset: null }))).toMatchObject({
      kind: 'ask',
      attention: { reason: 'storage-refused', message: 'the dataset has not been read yet', generation: null },
    });
  });
});

describe('maxJobs', () => {
  test('is 24 and one for each slice', () => {
    expect(maxJobsOf(chainOf())).toBe(25);
    expect(maxJobsOf(chainOf({ dataset: datasetOf({ total: 100_001 }) }))).toBe(26);
    expect(maxJobsOf(chainOf({ dataset: null }))).toBe(24);
    expect(maxJobsOf(chainOf({ spec: specOf({ policy: { maxJobs: 3 } }) }))).toBe(3);
  });

  test('counts jobs that AWS has or had, not those that it refused', () => {
    const spec = specOf({ policy: { maxJobs: 3 } });
    expect(
      nextOrder(chainOf({ spec, generations: [...jobs(2), jobOf({ generation: 3, outcome: 'not-created' })] })).kind,
    ).toBe('run-job');
    expect(
      nextOrder(chainOf({ spec, generations: [...jobs(2), jobOf({ generation: 3, outcome: 'gone' })] })).kind,
    ).toBe('end');
  });
});

test.each([
  [0, 0],
  [-1, 0],
  [1, 5 * MINUTE_MS],
  [2, 10 * MINUTE_MS],
  [3, 20 * MINUTE_MS],
  [7, 320 * MINUTE_MS],
  [8, 6 * HOUR_MS],
  [5_000, 6 * HOUR_MS],
])('after %d failed jobs in a row the next waits %d ms', (failures, ms) => {
  expect(failureBackOffMs(failures)).toBe(ms);
});

describe('I5: no create is decided after a stop or a final decision', () => {
  const stopRequested = { atMs: T0, reason: 'enough for now' };

  test('a stop ends the chain, whatever the last job left to do', () => {
    for (const outcome of ['expired', 'leftovers', 'failed-transient', 'stopped-outside', null] as const) {
      expect(nextOrder(after({ outcome }, { stopRequested }))).toEqual({
        kind: 'end',
        status: 'stopped',
        reason: 'enough for now',
      });
    }
    expect(nextOrder(chainOf({ stopRequested }))).toMatchObject({ status: 'stopped' });
    expect(nextOrder(chainOf({ stopRequested, spec: specOf({ job: streamingJob }), dataset: null }))).toMatchObject({
      status: 'stopped',
    });
  });

  test('a stop answers what a person was asked', () => {
    const asked = attention('no-progress', 'birds', 'no', { sinceMs: T0, generation: 1 });
    expect(nextOrder(after({}, { stopRequested, attention: asked }))).toMatchObject({ kind: 'end', status: 'stopped' });
  });

  test('a stop that comes when all is labeled leaves the chain labeled', () => {
    const state = after({ outcome: 'labeled' }, { stopRequested, dataset: datasetOf({ total: 3, labeled: 3 }) });
    expect(nextOrder(state)).toMatchObject({ kind: 'end', status: 'labeled' });
  });

  test('an ended chain stays ended', () => {
    const end = {
      status: 'finished',
      reason: 'over',
      atMs: T0,
      finalManifestUri: null,
      leftoverReportUri: null,
    } as const;
    expect(nextOrder(after({}, { phase: { kind: 'ended', lateLookDone: true }, end }))).toEqual({
      kind: 'end',
      status: 'finished',
      reason: 'over',
    });
  });
});
