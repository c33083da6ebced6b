/**
 * Adding objects to a chain's dataset (amend). It owns the rule which of them are new: identity as a multiset, so a third
 * copy of a line that the dataset holds twice is new.
 */
import { OperationError } from '../errors.ts';
import { readObjectLine, type ObjectLine } from './attributes.ts';
import { GatheringSink, type ByteSink, type ByteSource } from './byte-streams.ts';
import { changedMeanwhile, checkManifest, faultsOf, initialState, type ManifestFaults } from './dataset.ts';
import { canonicalIdentity } from './identity.ts';
import { IdentityPool } from './identity-pool.ts';
import { labelValue, ownAttributes, type OwnAttributes } from './label-state.ts';
import { LineReader } from './lines.ts';
import { copyStates, StatesReader, StatesWriter, type StateCounts } from './object-states.ts';

export type AddObjectsRequest = {
  /** LabelAttributeName. */
  label: string;
  dataset: ByteSource;
  states: ByteSource;
  /** The further objects; the rules are those of the first manifest. */
  manifest: ByteSource;
  temporaryDirectory: string;
  to: { dataset: ByteSink; states: ByteSink };
};

export type AddObjectsResult =
  | {
      kind: 'added';
      /** New objects, now the last of the dataset, and those of them that came with a label. */
      added: number;
      addedLabeled: number;
      /** Objects that the dataset held already: skipped, whatever label they came with. */
      known: number;
      /** Those of them that came with a label while the dataset has none for them: the label is not taken. */
      knownWithUnusedLabel: number;
      counts: StateCounts;
    }
  | ManifestFaults;

const LINE_FEED = Buffer.from('\n');

const datasetLine = (raw: Buffer, number: number): ObjectLine => {
  const line = readObjectLine(raw);
  if (line.kind === 'object') return line;
  throw new OperationError(
    `line ${number} of the dataset is damaged (${line.problem}); restore that version of it and try again`,
  );
};

/** Copies the dataset and takes each of its objects out of the pool. */
const copyDataset = async (
  source: ByteSource,
  sink: GatheringSink,
  pool: IdentityPool,
  own: OwnAttributes,
): Promise<{ lines: number; unusedLabels: number }> => {
  const lines = new LineReader(source);
  let last: Buffer | null = null;
  let unusedLabels = 0;
  for (let raw = await lines.next(); raw !== null; raw = await lines.next()) {
    await sink.write(raw);
    last = raw;
    const line = datasetLine(raw, lines.lines);
    const known = pool.take(canonicalIdentity(line, own.isOwn));
    if (known === null) continue;
    if (known.label !== null && labelValue(line, own) === null) unusedLabels += 1;
  }
  if (last !== null && last.at(-1) !== LINE_FEED[0] && pool.left > 0) await sink.write(LINE_FEED);
  return { lines: lines.lines, unusedLabels };
};

/** Adds the objects that the dataset does not hold yet, at its end, in their order. With problems nothing is written. */
export const addObjects = async (request: AddObjectsRequest): Promise<AddObjectsResult> => {
  const own = ownAttributes(request.label);
  const pool = new IdentityPool(request.temporaryDirectory);
  try {
    const checked = await checkManifest(request.manifest, own, (line, _state, number) =>
      pool.add({ number, label: labelValue(line, own) }, canonicalIdentity(line, own.isOwn)),
    );
    if (checked.problems.total > 0) return faultsOf(checked.problems);
    const dataset = new GatheringSink(request.to.dataset);
    const writer = new StatesWriter(request.to.states);
    const copied = await copyDataset(request.dataset, dataset, pool, own);
    const states = await copyStates(new StatesReader(request.states), writer, Infinity, ({ state }) => state);
    if (states !== copied.lines) {
      throw new OperationError(
        `the dataset has ${copied.lines} lines and ${states} object states; they do not belong together`,
      );
    }
    let added = 0;
    let addedLabeled = 0;
    const again = await checkManifest(request.manifest, own, async (line, state, number) => {
      if (!pool.has(number - 1)) return;
      await dataset.write(line.bytes);
      writer.add(1, initialState(state));
      if (writer.isFull) await writer.drain();
      added += 1;
      if (state.kind === 'labeled') addedLabeled += 1;
    });
    if (again.digest.sha256 !== checked.digest.sha256) throw changedMeanwhile();
    await dataset.finish();
    const known = checked.counts.total - added;
    return {
      kind: 'added',
      added,
      addedLabeled,
      known,
      knownWithUnusedLabel: copied.unusedLabels,
      counts: await writer.finish(),
    };
  } finally {
    pool.close();
  }
};
