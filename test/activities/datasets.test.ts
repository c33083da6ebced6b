/** The activities on datasets and outputs, each by itself over S3 in memory. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { adoptionActivities } from '../../activities/adoption.ts';
import { createActivities } from '../../activities/index.ts';
import { ownFolders } from '../../activities/left-folders.ts';
import { withFolder } from '../../activities/working-folder.ts';
import { mergeActivities } from '../../activities/merging.ts';
import { writeNewObjects } from '../../activities/s3-objects.ts';
import { jobDecided, jobEnded } from '../../decisions/after-job.ts';
import { newChain, type ChainState, type Dataset, type JobInput } from '../../decisions/chain-state.ts';
import { counters, endedOf, FIRST_RUN_ID, specOf } from '../decisions/builders.ts';
import { startMemoryS3, type MemoryS3 } from '../support/memory-s3.ts';

let s3: MemoryS3;
let temporaryDirectory: string;
beforeAll(async () => {
  s3 = await startMemoryS3();
  temporaryDirectory = await mkdtemp(join(tmpdir(), 'label-relay-test-'));
});
afterAll(async () => {
  await s3.close();
  await rm(temporaryDirectory, { recursive: true });
});

const none = (): never => {
  throw new Error('no test here speaks to it');
};
const dependencies = () => ({
  s3: () => s3.client,
  sagemaker: none,
  sns: none,
  temporaryDirectory,
  webhookSecret: () => null,
  regions: [],
  accounts: [],
});
const activities = () => createActivities(dependencies());

const put = (uri: string, lines: readonly string[]): void =>
  s3.store.write(uri, lines.map((line) => `${line}\n`).join(''));

/** A line of the dataset; labeled by a job if one is given. */
const line = (object: string, job: string | null = null): string => {
  const label = job === null ? '' : `,"animal":0,"animal-metadata":{"job-name":"labeling-job/${job}"}`;
  return `{"source-ref":"s3://p/${object}.jpg"${label}}`;
};

const MANIFEST = 's3://data/birds.manifest';
const OUTPUT = 's3://labels/birds/B/manifests/output/output.manifest';

const endedJob = (dataset: Dataset, input: JobInput, totalLabeled: number) => {
  const order = { kind: 'run-job', generation: 1, name: 'B', mode: input.mode, maxObjects: 10 } as const;
  const decided = { ...order, withoutAlgorithms: false, note: null, delayMs: 0 };
  const observation = { name: 'B', counters: counters({ totalLabeled, humanLabeled: totalLabeled }) };
  const ending = endedOf({ status: 'Completed', observation });
  const chain: ChainState = { ...newChain(specOf(), FIRST_RUN_ID), dataset };
  const state = jobEnded(jobDecided(chain, decided, input), 1, ending);
  return { state, generation: 1, ending, acceptMissing: false };
};

test('an output in which every object has a label is whole, also where AWS counts the labels of its input too', async () => {
  put(MANIFEST, [line('1', 'A'), line('2', 'A'), line('3')]);
  put(OUTPUT, [line('1', 'A'), line('2', 'A'), line('3', 'B')]);
  const spec = specOf();
  const dataset = await activities().openDataset({ spec, manifestUri: MANIFEST });
  const order = { kind: 'run-job', generation: 1, name: 'B', mode: 'dataset', maxObjects: 10 } as const;
  const input = await activities().writeJobInput({
    spec,
    dataset,
    order: { ...order, withoutAlgorithms: false, note: null, delayMs: 0 },
  });
  const { settleAndMerge } = mergeActivities(dependencies());
  const settled = await settleAndMerge(endedJob(dataset, input, 3));
  expect(settled).toMatchObject({ kind: 'merged', merge: { newLabels: 1, dataset: { labeled: 3, remaining: 0 } } });
  put(OUTPUT, [line('1', 'A'), line('2', 'A'), line('3')]);
  expect(await settleAndMerge(endedJob(dataset, input, 3))).toMatchObject({ kind: 'waiting', found: 0, expected: 3 });
});

test('I1: an adopted job’s line without a label is the object without one, where an identical object has a label', async () => {
  const spec = specOf({ chain: 'twins' });
  put(MANIFEST, [line('1', 'A'), line('1'), line('2')]);
  const theirs = 's3://theirs/input.manifest';
  put(theirs, [line('1'), line('2')]);
  const dataset = await activities().openDataset({ spec, manifestUri: MANIFEST });
  const { adoptJobInput } = adoptionActivities(dependencies());
  const input = await adoptJobInput({ spec, dataset, datasetUri: MANIFEST, inputManifestUri: theirs });
  expect(input).toMatchObject({ objects: 2, sentObjects: 2, mode: 'unlabeled' });
  expect(s3.store.text(input.ordinalsUri)).toBe('[1,2]\n');
});

test('a second start under one name with another label attribute opens its own dataset', async () => {
  const manifestUri = 's3://data/partly.manifest';
  put(manifestUri, [line('1', 'A'), line('2')]);
  const wrong = specOf({ chain: 'again', job: { LabelAttributeName: 'animals' } });
  expect(await activities().openDataset({ spec: wrong, manifestUri })).toMatchObject({ labeled: 0 });
  expect(await activities().openDataset({ spec: specOf({ chain: 'again' }), manifestUri })).toMatchObject({
    labeled: 1,
  });
});

test('a key that holds other bytes is said with a sentence: no retry mends it', async () => {
  const manifestUri = 's3://data/taken.manifest';
  put(manifestUri, [line('1')]);
  const spec = specOf({ chain: 'taken' });
  const { statesUri } = await activities().openDataset({ spec, manifestUri });
  s3.store.write(statesUri, 'other');
  await expect(activities().openDataset({ spec, manifestUri })).rejects.toMatchObject({
    type: 'storage-refused',
    nonRetryable: true,
    message: expect.stringContaining('exists already with other content'),
  });
});

test('an earlier try’s object is compared with signs of life: a large one takes longer than a heartbeat may', async () => {
  const write = () =>
    writeNewObjects(s3.client, { object: 's3://data/compared' }, undefined, async ({ object }) =>
      object.write(Buffer.alloc(100_000, 'x')),
    );
  await write();
  const environment = new MockActivityEnvironment();
  let beats = 0;
  environment.on('heartbeat', () => (beats += 1));
  await environment.run(write);
  expect(beats).toBeGreaterThan(0);
});

test('folders of workers that were killed are removed, and none in which somebody may work', async () => {
  const directory = await mkdtemp(join(temporaryDirectory, 'volume-'));
  const host = hostname().replaceAll(/[^A-Za-z0-9]/g, '_');
  const dead = spawn('true');
  await new Promise((resolve) => dead.once('close', resolve));
  const left = [
    `label-relay-manifests-${host}-${dead.pid}-a`,
    `${ownFolders}-b`,
    'label-relay-manifests-elsewhere-1-c',
  ];
  const stays = [
    `label-relay-manifests-${host}-${process.ppid}-d`,
    'label-relay-manifests-elsewhere-1-e',
    'label-relay-f',
  ];
  for (const name of [...left, ...stays]) await mkdir(join(directory, name));
  const longAgo = new Date(Date.now() - 13 * 3_600_000);
  for (const name of [...left, 'label-relay-f']) await utimes(join(directory, name), longAgo, longAgo);
  await withFolder(directory, async (own) => {
    expect(await readdir(directory)).toContain(own.slice(directory.length + 1));
  });
  expect((await readdir(directory)).toSorted()).toEqual(stays.toSorted());
});

test('no more than four have a folder at once; whoever fails makes room too', async () => {
  const directory = await mkdtemp(join(temporaryDirectory, 'slots-'));
  let running = 0;
  let most = 0;
  const work = async (number: number): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 20));
    running -= 1;
    if (number % 2 === 0) throw new Error('as told');
  };
  const all = Array.from({ length: 10 }, (_, number) => withFolder(directory, () => work(number)));
  const settled = await Promise.allSettled(all);
  expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(5);
  expect(most).toBe(4);
  expect(await readdir(directory)).toEqual([]);
});
