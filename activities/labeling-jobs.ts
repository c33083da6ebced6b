/** The calls to SageMaker: create, describe, stop, tag a labeling job. Expected answers are values, never exceptions. */
import { createHash } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import {
  AddTagsCommand,
  CreateLabelingJobCommand,
  DescribeLabelingJobCommand,
  StopLabelingJobCommand,
  type DescribeLabelingJobCommandOutput,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import type { LabelCounters, Observation, StopRequest } from '../decisions/ending.ts';
import type { LabelingJobRequest } from '../decisions/job-request.ts';
import { uriOfKnown, type KnownOutput } from '../decisions/known-outputs.ts';
import { JOB_TAGS } from '../decisions/names.ts';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { messageOf } from '../errors.ts';
import { attemptsOf, awsErrorName, isRefusal } from './aws-failures.ts';
import { serviceDateOf } from './clients.ts';
import { readChainRecord } from './records.ts';
import { etagOf, under } from './s3-objects.ts';

/** `mayExist`: a try before this answer had none, and AWS may have accepted it. Absent in results from before this was told. */
type Unheard = { mayExist?: boolean };

export type CreateResult =
  | { kind: 'created'; arn: string }
  /** A job of this name exists with our tags and our manifest: an earlier try of this very create, or of one before an amendment. */
  | { kind: 'exists-as-ours'; arn: string }
  | { kind: 'name-taken'; message: string }
  /** ResourceLimitExceeded: wait for a free place. */
  | ({ kind: 'quota'; message: string } & Unheard)
  /** A refusal that a new role or policy causes for a while, or credentials that ran out. */
  | ({ kind: 'maybe-propagating'; error: string; message: string } & Unheard)
  | ({ kind: 'refused'; error: string; message: string } & Unheard)
  /** The output of an earlier job was written after the input of this one (I1), or the chain has gone on without it (I3): not created by this call. */
  | { kind: 'outdated'; message: string }
  /** A job of this name exists, and AWS does not let us see whose it is. */
  | { kind: 'unclear'; message: string };

/** `refused`: AWS does not let us look; whether there is such a job is not known. */
export type DescribeResult = Observation | { kind: 'absent'; message: string } | { kind: 'refused'; message: string };

/** `serviceNowMs`: the Date header of the answer. */
export type StopResult =
  { kind: 'accepted'; serviceNowMs: number | null } | { kind: 'refused'; message: string; serviceNowMs: number | null };

type JobCall = { region: string; name: string };

/** The chain that decided on a job, and as which. */
type DecidedBy = { chain: string; generation: number };

/** Less than the minute of the activity (workflows/calls.ts). */
const CREATE_WITHIN_MS = 50_000;

const isStopper = (value: string | undefined): value is StopRequest['by'] =>
  value === 'person' || value === 'hand-over';

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
  const stopper = job.Tags?.find(({ Key }) => Key === JOB_TAGS.stop)?.Value;
  return {
    kind: 'observed',
    ...(isStopper(stopper) ? { stopTag: stopper } : {}),
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

/** The worker's credentials ran out, and the SDK has not got new ones yet: nothing about the job is wrong. */
const expiredCredentials = ['ExpiredTokenException', 'ExpiredToken'];

/** A ValidationException or denial that names a role or permissions may be IAM that has not spread yet. */
const mayBePropagation = (thrown: unknown): boolean =>
  ['ValidationException', 'AccessDeniedException', 'AccessDenied'].includes(awsErrorName(thrown)) &&
  /\brole\b|assume|permission|not authori[sz]ed|access ?denied|polic(y|ies)/i.test(messageOf(thrown));

/** Whether the call that failed so was not the first: the SDK tries again, and so does Temporal. Outside an activity nobody knows. */
const wasTriedBefore = (thrown: unknown): boolean => {
  if ((attemptsOf(thrown) ?? 1) > 1) return true;
  try {
    return Context.current().info.attempt > 1;
  } catch {
    return true;
  }
};

export const labelingJobActivities = ({
  sagemaker,
  s3,
}: {
  sagemaker: (region: string) => SageMakerClient;
  s3: (region: string) => S3Client;
}) => {
  const describe = async ({ region, name }: JobCall): Promise<DescribeResult> => {
    try {
      const job = await sagemaker(region).send(new DescribeLabelingJobCommand({ LabelingJobName: name }));
      return toObservation(job, name);
    } catch (thrown) {
      // ACK maps a ValidationException on Describe to "not found" too; a throttle or an outage is neither.
      const error = awsErrorName(thrown);
      if (error === 'ResourceNotFound' || error === 'ValidationException')
        return { kind: 'absent', message: messageOf(thrown) };
      if (isRefusal(thrown)) return { kind: 'refused', message: `${error}: ${messageOf(thrown)}` };
      throw thrown;
    }
  };

  /**
   * On ResourceInUse: ours if the tags that name this chain, run and generation match, and the manifest. Its request may be another one: from
   * before an amendment, where the chain was reset since. A second job for the same objects would be paid again (I1, I3).
   */
  const whoseJob = async (region: string, request: LabelingJobRequest): Promise<CreateResult> => {
    const name = request.LabelingJobName;
    let job: DescribeLabelingJobCommandOutput;
    try {
      job = await sagemaker(region).send(new DescribeLabelingJobCommand({ LabelingJobName: name }));
    } catch (thrown) {
      const error = awsErrorName(thrown);
      // It exists, so "not found" is Describe lagging behind.
      if (!isRefusal(thrown) || error === 'ResourceNotFound' || error === 'ValidationException') throw thrown;
      return {
        kind: 'unclear',
        message: `a labeling job named ${name} exists, and AWS refuses DescribeLabelingJob: ${error}: ${messageOf(thrown)}`,
      };
    }
    const tags = new Map((job.Tags ?? []).map((tag) => [tag.Key, tag.Value]));
    const expected = (request.Tags ?? []).filter((tag) => tag.Key.startsWith('label-relay:'));
    const wrong = expected.filter((tag) => tags.get(tag.Key) !== tag.Value).map((tag) => tag.Key);
    const manifest = job.InputConfig?.DataSource?.S3DataSource?.ManifestS3Uri;
    if (manifest !== request.InputConfig.DataSource.S3DataSource?.ManifestS3Uri) wrong.push('ManifestS3Uri');
    if (wrong.length === 0) return { kind: 'exists-as-ours', arn: job.LabelingJobArn ?? '' };
    return {
      kind: 'name-taken',
      message: `a labeling job named ${name} exists that is not this chain's (${wrong.join(', ')} differ); AWS never frees a name`,
    };
  };

  /** An earlier job's output that was written since; null if none was, or S3 does not let us look. One that was deleted brings no label. */
  const changedOutput = async (
    region: string,
    request: LabelingJobRequest,
    outputs: readonly KnownOutput[],
  ): Promise<string | null> => {
    const looked = await Promise.all(
      outputs.map(async (known) => {
        const where = uriOfKnown(known, request.OutputConfig.S3OutputPath);
        try {
          const etag = await etagOf(s3(region), where);
          return etag === null || etag === known.etag ? null : where;
        } catch (thrown) {
          // S3 refuses to say: the merge of that output will ask a person, not the creation of this job.
          if (!(thrown instanceof ApplicationFailure)) throw thrown;
          return null;
        }
      }),
    );
    return looked.find((where) => where !== null) ?? null;
  };

  /**
   * The chain's last record, if this is not the job that it holds to be next or live: a workflow was reset, and its chain pays for the
   * objects in another job (I3). Null too where there is none or S3 does not let us look.
   */
  const laterRecord = async (
    region: string,
    { LabelingJobName: name, OutputConfig }: LabelingJobRequest,
    { chain, generation }: DecidedBy,
  ): Promise<string | null> => {
    try {
      const record = await readChainRecord(s3(region), under(OutputConfig.S3OutputPath, chain));
      if (record === null) return null;
      const { phase, generations } = record.state;
      const isIt = phase.kind === 'job' && phase.generation === generation;
      return isIt && generations.at(-1)?.name === name ? null : record.uri;
    } catch (thrown) {
      if (!(thrown instanceof ApplicationFailure)) throw thrown;
      return null;
    }
  };

  return {
    describeLabelingJob: describe,

    /** Looks at the outputs of earlier jobs right before the call: with retries and quotas, hours may pass after the decision (I1). */
    createLabelingJob: async ({
      region,
      request,
      knownOutputs = [],
      decided = null,
    }: {
      region: string;
      request: LabelingJobRequest;
      knownOutputs?: readonly KnownOutput[];
      /** What decided it; null from a workflow of before it was told. */
      decided?: DecidedBy | null;
    }): Promise<CreateResult> => {
      // Given up before its activity is: nothing may be created when nobody waits for it any more (I3, I5). The looks count too.
      const abortSignal = AbortSignal.timeout(CREATE_WITHIN_MS);
      const [changed, later] = await Promise.all([
        changedOutput(region, request, knownOutputs),
        decided === null ? null : laterRecord(region, request, decided),
      ]);
      if (later !== null) return { kind: 'outdated', message: `by ${later} the chain has gone on without it` };
      if (changed !== null) return { kind: 'outdated', message: `${changed} was written after the input of this job` };
      const hash = requestHash(request);
      const Tags = [...(request.Tags ?? []), { Key: JOB_TAGS.request, Value: hash }];
      try {
        const command = new CreateLabelingJobCommand({ ...request, Tags } as never);
        const created = await sagemaker(region).send(command, { abortSignal });
        return { kind: 'created', arn: created.LabelingJobArn ?? '' };
      } catch (thrown) {
        const error = awsErrorName(thrown);
        const message = messageOf(thrown);
        if (error === 'ResourceInUse') return whoseJob(region, request);
        const mayExist = wasTriedBefore(thrown);
        if (error === 'ResourceLimitExceeded') return { kind: 'quota', message, mayExist };
        if (expiredCredentials.includes(error) || mayBePropagation(thrown))
          return { kind: 'maybe-propagating', error, message, mayExist };
        if (isRefusal(thrown)) return { kind: 'refused', error, message, mayExist };
        throw thrown;
      }
    },

    /**
     * Asks AWS to stop a job. `mark`: who asks is tagged on the job first, for a chain that hears only of the end. Without
     * the tag it is stopped all the same.
     */
    stopLabelingJob: async ({
      region,
      name,
      mark = null,
    }: JobCall & { mark?: { arn: string; by: StopRequest['by'] } | null }): Promise<StopResult> => {
      if (mark !== null) {
        const Tags = [{ Key: JOB_TAGS.stop, Value: mark.by }];
        await sagemaker(region)
          .send(new AddTagsCommand({ ResourceArn: mark.arn, Tags }))
          .catch(() => undefined);
      }
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
