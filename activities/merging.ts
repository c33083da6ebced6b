/**
 * The activities that merge the outputs of labeling jobs into the chain's dataset.
 *
 * I1, law 2: a label that an output holds is in the new dataset or in its doubled file, or the merge does not succeed.
 */
import type { LateOutput, Merge } from '../decisions/after-job.ts';
import { countsAttempt } from '../decisions/attempts.ts';
import { currentTerms, generationOf, type ChainState, type Dataset, type JobInput } from '../decisions/chain-state.ts';
import { asTerminal, type Ending } from '../decisions/ending.ts';
import { outputManifestUri, outputsThatMayChange, uriOfKnown, type KnownOutput } from '../decisions/known-outputs.ts';
import type { Spec } from '../decisions/spec.ts';
import { inspectOutput } from '../manifests/inspection.ts';
import { mergeOutputs, type MergeTally } from '../manifests/merge.ts';
import type { MergeSource } from '../manifests/merge-source.ts';
import { unusable } from './aws-failures.ts';
import { datasetUris, manifestReader, shortHash, withFolder, type ManifestDependencies } from './manifest-places.ts';
import { etagOf, writeNewObjects } from './s3-objects.ts';

type EndedJob = Extract<Ending, { kind: 'ended' }>;

export type SettleResult =
  | { kind: 'merged'; merge: Merge; lateOutputs: LateOutput[] }
  /** AWS has written the outputs of these earlier jobs again: they must be in the state, to be merged too. */
  | { kind: 'late-outputs'; generations: number[] }
  /** The output does not yet hold the labels that AWS counted. */
  | { kind: 'waiting'; found: number; expected: number; message: string }
  | { kind: 'unreadable'; message: string };

export type LateResult =
  | { kind: 'nothing-new' }
  | { kind: 'merged'; dataset: Dataset; outputs: LateOutput[] }
  /** Nothing was merged; the outputs are as they were seen. */
  | { kind: 'unreadable'; message: string; outputs: LateOutput[] };

const attemptRule =
  (state: ChainState, current: { generation: number; ending: EndedJob } | null) =>
  (generation: number, reason: string): boolean => {
    const job = generationOf(state, generation);
    const observation = current?.generation === generation ? current.ending.observation : null;
    const status = current?.generation === generation ? current.ending.status : asTerminal(job?.status ?? '');
    const counters = observation?.counters ?? job?.counters ?? null;
    const createdAtMs = observation?.createdAtMs ?? job?.createdAtMs ?? null;
    const endedAtMs = observation?.lastModifiedAtMs ?? job?.endedAtMs ?? null;
    if (status === null || counters === null || createdAtMs === null || endedAtMs === null) return false;
    return countsAttempt(
      {
        status,
        counters,
        ageAtEndMs: endedAtMs - createdAtMs,
        taskAvailabilityMs: (job?.terms ?? currentTerms(state)).taskAvailabilityMs,
        declines: current?.generation === generation ? current.ending.declines : (job?.declines ?? 0),
      },
      reason,
    );
  };

/** The outputs with what the merge read from them. */
const withLabels = (outputs: readonly LateOutput[], { perSource }: MergeTally): LateOutput[] =>
  outputs.map((output) => ({
    ...output,
    newLabels: perSource.find(({ generation }) => generation === output.generation)?.newLabels ?? 0,
  }));

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

  const filesOf = (spec: Spec, { manifestUri, statesUri }: Dataset) => ({
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
    files: ReturnType<typeof filesOf>,
    sources: MergeSource[],
    current: { generation: number; ending: EndedJob } | null,
    madeFrom: unknown,
  ): Promise<{ dataset: Dataset; tally: MergeTally; unmatchedUri: string } | { unreadable: string }> =>
    withFolder(temporaryDirectory, async (directory) => {
      const { spec } = state;
      const client = s3(spec.region);
      const kmsKeyId = spec.job.OutputConfig.KmsKeyId;
      const version = dataset.version + 1;
      const uris = datasetUris(spec, version, shortHash(dataset.manifestUri, dataset.statesUri, madeFrom));
      class Unreadable extends Error {}
      try {
        const tally = await writeNewObjects(client, uris, kmsKeyId, async (to) => {
          const result = await mergeOutputs({
            label: spec.job.LabelAttributeName,
            ...files,
            sources,
            countsAttempt: attemptRule(state, current),
            maxAttempts: spec.policy.maxAttemptsPerObject,
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
          throw new Unreadable(`${result.total} output lines cannot be read; nothing was merged: ${lines.join('; ')}`);
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
        return { dataset: next, tally, unmatchedUri: uris.unmatched };
      } catch (thrown) {
        if (thrown instanceof Unreadable) return { unreadable: thrown.message };
        throw thrown;
      }
    });

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
      const output = etag === null ? null : { uri, etag };
      const source: MergeSource | null =
        output === null ? null : { generation, ...sent, output: read(spec, uri, output.etag), late: false };
      // A failed job leaves what it did not write: its failures are counted when they are published, if they ever are.
      const countedFailures = ending.status === 'Failed' ? 0 : failed;
      if (output === null && !acceptMissing && expected + countedFailures > 0) {
        return {
          kind: 'waiting',
          found: 0,
          expected,
          message: `AWS counted ${expected} labels and ${failed} failures; ${uri} does not exist`,
        };
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
        if (labels < expected && found.unreadableTotal === 0) {
          return {
            kind: 'waiting',
            found: labels,
            expected,
            message: `AWS counted ${expected} labels; ${uri} holds ${labels}`,
          };
        }
      }
      const sources = [...lateSourcesOf(state, late), ...(source === null ? [] : [source])];
      const madeFrom = [generation, output, late, spec.policy.maxAttemptsPerObject];
      const merged = await merge(state, dataset, files, sources, { generation, ending }, madeFrom);
      if ('unreadable' in merged) return { kind: 'unreadable', message: merged.unreadable };
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
        },
        lateOutputs: withLabels(late, merged.tally),
      };
    },

    /** Once more over the outputs of all jobs, for answers that were published after their merge. */
    mergeLateLabels: async ({ state }: { state: ChainState }): Promise<LateResult> => {
      const { dataset, spec } = state;
      const outputs = dataset === null ? [] : await changedOutputs(spec, outputsThatMayChange(state, null));
      if (dataset === null || outputs.length === 0) return { kind: 'nothing-new' };
      const sources = lateSourcesOf(state, outputs);
      const merged = await merge(state, dataset, filesOf(spec, dataset), sources, null, ['late', outputs]);
      return 'unreadable' in merged
        ? { kind: 'unreadable', message: merged.unreadable, outputs }
        : { kind: 'merged', dataset: merged.dataset, outputs: withLabels(outputs, merged.tally) };
    },
  };
};
