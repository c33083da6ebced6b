/**
 * How a dataset begins and grows: from the user's manifest, and by objects added later. It owns the promise that nothing
 * is written from a manifest with problems: each is read once to check it and a second time to copy it.
 */
import { OperationError } from '../errors.ts';
import { readObjectLine, type ObjectLine } from './attributes.ts';
import {
  discardingSink,
  GatheringSink,
  HashingSink,
  type ByteSink,
  type ByteSource,
  type Digest,
} from './byte-streams.ts';
import { labelStateOf, ownAttributes, type LabelState, type OwnAttributes } from './label-state.ts';
import { LineReader, LineTooLongError } from './lines.ts';
import { problemsOfLine, ProblemList, type ManifestProblem } from './manifest-rules.ts';
import { FROM_A_MANIFEST, shortenReason, StatesWriter, untouchedState, type ObjectState } from './object-states.ts';

/** A line of a dataset, whose lines were checked when they came into it. @throws OperationError if it is damaged. */
export const datasetLine = (bytes: Buffer, number: number): ObjectLine => {
  const line = readObjectLine(bytes);
  if (line.kind === 'object') return line;
  throw new OperationError(
    `line ${number} of the dataset is damaged (${line.problem}); restore that version of it and try again`,
  );
};

/** What a manifest holds. `failedMetadata` counts objects that an earlier job failed; they are part of `remaining`. */
export type ManifestCounts = { total: number; labeled: number; remaining: number; failedMetadata: number; odd: number };

/** `problems`: the first 100; `problemsTotal` counts all. */
export type ManifestFaults = { kind: 'problems'; problems: ManifestProblem[]; problemsTotal: number };

/** What visits the lines of a manifest; `null` in place of a line that cannot be read. */
export type ManifestVisitor = (line: ObjectLine, state: LabelState, number: number) => void | Promise<void>;

export type CheckedManifest = { counts: ManifestCounts; digest: Digest; problems: ProblemList };

const LINE_HELP = 'write each object as one line of JSON, such as {"source-ref":"s3://…"}';

/** Reads a manifest once and checks every line. `visit` sees the lines that are fit for AWS. */
export const checkManifest = async (
  manifest: ByteSource,
  own: OwnAttributes,
  visit: ManifestVisitor | null,
): Promise<CheckedManifest> => {
  const counts = { total: 0, labeled: 0, remaining: 0, failedMetadata: 0, odd: 0 };
  const problems = new ProblemList();
  const lines = new LineReader(manifest);
  const hashed = new HashingSink(discardingSink);
  try {
    for (let raw = await lines.nextOfManifest(); raw !== null; raw = await lines.nextOfManifest()) {
      await hashed.write(raw);
      counts.total += 1;
      const line = readObjectLine(raw);
      const found = line.kind === 'fault' ? [`${line.problem}; ${LINE_HELP}`] : problemsOfLine(line, own);
      for (const problem of found) problems.add(lines.lines, problem);
      if (line.kind === 'fault' || found.length > 0) continue;
      const state = labelStateOf(line, own);
      if (state.kind === 'labeled') counts.labeled += 1;
      else counts.remaining += 1;
      if (state.kind === 'failed') counts.failedMetadata += 1;
      if (state.odd) counts.odd += 1;
      await visit?.(line, state, lines.lines);
    }
  } catch (thrown) {
    if (!(thrown instanceof LineTooLongError)) throw thrown;
    problems.add(thrown.line, thrown.message);
  }
  if (counts.total === 0 && problems.total === 0)
    problems.add(1, 'the manifest holds no object; write one line of JSON for each, with source-ref or source');
  return { counts, digest: hashed.digest(), problems };
};

/** The state an object begins with: generation 0 gave its label if it has one. */
export const initialState = (state: LabelState): ObjectState => {
  switch (state.kind) {
    case 'labeled':
      return { ...untouchedState, label: FROM_A_MANIFEST };
    case 'failed':
      return { ...untouchedState, lastReason: shortenReason(state.reason) };
    case 'not-attempted':
      return untouchedState;
  }
};

export const faultsOf = ({ list, total }: ProblemList): ManifestFaults => ({
  kind: 'problems',
  problems: list,
  problemsTotal: total,
});

/** Thrown where a source gave other bytes the second time. */
export const changedMeanwhile = (): OperationError =>
  new OperationError('the manifest changed while it was read; try again when nobody writes to it');

export type ReadDatasetRequest = {
  /** LabelAttributeName. */
  label: string;
  /** The user's manifest; may be partly labeled. */
  manifest: ByteSource;
  to: { dataset: ByteSink; states: ByteSink };
};

export type ReadDatasetResult = ({ kind: 'dataset'; counts: ManifestCounts } & Digest) | ManifestFaults;

/**
 * Takes the user's manifest as a dataset: the same bytes, without a byte order mark and without blank lines at the end.
 * `sha256` and `bytes` are those of the dataset. With problems nothing is written.
 */
export const readDataset = async ({ label, manifest, to }: ReadDatasetRequest): Promise<ReadDatasetResult> => {
  const own = ownAttributes(label);
  const first = await checkManifest(manifest, own, null);
  if (first.problems.total > 0) return faultsOf(first.problems);
  const dataset = new GatheringSink(to.dataset);
  const states = new StatesWriter(to.states);
  const second = await checkManifest(manifest, own, async (line, state) => {
    await dataset.write(line.bytes);
    states.add(1, initialState(state));
    if (states.isFull) await states.drain();
  });
  if (second.digest.sha256 !== first.digest.sha256) throw changedMeanwhile();
  await dataset.finish();
  await states.finish();
  return { kind: 'dataset', counts: first.counts, ...first.digest };
};
