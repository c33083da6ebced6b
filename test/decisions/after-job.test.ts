/** What a chain learns from a job: decided, seen, ended, merged, and labels that come late. */
import {
  askForAwaited,
  currentGeneration,
  jobDecided,
  jobEnded,
  jobInTrouble,
  jobMerged,
  jobObserved,
  lateLabelsMerged,
  mergeBlocked,
  stoppedWithoutLabels,
  streamingJobEnded,
  type LateOutput,
} from '../../decisions/after-job.ts';
import { attention } from '../../decisions/attention.ts';
import {
  countersOf,
  heard,
  lastGeneration,
  newChain,
  type ChainState,
  type Dataset,
  type notCreatedText,
} from '../../decisions/chain-state.ts';
import { DAY_MS } from '../../decisions/durations.ts';
import { asTerminal, isKnownStatus } from '../../decisions/ending.ts';
import { nextOrder, type JobOrder } from '../../decisions/next-order.ts';
import { resume } from '../../decisions/resume.ts';
import {
  FIRST_RUN_ID,
  T0,
  chainOf,
  counters,
  datasetOf,
  endedOf,
  inputOf,
  jobOf,
  mergeOf,
  observationOf,
  specOf,
  streamingJob,
  type Ended,
} from './builders.ts';

const orderOf = (state = chainOf()): JobOrder => {
  const order = nextOrder(state);
  if (order.kind !== 'run-job') throw new Error(order.kind);
  return order;
};
const live = (spec = specOf()) => jobDecided(chainOf({ spec }), orderOf(), inputOf());
const settling = (spec = specOf()) => jobEnded(live(spec), 1, endedOf());

test('a new chain knows its name, its suffix and nothing else', () => {
  expect(newChain(specOf(), FIRST_RUN_ID)).toMatchObject({
    chain: 'birds',
    firstRunId: FIRST_RUN_ID,
    suffix: 'abcde',
    resumption: 0,
    phase: { kind: 'deciding' },
    dataset: null,
    generations: [],
    attention: null,
    stopRequested: null,
    end: null,
    clearedGeneration: 0,
    failuresInRow: 0,
    unknownFailuresInRow: 0,
    jobsWithoutProgressInRow: 0,
    manifestUris: [],
    firstHeardMs: null,
    lastHeardMs: null,
  });
});

test('a job stands in the record as soon as it is decided, before it exists', () => {
  const state = live();
  expect(state.phase).toEqual({ kind: 'job', generation: 1 });
  expect(state.generations).toEqual([
    {
      generation: 1,
      name: 'birds-abcde-001',
      arn: null,
      status: 'Deciding',
      outcome: null,
      input: inputOf(),
      createdAtMs: null,
      endedAtMs: null,
      counters: null,
      failureReason: null,
      stop: null,
      declines: 0,
      output: null,
      newLabels: 0,
      complete: false,
      modelArn: null,
      terms: { workersPerObject: 1, taskAvailabilityMs: 30 * DAY_MS, lifetimeMs: 30 * DAY_MS },
    },
  ]);
  expect(currentGeneration(state)).toEqual(state.generations[0]);
  expect(countersOf(jobOf({ counters: null }))).toEqual(counters());
});

test('what is seen of the live job is shown, and its time is the chain’s', () => {
  const seen = observationOf({
    status: 'InProgress',
    serviceNowMs: T0 + 5,
    counters: counters({ unlabeled: 3 }),
    failureReason: 'x',
  });
  const state = jobObserved(live(), 1, seen);
  expect(lastGeneration(state)).toMatchObject({
    arn: seen.arn,
    status: 'InProgress',
    createdAtMs: T0,
    counters: { unlabeled: 3 },
    failureReason: 'x',
    endedAtMs: null,
  });
  expect(state.lastHeardMs).toBe(T0 + 5);
  expect(state.phase).toEqual({ kind: 'job', generation: 1 });
});

test('the service’s clock is never turned back by what is heard late', () => {
  const fresh = newChain(specOf(), FIRST_RUN_ID);
  const once = heard(fresh, 50);
  expect(once).toMatchObject({ firstHeardMs: 50, lastHeardMs: 50 });
  expect(heard(once, 40)).toMatchObject({ firstHeardMs: 50, lastHeardMs: 50 });
  expect(heard(once, 60)).toMatchObject({ firstHeardMs: 50, lastHeardMs: 60 });
  expect(heard(once, null)).toBe(once);
});

test('trouble with a live job is attention, and over when the job is', () => {
  const troubled = jobInTrouble(live(), 1, 'past-deadline', 'still there');
  expect(troubled.attention).toEqual(
    attention('past-deadline', 'birds', 'still there', { sinceMs: T0, generation: 1 }),
  );
  expect(jobInTrouble(troubled, 1, 'unknown-status', 'odd').attention).toBe(troubled.attention);
  expect(jobEnded(troubled, 1, endedOf()).attention).toBeNull();
});

test('an attention that is not about the live job outlasts its ending', () => {
  const asked = mergeBlocked(live(), 1, 'storage-refused', 'no access');
  expect(asked.attention).toMatchObject({ reason: 'storage-refused', message: 'no access', generation: 1 });
  expect(jobEnded(asked, 1, endedOf()).attention).toBe(asked.attention);
});

test('an ended job is settled next, with what its ending says', () => {
  const stop = { by: 'person', requestedAtMs: T0 } as const;
  const ending = endedOf({ status: 'Stopped', stop, declines: 4, observation: { finalModelArn: 'arn:model' } });
  const state = jobEnded(live(), 1, ending);
  expect(state.phase).toEqual({ kind: 'settling', generation: 1, ending, sinceMs: T0 + DAY_MS, acceptMissing: false });
  expect(lastGeneration(state)).toMatchObject({
    status: 'Stopped',
    endedAtMs: T0 + DAY_MS,
    stop,
    declines: 4,
    modelArn: 'arn:model',
    outcome: null,
  });
  expect(currentGeneration(state)?.generation).toBe(1);
});

describe('a job that never began', () => {
  const notCreated = (why: Parameters<typeof notCreatedText>[0]) =>
    jobEnded(live(), 1, { kind: 'not-created', why, observedAtMs: T0 + 1 });

  test('because AWS refused it: a person is asked, with AWS’s words', () => {
    const state = notCreated({ kind: 'refused', error: 'ValidationException', message: 'no such team' });
    expect(lastGeneration(state)).toMatchObject({
      status: 'NotCreated',
      outcome: 'not-created',
      failureReason: 'AWS refused it (ValidationException): no such team',
    });
    expect(state).toMatchObject({ phase: { kind: 'deciding' }, lastHeardMs: T0 + 1 });
    expect(state.attention).toMatchObject({
      reason: 'create-refused',
      message: 'the labeling job could not be created: AWS refused it (ValidationException): no such team',
      generation: 1,
    });
    expect(currentGeneration(state)).toBeNull();
  });

  test('because its name is taken by a job that is not ours: a person is asked', () => {
    expect(notCreated({ kind: 'name-taken', message: 'taken' }).attention).toMatchObject({
      reason: 'name-taken',
      message: 'taken',
    });
  });

  test('because a person stopped it: the chain is to stop (I5)', () => {
    const state = notCreated({ kind: 'stop-requested' });
    expect(state.attention).toBeNull();
    expect(state.stopRequested).toEqual({
      atMs: T0 + 1,
      reason: 'its next job was stopped by a person before it was created',
    });
    expect(lastGeneration(state)?.failureReason).toBe('a stop was asked for before it was created');
    expect(nextOrder(state)).toMatchObject({ kind: 'end', status: 'stopped' });
  });

  test('because the chain was stopped: the first reason stays', () => {
    const stopRequested = { atMs: T0, reason: 'enough' };
    const state = jobEnded({ ...live(), stopRequested }, 1, {
      kind: 'not-created',
      why: { kind: 'stop-requested' },
      observedAtMs: null,
    });
    expect(state.stopRequested).toBe(stopRequested);
  });
});

test('a job that AWS no longer knows asks a person; nothing is created in its place by itself', () => {
  const state = jobEnded(live(), 1, { kind: 'gone', name: 'birds-abcde-001', observedAtMs: null });
  expect(lastGeneration(state)).toMatchObject({ status: 'Gone', outcome: 'gone' });
  expect(state.attention).toMatchObject({
    reason: 'job-gone',
    message: 'AWS no longer knows the labeling job birds-abcde-001',
  });
  expect(nextOrder(state).kind).toBe('ask');
});

describe('a merge', () => {
  test('gives the ending its outcome, the dataset its new version, and clears what was asked', () => {
    const asked = mergeBlocked(settling(), 1, 'labels-missing', 'two are missing');
    const merge = mergeOf({ dataset: datasetOf({ version: 1, labeled: 60 }), newLabels: 60, complete: true });
    const state = jobMerged(asked, endedOf(), 1, merge);
    expect(state).toMatchObject({
      phase: { kind: 'deciding' },
      dataset: { version: 1, labeled: 60, remaining: 40 },
      attention: null,
    });
    expect(lastGeneration(state)).toMatchObject({
      outcome: 'leftovers',
      output: merge.output,
      newLabels: 60,
      complete: true,
    });
  });

  test('knows the brakes of the spec and the size of the input', () => {
    const spec = specOf({ job: { StoppingConditions: { MaxPercentageOfInputDatasetLabeled: 50 } } });
    const ending = endedOf({ observation: { counters: counters({ totalLabeled: 50 }) } });
    const state = jobMerged(settling(spec), ending, 1, mergeOf({ newLabels: 50 }));
    expect(lastGeneration(state)?.outcome).toBe('stopping-condition');
  });

  test('judges a job by the brakes and the lifetime that it was started with: an amendment holds from the next one on', () => {
    const braked = specOf({ job: { StoppingConditions: { MaxHumanLabeledObjectCount: 50 } } });
    const state = { ...settling(braked), spec: specOf({ policy: { lifetime: '3d' } }) };
    const outcomeOf = (ending: Ended) => lastGeneration(jobMerged(state, ending, 1, mergeOf()))?.outcome;
    const reached = { counters: counters({ totalLabeled: 50, humanLabeled: 50 }) };
    expect(outcomeOf(endedOf({ status: 'Stopped', observation: reached }))).toBe('stopping-condition');
    expect(outcomeOf(endedOf({ status: 'Stopped', ageMs: 3 * DAY_MS }))).toBe('stopped-outside');
  });

  test('counts failures in a row, and failures of unknown reason among them', () => {
    const failed = (failureReason: string) => endedOf({ status: 'Failed', observation: { failureReason } });
    const first = jobMerged(settling(), failed('odd'), 1, mergeOf());
    expect(first).toMatchObject({ failuresInRow: 1, unknownFailuresInRow: 1, jobsWithoutProgressInRow: 0 });
    const second = jobMerged(first, failed('InternalServerError'), 1, mergeOf());
    expect(second).toMatchObject({ failuresInRow: 2, unknownFailuresInRow: 0, jobsWithoutProgressInRow: 0 });
    const third = jobMerged(second, failed('AccessDenied'), 1, mergeOf());
    expect(third).toMatchObject({ failuresInRow: 3 });
    expect(jobMerged(third, endedOf(), 1, mergeOf())).toMatchObject({ failuresInRow: 0, unknownFailuresInRow: 0 });
  });

  test('counts jobs without progress; a label or a counted attempt is progress, a failed job is neither', () => {
    const one = jobMerged(settling(), endedOf(), 1, mergeOf());
    expect(one.jobsWithoutProgressInRow).toBe(1);
    const failed = endedOf({ status: 'Failed', observation: { failureReason: 'odd' } });
    expect(jobMerged(one, failed, 1, mergeOf()).jobsWithoutProgressInRow).toBe(1);
    expect(jobMerged(one, failed, 1, mergeOf({ newLabels: 1 })).jobsWithoutProgressInRow).toBe(0);
    expect(jobMerged(one, endedOf(), 1, mergeOf({ newLabels: 1 })).jobsWithoutProgressInRow).toBe(0);
    expect(jobMerged(one, endedOf(), 1, mergeOf()).jobsWithoutProgressInRow).toBe(2);
    const expired = endedOf({ status: 'Failed', ageMs: 30 * DAY_MS });
    expect(jobMerged(one, expired, 1, mergeOf()).jobsWithoutProgressInRow).toBe(2);
  });

  test('that finds labels of no object asks a person and names the file', () => {
    const state = jobMerged(
      settling(),
      endedOf(),
      1,
      mergeOf({ unmatchedLabeled: 2, unmatchedUri: 's3://labels/unmatched.jsonl' }),
    );
    expect(state.attention).toMatchObject({
      reason: 'unmatched-label',
      message: '2 labeled lines of the output of birds-abcde-001 match no object: s3://labels/unmatched.jsonl',
    });
  });
});

test('a merge of an adopted job, whose input is not ours, goes by what AWS counts', () => {
  const spec = specOf({ job: { StoppingConditions: { MaxPercentageOfInputDatasetLabeled: 50 } } });
  const adopted = chainOf({ spec, generations: [jobOf({ outcome: null, input: null })] });
  const ending = endedOf({ observation: { counters: counters({ totalLabeled: 5, unlabeled: 5 }) } });
  expect(lastGeneration(jobMerged(adopted, ending, 1, mergeOf({ newLabels: 5 })))?.outcome).toBe('stopping-condition');
});

test('only a chain that is at a job, or settles one, has a current generation', () => {
  const generations = [jobOf()];
  expect(currentGeneration(chainOf({ generations, phase: { kind: 'ended', lateLookDone: true } }))).toBeNull();
  expect(currentGeneration(chainOf({ generations, phase: { kind: 'job', generation: 2 } }))).toBeNull();
});

test('a streaming job that ended has its outcome and nothing to merge', () => {
  const streaming = chainOf({ spec: specOf({ job: streamingJob }), dataset: null });
  const state = streamingJobEnded(
    jobEnded(jobDecided(streaming, orderOf(streaming), null), 1, endedOf({ status: 'Stopped' })),
    1,
  );
  expect(lastGeneration(state)).toMatchObject({ outcome: 'streaming', input: null });
  expect(state.phase).toEqual({ kind: 'deciding' });
  expect(nextOrder(state)).toMatchObject({ kind: 'end', status: 'finished' });
});

describe('late labels', () => {
  const generations = [jobOf({ generation: 1 }), jobOf({ generation: 2 })];
  const end = {
    status: 'finished',
    reason: 'the limit of 2 jobs is reached',
    atMs: T0,
    finalManifestUri: 's3://f',
    leftoverReportUri: 's3://l',
  } as const;
  const outputs = [{ generation: 1, uri: 's3://o', etag: 'e2' }];

  test('I1: are merged and remembered by the ETag of the output that held them', () => {
    const state = lateLabelsMerged(chainOf({ generations }), {
      dataset: datasetOf({ version: 3, labeled: 9 }),
      outputs,
    });
    expect(state.dataset).toMatchObject({ version: 3, labeled: 9 });
    expect(state.generations.map((job) => job.output)).toEqual([{ uri: 's3://o', etag: 'e2' }, null]);
    expect(state.end).toBeNull();
  });

  test('I6: count as labels that their job brought, never fewer than before', () => {
    const before = chainOf({ generations: generations.map((job) => ({ ...job, newLabels: 3 })) });
    const labelsAfter = (newLabels: number): unknown[] =>
      lateLabelsMerged(before, {
        dataset: datasetOf(),
        outputs: outputs.map((output) => ({ ...output, newLabels })),
      }).generations.map((job) => job.newLabels);
    expect(labelsAfter(5)).toEqual([5, 3]);
    expect(labelsAfter(2)).toEqual([3, 3]);
  });

  const published = (change: object): { dataset: Dataset; outputs: LateOutput[] } => ({
    dataset: datasetOf(),
    outputs: outputs.map((output) => ({ ...output, ...change })),
  });

  test('law 2: that were awaited when a stop came are asked for before the next job until they are there', () => {
    const state = stoppedWithoutLabels(chainOf({ generations }), 1, 10);
    expect(askForAwaited(state).attention).toMatchObject({
      reason: 'labels-missing',
      generation: 1,
      message: expect.stringMatching(/^AWS counted 10 labels of birds-abcde-001; s3:.*output\.manifest holds 0$/),
    });
    const some = lateLabelsMerged(state, published({ newLabels: 9 }));
    expect(askForAwaited(some).attention?.message).toMatch(/AWS counted 10 .* s3:\/\/o holds 9$/);
    const all = lateLabelsMerged(some, published({ newLabels: 9, unmatchedLabeled: 1 }));
    expect(askForAwaited(all)).toBe(all);
    const merged = jobMerged(settling(), endedOf(), 1, mergeOf({ newLabels: 9, unmatchedOfJob: 0 }));
    expect(askForAwaited(stoppedWithoutLabels(merged, 1, 10)).attention?.reason).toBe('labels-missing');
    const whole = stoppedWithoutLabels(settling(), 1, 9);
    expect(askForAwaited(jobMerged(whole, endedOf(), 1, mergeOf({ newLabels: 9 }))).attention).toBeNull();
  });

  test('law 2: that belong to no object are told once, however often their output is read, and where no question could be asked, later', () => {
    const asks = (state: ChainState): string | null => {
      const order = nextOrder(state);
      return order.kind === 'ask' ? order.attention.message : null;
    };
    const told = (state: ChainState): ChainState => {
      const order = nextOrder(state);
      const asked = { ...state, attention: order.kind === 'ask' ? order.attention : null };
      const resumed = resume(asked, { acceptMissing: false, retrySetAside: false }, false);
      return resumed.kind === 'resumed' ? resumed.state : state;
    };
    const ofJob = jobMerged(settling(), endedOf(), 1, mergeOf({ unmatchedOfJob: 2, unmatchedUri: 's3://u' }));
    expect(asks(ofJob)).toMatch(/^2 labeled lines of the output of birds-.*-001 match no object: s3:\/\/u$/);
    expect(asks(told(ofJob))).toBeNull();
    expect(asks(lateLabelsMerged(told(ofJob), published({ unmatchedLabeled: 2 })))).toBeNull();
    expect(asks(lateLabelsMerged(told(ofJob), published({ unmatchedLabeled: 3 })))).toMatch(/^1 labeled/);
    // The first question of a merge, and the end of a chain, leave it for later.
    const aside = lateLabelsMerged(chainOf({ generations }), {
      ...published({ unmatchedLabeled: 1 }),
      newlySetAside: 21,
    });
    expect(aside.attention?.reason).toBe('many-set-aside');
    expect(asks(told(aside))).toMatch(/^1 labeled/);
    const over = chainOf({ generations, end, phase: { kind: 'ended', lateLookDone: false } });
    expect(asks(told(lateLabelsMerged(over, published({ unmatchedLabeled: 2 }))))).toMatch(/^2 labeled/);
  });

  test('that are the last ones make a finished chain labeled: "labeled" is that nothing remains', () => {
    const ended = chainOf({ generations, end, phase: { kind: 'ended', lateLookDone: false } });
    expect(lateLabelsMerged(ended, { dataset: datasetOf({ remaining: 1 }), outputs }).end).toBe(end);
    expect(lateLabelsMerged(ended, { dataset: datasetOf({ total: 9, labeled: 9 }), outputs }).end).toEqual({
      ...end,
      status: 'labeled',
      reason: 'late labels were the last ones (before: the limit of 2 jobs is reached)',
    });
    const aside = lateLabelsMerged(ended, { dataset: datasetOf({ total: 9, labeled: 7, setAside: 2 }), outputs });
    expect(aside.end?.reason).toMatch(/^by late results 2 objects are set aside, and nothing remains \(before: /);
    const labeled = { ...end, status: 'labeled' } as const;
    expect(
      lateLabelsMerged({ ...ended, end: labeled }, { dataset: datasetOf({ total: 9, labeled: 9 }), outputs }).end,
    ).toBe(labeled);
  });
});

test.each(['Completed', 'Failed', 'Stopped'])('"%s" is an end', (status) => {
  expect(asTerminal(status)).toBe(status);
  expect(isKnownStatus(status)).toBe(true);
});

test.each(['Initializing', 'InProgress', 'Stopping'])('"%s" is known and no end', (status) => {
  expect(asTerminal(status)).toBeNull();
  expect(isKnownStatus(status)).toBe(true);
});

test.each(['Expired', 'completed', ''])('"%s" is a status that we do not know, and no end', (status) => {
  expect(asTerminal(status)).toBeNull();
  expect(isKnownStatus(status)).toBe(false);
});
