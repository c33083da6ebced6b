/**
 * Adding objects to a chain's dataset (amend). It owns the rule which of them are new: identity as a multiset, so a third
 * copy of a line that the dataset holds twice is new, and that a label which only the further line has is the object's (I1).
 */
import { OperationError } from '../errors.ts';
import { editLine } from './attributes.ts';
import { GatheringSink, type ByteSink, type ByteSource } from './byte-streams.ts';
import {
  changedMeanwhile,
  checkManifest,
  datasetLine,
  faultsOf,
  initialState,
  type ManifestFaults,
} from './dataset.ts';
import { labelValue, ownAttributes, type OwnAttributes } from './label-state.ts';
import { LineReader } from './lines.ts';
import { NumberColumn } from './number-column.ts';
import {
  copyStates,
  FROM_A_MANIFEST,
  StatesReader,
  StatesWriter,
  type ObjectState,
  type StateCounts,
} from './object-states.ts';
import { TwinPools } from './twin-pools.ts';

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
      /** Objects that the dataset held already: skipped, with the label that they came with if the dataset has one. */
      known: number;
      /** Those of them that came with a label while the dataset had none for them: it has theirs now. */
      knownNowLabeled: number;
      counts: StateCounts;
    }
  | ManifestFaults;

const LINE_FEED = Buffer.from('\n');

/** Takes the further lines of labeled objects that have a label themselves; the places of these objects. */
const takeLabeled = async (source: ByteSource, further: TwinPools, own: OwnAttributes): Promise<NumberColumn> => {
  const taken = new NumberColumn();
  const lines = new LineReader(source);
  for (let raw = await lines.next(); raw !== null; raw = await lines.next()) {
    if (!own.mayHold(raw)) continue;
    const line = datasetLine(raw, lines.lines);
    if (labelValue(line, own) !== null && further.takeAlike(line) !== null) taken.push(lines.lines - 1);
  }
  return taken;
};

/** Copies the dataset, and takes each of its objects out of the further lines; with the labels that only these have. */
const copyDataset = async (
  source: ByteSource,
  sink: GatheringSink,
  further: TwinPools,
  own: OwnAttributes,
): Promise<{ lines: number; nowLabeled: NumberColumn }> => {
  const lines = new LineReader(source);
  let last: Buffer | null = null;
  const nowLabeled = new NumberColumn();
  const taken = await takeLabeled(source, further, own);
  let nextTaken = 0;
  for (let raw = await lines.next(); raw !== null; raw = await lines.next()) {
    const line = datasetLine(raw, lines.lines);
    const isTaken = nextTaken < taken.length && taken.get(nextTaken) === lines.lines - 1;
    if (isTaken) nextTaken += 1;
    const known = isTaken ? null : further.take(line);
    last = raw;
    // I1: once a label can be read, nobody is paid for another.
    if (known !== null && known.label !== null && labelValue(line, own) === null) {
      last = editLine(line, own.isOwn, known.label);
      nowLabeled.push(lines.lines - 1);
    }
    await sink.write(last);
  }
  if (last !== null && last.at(-1) !== LINE_FEED[0] && further.left > 0) await sink.write(LINE_FEED);
  return { lines: lines.lines, nowLabeled };
};

/** Copies the states; the objects at these places have got a label that came with a manifest. */
const copyStatesWithLabels = async (
  from: StatesReader,
  to: StatesWriter,
  nowLabeled: NumberColumn,
): Promise<number> => {
  let copied = 0;
  const copy = async (most: number, change: (state: ObjectState) => ObjectState): Promise<void> => {
    copied += await copyStates(from, to, most, ({ state }) => change(state));
  };
  for (let index = 0; index < nowLabeled.length; index += 1) {
    await copy(nowLabeled.get(index) - copied, (state) => state);
    await copy(1, (state) => ({ ...state, label: FROM_A_MANIFEST, setAside: false }));
  }
  await copy(Infinity, (state) => state);
  return copied;
};

/** Adds the objects that the dataset does not hold yet, at its end, in their order. With problems nothing is written. */
export const addObjects = async (request: AddObjectsRequest): Promise<AddObjectsResult> => {
  const own = ownAttributes(request.label);
  const further = new TwinPools(request.temporaryDirectory, own);
  try {
    const checked = await checkManifest(request.manifest, own, (line, _state, number) => further.add(line, number));
    if (checked.problems.total > 0) return faultsOf(checked.problems);
    const dataset = new GatheringSink(request.to.dataset);
    const writer = new StatesWriter(request.to.states);
    const copied = await copyDataset(request.dataset, dataset, further, own);
    const states = await copyStatesWithLabels(new StatesReader(request.states), writer, copied.nowLabeled);
    if (states !== copied.lines) {
      throw new OperationError(
        `the dataset has ${copied.lines} lines and ${states} object states; they do not belong together`,
      );
    }
    let added = 0;
    let addedLabeled = 0;
    const seen = { labeled: 0, unlabeled: 0 };
    const again = await checkManifest(request.manifest, own, async (line, state) => {
      const kind = state.kind === 'labeled' ? 'labeled' : 'unlabeled';
      if (!further[kind].has(seen[kind]++)) return;
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
      knownNowLabeled: copied.nowLabeled.length,
      counts: await writer.finish(),
    };
  } finally {
    further.close();
  }
};
