/** The CreateLabelingJob request of one generation: the chain's own request with the job's name, input, model and tags. */
import { JOB_TAGS } from './names.ts';
import type { ChainState, Generation } from './chain-state.ts';
import type { CreateRequest } from './create-request.ts';

/** CreateLabelingJob, complete; the hash of the request is added as a tag where it is sent. */
export type LabelingJobRequest = CreateRequest & { LabelingJobName: string };

/** AWS's sample data shows `""` for jobs without a model: empty is absent. */
const lastModelArn = (state: ChainState): string | undefined =>
  state.generations.map((job) => job.modelArn ?? '').findLast((arn) => arn !== '');

export const labelingJobRequest = (state: ChainState, job: Generation): LabelingJobRequest => {
  const { LabelingJobAlgorithmsConfig: algorithms, ...request } = state.spec.job;
  const modelArn = lastModelArn(state) ?? algorithms?.InitialActiveLearningModelArn;
  return {
    ...request,
    LabelingJobName: job.name,
    ...(job.input === null
      ? {}
      : {
          InputConfig: {
            ...request.InputConfig,
            DataSource: { ...request.InputConfig.DataSource, S3DataSource: { ManifestS3Uri: job.input.manifestUri } },
          },
        }),
    ...(algorithms === undefined || job.input?.withoutAlgorithms === true
      ? {}
      : {
          LabelingJobAlgorithmsConfig: {
            ...algorithms,
            ...(modelArn === undefined ? {} : { InitialActiveLearningModelArn: modelArn }),
          },
        }),
    Tags: [
      ...(request.Tags ?? []),
      { Key: JOB_TAGS.chain, Value: state.chain },
      { Key: JOB_TAGS.generation, Value: String(job.generation) },
      { Key: JOB_TAGS.run, Value: state.firstRunId },
    ],
  };
};
