/**
 * What must hold for any bytes that stand where a manifest or a category file should: taken whole, or refused with the line or the
 * file named, and nothing written. Through the activities, on an S3 in memory.
 */
import { tmpdir } from 'node:os';
import { ApplicationFailure } from '@temporalio/common';
import fc from 'fast-check';
import { createActivities } from '../../activities/index.ts';
import { readCategories } from '../../activities/assets.ts';
import { jobDecided, jobEnded } from '../../decisions/after-job.ts';
import { newChain, type ChainState } from '../../decisions/chain-state.ts';
import { nextOrder } from '../../decisions/next-order.ts';
import { messageOf } from '../../errors.ts';
import { MemoryStore } from '../../simulator/ports.ts';
import { endedOf, specOf } from '../decisions/builders.ts';
import { openAws } from '../simulation/aws.ts';
import { mutationsOf, textsOf, type Json } from './mutations.ts';
import { demand, named, type NamedProperty } from './property.ts';

const spec = specOf();
const label = spec.job.LabelAttributeName;
const given = 's3://data/birds.manifest';

const aws = openAws();
const activities = createActivities({
  ...aws.clients,
  temporaryDirectory: tmpdir(),
  webhookSecret: () => null,
  regions: [],
  accounts: [],
});

/** An S3 that holds these objects and refuses nothing. */
const use = (objects: ReadonlyMap<string, Uint8Array | string>): MemoryStore => {
  const store = new MemoryStore();
  for (const [uri, body] of objects) store.objects.set(uri, Buffer.from(body));
  aws.use({
    store,
    nowMs: () => 0,
    call: () => Promise.reject(new Error('no call to SageMaker is needed')),
    before: () => Promise.resolve('none'),
    after: () => undefined,
  });
  return store;
};

const isUnusable = (thrown: unknown): thrown is ApplicationFailure =>
  thrown instanceof ApplicationFailure && thrown.type === 'unusable' && thrown.nonRetryable === true;

/** Everything but the line breaks, as the engine takes lines: LF, or CRLF. */
const linesOf = (bytes: Uint8Array): string[] =>
  Buffer.from(bytes)
    .toString('latin1')
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line.trim() !== '');

const metadata: Json = {
  type: 'groundtruth/image-classification',
  'job-name': 'labeling-job/birds-abcde-001',
  'human-annotated': 'yes',
};
const objects: Json[] = [
  { 'source-ref': 's3://data/1.jpg' },
  { 'source-ref': 's3://data/2.jpg', note: { n: 1.5, list: [1, null] } },
  { source: 'Zaunkönig "3"' },
  { source: 'Zaunkönig "3"' },
];
const labeled = (object: Json, value: Json): Json => ({
  ...(object as Record<string, Json>),
  [label]: value,
  [`${label}-metadata`]: metadata,
});

/** Some good lines, some almost good ones, some noise; sometimes bytes that are no UTF-8. */
const manifestsOf = (good: Json[]): fc.Arbitrary<Uint8Array> => {
  const line = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...good).map((value) => JSON.stringify(value)) },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom(...good)
        .chain(mutationsOf)
        .map((value) => JSON.stringify(value)),
    },
    { weight: 1, arbitrary: fc.constantFrom(...good).chain(textsOf) },
    { weight: 1, arbitrary: fc.constantFrom('', ' ', '\u{feff}{}', '{', 'null', '[]', '{"a":1,"a":2}') },
  );
  const text = fc
    .tuple(fc.array(line, { maxLength: 6 }), fc.constantFrom('\n', '\r\n', '\n\n'), fc.boolean())
    .map(([lines, end, last]) => Buffer.from(lines.join(end) + (last ? end : '')));
  const noise = fc.tuple(text, fc.nat(), fc.uint8Array({ maxLength: 6 })).map(([bytes, place, some]) => {
    const at = place % (bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), some, bytes.subarray(at)]);
  });
  return fc.oneof({ weight: 5, arbitrary: text }, { weight: 1, arbitrary: noise });
};

const manifestProperty = fc.asyncProperty(manifestsOf([...objects, labeled({ source: 'x' }, 0)]), async (bytes) => {
  const store = use(new Map([[given, bytes]]));
  try {
    const dataset = await activities.openDataset({ spec, manifestUri: given });
    const lines = linesOf(store.objects.get(dataset.manifestUri) ?? Buffer.of());
    demand(
      dataset.total === lines.length && dataset.total > 0,
      () => `${dataset.total} objects, ${lines.length} lines`,
    );
    demand(dataset.labeled + dataset.remaining === dataset.total, () => 'objects are lost');
    const before = JSON.stringify(linesOf(bytes).map((line) => line.replace(/^\u00ef\u00bb\u00bf/, '').trim()));
    demand(JSON.stringify(lines.map((line) => line.trim())) === before, () => 'the lines were changed');
  } catch (thrown) {
    if (!isUnusable(thrown)) throw thrown;
    demand(thrown.message.includes(given), () => `no manifest is named: ${thrown.message}`);
    demand(/line \d+: |no (data )?object|empty/.test(thrown.message), () => `no place is named: ${thrown.message}`);
    demand(store.objects.size === 1, () => `written all the same: ${[...store.objects.keys()].join(', ')}`);
  }
});

type Settling = { state: ChainState; objects: ReadonlyMap<string, Uint8Array> };

/** A chain of four objects whose first job has just completed; made once. */
const prepare = async (): Promise<Settling> => {
  const manifest = `${objects.map((object) => JSON.stringify(object)).join('\n')}\n`;
  const store = use(new Map([[given, manifest]]));
  const dataset = await activities.openDataset({ spec, manifestUri: given });
  const opened: ChainState = { ...newChain(spec, '019ab000-0000-7000-8000-00000000abcd'), dataset };
  const order = nextOrder(opened);
  if (order.kind !== 'run-job') throw new Error(`no job is ordered but: ${order.kind}`);
  const input = await activities.writeJobInput({ spec, dataset, order });
  const state = jobEnded(jobDecided(opened, order, input), 1, endedOf({ observation: { name: order.name } }));
  return { state, objects: new Map(store.objects) };
};

let settling: Promise<Settling> | null = null;

const outputs = manifestsOf([...objects, ...objects.map((object) => labeled(object, 1))]);

const outputProperty = fc.asyncProperty(outputs, async (bytes) => {
  settling ??= prepare();
  const { state, objects: before } = await settling;
  const uri = `s3://labels/birds/${state.generations[0]?.name}/manifests/output/output.manifest`;
  const store = use(new Map([...before, [uri, bytes]]));
  const { phase } = state;
  if (phase.kind !== 'settling' || phase.ending.kind !== 'ended') throw new Error('nothing to settle');
  const { ending } = phase;
  const result = await activities.settleAndMerge({ state, generation: 1, ending, acceptMissing: true });
  if (result.kind === 'unreadable') {
    demand(/job 1, line \d+: /.test(result.message), () => `no place is named: ${result.message}`);
    demand(
      store.objects.size === before.size + 1,
      () => `written all the same: ${[...store.objects.keys()].join(', ')}`,
    );
    return;
  }
  if (result.kind !== 'merged') throw new Error(`neither merged nor unreadable: ${result.kind}`);
  const { dataset } = result.merge;
  const lines = linesOf(store.objects.get(dataset.manifestUri) ?? Buffer.of());
  demand(lines.length === objects.length, () => `${lines.length} objects came out of ${objects.length}`);
  for (const [index, line] of lines.entries()) {
    const own = Buffer.from(JSON.stringify(objects[index])).toString('latin1').slice(0, -1);
    demand(line.startsWith(own), () => `object ${index + 1} is another: ${line}`);
  }
  const withLabel = lines.filter((line) => Object.hasOwn(JSON.parse(line) as object, label)).length;
  demand(withLabel === dataset.labeled, () => `${withLabel} lines have a label, ${dataset.labeled} are counted`);
  demand(dataset.labeled + dataset.remaining + dataset.setAside === objects.length, () => 'objects are lost');
});

const categories: Json = { 'document-version': '2018-11-28', labels: [{ label: 'finch' }, { label: 'jay' }] };

const categoriesProperty = fc.asyncProperty(textsOf(categories), async (text) => {
  use(new Map([['s3://data/categories.json', text]]));
  const found = await readCategories(aws.clients.s3('us-east-1'), 's3://data/categories.json');
  demand(found === null || found.every((one) => typeof one === 'string'), () => `not labels: ${messageOf(found)}`);
});

export const MANIFEST_PROPERTIES: readonly NamedProperty[] = [
  named(
    'a manifest is taken line by line as it is, or refused with the lines named, and nothing is written',
    manifestProperty,
  ),
  named('an output is merged, every object once and unchanged, or refused with the lines named', outputProperty),
  named('a category file is a list of labels, or none', categoriesProperty),
];
