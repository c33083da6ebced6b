/**
 * The activities on a chain's dataset: how it begins, grows, is cut into the inputs of jobs, and is handed out at the end.
 */
import type { ChainState, Dataset, JobInput } from '../decisions/chain-state.ts';
import type { JobOrder } from '../decisions/next-order.ts';
import type { Spec } from '../decisions/spec.ts';
import type { ApplicationFailure } from '@temporalio/common';
import { readDataset, type ManifestFaults } from '../manifests/dataset.ts';
import { addObjects } from '../manifests/further-objects.ts';
import { selectInput } from '../manifests/job-input.ts';
import { writeLeftovers } from '../manifests/leftovers.ts';
import { retrySetAside } from '../manifests/object-states.ts';
import { unusable } from './aws-failures.ts';
import { datasetOf, datasetUris, manifestReader, shortHash, type ManifestDependencies } from './manifest-places.ts';
import { withFolder } from './working-folder.ts';
import { chainFolder } from './records.ts';
import { etagOf, under, writeNewObjects } from './s3-objects.ts';

const faultText = (uri: string, { problems, problemsTotal }: ManifestFaults): string => {
  const listed = problems.slice(0, 20).map(({ line, problem }) => `  line ${line}: ${problem}`);
  const more = problemsTotal > listed.length ? [`  and ${problemsTotal - listed.length} more`] : [];
  return [`the manifest ${uri} cannot be used:`, ...listed, ...more].join('\n');
};

/** A version before wrote other bytes of the same manifests: labels of known objects were not taken. */
const WITH_LABELS = 'with labels';

export const datasetActivities = (dependencies: ManifestDependencies) => {
  const { s3, temporaryDirectory } = dependencies;
  const read = manifestReader(dependencies);

  return {
    /** Takes the person's manifest as version 0 of the dataset: a copy, with the state of every object beside it. */
    openDataset: async ({ spec, manifestUri }: { spec: Spec; manifestUri: string }): Promise<Dataset> => {
      const client = s3(spec.region);
      const etag = await etagOf(client, manifestUri);
      if (etag === null) throw unusable(`the manifest ${manifestUri} does not exist`);
      // The states depend on the label attribute too: a start under this name may have failed with another one.
      const { dataset, states } = datasetUris(spec, 0, shortHash(manifestUri, etag, spec.job.LabelAttributeName));
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
      /** The chain goes on without what cannot be used, so a person has to give it again. */
      const unusableManifest = (why: string): ApplicationFailure =>
        unusable(
          `${why}; nothing of it was added. Once it is mended, give it again before the resume: label-relay amend ${spec.chain} --manifest ${manifestUri}`,
        );
      const etag = await etagOf(client, manifestUri);
      if (etag === null) throw unusableManifest(`the manifest ${manifestUri} does not exist`);
      const version = dataset.version + 1;
      const uris = datasetUris(
        spec,
        version,
        shortHash(dataset.manifestUri, dataset.statesUri, manifestUri, etag, WITH_LABELS),
      );
      const to = { dataset: uris.dataset, states: uris.states };
      const result = await withFolder(temporaryDirectory, (directory) =>
        writeNewObjects(client, { ...to, tally: uris.tally }, spec.job.OutputConfig.KmsKeyId, async (sinks) => {
          const found = await addObjects({
            label: spec.job.LabelAttributeName,
            dataset: read(spec, dataset.manifestUri),
            states: read(spec, dataset.statesUri),
            manifest: read(spec, manifestUri, etag),
            temporaryDirectory: directory,
            to: sinks,
          });
          if (found.kind === 'problems') throw unusableManifest(faultText(manifestUri, found));
          const { added, addedLabeled, known, knownNowLabeled } = found;
          const tally = { manifestUri, added, addedLabeled, known, knownNowLabeled, ...found.counts };
          await sinks.tally.write(Buffer.from(`${JSON.stringify(tally, null, 1)}\n`));
          return found;
        }),
      );
      const { counts, added, known } = result;
      return { dataset: datasetOf(version, to, counts), added, known };
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
      const lines = read(spec, dataset.manifestUri);
      const states = read(spec, dataset.statesUri);
      await writeNewObjects(s3(spec.region), uris, spec.job.OutputConfig.KmsKeyId, async (to) => {
        for await (const chunk of lines()) await to.manifest.write(chunk);
        await writeLeftovers({
          dataset: lines,
          states,
          jobName: (generation) => names.get(generation) ?? `generation ${generation}`,
          to: to.leftovers,
        });
      });
      return { finalManifestUri: uris.manifest, leftoverReportUri: uris.leftovers };
    },
  };
};
