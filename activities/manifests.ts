/**
 * The activities on manifests: they connect the streaming engine in manifests/ with S3. Every result lies in a folder
 * whose name holds a hash of what it was made from: a repeated try writes the same bytes to the same keys.
 *
 * I1, law 2: a label that an output holds is in the new dataset or in its doubled file, or the merge does not succeed.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Merge } from '../decisions/after-job.ts';
import { countsAttempt } from '../decisions/attempts.ts';
import type { ChainState, Dataset, Generation, JobInput } from '../decisions/chain-state.ts';
import { DAY_MS, SECOND_MS } from '../decisions/durations.ts';
import { asTerminal, type Ending } from '../decisions/ending.ts';
import type { JobOrder } from '../decisions/next-order.ts';
import type { Spec } from '../decisions/spec.ts';
import type { ByteSource } from '../manifests/byte-streams.ts';
import { readDataset, type ManifestFaults } from '../manifests/dataset.ts';
import { addObjects } from '../manifests/further-objects.ts';
import { inspectOutput } from '../manifests/inspection.ts';
import { selectInput } from '../manifests/job-input.ts';
import { writeLeftovers } from '../manifests/leftovers.ts';
import { mergeOutputs, type MergeTally } from '../manifests/merge.ts';
import type { MergeSource } from '../manifests/merge-source.ts';
import { retrySetAside, type StateCounts } from '../manifests/object-states.ts';
import { unusable } from './aws-failures.ts';
import { beat } from './heartbeat.ts';
import { chainFolder } from './records.ts';
import { etagOf, objectSource, under, writeNewObjects, writeNewText } from './s3-objects.ts';

type EndedJob = Extract<Ending, { kind: 'ended' }>;

export type SettleResult =
  | { kind: 'merged'; merge: Merge; lateOutputs: LateOutput[] }
  /** The output does not yet hold the labels that AWS counted. */
  | { kind: 'waiting'; found: number; expected: number; message: string }
  | { kind: 'unreadable'; message: string };

export type LateOutput = { generation: number; uri: string; etag: string };

export type LateResult =
  | { kind: 'nothing-new' }
  | { kind: 'merged'; dataset: Dataset; outputs: LateOutput[] }
  | { kind: 'unreadable'; message: string };

const shortHash = (...parts: unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 10);

const faultText = (uri: string, { problems, problemsTotal }: ManifestFaults): string => {
  const listed = problems.slice(0, 20).map(({ line, problem }) => `  line ${line}: ${problem}`);
  const more = problemsTotal > listed.length ? [`  and ${problemsTotal - listed.length} more`] : [];
  return [`the manifest ${uri} cannot be used:`, ...listed, ...more].join('\n');
};

const datasetUris = (spec: Spec, version: number, hash: string) => {
  const folder = under(chainFolder(spec), 'datasets', `${String(version).padStart(4, '0')}-${hash}`);
  return {
    dataset: under(folder, 'dataset.manifest'),
    states: under(folder, 'object-states.jsonl'),
    unmatched: under(folder, 'unmatched.jsonl'),
    doubled: under(folder, 'doubled.jsonl'),
    tally: under(folder, 'tally.json'),
  };
};

/** Where AWS puts a job's output (DG sms-data-output) when Describe does not say. */
const outputUriOf = (spec: Spec, job: Generation, ending: EndedJob | null): string =>
  ending?.observation.outputManifestUri ??
  job.output?.uri ??
  under(spec.job.OutputConfig.S3OutputPath, job.name, 'manifests', 'output', 'output.manifest');

/** API HumanTaskConfig: 30 days for private and vendor teams, 6 hours on Mechanical Turk, when not given. */
const taskAvailabilityMs = (spec: Spec): number => {
  const { TaskAvailabilityLifetimeInSeconds: seconds, WorkteamArn } = spec.job.HumanTaskConfig;
  if (seconds !== undefined) return seconds * SECOND_MS;
  return WorkteamArn.includes(':workteam/public-crowd/') ? 6 * 3600 * SECOND_MS : 30 * DAY_MS;
};

const attemptRule =
  (state: ChainState, current: { generation: number; ending: EndedJob } | null) =>
  (generation: number, reason: string): boolean => {
    const job = state.generations.find((one) => one.generation === generation);
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
        taskAvailabilityMs: taskAvailabilityMs(state.spec),
        declines: current?.generation === generation ? current.ending.declines : (job?.declines ?? 0),
      },
      reason,
    );
  };

export const manifestActivities = ({
  s3,
  temporaryDirectory,
}: {
  s3: (region: string) => S3Client;
  temporaryDirectory: string;
}) => {
  const inTemporaryDirectory = async <Result>(work: (directory: string) => Promise<Result>): Promise<Result> => {
    const directory = await mkdtemp(join(temporaryDirectory, 'label-relay-'));
    try {
      return await work(directory);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  };

  const read = (spec: Spec, uri: string, etag: string | null = null): ByteSource =>
    objectSource(s3(spec.region), uri, etag, beat);

  const sourceOf = (
    spec: Spec,
    job: Generation,
    output: { uri: string; etag: string },
    late: boolean,
  ): MergeSource[] =>
    job.input === null
      ? []
      : [
          {
            generation: job.generation,
            input: read(spec, job.input.manifestUri),
            ordinals: read(spec, job.input.ordinalsUri),
            output: read(spec, output.uri, output.etag),
            late,
          },
        ];

  /** Outputs of earlier jobs that AWS has written (again) since they were merged. */
  const changedOutputs = async (
    state: ChainState,
    except: number,
  ): Promise<{ job: Generation; output: LateOutput }[]> => {
    const { spec } = state;
    const candidates = state.generations.filter(
      (job) => job.generation !== except && job.input !== null && job.createdAtMs !== null && !job.complete,
    );
    const looked = await Promise.all(
      candidates.map(async (job) => {
        const uri = outputUriOf(spec, job, null);
        const etag = await etagOf(s3(spec.region), uri);
        return etag === null || etag === job.output?.etag
          ? []
          : [{ job, output: { generation: job.generation, uri, etag } }];
      }),
    );
    return looked.flat();
  };

  const merge = async (
    state: ChainState,
    dataset: Dataset,
    sources: MergeSource[],
    current: { generation: number; ending: EndedJob } | null,
    madeFrom: unknown,
  ): Promise<{ dataset: Dataset; tally: MergeTally; unmatchedUri: string } | { unreadable: string }> =>
    inTemporaryDirectory(async (directory) => {
      const { spec } = state;
      const client = s3(spec.region);
      const kmsKeyId = spec.job.OutputConfig.KmsKeyId;
      const version = dataset.version + 1;
      const { tally: tallyUri, ...uris } = datasetUris(
        spec,
        version,
        shortHash(dataset.manifestUri, dataset.statesUri, madeFrom),
      );
      class Unreadable extends Error {}
      try {
        const tally = await writeNewObjects(client, uris, kmsKeyId, async (to) => {
          const result = await mergeOutputs({
            label: spec.job.LabelAttributeName,
            dataset: read(spec, dataset.manifestUri),
            states: read(spec, dataset.statesUri),
            sources,
            countsAttempt: attemptRule(state, current),
            maxAttempts: spec.policy.maxAttemptsPerObject,
            temporaryDirectory: directory,
            to,
          });
          if (result.kind === 'merged') return result.tally;
          const lines = result.lines
            .slice(0, 20)
            .map(({ generation, line, problem }) => `job ${generation}, line ${line}: ${problem}`);
          throw new Unreadable(`${result.total} output lines cannot be read; nothing was merged: ${lines.join('; ')}`);
        });
        await writeNewText(client, tallyUri, kmsKeyId, `${JSON.stringify(tally, null, 1)}\n`);
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

  const datasetOf = (version: number, uris: { dataset: string; states: string }, counts: StateCounts): Dataset => ({
    version,
    manifestUri: uris.dataset,
    statesUri: uris.states,
    total: counts.total,
    labeled: counts.labeled,
    remaining: counts.remaining,
    setAside: counts.setAside,
    doubled: counts.doubled,
  });

  return {
    /** Takes the person's manifest as version 0 of the dataset: a copy, with the state of every object beside it. */
    openDataset: async ({ spec, manifestUri }: { spec: Spec; manifestUri: string }): Promise<Dataset> => {
      const client = s3(spec.region);
      const etag = await etagOf(client, manifestUri);
      if (etag === null) throw unusable(`the manifest ${manifestUri} does not exist`);
      const { dataset, states } = datasetUris(spec, 0, shortHash(manifestUri, etag));
      const read0 = await writeNewObjects(client, { dataset, states }, spec.job.OutputConfig.KmsKeyId, async (to) => {
        const result = await readDataset({
          label: spec.job.LabelAttributeName,
          manifest: read(spec, manifestUri, etag),
          to,
        });
        if (result.kind === 'problems') throw unusable(faultText(manifestUri, result));
        return result;
      });
      const { total, labeled, remaining } = read0.counts;
      return datasetOf(0, { dataset, states }, { total, labeled, remaining, setAside: 0, doubled: 0 });
    },

    writeJobInput: async ({
      spec,
      dataset,
      order,
    }: {
      spec: Spec;
      dataset: Dataset;
      order: JobOrder;
    }): Promise<JobInput> => {
      const folder = under(
        chainFolder(spec),
        'jobs',
        `${String(order.generation).padStart(3, '0')}-${shortHash(dataset.manifestUri, dataset.statesUri, order.mode, order.maxObjects)}`,
      );
      const uris = { manifest: under(folder, 'input.manifest'), ordinals: under(folder, 'input.ordinals.jsonl') };
      const selected = await writeNewObjects(s3(spec.region), uris, spec.job.OutputConfig.KmsKeyId, (to) =>
        selectInput({
          label: spec.job.LabelAttributeName,
          dataset: read(spec, dataset.manifestUri),
          states: read(spec, dataset.statesUri),
          mode: order.mode,
          maxObjects: order.mode === 'dataset' ? null : order.maxObjects,
          to,
        }),
      );
      return {
        manifestUri: uris.manifest,
        ordinalsUri: uris.ordinals,
        objects: selected.objects,
        sentObjects: selected.sentObjects,
        mode: order.mode,
        withoutAlgorithms: order.withoutAlgorithms,
        note: order.note,
      };
    },

    /** Looks whether the output of an ended job holds the labels that AWS counted, and if so merges it. */
    settleAndMerge: async ({
      state,
      generation,
      ending,
      acceptMissing,
    }: {
      state: ChainState;
      generation: number;
      ending: EndedJob;
      acceptMissing: boolean;
    }): Promise<SettleResult> => {
      const { spec, dataset } = state;
      const job = state.generations.find((one) => one.generation === generation);
      if (dataset === null || job === undefined || job.input === null) {
        throw unusable(`generation ${generation} has no input to merge with`);
      }
      const uri = outputUriOf(spec, job, ending);
      const etag = await etagOf(s3(spec.region), uri);
      const { totalLabeled: expected, failed } = ending.observation.counters;
      const output = etag === null ? null : { uri, etag };
      if (output === null && !acceptMissing && expected + failed > 0) {
        return {
          kind: 'waiting',
          found: 0,
          expected,
          message: `AWS counted ${expected} labels and ${failed} failures; ${uri} does not exist`,
        };
      }
      if (output !== null && !acceptMissing) {
        const { input } = job;
        const found = await inTemporaryDirectory((directory) =>
          inspectOutput({
            label: spec.job.LabelAttributeName,
            input: read(spec, input.manifestUri),
            output: read(spec, output.uri, output.etag),
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
      const late = await changedOutputs(state, generation);
      const sources = [
        ...late.flatMap(({ job: earlier, output: changed }) => sourceOf(spec, earlier, changed, true)),
        ...(output === null ? [] : sourceOf(spec, job, output, false)),
      ];
      const madeFrom = [generation, output, late.map((one) => one.output), spec.policy.maxAttemptsPerObject];
      const merged = await merge(state, dataset, sources, { generation, ending }, madeFrom);
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
        lateOutputs: late.map((one) => one.output),
      };
    },

    /** Once more over the outputs of all jobs, for answers that were published after their merge. */
    mergeLateLabels: async ({ state }: { state: ChainState }): Promise<LateResult> => {
      const { dataset, spec } = state;
      const late = dataset === null ? [] : await changedOutputs(state, -1);
      if (dataset === null || late.length === 0) return { kind: 'nothing-new' };
      const outputs = late.map((one) => one.output);
      const sources = late.flatMap(({ job, output }) => sourceOf(spec, job, output, true));
      const merged = await merge(state, dataset, sources, null, ['late', outputs]);
      return 'unreadable' in merged
        ? { kind: 'unreadable', message: merged.unreadable }
        : { kind: 'merged', dataset: merged.dataset, outputs };
    },

    /** Adds the objects of a further manifest; known ones are skipped. */
    addObjects: async ({
      spec,
      dataset,
      manifestUri,
    }: {
      spec: Spec;
      dataset: Dataset;
      manifestUri: string;
    }): Promise<{ dataset: Dataset; added: number; known: number }> => {
      const client = s3(spec.region);
      const etag = await etagOf(client, manifestUri);
      if (etag === null) throw unusable(`the manifest ${manifestUri} does not exist`);
      const version = dataset.version + 1;
      const uris = datasetUris(spec, version, shortHash(dataset.manifestUri, dataset.statesUri, manifestUri, etag));
      const to = { dataset: uris.dataset, states: uris.states };
      const result = await inTemporaryDirectory((directory) =>
        writeNewObjects(client, to, spec.job.OutputConfig.KmsKeyId, async (sinks) => {
          const found = await addObjects({
            label: spec.job.LabelAttributeName,
            dataset: read(spec, dataset.manifestUri),
            states: read(spec, dataset.statesUri),
            manifest: read(spec, manifestUri, etag),
            temporaryDirectory: directory,
            to: sinks,
          });
          if (found.kind === 'problems') throw unusable(faultText(manifestUri, found));
          return found;
        }),
      );
      return { dataset: datasetOf(version, to, result.counts), added: result.added, known: result.known };
    },

    /** Gives the set-aside objects new attempts. */
    retrySetAside: async ({ spec, dataset }: { spec: Spec; dataset: Dataset }): Promise<Dataset> => {
      const version = dataset.version + 1;
      const { states } = datasetUris(spec, version, shortHash(dataset.statesUri, 'retry-set-aside'));
      const { counts } = await writeNewObjects(s3(spec.region), { states }, spec.job.OutputConfig.KmsKeyId, (to) =>
        retrySetAside(read(spec, dataset.statesUri), to.states),
      );
      return datasetOf(version, { dataset: dataset.manifestUri, states }, counts);
    },

    /** I2: every object is in the final manifest once, and in the leftover report once if it has no label. */
    writeFinal: async ({
      state,
      dataset,
    }: {
      state: ChainState;
      dataset: Dataset;
    }): Promise<{ finalManifestUri: string; leftoverReportUri: string }> => {
      const { spec } = state;
      const folder = under(
        chainFolder(spec),
        'final',
        `${String(dataset.version).padStart(4, '0')}-${shortHash(dataset.manifestUri, dataset.statesUri)}`,
      );
      const uris = { manifest: under(folder, 'final.manifest'), leftovers: under(folder, 'leftovers.jsonl') };
      const names = new Map(state.generations.map((job) => [job.generation, job.name]));
      await writeNewObjects(s3(spec.region), uris, spec.job.OutputConfig.KmsKeyId, async (to) => {
        for await (const chunk of read(spec, dataset.manifestUri)()) await to.manifest.write(chunk);
        await writeLeftovers({
          dataset: read(spec, dataset.manifestUri),
          states: read(spec, dataset.statesUri),
          jobName: (generation) => names.get(generation) ?? `generation ${generation}`,
          to: to.leftovers,
        });
      });
      return { finalManifestUri: uris.manifest, leftoverReportUri: uris.leftovers };
    },
  };
};
