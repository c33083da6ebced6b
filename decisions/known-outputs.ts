/** The outputs of labeling jobs that AWS may still write, or write again: labels are published late (law 2). */
import type { ChainState, Generation } from './chain-state.ts';

/** An output as its chain knows it. `uri` null: where AWS puts it by itself. `etag` null: it was not there. */
export type KnownOutput = { generation: number; jobName: string; uri: string | null; etag: string | null };

/** Where AWS puts a job's output (DG sms-data-output) when Describe does not say. */
export const outputManifestUri = (s3OutputPath: string, jobName: string): string =>
  `${s3OutputPath.replace(/\/+$/, '')}/${jobName}/manifests/output/output.manifest`;

/** Where a known output is, or will be. `s3OutputPath`: of the spec that it was told for. */
export const uriOfKnown = ({ uri, jobName }: Pick<KnownOutput, 'uri' | 'jobName'>, s3OutputPath: string): string =>
  uri ?? outputManifestUri(s3OutputPath, jobName);

/** Whether a job may have an output that is not whole yet: AWS had it, or never showed it although it was created. */
export const mayHaveOutput = ({ input, complete, createdAtMs, outcome }: Generation): boolean =>
  input !== null && !complete && (createdAtMs !== null || outcome === 'gone');

/** Of all jobs but one. A place that follows from the spec is left out: a chain with many jobs tells of many outputs. */
export const outputsThatMayChange = (
  { spec, generations }: Pick<ChainState, 'spec' | 'generations'>,
  except: number | null,
): KnownOutput[] =>
  generations
    .filter((job) => job.generation !== except && mayHaveOutput(job))
    .map(({ generation, name: jobName, output }) => {
      const usual = outputManifestUri(spec.job.OutputConfig.S3OutputPath, jobName);
      const uri = output?.uri ?? usual;
      return { generation, jobName, uri: uri === usual ? null : uri, etag: output?.etag ?? null };
    });
