/** The CreateLabelingJob request of one generation: the chain's own request with the job's name, input, model and tags. */
import { JOB_TAGS } from './names.ts';
import { algorithmsOf, type ChainState, type Generation } from './chain-state.ts';
import type { CreateRequest } from './create-request.ts';

/** CreateLabelingJob, complete; the hash of the request is added as a tag where it is sent. */
export type LabelingJobRequest = CreateRequest & { LabelingJobName: string };

type AlgorithmsConfig = NonNullable<CreateRequest['LabelingJobAlgorithmsConfig']>;

/**
 * The model to begin with: the last that a job of the chain left, unless the algorithm or the model to begin with was amended since that job.
 * AWS's sample data shows `""` for jobs without a model: empty is absent.
 */
const modelArnFor = ({ generations }: ChainState, config: AlgorithmsConfig): string | undefined => {
  const { algorithm, model } = algorithmsOf(config);
  const last = generations.findLast(({ modelArn }) => (modelArn ?? '') !== '');
  const began = last?.terms?.algorithms ?? { algorithm, model };
  const isAmended = began.algorithm !== algorithm || began.model !== model;
  return (isAmended ? null : last?.modelArn) ?? config.InitialActiveLearningModelArn;
};

export const labelingJobRequest = (state: ChainState, job: Generation): LabelingJobRequest => {
  const { LabelingJobAlgorithmsConfig: algorithms, ...request } = state.spec.job;
  const modelArn = algorithms === undefined ? undefined : modelArnFor(state, algorithms);
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
