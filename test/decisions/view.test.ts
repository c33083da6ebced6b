/** The document of `show --json`, and the request of a job. */
import { attention } from '../../decisions/attention.ts';
import { currentTerms } from '../../decisions/chain-state.ts';
import { labelingJobRequest } from '../../decisions/job-request.ts';
import type { Spec } from '../../decisions/spec.ts';
import { chainDocument, statusOf, withLiveJob } from '../../decisions/view.ts';
import {
  FIRST_RUN_ID,
  T0,
  chainOf,
  counters,
  datasetOf,
  inputOf,
  jobOf,
  minimalJob,
  observationOf,
  specOf,
  streamingJob,
  withAlgorithms,
} from './builders.ts';

const end = {
  status: 'finished',
  reason: 'over',
  atMs: T0,
  finalManifestUri: 's3://final',
  leftoverReportUri: 's3://left',
} as const;
const asked = attention('no-progress', 'birds', 'nobody', { sinceMs: T0, generation: 1 });

test('a chain before anything happened', () => {
  expect(chainDocument(chainOf({ dataset: null }), null)).toEqual({
    chain: 'birds',
    status: 'running',
    reason: null,
    generation: 0,
    objects: { total: 0, labeled: 0, remaining: 0, setAside: 0, doubled: 0 },
    jobs: [],
    attention: null,
    finalManifest: null,
    leftoverReport: null,
    webUrl: null,
    cost: null,
    objectsSent: 0,
  });
});

test('a chain with jobs, money and a question; total = labeled + remaining + setAside', () => {
  const job = jobOf({
    arn: 'arn:job',
    counters: counters({ totalLabeled: 3, humanLabeled: 3, failed: 2, unlabeled: 1 }),
    failureReason: 'odd',
    newLabels: 4,
    input: inputOf({ sentObjects: 6, note: 'smaller' }),
    createdAtMs: T0,
    endedAtMs: T0 + 1_000,
  });
  const state = chainOf({
    spec: specOf({ policy: { price: { perObject: 2, currency: 'EUR' } } }),
    dataset: datasetOf({ total: 10, labeled: 3, setAside: 2, doubled: 1 }),
    generations: [job],
    attention: asked,
  });
  expect(chainDocument(state, 'http://web')).toEqual({
    chain: 'birds',
    status: 'attention',
    reason: 'nobody',
    generation: 1,
    objects: { total: 10, labeled: 3, remaining: 5, setAside: 2, doubled: 1 },
    jobs: [
      {
        generation: 1,
        name: 'birds-abcde-001',
        arn: 'arn:job',
        status: 'Completed',
        outcome: 'leftovers',
        createdAt: '2026-11-01T00:00:00.000Z',
        endedAt: '2026-11-01T00:00:01.000Z',
        labeled: 3,
        failed: 2,
        unlabeled: 1,
        failureReason: 'odd',
        sent: 6,
        newLabels: 4,
        note: 'smaller',
      },
    ],
    attention: { reason: 'no-progress', message: 'nobody', actions: asked.actions, since: '2026-11-01T00:00:00.000Z' },
    finalManifest: null,
    leftoverReport: null,
    webUrl: 'http://web',
    cost: { committed: 8, currency: 'EUR' },
    objectsSent: 6,
  });
});

test('a job stands there as soon as it is decided; its ARN is null until it exists', () => {
  const decided = jobOf({
    status: 'Deciding',
    outcome: null,
    createdAtMs: null,
    endedAtMs: null,
    counters: null,
    input: null,
  });
  expect(chainDocument(chainOf({ generations: [decided] }), null).jobs).toMatchObject([
    {
      arn: null,
      status: 'Deciding',
      outcome: null,
      createdAt: null,
      endedAt: null,
      labeled: 0,
      failed: 0,
      unlabeled: 0,
      sent: null,
      note: null,
    },
  ]);
});

test('an ended chain shows how it ended, and where its files are', () => {
  const state = chainOf({ end, attention: asked });
  expect(statusOf(state)).toBe('finished');
  expect(chainDocument(state, null)).toMatchObject({
    status: 'finished',
    reason: 'over',
    finalManifest: 's3://final',
    leftoverReport: 's3://left',
  });
  expect(statusOf(chainOf())).toBe('running');
  expect(statusOf(chainOf({ attention: asked }))).toBe('attention');
});

test('the live job is shown as its own workflow saw it last; an ended one stays as it ended', () => {
  const generations = [jobOf(), jobOf({ generation: 2, status: 'Deciding', outcome: null, counters: null })];
  const seen = observationOf({
    status: 'InProgress',
    counters: counters({ totalLabeled: 7 }),
    failureReason: 'x',
    createdAtMs: T0 + 5,
  });
  const live = chainOf({ generations, phase: { kind: 'job', generation: 2 } });
  expect(withLiveJob(live, seen).generations).toEqual([
    generations[0],
    {
      ...generations[1],
      arn: seen.arn,
      status: 'InProgress',
      createdAtMs: T0 + 5,
      counters: seen.counters,
      failureReason: 'x',
    },
  ]);
  expect(withLiveJob(live, null)).toBe(live);
  const over = chainOf({ generations });
  expect(withLiveJob(over, seen)).toBe(over);
});

describe('the request of a job', () => {
  test('is the chain’s own, with the name, the input and the tags of the job', () => {
    const spec = specOf({ job: { Tags: [{ Key: 'team', Value: '' }] } });
    expect(labelingJobRequest(chainOf({ spec }), jobOf({ generation: 2 }))).toEqual({
      ...minimalJob,
      LabelingJobName: 'birds-abcde-002',
      InputConfig: {
        DataSource: { S3DataSource: { ManifestS3Uri: 's3://labels/birds/birds/jobs/001/input.manifest' } },
      },
      Tags: [
        { Key: 'team', Value: '' },
        { Key: 'label-relay:chain', Value: 'birds' },
        { Key: 'label-relay:generation', Value: '2' },
        { Key: 'label-relay:run', Value: FIRST_RUN_ID },
      ],
    });
  });

  test('of a streaming job keeps its topic', () => {
    const request = labelingJobRequest(chainOf({ spec: specOf({ job: streamingJob }) }), jobOf({ input: null }));
    expect(request.InputConfig).toEqual(streamingJob.InputConfig);
    expect(request.Tags).toHaveLength(3);
  });

  test('carries the model of the last job that trained one; an empty ARN is none', () => {
    const first = 'arn:aws:sagemaker:us-east-1:111122223333:model/first';
    const spec = specOf({
      job: { LabelingJobAlgorithmsConfig: { ...withAlgorithms, InitialActiveLearningModelArn: first } },
    });
    const modelOf = (arns: (string | null)[]): string | undefined => {
      const generations = arns.map((modelArn, index) => jobOf({ generation: index + 1, modelArn }));
      return labelingJobRequest(chainOf({ spec, generations }), jobOf()).LabelingJobAlgorithmsConfig
        ?.InitialActiveLearningModelArn;
    };
    expect(modelOf([])).toBe(first);
    expect(modelOf(['arn:1', 'arn:2', '', null])).toBe('arn:2');
    const plain = chainOf({ spec: specOf({ job: { LabelingJobAlgorithmsConfig: withAlgorithms } }) });
    expect(labelingJobRequest(plain, jobOf()).LabelingJobAlgorithmsConfig).toEqual(withAlgorithms);
  });

  test('begins with the model, and the algorithm, that were amended since the last job that trained one', () => {
    const model = (name: string): string => `arn:aws:sagemaker:us-east-1:111122223333:model/${name}`;
    const specWith = (config: object) =>
      specOf({ job: { LabelingJobAlgorithmsConfig: { ...withAlgorithms, ...config } } });
    const before = specWith({ InitialActiveLearningModelArn: model('first') });
    const trained = jobOf({ modelArn: model('trained'), terms: currentTerms({ spec: before }) });
    const modelIn = (spec: Spec): string | undefined =>
      labelingJobRequest(chainOf({ spec, generations: [trained] }), jobOf({ generation: 2 }))
        .LabelingJobAlgorithmsConfig?.InitialActiveLearningModelArn;
    expect(modelIn(before)).toBe(model('trained'));
    expect(modelIn(specWith({ InitialActiveLearningModelArn: model('mine') }))).toBe(model('mine'));
    const other = withAlgorithms.LabelingJobAlgorithmSpecificationArn.replace(/[^/]+$/, 'object-detection');
    expect(modelIn(specWith({ LabelingJobAlgorithmSpecificationArn: other }))).toBeUndefined();
  });

  test('leaves automated labeling out where the order says so', () => {
    const state = chainOf({ spec: specOf({ job: { LabelingJobAlgorithmsConfig: withAlgorithms } }) });
    expect(labelingJobRequest(state, jobOf({ input: inputOf({ withoutAlgorithms: true }) }))).not.toHaveProperty(
      'LabelingJobAlgorithmsConfig',
    );
    expect(labelingJobRequest(chainOf(), jobOf())).not.toHaveProperty('LabelingJobAlgorithmsConfig');
  });
});
