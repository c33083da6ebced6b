/**
 * The activities that merge the outputs of labeling jobs into the chain's dataset.
 *
 * I1, law 2: a label that an output holds is in the new dataset or in its doubled file, or the merge does not succeed.
 */
import type { LateMerge, LateOutput, Merge } from '../decisions/after-job.ts';
import { countsAttempt, type AttemptFacts } from '../decisions/attempts.ts';
import { currentTerms, generationOf, type ChainState, type Dataset, type JobInput } from '../decisions/chain-state.ts';
import { asTerminal, type Ending } from '../decisions/ending.ts';
import { outputManifestUri, outputsThatMayChange, uriOfKnown, type KnownOutput } from '../decisions/known-outputs.ts';
import type { Spec } from '../decisions/spec.ts';
import { inspectOutput } from '../manifests/inspection.ts';
import { mergeOutputs, type MergeRequest, type MergeTally } from '../manifests/merge.ts';
import type { MergeSource } from '../manifests/merge-source.ts';
import { unusable } from './aws-failures.ts';
import { datasetUris, manifestReader, shortHash, type ManifestDependencies } from './manifest-places.ts';
import { withFolder } from './working-folder.ts';
import { etagOf, writeNewObjects } from './s3-objects.ts';

type EndedJob = Extract<Ending, { kind: 'ended' }>;

/** Outputs that AWS has written again and of which nothing was merged, as they were seen. */
export type UnreadableOutputs = { message: string; outputs: LateOutput[] };

export type SettleResult =
  /** `unreadable`: among the outputs of earlier jobs; null or absent: none. */
  | { kind: 'merged'; merge: Merge; lateOutputs: LateOutput[]; unreadable?: UnreadableOutputs | null }
  /** AWS has written the outputs of these earlier jobs again: they must be in the state, to be merged too. */
  | { kind: 'late-outputs'; generations: number[] }
  /** The output does not yet hold the labels that AWS counted (`expected`), or not the failures: then `found` is no less. */
  | { kind: 'waiting'; found: number; expected: number; message: string }
  | { kind: 'unreadable'; message: string };

export type LateResult =
  | { kind: 'nothing-new' }
  | (LateMerge & { kind: 'merged'; outputs: LateOutput[]; unreadable?: UnreadableOutputs | null })
  /** Nothing was merged. */
  | (UnreadableOutputs & { kind: 'unreadable' });

type Merged = { kind: 'merged'; dataset: Dataset; tally: MergeTally; unmatchedUri: string };

/** Nothing was written; whose outputs hold the lines. */
type Unreadable = { kind: 'unreadable'; message: string; generations: readonly number[] };

/** The dataset and its object states, on their way. */
type ChainFiles = Pick<MergeRequest, 'dataset' | 'states'>;

type LateRequest = { state: ChainState; dataset: Dataset; late: readonly LateOutput[]; files: ChainFiles };

/** What is known of a job by which its failures are judged; null: too little, and none of them counts as an attempt. */
const attemptFactsOf = (
  state: ChainState,
  generation: number,
  current: { generation: number; ending: EndedJob } | null,
): AttemptFacts | null => {
  const job = generationOf(state, generation);
  const ending = current?.generation === generation ? current.ending : null;
  const status = ending?.status ?? asTerminal(job?.status ?? '');
  const counters = ending?.observation.counters ?? job?.counters ?? null;
  const createdAtMs = ending?.observation.createdAtMs ?? job?.createdAtMs ?? null;
  const endedAtMs = ending?.observation.lastModifiedAtMs ?? job?.endedAtMs ?? null;
  if (status === null || counters === null || createdAtMs === null || endedAtMs === null) return null;
  const { taskAvailabilityMs } = job?.terms ?? currentTerms(state);
  const declines = ending?.declines ?? job?.declines ?? 0;
  return { status, counters, ageAtEndMs: endedAtMs - createdAtMs, taskAvailabilityMs, declines };
};

/** The outputs with what the merge read from them. */
const withLabels = (outputs: readonly LateOutput[], { perSource }: MergeTally): LateOutput[] =>
  outputs.map((output) => {
    const source = perSource.find(({ generation }) => generation === output.generation);
    return { ...output, newLabels: source?.newLabels ?? 0, unmatchedLabeled: source?.unmatchedLabeled ?? 0 };
  });

export const mergeActivities = (dependencies: ManifestDependencies) => {
  const { s3, temporaryDirectory } = dependencies;
  const read = manifestReader(dependencies);

  /** What a job was sent. */
  const sentOf = (spec: Spec, jobName: string, { manifestUri, ordinalsUri, mode }: JobInput) => ({
    jobName,
    input: read(spec, manifestUri),
    ordinals: read(spec, ordinalsUri),
    labeledInput: mode === 'dataset',
  });

  const lateSourcesOf = ({ spec, generations }: ChainState, late: readonly LateOutput[]): MergeSource[] =>
    generations.flatMap(({ generation, name, input }) => {
      const output = late.find((one) => one.generation === generation);
      return input === null || output === undefined
        ? []
        : [{ generation, ...sentOf(spec, name, input), output: read(spec, output.uri, output.etag), late: true }];
    });

  const filesOf = (spec: Spec, { manifestUri, statesUri }: Dataset): ChainFiles => ({
    dataset: read(spec, manifestUri),
    states: read(spec, statesUri),
  });

  /** Those that AWS has written (again) since they were merged. */
  const changedOutputs = async (spec: Spec, known: readonly KnownOutput[]): Promise<LateOutput[]> => {
    const looked = await Promise.all(
      known.map(async (output) => {
        const uri = uriOfKnown(output, spec.job.OutputConfig.S3OutputPath);
        const etag = await etagOf(s3(spec.region), uri);
        return etag === null || etag === output.etag ? [] : [{ generation: output.generation, uri, etag }];
      }),
    );
    return looked.flat();
  };

  const merge = async (
    state: ChainState,
    dataset: Dataset,
    files: ChainFiles,
    sources: MergeSource[],
    current: { generation: number; ending: EndedJob } | null,
    outputs: unknown,
  ): Promise<Merged | Unreadable> =>
    withFolder(temporaryDirectory, async (directory) => {
      const { spec } = state;
      const client = s3(spec.region);
      const kmsKeyId = spec.job.OutputConfig.KmsKeyId;
      const version = dataset.version + 1;
      const maxAttempts = spec.policy.maxAttemptsPerObject;
      const facts = new Map(
        sources.map(({ generation }) => [generation, attemptFactsOf(state, generation, current)] as const),
      );
      // The key holds all that decides what is written: another merge of the same files has another one.
      const madeFrom = [outputs, maxAttempts, [...facts]];
      const uris = datasetUris(spec, version, shortHash(dataset.manifestUri, dataset.statesUri, madeFrom));
      class CannotRead extends Error {
        readonly generations: readonly number[];
        constructor(message: string, generations: readonly number[]) {
          super(message);
          this.generations = generations;
        }
      }
      try {
        const tally = await writeNewObjects(client, uris, kmsKeyId, async (to) => {
          const result = await mergeOutputs({
            label: spec.job.LabelAttributeName,
            ...files,
            sources,
            countsAttempt: (generation, reason) => {
              const known = facts.get(generation) ?? null;
              return known !== null && countsAttempt(known, reason);
            },
            maxAttempts,
            temporaryDirectory: directory,
            to,
          });
          if (result.kind === 'merged') {
            await to.tally.write(Buffer.from(`${JSON.stringify(result.tally, null, 1)}\n`));
            return result.tally;
          }
          const lines = result.lines
            .slice(0, 20)
            .map(({ generation, line, problem }) => `job ${generation}, line ${line}: ${problem}`);
          const message = `${result.total} output lines cannot be read; nothing of these outputs was merged: ${lines.join('; ')}`;
          throw new CannotRead(message, result.generations);
        });
        const { total, labeled, remaining, setAside, doubled } = tally;
        const next = {
          version,
          manifestUri: uris.dataset,
          statesUri: uris.states,
          total,
          labeled,
          remaining,
          setAside,
          doubled,
        };
        return { kind: 'merged', dataset: next, tally, unmatchedUri: uris.unmatched };
      } catch (thrown) {
        if (!(thrown instanceof CannotRead)) throw thrown;
        return { kind: 'unreadable', message: thrown.message, generations: thrown.generations };
      }
    });

  /**
   * Merges outputs of earlier jobs, and that of the current one if there is one; of the earlier ones those that cannot be read are left
   * out (I1: they keep nothing else from the dataset). Unreadable if the current one is, or if nothing is left.
   */
  const mergeReadable = async (
    { state, dataset, late, files }: LateRequest,
    current: { source: MergeSource | null; generation: number; ending: EndedJob; output: unknown } | null,
  ): Promise<(Merged & { late: readonly LateOutput[]; unreadable: UnreadableOutputs | null }) | Unreadable> => {
    const own = current?.source ?? null;
    const mergeWith = (outputs: readonly LateOutput[], from: ChainFiles): Promise<Merged | Unreadable> => {
      const sources = [...lateSourcesOf(state, outputs), ...(own === null ? [] : [own])];
      return merge(state, dataset, from, sources, current, [current?.output ?? null, outputs]);
    };
    const all = await mergeWith(late, files);
    if (all.kind === 'merged') return { ...all, late, unreadable: null };
    const isUnreadable = ({ generation }: { generation: number }): boolean => all.generations.includes(generation);
    const readable = late.filter((output) => !isUnreadable(output));
    if (current === null ? readable.length === 0 : isUnreadable(current)) return all;
    const rest = await mergeWith(readable, filesOf(state.spec, dataset));
    if (rest.kind === 'unreadable') return rest;
    return { ...rest, late: readable, unreadable: { message: all.message, outputs: late.filter(isUnreadable) } };
  };

  return {
    /**
     * Looks whether the output of an ended job holds the labels that AWS counted, and if so merges it, with those of earlier jobs
     * that AWS has written again.
     */
    settleAndMerge: async ({
      state,
      generation,
      ending,
      acceptMissing,
      others = outputsThatMayChange(state, generation),
    }: {
      /** Holds this job, and of the earlier ones at least those that were asked for by `late-outputs`. */
      state: ChainState;
      generation: number;
      ending: EndedJob;
      acceptMissing: boolean;
      /** Of the earlier jobs; absent in a history from before they were told: then all are in the state. */
      others?: readonly KnownOutput[];
    }): Promise<SettleResult> => {
      const { spec, dataset } = state;
      const job = generationOf(state, generation);
      if (dataset === null || job === null || job.input === null) {
        throw unusable(`generation ${generation} has no input to merge with`);
      }
      const uri =
        ending.observation.outputManifestUri ??
        job.output?.uri ??
        outputManifestUri(spec.job.OutputConfig.S3OutputPath, job.name);
      // On their way together: a chain waits for this between two jobs.
      const sent = sentOf(spec, job.name, job.input);
      const files = filesOf(spec, dataset);
      const [etag, late] = await Promise.all([etagOf(s3(spec.region), uri), changedOutputs(spec, others)]);
      if (late.some((output) => generationOf(state, output.generation) === null))
        return { kind: 'late-outputs', generations: late.map((output) => output.generation) };
      const { totalLabeled: expected, failed } = ending.observation.counters;
      const waiting = (found: number, message: string): SettleResult => ({ kind: 'waiting', found, expected, message });
      const output = etag === null ? null : { uri, etag };
      const source: MergeSource | null =
        output === null ? null : { generation, ...sent, output: read(spec, uri, output.etag), late: false };
      // A failed job leaves what it did not write: its failures are counted when they are published, if they ever are.
      const countedFailures = ending.status === 'Failed' ? 0 : failed;
      if (output === null && !acceptMissing && expected + countedFailures > 0) {
        return waiting(0, `AWS counted ${expected} labels and ${failed} failures; ${uri} does not exist`);
      }
      if (source !== null && !acceptMissing) {
        const found = await withFolder(temporaryDirectory, (directory) =>
          inspectOutput({
            label: spec.job.LabelAttributeName,
            ...source,
            temporaryDirectory: directory,
          }),
        );
        const labels = found.newLabels + found.unmatchedLabeled;
        // Where every line has a label none is missing, whatever else AWS counts (labels of the input, perhaps).
        const isWhole = found.failed === 0 && found.notAttempted === 0;
        if (labels < expected && !isWhole && found.unreadableTotal === 0) {
          return waiting(labels, `AWS counted ${expected} labels; ${uri} holds ${labels}`);
        }
        // What failed last, as tasks that expired, comes with AWS's last output, minutes after the end: until then it looks as never tried.
        const isLastOutput = found.failed >= countedFailures || found.notAttempted === 0;
        if (ending.status === 'Completed' && !isLastOutput && found.unreadableTotal === 0) {
          return waiting(labels, `AWS counted ${failed} failures; ${uri} holds ${found.failed}`);
        }
      }
      const merged = await mergeReadable({ state, dataset, late, files }, { source, generation, ending, output });
      if (merged.kind === 'unreadable') return { kind: 'unreadable', message: merged.message };
      const own = merged.tally.perSource.find((source) => source.generation === generation);
      return {
        kind: 'merged',
        merge: {
          dataset: merged.dataset,
          output,
          newLabels: own?.newLabels ?? 0,
          complete: own !== undefined && own.failed === 0 && own.notAttempted === 0,
          attemptsCounted: own?.attemptsCounted ?? 0,
          newlySetAside: merged.tally.newlySetAside,
          unmatchedLabeled: merged.tally.perSource.reduce((sum, source) => sum + source.unmatchedLabeled, 0),
          unmatchedUri: merged.unmatchedUri,
          unmatchedOfJob: own?.unmatchedLabeled ?? 0,
        },
        lateOutputs: withLabels(merged.late, merged.tally),
        unreadable: merged.unreadable,
      };
    },

    /** Once more over the outputs of all jobs, for answers that were published after their merge. */
    mergeLateLabels: async ({ state }: { state: ChainState }): Promise<LateResult> => {
      const { dataset, spec } = state;
      const outputs = dataset === null ? [] : await changedOutputs(spec, outputsThatMayChange(state, null));
      if (dataset === null || outputs.length === 0) return { kind: 'nothing-new' };
      const merged = await mergeReadable({ state, dataset, late: outputs, files: filesOf(spec, dataset) }, null);
      if (merged.kind === 'unreadable') return { kind: 'unreadable', message: merged.message, outputs };
      const { tally, unmatchedUri, unreadable } = merged;
      return {
        kind: 'merged',
        dataset: merged.dataset,
        outputs: withLabels(merged.late, tally),
        newlySetAside: tally.newlySetAside,
        unmatchedUri,
        unreadable,
      };
    },
  };
};
