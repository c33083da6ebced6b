/** What the next job is given: the unlabeled objects or the whole dataset, in slices, within the caps (I6). */
import { AUTOMATED_LABELING_MINIMUM, nextOrder } from '../../decisions/next-order.ts';
import { chainOf, counters, datasetOf, inputOf, jobOf, specOf, withAlgorithms } from './builders.ts';

const algorithms = { LabelingJobAlgorithmsConfig: withAlgorithms };

describe('the input of the next job', () => {
  const big = datasetOf({ total: 5_000, labeled: 3_000 });

  test('more objects than maxObjectsPerJob go in slices', () => {
    const state = chainOf({ dataset: datasetOf({ total: 250_000 }) });
    expect(nextOrder(state)).toMatchObject({ maxObjects: 100_000, mode: 'unlabeled', note: null });
  });

  test('I6: a smaller slice where money allows only part', () => {
    const spec = specOf({ policy: { price: { perObject: 1 }, maxCost: 30 } });
    expect(nextOrder(chainOf({ spec }))).toMatchObject({
      maxObjects: 30,
      note: 'a smaller slice of 30 objects, so that policy.maxCost holds',
    });
  });

  test('a smaller slice where maxObjectsSent allows only part', () => {
    const spec = specOf({ policy: { maxObjectsSent: 40 } });
    expect(nextOrder(chainOf({ spec }))).toMatchObject({
      maxObjects: 40,
      note: 'a smaller slice of 40 objects, so that policy.maxObjectsSent holds',
    });
  });

  test('with LabelingJobAlgorithmsConfig it is the whole dataset', () => {
    expect(nextOrder(chainOf({ spec: specOf({ job: algorithms }), dataset: big }))).toMatchObject({
      mode: 'dataset',
      withoutAlgorithms: false,
      maxObjects: 2_000,
      note: null,
    });
  });

  test('below AWS’s minimum it is the unlabeled objects, without that config, and says so', () => {
    const note = 'fewer than 1250 objects: unlabeled objects only, without automated labeling';
    const spec = specOf({ job: algorithms });
    const few = datasetOf({ total: AUTOMATED_LABELING_MINIMUM + 9, labeled: 100, setAside: 10 });
    expect(nextOrder(chainOf({ spec, dataset: few }))).toMatchObject({
      mode: 'unlabeled',
      withoutAlgorithms: true,
      note,
    });
    const enough = datasetOf({ total: AUTOMATED_LABELING_MINIMUM + 10, labeled: 100, setAside: 10 });
    expect(nextOrder(chainOf({ spec, dataset: enough }))).toMatchObject({ mode: 'dataset', withoutAlgorithms: false });
  });

  test('above maxObjectsPerJob it is the unlabeled objects, without that config, and says so', () => {
    const spec = specOf({ job: algorithms, policy: { maxObjectsPerJob: 4_999 } });
    expect(nextOrder(chainOf({ spec, dataset: big }))).toMatchObject({
      mode: 'unlabeled',
      withoutAlgorithms: true,
      note: 'the dataset is larger than 4999 objects: unlabeled objects only, without automated labeling',
    });
    const enough = specOf({ job: algorithms, policy: { maxObjectsPerJob: 5_000 } });
    expect(nextOrder(chainOf({ spec: enough, dataset: big }))).toMatchObject({ mode: 'dataset' });
  });

  test('set-aside lines do not count for the size of the whole dataset', () => {
    const spec = specOf({ policy: { nextInput: 'dataset', maxObjectsPerJob: 90 } });
    expect(nextOrder(chainOf({ spec, dataset: datasetOf({ total: 100, setAside: 10 }) }))).toMatchObject({
      mode: 'dataset',
    });
    expect(nextOrder(chainOf({ spec, dataset: datasetOf({ total: 100, setAside: 9 }) }))).toMatchObject({
      mode: 'unlabeled',
      withoutAlgorithms: false,
      note: 'the dataset is larger than 90 objects: unlabeled objects only',
    });
  });

  test('I6: where a cap allows only part, the whole dataset is not sent', () => {
    const spec = specOf({ job: algorithms, policy: { maxObjectsSent: 1_500 } });
    expect(nextOrder(chainOf({ spec, dataset: big }))).toMatchObject({
      mode: 'unlabeled',
      withoutAlgorithms: true,
      maxObjects: 1_500,
      note: 'a limit allows only part of the objects: unlabeled objects only, without automated labeling',
    });
    const plain = specOf({ policy: { nextInput: 'dataset', maxObjectsSent: 1_500 } });
    expect(nextOrder(chainOf({ spec: plain, dataset: big }))).toMatchObject({
      mode: 'unlabeled',
      withoutAlgorithms: false,
      note: 'a limit allows only part of the objects: unlabeled objects only',
    });
  });

  test('unlabeled slices keep that config while they are large enough', () => {
    const spec = specOf({ job: algorithms, policy: { nextInput: 'unlabeled', maxObjectsPerJob: 1_250 } });
    expect(nextOrder(chainOf({ spec, dataset: big }))).toMatchObject({
      mode: 'unlabeled',
      withoutAlgorithms: false,
      maxObjects: 1_250,
      note: null,
    });
    const less = specOf({ job: algorithms, policy: { nextInput: 'unlabeled', maxObjectsPerJob: 1_249 } });
    expect(nextOrder(chainOf({ spec: less, dataset: big }))).toMatchObject({
      mode: 'unlabeled',
      withoutAlgorithms: true,
    });
  });
});

test('the sizes of earlier inputs count as sent also where AWS labeled little', () => {
  const spec = specOf({ policy: { maxObjectsSent: 150 } });
  const generations = [jobOf({ input: inputOf({ sentObjects: 120 }), counters: counters({ totalLabeled: 5 }) })];
  expect(nextOrder(chainOf({ spec, generations }))).toMatchObject({ maxObjects: 30 });
});
