/** What a chain has committed to pay, and how much fits: I6. */
import { allowance, committedCost, objectPrice, objectsSent } from '../../decisions/spending.ts';
import { currentTerms } from '../../decisions/chain-state.ts';
import { chainOf, counters, datasetOf, inputOf, jobOf, minimalJob, specOf } from './builders.ts';

const three = { HumanTaskConfig: { ...minimalJob.HumanTaskConfig, NumberOfHumanWorkersPerDataObject: 3 } };
const priced = (policy: object = {}) =>
  specOf({ job: three, policy: { price: { perAnswer: 0.1, perObject: 0.05 }, ...policy } });

test('an object costs its own price and one answer of each worker', () => {
  expect(objectPrice(chainOf({ spec: priced() }))).toBeCloseTo(0.35, 10);
  expect(objectPrice(chainOf())).toBeNull();
});

test('an ended job is committed by its counters: answers for people’s labels, objects for all', () => {
  const generations = [
    jobOf({ counters: counters({ totalLabeled: 10, humanLabeled: 4, machineLabeled: 6, failed: 90 }) }),
  ];
  expect(committedCost(chainOf({ spec: priced(), generations }))).toBeCloseTo(4 * 3 * 0.1 + 10 * 0.05, 10);
});

test('a counter of people’s labels that AWS leaves out is what no machine labeled', () => {
  const generations = [jobOf({ counters: counters({ totalLabeled: 10, machineLabeled: 6 }) })];
  expect(committedCost(chainOf({ spec: priced(), generations }))).toBeCloseTo(4 * 3 * 0.1 + 10 * 0.05, 10);
});

test('I6: counters that stay behind hide nothing: a label that was read was paid', () => {
  const generations = [jobOf({ newLabels: 10, counters: counters({ machineLabeled: 6, unlabeled: 94 }) })];
  expect(committedCost(chainOf({ spec: priced(), generations }))).toBeCloseTo(4 * 3 * 0.1 + 10 * 0.05, 10);
});

test('a live job is committed for every unlabeled object of its input', () => {
  const live = jobOf({
    endedAtMs: null,
    outcome: null,
    input: inputOf({ sentObjects: 40, objects: 70 }),
    counters: counters({ totalLabeled: 1, humanLabeled: 1 }),
  });
  expect(committedCost(chainOf({ spec: priced(), generations: [live] }))).toBeCloseTo(40 * 0.35, 10);
});

test('a live job that was adopted is committed for all that AWS counts', () => {
  const live = jobOf({
    endedAtMs: null,
    outcome: null,
    input: null,
    counters: counters({ totalLabeled: 1, failed: 2, unlabeled: 7 }),
  });
  expect(committedCost(chainOf({ spec: priced(), generations: [live] }))).toBeCloseTo(10 * 0.35, 10);
  expect(objectsSent(chainOf({ generations: [live] }))).toBe(10);
});

test('a job that is gone without an ending may have been worked on: all of its input stays committed', () => {
  const gone = jobOf({ endedAtMs: null, outcome: 'gone' });
  expect(committedCost(chainOf({ spec: priced(), generations: [gone] }))).toBeCloseTo(100 * 0.35, 10);
});

test('I6: an ended job of which AWS shows no counters may have been labeled whole: all of its input stays committed', () => {
  const uncounted = jobOf({ status: 'Stopped', outcome: 'stopped-outside', newLabels: 1 });
  expect(committedCost(chainOf({ spec: priced(), generations: [uncounted] }))).toBeCloseTo(100 * 0.35, 10);
});

test('a job without counters is known to cost nothing where AWS refused its input, and its labels where all were read', () => {
  const refused = jobOf({ status: 'Failed', outcome: 'failed-input' });
  expect(committedCost(chainOf({ spec: priced(), generations: [refused] }))).toBe(0);
  const complete = jobOf({ newLabels: 100, complete: true });
  expect(committedCost(chainOf({ spec: priced(), generations: [complete] }))).toBeCloseTo(100 * 0.35, 10);
});

test('a job that was never created costs nothing and sent nothing', () => {
  const refused = jobOf({ endedAtMs: null, outcome: 'not-created' });
  expect(committedCost(chainOf({ spec: priced(), generations: [refused] }))).toBe(0);
  expect(objectsSent(chainOf({ generations: [refused, jobOf({ generation: 2 })] }))).toBe(100);
});

test('a second label for an object was paid too, and is counted once', () => {
  // AWS counted 10 labels of the first job; two more came late, for objects that the second job had labeled by then.
  const generations = [
    jobOf({ counters: counters({ totalLabeled: 10, humanLabeled: 10 }), newLabels: 12 }),
    jobOf({ generation: 2, counters: counters({ totalLabeled: 90, humanLabeled: 90 }), newLabels: 90 }),
  ];
  const state = chainOf({ spec: priced(), generations, dataset: datasetOf({ labeled: 100, doubled: 2 }) });
  expect(committedCost(state)).toBeCloseTo(102 * 0.35, 10);
});

test('I6: an object cost the answers of as many workers as its own job asked for, whatever was amended since', () => {
  const terms = currentTerms(chainOf({ spec: priced() }));
  const generations = [jobOf({ terms, counters: counters({ totalLabeled: 10, humanLabeled: 10 }) })];
  const amended = specOf({ policy: { price: { perAnswer: 0.1, perObject: 0.05 }, maxCost: 5 } });
  const state = chainOf({ spec: amended, generations });
  expect(committedCost(state)).toBeCloseTo(10 * 0.35, 10);
  expect(allowance(state)).toEqual({ objects: 10, limit: 'max-cost' });
});

test('without prices nothing is computed', () => {
  expect(committedCost(chainOf({ generations: [jobOf()] }))).toBeNull();
});

test('before the dataset is read nothing is allowed', () => {
  expect(allowance(chainOf({ dataset: null }))).toEqual({ objects: 0, limit: 'remaining' });
});

test.each([
  ['what remains', {}, datasetOf({ total: 7 }), { objects: 7, limit: 'remaining' }],
  ['the quota of a job', {}, datasetOf({ total: 100_001 }), { objects: 100_000, limit: 'max-objects-per-job' }],
  ['objects sent', { maxObjectsSent: 5 }, datasetOf(), { objects: 5, limit: 'max-objects-sent' }],
  ['money', { price: { perObject: 0.1 }, maxCost: 0.3 }, datasetOf(), { objects: 3, limit: 'max-cost' }],
  ['money, rounded down', { price: { perObject: 2 }, maxCost: 5 }, datasetOf(), { objects: 2, limit: 'max-cost' }],
  [
    'what remains, if a limit is just as wide',
    { maxObjectsSent: 100 },
    datasetOf(),
    { objects: 100, limit: 'remaining' },
  ],
])('the narrowest limit holds: %s', (_, policy, dataset, expected) => {
  expect(allowance(chainOf({ spec: specOf({ policy }), dataset }))).toEqual(expected);
});

test('a limit that is passed allows nothing, not less than nothing', () => {
  const generations = [jobOf({ counters: counters({ totalLabeled: 100, humanLabeled: 100 }) })];
  const sent = specOf({ policy: { maxObjectsSent: 50 } });
  expect(allowance(chainOf({ spec: sent, generations }))).toEqual({ objects: 0, limit: 'max-objects-sent' });
  const money = specOf({ policy: { price: { perObject: 1 }, maxCost: 50 } });
  expect(allowance(chainOf({ spec: money, generations }))).toEqual({ objects: 0, limit: 'max-cost' });
});
