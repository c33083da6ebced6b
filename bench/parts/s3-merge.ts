/**
 * What a merge takes from S3 to S3, through the activity that chains use, on the emulator of the local stack. The baseline is a plain copy of the
 * same dataset there: one GetObject, whose body is uploaded as it comes.
 */
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { datasetActivities } from '../../activities/datasets.ts';
import { mergeActivities } from '../../activities/merging.ts';
import { parseS3Uri, UPLOAD } from '../../activities/s3-objects.ts';
import { jobDecided, jobEnded } from '../../decisions/after-job.ts';
import { newChain, type ChainState } from '../../decisions/chain-state.ts';
import { DAY_MS } from '../../decisions/durations.ts';
import { NO_COUNTERS, type Ending } from '../../decisions/ending.ts';
import { outputManifestUri } from '../../decisions/known-outputs.ts';
import { nextOrder } from '../../decisions/next-order.ts';
import { readSpec } from '../../decisions/spec.ts';
import { LOCAL_ACCOUNT, LOCAL_REGION } from '../../local/child-environment.ts';
import { localAwsConfig } from '../../local/local-clients.ts';
import { startMotoServer } from '../../local/moto-server.ts';
import { specFor } from '../chains.ts';
import { figure, median, timed, type Figure, type Part, type Taken } from '../figures.ts';
import { chainFilePaths, makeChainFiles, type Shape } from '../merge-files.ts';
import { inProgress } from '../open-jobs.ts';

const PLACE = { bucket: 'label-relay', region: LOCAL_REGION, account: LOCAL_ACCOUNT };
const ROUNDS = 3;

const titles: Record<Shape, string> = {
  late: 'a tenth of the lines in the output',
  first: 'every line in the output',
};

type EndedJob = Extract<Ending, { kind: 'ended' }>;
/** A chain whose first job has just ended. */
type Settling = { state: ChainState; ending: EndedJob; manifestUri: string };

const upload = async (s3: S3Client, uri: string, path: string): Promise<void> => {
  await new Upload({ client: s3, params: { ...parseS3Uri(uri), Body: createReadStream(path) }, ...UPLOAD }).done();
};

const copy = async (s3: S3Client, fromUri: string, toUri: string): Promise<void> => {
  const { Body } = await s3.send(new GetObjectCommand(parseS3Uri(fromUri)));
  if (Body === undefined) throw new Error(`${fromUri} is empty`);
  await new Upload({ client: s3, params: { ...parseS3Uri(toUri), Body }, ...UPLOAD }).done();
};

const prepare = async (s3: S3Client, directory: string, shape: Shape, objects: number): Promise<Settling> => {
  const files = join(directory, shape);
  await makeChainFiles(files, objects, shape);
  const { dataset: datasetFile, 'in-order': outputFile } = chainFilePaths(files);
  const manifestUri = `s3://${PLACE.bucket}/${shape}/input.manifest`;
  await upload(s3, manifestUri, datasetFile);
  const template = `s3://${PLACE.bucket}/template.liquid.html`;
  const reading = readSpec(specFor(PLACE, { manifest: manifestUri, template }, { chain: shape }));
  if (reading.kind === 'problems') throw new Error(reading.problems.join('\n'));
  const { spec } = reading;
  const activities = datasetActivities({ s3: () => s3, temporaryDirectory: directory });
  const dataset = await activities.openDataset({ spec, manifestUri });
  const opened: ChainState = { ...newChain(spec, '019ab000-0000-7000-8000-00000000abcd'), dataset };
  const order = nextOrder(opened);
  if (order.kind !== 'run-job') throw new Error(`no job is ordered but: ${order.kind}`);
  const input = await activities.writeJobInput({ spec, dataset, order });
  await upload(s3, outputManifestUri(spec.job.OutputConfig.S3OutputPath, order.name), outputFile);
  await rm(files, { recursive: true });
  const nowMs = Date.now();
  const ending: EndedJob = {
    kind: 'ended',
    status: 'Completed',
    stop: null,
    declines: 0,
    observation: {
      ...inProgress(order.name, nowMs - DAY_MS, nowMs),
      status: 'Completed',
      counters: { ...NO_COUNTERS, totalLabeled: input.sentObjects, humanLabeled: input.sentObjects },
    },
  };
  return { state: jobEnded(jobDecided(opened, order, input), 1, ending), ending, manifestUri };
};

/** Merges once more, into objects that are not there yet. Throws if a label was lost. */
const merge = async (s3: S3Client, directory: string, { state, ending }: Settling, version: number): Promise<void> => {
  const { settleAndMerge } = mergeActivities({ s3: () => s3, temporaryDirectory: directory });
  const dataset = state.dataset === null ? null : { ...state.dataset, version };
  const result = await settleAndMerge({ state: { ...state, dataset }, generation: 1, ending, acceptMissing: false });
  if (result.kind !== 'merged' || result.merge.dataset.remaining > 0)
    throw new Error(`the merge is wrong: ${JSON.stringify(result)}`);
};

const wallOf = (taken: readonly Taken[]): number => median(taken.map(({ wall }) => wall));

const measure = async (s3: S3Client, directory: string, shape: Shape, objects: number): Promise<Figure[]> => {
  const settling = await prepare(s3, directory, shape, objects);
  const copies: Taken[] = [];
  const merges: Taken[] = [];
  // In turns, so that a busy minute of the machine hits all alike. The first round only warms up.
  for (let round = 0; round <= ROUNDS; round += 1) {
    const target = `s3://${PLACE.bucket}/${shape}/copy-${round}.manifest`;
    const copied = await timed(() => copy(s3, settling.manifestUri, target));
    const merged = await timed(() => merge(s3, directory, settling, round));
    if (round === 0) continue;
    copies.push(copied);
    merges.push(merged);
  }
  const name = `s3-merge: ${objects.toLocaleString('en')} lines, ${titles[shape]}`;
  const baseline = { what: 'a plain copy of the dataset, wall time', value: wallOf(copies), unit: 's' };
  return [
    figure(`${name}, speed`, wallOf(copies) / wallOf(merges), '×', { baseline }),
    figure(`${name}, wall time`, wallOf(merges), 's', {
      baseline,
      note: `${median(merges.map(({ cpu }) => cpu)).toFixed(1)} s of processor time`,
    }),
  ];
};

/** See the head of this file. */
export const run: Part = async ({ quick, directory }) => {
  const objects = quick ? 10_000 : 100_000;
  const moto = await startMotoServer({ logFile: join(directory, 'moto.log') });
  const s3 = new S3Client({ ...localAwsConfig(moto.endpoint), forcePathStyle: true });
  try {
    await s3.send(new CreateBucketCommand({ Bucket: PLACE.bucket }));
    return [...(await measure(s3, directory, 'late', objects)), ...(await measure(s3, directory, 'first', objects))];
  } finally {
    s3.destroy();
    await moto.stop();
  }
};
