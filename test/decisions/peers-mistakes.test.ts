/**
 * Mistakes that other orchestrators of labeling jobs make, each as a test of ours under the name of the mistake. Here are
 * those that the decisions alone can hold; what needs workflows, activities or a queue is tested there.
 */
import { jobDecided, jobEnded, jobMerged, type Merge } from '../../decisions/after-job.ts';
import { countsAttempt } from '../../decisions/attempts.ts';
import { lastGeneration, type ChainState } from '../../decisions/chain-state.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import { eventArrived, handOver, newFollow, nextLookMs, observed, stopAsked } from '../../decisions/follow.ts';
import { labelingJobRequest } from '../../decisions/job-request.ts';
import { labelingJobWorkflowId, labelingJobName, parseLabelingJobArn } from '../../decisions/names.ts';
import { nextOrder, type Order } from '../../decisions/next-order.ts';
import {
  T0,
  chainOf,
  counters,
  datasetOf,
  endedOf,
  followOf,
  inputOf,
  jobOf,
  mergeOf,
  observationOf,
  policyOf,
  type Ended,
} from './builders.ts';

/** A chain whose first job of 100 objects ended so, and what it does next. */
const after = (ending: Ended, merge: Partial<Merge> = {}): { state: ChainState; order: Order } => {
  const first = nextOrder(chainOf());
  if (first.kind !== 'run-job') throw new Error(first.kind);
  const live = jobDecided(chainOf(), first, inputOf());
  const state = jobMerged(jobEnded(live, 1, ending), ending, 1, mergeOf(merge));
  return { state, order: nextOrder(state) };
};
const leftovers = { dataset: datasetOf({ version: 1, total: 100, labeled: 60 }), newLabels: 60 };
const context = { policy: policyOf(), streaming: false, sentObjects: 100 };

test('Failed with a 30-day reason: the next generation, with only what is unlabeled', () => {
  const { order, state } = after(
    endedOf({
      status: 'Failed',
      ageMs: 30 * DAY_MS,
      observation: { failureReason: 'Labeling jobs fail after 30 days' },
    }),
    leftovers,
  );
  expect(lastGeneration(state)?.outcome).toBe('expired');
  expect(order).toMatchObject({ kind: 'run-job', generation: 2, mode: 'unlabeled', maxObjects: 40 });
});

test('Failed with another reason: no next job, a person is told', () => {
  const { order } = after(endedOf({ status: 'Failed', observation: { failureReason: 'AccessDenied' } }), leftovers);
  expect(order).toMatchObject({ kind: 'ask', attention: { reason: 'failed-input' } });
});

test('a job after a failed one is never given the whole dataset again: what was paid stays paid', () => {
  const { order } = after(
    endedOf({ status: 'Failed', observation: { failureReason: 'InternalServerError' } }),
    leftovers,
  );
  expect(order).toMatchObject({ kind: 'run-job', mode: 'unlabeled', maxObjects: 40 });
});

test('a Stop by a user with leftovers: no next job', () => {
  const byUs = after(endedOf({ status: 'Stopped', stop: { by: 'person', requestedAtMs: T0 } }), leftovers);
  expect(byUs.order).toMatchObject({ kind: 'end', status: 'stopped' });
  const inTheConsole = after(endedOf({ status: 'Stopped' }), leftovers);
  expect(inTheConsole.order).toMatchObject({ kind: 'ask', attention: { reason: 'stopped-outside' } });
});

test('only permanently failing objects left: the chain ends, and they are reported as set aside', () => {
  expect(
    countsAttempt(
      { status: 'Completed', counters: counters(), ageAtEndMs: DAY_MS, taskAvailabilityMs: DAY_MS, declines: 0 },
      'the image is broken',
    ),
  ).toBe(true);
  const { order } = after(endedOf(), {
    dataset: datasetOf({ total: 100, labeled: 95, setAside: 5 }),
    newlySetAside: 5,
    attemptsCounted: 5,
  });
  expect(order).toEqual({ kind: 'end', status: 'labeled', reason: 'nothing remains; 5 objects were set aside' });
});

test('Failed or Stopped is never recorded as complete, and Completed is not "labeled"', () => {
  for (const status of ['Failed', 'Stopped', 'Completed'] as const) {
    const { order, state } = after(endedOf({ status }), leftovers);
    expect(lastGeneration(state)).toMatchObject({ status, complete: false });
    expect(lastGeneration(state)?.outcome).not.toBe('labeled');
    expect(order).not.toMatchObject({ status: 'labeled' });
  }
});

test('Completed with nothing labeled is not success: the next job, and after two a person', () => {
  const { order, state } = after(endedOf());
  expect(order.kind).toBe('run-job');
  const again = jobMerged(
    { ...state, generations: [...state.generations, jobOf({ generation: 2, outcome: null })] },
    endedOf(),
    2,
    mergeOf(),
  );
  expect(nextOrder(again)).toMatchObject({ kind: 'ask', attention: { reason: 'no-progress' } });
});

test('an event before anything is registered has a workflow to go to: its ARN alone names it', () => {
  const order = nextOrder(chainOf());
  const name = order.kind === 'run-job' ? order.name : '';
  const place = parseLabelingJobArn(`arn:aws:sagemaker:us-east-1:111122223333:labeling-job/${name.toUpperCase()}`);
  expect(place === null ? null : labelingJobWorkflowId(place)).toBe(
    'labeling-job:111122223333:us-east-1:birds-abcde-001',
  );
});

test('an event before the first look, five copies, two ids: looks are asked for once and nothing is decided', () => {
  let follow = newFollow();
  for (const status of ['Completed', 'Completed', 'Completed', 'Stopped', 'Failed'])
    follow = eventArrived(follow, status);
  expect(follow).toEqual(eventArrived(newFollow(), 'Completed'));
  expect(follow.observation).toBeNull();
});

test('no event ever arrives: the job is looked at all the same, at most a reconcile period later', () => {
  for (let ageMs = 0; ageMs < 30 * DAY_MS; ageMs += 7 * HOUR_MS) {
    expect(nextLookMs(followOf({ serviceNowMs: T0 + ageMs }), context, 1)).toBeLessThanOrEqual(6.6 * HOUR_MS);
  }
});

test('the real shape of an event: the name stands only in the ARN', () => {
  expect(parseLabelingJobArn('arn:aws:sagemaker:us-east-1:111122223333:labeling-job/test-labeling-job')).toEqual({
    account: '111122223333',
    region: 'us-east-1',
    jobName: 'test-labeling-job',
  });
});

test('a create whose answer was lost has the same name and request when it is tried again: one job', () => {
  const state = chainOf({ generations: [jobOf({ outcome: null })] });
  const again: ChainState = structuredClone(state);
  expect(labelingJobRequest(again, jobOf())).toEqual(labelingJobRequest(state, jobOf()));
  expect(nextOrder(structuredClone(chainOf()))).toEqual(nextOrder(chainOf()));
});

test.each([23 * HOUR_MS, 4 * DAY_MS, 7 * DAY_MS, 14 * DAY_MS, 29 * DAY_MS])(
  'a wait of %d ms is no end: the job is followed on',
  (ageMs) => {
    const follow = followOf({ serviceNowMs: T0 + ageMs });
    expect(nextLookMs(follow, context, 0)).toBeGreaterThanOrEqual(10 * 1_000);
    expect(handOver(follow, context).kind).toBe('at');
  },
);

test('Initializing → Stopping without InProgress, and a stop while Initializing, are followed to their end', () => {
  const stopped = stopAsked(followOf({ status: 'Initializing' }), { by: 'person', requestedAtMs: T0 });
  const stopping = observed(stopped, observationOf({ status: 'Stopping', serviceNowMs: T0 + MINUTE_MS }));
  const over = observed(stopping, observationOf({ status: 'Stopped', serviceNowMs: T0 + 2 * MINUTE_MS }));
  expect(over).toMatchObject({ observation: { status: 'Stopped' }, stop: { by: 'person' } });
  const straight = observed(
    followOf({ status: 'Initializing' }),
    observationOf({ status: 'Stopping', serviceNowMs: T0 + 1 }),
  );
  expect(straight.observation?.status).toBe('Stopping');
  expect(handOver(straight, context)).toEqual({ kind: 'no' });
});

test('two jobs in the same minute, or with the same first six characters, have different names', () => {
  const names = [
    labelingJobName('birds-1', 'abcde', 1),
    labelingJobName('birds-2', 'abcde', 1),
    labelingJobName('birds-1', 'abcdf', 1),
    labelingJobName('birds-1', 'abcde', 2),
  ];
  expect(new Set(names).size).toBe(names.length);
});

test('more than ten jobs: the eleventh is told from all others, and none is forgotten', () => {
  const generations = Array.from({ length: 23 }, (_, index) =>
    jobOf({ generation: index + 1, counters: counters({ totalLabeled: 1 }) }),
  );
  const order = nextOrder(chainOf({ generations, dataset: datasetOf({ total: 100, labeled: 23 }) }));
  expect(order).toMatchObject({ kind: 'run-job', generation: 24, name: 'birds-abcde-024', maxObjects: 77 });
});

test('a late older status never turns the state back', () => {
  const follow = followOf({ status: 'Stopped', serviceNowMs: T0 + HOUR_MS });
  expect(observed(follow, observationOf({ status: 'InProgress', serviceNowMs: T0 })).observation?.status).toBe(
    'Stopped',
  );
  const live = followOf({ status: 'InProgress', serviceNowMs: T0 + HOUR_MS });
  expect(observed(live, observationOf({ status: 'Initializing', serviceNowMs: T0 })).observation?.status).toBe(
    'InProgress',
  );
});
