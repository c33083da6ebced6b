/** ListLabelingJobs and ListLabelingJobsForWorkteam: filters, order, pages. */
import { ApiError } from './api-error.ts';
import type { LabelingJob } from './labeling-job.ts';
import type { ListForWorkteam, ListLabelingJobs } from './requests.ts';

const DEFAULT_PAGE = 10;

/** A token names the job that ended the last page, so that jobs created in between move nothing. */
const encodeToken = (job: LabelingJob): string => Buffer.from(JSON.stringify([job.ordinal])).toString('base64');

const decodeToken = (token: string): number => {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, 'base64').toString());
    if (Array.isArray(parsed) && typeof parsed[0] === 'number') return parsed[0];
  } catch {
    // Not one of ours: the same answer as for a token of the wrong form.
  }
  throw new ApiError('ValidationException', 'The NextToken is not valid.');
};

const compareText = (left: string, right: string): number => (left === right ? 0 : left < right ? -1 : 1);

type Page = { jobs: LabelingJob[]; nextToken: string | null };

const takePage = (
  sorted: readonly LabelingJob[],
  fits: (job: LabelingJob) => boolean,
  token: string | undefined,
  size = DEFAULT_PAGE,
): Page => {
  const last = token === undefined ? null : decodeToken(token);
  const start = last === null ? 0 : sorted.findIndex((job) => job.ordinal === last) + 1;
  const rest = sorted.slice(start).filter(fits);
  const jobs = rest.slice(0, size);
  const end = jobs.at(-1);
  return { jobs, nextToken: rest.length > size && end !== undefined ? encodeToken(end) : null };
};

const isWithin = (seconds: number, after: number | undefined, before: number | undefined): boolean =>
  (after === undefined || seconds > after) && (before === undefined || seconds < before);

/** API: sorted by CreationTime ascending unless asked otherwise. */
export const listJobs = (all: readonly LabelingJob[], request: ListLabelingJobs): object => {
  const described = new Map(all.map((job) => [job, job.describe()]));
  const { SortBy = 'CreationTime', SortOrder = 'Ascending' } = request;
  const direction = SortOrder === 'Ascending' ? 1 : -1;
  const compare = (left: LabelingJob, right: LabelingJob): number => {
    const byTime = left.ordinal - right.ordinal;
    if (SortBy === 'CreationTime') return direction * byTime;
    const by =
      SortBy === 'Name'
        ? compareText(left.name.toLowerCase(), right.name.toLowerCase())
        : compareText(left.status, right.status);
    return direction * (by === 0 ? byTime : by);
  };
  const fits = (job: LabelingJob): boolean => {
    const shown = described.get(job);
    if (shown === undefined) return false;
    return (
      isWithin(shown.CreationTime, request.CreationTimeAfter, request.CreationTimeBefore) &&
      isWithin(shown.LastModifiedTime, request.LastModifiedTimeAfter, request.LastModifiedTimeBefore) &&
      (request.NameContains === undefined || job.name.toLowerCase().includes(request.NameContains.toLowerCase())) &&
      (request.StatusEquals === undefined || shown.LabelingJobStatus === request.StatusEquals)
    );
  };
  const { jobs, nextToken } = takePage(all.toSorted(compare), fits, request.NextToken, request.MaxResults);
  return {
    LabelingJobSummaryList: jobs.map((job) => {
      const shown = job.describe();
      const { HumanTaskConfig: human } = job.request;
      return {
        LabelingJobName: shown.LabelingJobName,
        LabelingJobArn: shown.LabelingJobArn,
        CreationTime: shown.CreationTime,
        LastModifiedTime: shown.LastModifiedTime,
        LabelingJobStatus: shown.LabelingJobStatus,
        LabelCounters: shown.LabelCounters,
        WorkteamArn: human.WorkteamArn,
        PreHumanTaskLambdaArn: human.PreHumanTaskLambdaArn,
        AnnotationConsolidationLambdaArn: human.AnnotationConsolidationConfig?.AnnotationConsolidationLambdaArn,
        FailureReason: shown.FailureReason,
        LabelingJobOutput: shown.LabelingJobOutput,
        InputConfig: shown.InputConfig,
      };
    }),
    ...(nextToken === null ? {} : { NextToken: nextToken }),
  };
};

/** The summaries carry no status (API: LabelingJobForWorkteamSummary). */
export const listJobsForWorkteam = (all: readonly LabelingJob[], request: ListForWorkteam): object => {
  const direction = request.SortOrder === 'Descending' ? -1 : 1;
  const fits = (job: LabelingJob): boolean =>
    job.request.HumanTaskConfig.WorkteamArn === request.WorkteamArn &&
    isWithin(job.createdMs / 1000, request.CreationTimeAfter, request.CreationTimeBefore) &&
    job.jobReferenceCode.includes(request.JobReferenceCodeContains ?? '');
  const sorted = all.toSorted((left, right) => direction * (left.ordinal - right.ordinal));
  const { jobs, nextToken } = takePage(sorted, fits, request.NextToken, request.MaxResults);
  return {
    LabelingJobSummaryList: jobs.map((job) => {
      const counters = job.counters();
      return {
        LabelingJobName: job.name,
        JobReferenceCode: job.jobReferenceCode,
        WorkRequesterAccountId: job.arn.split(':')[4],
        CreationTime: job.createdMs / 1000,
        LabelCounters: {
          HumanLabeled: counters.HumanLabeled,
          PendingHuman: counters.Unlabeled,
          Total: counters.HumanLabeled + counters.Unlabeled + counters.FailedNonRetryableError,
        },
        NumberOfHumanWorkersPerDataObject: job.request.HumanTaskConfig.NumberOfHumanWorkersPerDataObject,
      };
    }),
    ...(nextToken === null ? {} : { NextToken: nextToken }),
  };
};
