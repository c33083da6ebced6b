/** The calls to SageMaker: create, describe, stop, tag a labeling job. Expected answers are values, never exceptions. */
import { createHash } from 'node:crypto';
import {
  CreateLabelingJobCommand,
  DescribeLabelingJobCommand,
  StopLabelingJobCommand,
  type DescribeLabelingJobCommandOutput,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import type { LabelCounters, Observation } from '../decisions/ending.ts';
import type { LabelingJobRequest } from '../decisions/job-request.ts';
import { JOB_TAGS } from '../decisions/names.ts';
import { messageOf } from '../errors.ts';
import { awsErrorName, isRefusal } from './aws-failures.ts';
import { serviceDateOf } from './clients.ts';

export type CreateResult =
  | { kind: 'created'; arn: string }
  /** A job of this name exists with our tags and our manifest: an earlier try of this very create. */
  | { kind: 'exists-as-ours'; arn: string }
  | { kind: 'name-taken'; message: string }
  /** ResourceLimitExceeded: wait for a free place. */
  | { kind: 'quota'; message: string }
  /** A refusal that a new role or policy causes for a while. */
  | { kind: 'maybe-propagating'; error: string; message: string }
  | { kind: 'refused'; error: string; message: string };

export type DescribeResult = Observation | { kind: 'absent'; message: string };

/** `serviceNowMs`: the Date header of the answer. */
export type StopResult =
  { kind: 'accepted'; serviceNowMs: number | null } | { kind: 'refused'; message: string; serviceNowMs: number | null };

type JobCall = { region: string; name: string };

/** JSON with sorted keys: the same request gives the same hash. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );

/** The value of the tag `label-relay:request`. */
export const requestHash = (request: LabelingJobRequest): string =>
  createHash('sha256')
    .update(canonical({ ...request, Tags: undefined }))
    .digest('hex')
    .slice(0, 32);

const counters = ({ LabelCounters: found }: DescribeLabelingJobCommandOutput): LabelCounters => ({
  totalLabeled: found?.TotalLabeled ?? 0,
  humanLabeled: found?.HumanLabeled ?? 0,
  machineLabeled: found?.MachineLabeled ?? 0,
  failed: found?.FailedNonRetryableError ?? 0,
  unlabeled: found?.Unlabeled ?? 0,
});

const orNull = (text: string | undefined): string | null => (text === undefined || text === '' ? null : text);

export const toObservation = (job: DescribeLabelingJobCommandOutput, name: string): Observation => {
  const createdAtMs = job.CreationTime?.getTime() ?? 0;
  const lastModifiedAtMs = job.LastModifiedTime?.getTime() ?? createdAtMs;
  return {
    kind: 'observed',
    name: job.LabelingJobName ?? name,
    arn: job.LabelingJobArn ?? '',
    status: job.LabelingJobStatus ?? 'Unknown',
    counters: counters(job),
    failureReason: orNull(job.FailureReason),
    createdAtMs,
    lastModifiedAtMs,
    serviceNowMs: serviceDateOf(job) ?? Math.max(lastModifiedAtMs, Date.now()),
    outputManifestUri: orNull(job.LabelingJobOutput?.OutputDatasetS3Uri),
    finalModelArn: orNull(job.LabelingJobOutput?.FinalActiveLearningModelArn),
  };
};

/** A ValidationException or denial that names a role or permissions may be IAM that has not spread yet. */
const mayBePropagation = (thrown: unknown): boolean =>
  ['ValidationException', 'AccessDeniedException', 'AccessDenied'].includes(awsErrorName(thrown)) &&
  /\brole\b|assume|permission|not authori[sz]ed|access ?denied|polic(y|ies)/i.test(messageOf(thrown));

export const labelingJobActivities = ({ sagemaker }: { sagemaker: (region: string) => SageMakerClient }) => {
  const describe = async ({ region, name }: JobCall): Promise<DescribeResult> => {
    try {
      const job = await sagemaker(region).send(new DescribeLabelingJobCommand({ LabelingJobName: name }));
      return toObservation(job, name);
    } catch (thrown) {
      // ACK maps a ValidationException on Describe to "not found" too; a throttle or an outage is neither.
      const error = awsErrorName(thrown);
      if (error === 'ResourceNotFound' || error === 'ValidationException')
        return { kind: 'absent', message: messageOf(thrown) };
      throw thrown;
    }
  };

  /** On ResourceInUse: ours only if all our tags and the manifest match. */
  const whoseJob = async (region: string, request: LabelingJobRequest, hash: string): Promise<CreateResult> => {
    const name = request.LabelingJobName;
    const job = await sagemaker(region).send(new DescribeLabelingJobCommand({ LabelingJobName: name }));
    const tags = new Map((job.Tags ?? []).map((tag) => [tag.Key, tag.Value]));
    const expected = [
      ...(request.Tags ?? []).filter((tag) => tag.Key.startsWith('label-relay:')),
      { Key: JOB_TAGS.request, Value: hash },
    ];
    const wrong = expected.filter((tag) => tags.get(tag.Key) !== tag.Value).map((tag) => tag.Key);
    const manifest = job.InputConfig?.DataSource?.S3DataSource?.ManifestS3Uri;
    if (manifest !== request.InputConfig.DataSource.S3DataSource?.ManifestS3Uri) wrong.push('ManifestS3Uri');
    if (wrong.length === 0) return { kind: 'exists-as-ours', arn: job.LabelingJobArn ?? '' };
    return {
      kind: 'name-taken',
      message: `a labeling job named ${name} exists that is not this chain's (${wrong.join(', ')} differ); AWS never frees a name`,
    };
  };

  return {
    describeLabelingJob: describe,

    createLabelingJob: async ({
      region,
      request,
    }: {
      region: string;
      request: LabelingJobRequest;
    }): Promise<CreateResult> => {
      const hash = requestHash(request);
      const Tags = [...(request.Tags ?? []), { Key: JOB_TAGS.request, Value: hash }];
      try {
        const created = await sagemaker(region).send(new CreateLabelingJobCommand({ ...request, Tags } as never));
        return { kind: 'created', arn: created.LabelingJobArn ?? '' };
      } catch (thrown) {
        const error = awsErrorName(thrown);
        const message = messageOf(thrown);
        if (error === 'ResourceInUse') return whoseJob(region, request, hash);
        if (error === 'ResourceLimitExceeded') return { kind: 'quota', message };
        if (mayBePropagation(thrown)) return { kind: 'maybe-propagating', error, message };
        if (isRefusal(thrown)) return { kind: 'refused', error, message };
        throw thrown;
      }
    },

    stopLabelingJob: async ({ region, name }: JobCall): Promise<StopResult> => {
      try {
        const stopped = await sagemaker(region).send(new StopLabelingJobCommand({ LabelingJobName: name }));
        return { kind: 'accepted', serviceNowMs: serviceDateOf(stopped) };
      } catch (thrown) {
        // Already over, not yet stoppable, or not there: the next Describe says which.
        if (isRefusal(thrown)) return { kind: 'refused', message: messageOf(thrown), serviceNowMs: null };
        throw thrown;
      }
    },
  };
};
