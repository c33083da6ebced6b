/**
 * Taking over a labeling job that somebody else started: its request as Describe tells it, our tags on it, and which
 * object of the dataset each line of its input is.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import {
  AddTagsCommand,
  DescribeLabelingJobCommand,
  type DescribeLabelingJobCommandOutput,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import type { Dataset, JobInput } from '../decisions/chain-state.ts';
import { JOB_TAGS } from '../decisions/names.ts';
import type { Spec } from '../decisions/spec.ts';
import { messageOf } from '../errors.ts';
import { GatheringSink } from '../manifests/byte-streams.ts';
import { readObjectLine } from '../manifests/attributes.ts';
import { OrdinalsWriter } from '../manifests/job-input.ts';
import { labelStateOf, ownAttributes } from '../manifests/label-state.ts';
import { LineReader } from '../manifests/lines.ts';
import { TwinPools } from '../manifests/twin-pools.ts';
import { awsErrorName, isRefusal, unusable } from './aws-failures.ts';
import { chainFolder, readChainRecord } from './records.ts';
import { beat } from './heartbeat.ts';
import { shortHash } from './manifest-places.ts';
import { withFolder } from './working-folder.ts';
import { etagOf, objectSource, under, writeNewObjects } from './s3-objects.ts';

/** A labeling job as it stands at AWS. `job`: its request, to be checked like one that a person wrote. */
export type LookedUpJob =
  | {
      kind: 'found';
      name: string;
      status: string;
      job: Record<string, unknown>;
      inputManifestUri: string | null;
      /** The chain that tagged it; null if none did. */
      ofChain: string | null;
    }
  | { kind: 'absent'; message: string };

export type ClaimResult = { kind: 'claimed' } | { kind: 'refused'; message: string };

const isOwnTag = (key: string | undefined): boolean => key === undefined || /^(aws:|label-relay:)/i.test(key);

/** The request for the next jobs: what Describe repeats of CreateLabelingJob, without tags that are AWS's or ours. */
const requestOf = (described: DescribeLabelingJobCommandOutput): Record<string, unknown> => {
  const { Tags } = described;
  const tags = (Tags ?? []).filter((tag) => !isOwnTag(tag.Key));
  return {
    LabelAttributeName: described.LabelAttributeName,
    InputConfig: described.InputConfig,
    OutputConfig: described.OutputConfig,
    RoleArn: described.RoleArn,
    LabelCategoryConfigS3Uri: described.LabelCategoryConfigS3Uri,
    StoppingConditions: described.StoppingConditions,
    LabelingJobAlgorithmsConfig: described.LabelingJobAlgorithmsConfig,
    HumanTaskConfig: described.HumanTaskConfig,
    ...(tags.length === 0 ? {} : { Tags: tags }),
  };
};

const tagOf = (described: DescribeLabelingJobCommandOutput, key: string): string | null =>
  described.Tags?.find((tag) => tag.Key === key)?.Value ?? null;

export const adoptionActivities = ({
  s3,
  sagemaker,
  temporaryDirectory,
}: {
  s3: (region: string) => S3Client;
  sagemaker: (region: string) => SageMakerClient;
  temporaryDirectory: string;
}) => {
  const describe = (region: string, name: string): Promise<DescribeLabelingJobCommandOutput> =>
    sagemaker(region).send(new DescribeLabelingJobCommand({ LabelingJobName: name }));

  return {
    /** What AWS knows of a labeling job that a person wants to adopt. */
    lookUpLabelingJob: async ({ region, name }: { region: string; name: string }): Promise<LookedUpJob> => {
      try {
        const described = await describe(region, name);
        return {
          kind: 'found',
          name: described.LabelingJobName ?? name,
          status: described.LabelingJobStatus ?? 'Unknown',
          job: requestOf(described),
          inputManifestUri: described.InputConfig?.DataSource?.S3DataSource?.ManifestS3Uri ?? null,
          ofChain: tagOf(described, JOB_TAGS.chain),
        };
      } catch (thrown) {
        if (!isRefusal(thrown)) throw thrown;
        return { kind: 'absent', message: `${awsErrorName(thrown)}: ${messageOf(thrown)}` };
      }
    },

    /**
     * Tags the job as ours; refused if another chain's run did so before. An adoption that ended before its first record
     * left its tags and nothing else: the same chain may try again.
     */
    claimLabelingJob: async ({
      region,
      name,
      tags,
      spec = null,
    }: {
      region: string;
      name: string;
      tags: Record<string, string>;
      spec?: Spec | null;
    }): Promise<ClaimResult> => {
      try {
        const described = await describe(region, name);
        const chain = tagOf(described, JOB_TAGS.chain);
        const run = tagOf(described, JOB_TAGS.run);
        const isOurs = chain === null || run === tags[JOB_TAGS.run];
        const neverBegan = async (): Promise<boolean> =>
          spec !== null && chain === spec.chain && (await readChainRecord(s3(region), chainFolder(spec))) === null;
        if (!isOurs && !(await neverBegan())) {
          return { kind: 'refused', message: `${name} belongs to the chain ${chain} (tag ${JOB_TAGS.chain})` };
        }
        const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
        await sagemaker(region).send(new AddTagsCommand({ ResourceArn: described.LabelingJobArn, Tags }));
        return { kind: 'claimed' };
      } catch (thrown) {
        if (!isRefusal(thrown)) throw thrown;
        return { kind: 'refused', message: `${name} cannot be tagged: ${awsErrorName(thrown)}: ${messageOf(thrown)}` };
      }
    },

    /**
     * Which object of the dataset each line of the job's input is. Every line must be one: a label that comes back for it
     * has to have a place. Identical lines are told apart by order.
     */
    adoptJobInput: async ({
      spec,
      dataset,
      datasetUri,
      inputManifestUri,
    }: {
      spec: Spec;
      dataset: Dataset;
      datasetUri: string | null;
      inputManifestUri: string;
    }): Promise<JobInput> => {
      const client = s3(spec.region);
      const own = ownAttributes(spec.job.LabelAttributeName);
      const isDataset = inputManifestUri === datasetUri;
      const etag = isDataset ? null : await etagOf(client, inputManifestUri);
      if (!isDataset && etag === null) throw unusable(`the input of the job, ${inputManifestUri}, does not exist`);
      const input = isDataset
        ? objectSource(client, dataset.manifestUri, null, beat)
        : objectSource(client, inputManifestUri, etag, beat);
      // A version before told identical lines apart by their order alone.
      const hash = shortHash(dataset.manifestUri, inputManifestUri, etag, 'twins by label');
      const folder = under(chainFolder(spec), 'jobs', `001-${hash}`);
      const uris = { manifest: under(folder, 'input.manifest'), ordinals: under(folder, 'input.ordinals.jsonl') };
      const counts = await withFolder(temporaryDirectory, (directory) =>
        writeNewObjects(client, uris, spec.job.OutputConfig.KmsKeyId, async (to) => {
          const pools = new TwinPools(directory, own);
          try {
            const objects = new LineReader(objectSource(client, dataset.manifestUri, null, beat));
            for (let raw = await objects.nextOfManifest(); raw !== null; raw = await objects.nextOfManifest()) {
              const line = readObjectLine(raw);
              if (line.kind === 'fault') throw unusable(`line ${objects.lines} of the dataset: ${line.problem}`);
              pools.add(line, objects.lines);
            }
            const lines = new LineReader(input);
            const ordinals = new OrdinalsWriter(to.ordinals);
            const manifest = new GatheringSink(to.manifest);
            let sentObjects = 0;
            for (let raw = await lines.nextOfManifest(); raw !== null; raw = await lines.nextOfManifest()) {
              const line = readObjectLine(raw);
              if (line.kind === 'fault') throw unusable(`${inputManifestUri}, line ${lines.lines}: ${line.problem}`);
              const object = pools.take(line);
              if (object === null) {
                throw unusable(
                  `${inputManifestUri}, line ${lines.lines}: this object of the job is not in the dataset ${datasetUri ?? ''}; give a dataset that holds all of the job's objects`,
                );
              }
              if (labelStateOf(line, own).kind !== 'labeled') sentObjects += 1;
              else if (object.label === null) {
                // The next job would send it again (I1).
                throw unusable(
                  `${inputManifestUri}, line ${lines.lines}: this object of the job has a label that the dataset ${datasetUri ?? ''} lacks; give a dataset that holds it, as the job's own input does`,
                );
              }
              await manifest.write(raw);
              ordinals.add(object.number - 1);
              if (ordinals.isFull) await ordinals.drain();
            }
            await manifest.finish();
            await ordinals.finish();
            return { objects: lines.lines, sentObjects };
          } finally {
            pools.close();
          }
        }),
      );
      return {
        manifestUri: uris.manifest,
        ordinalsUri: uris.ordinals,
        ...counts,
        mode: counts.objects === counts.sentObjects ? 'unlabeled' : 'dataset',
        withoutAlgorithms: false,
        note: 'adopted: this job was not started by the chain',
      };
    },
  };
};
