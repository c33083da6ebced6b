/** A labeling job as Describe and the lists show it. */
import type { CreateLabelingJob, JobStatus, Tag } from './requests.ts';

/** AWS, shape LabelCounters. All of them count what this job did, not labels that its input already had. */
export type LabelCounters = {
  TotalLabeled: number;
  HumanLabeled: number;
  MachineLabeled: number;
  FailedNonRetryableError: number;
  Unlabeled: number;
};

export const NO_LABELS: LabelCounters = {
  TotalLabeled: 0,
  HumanLabeled: 0,
  MachineLabeled: 0,
  FailedNonRetryableError: 0,
  Unlabeled: 0,
};

/** One state in the life of a job. Describe may show an older one than the last. */
export type JobView = {
  sinceMs: number;
  status: JobStatus;
  failureReason: string | null;
  lastModifiedMs: number;
};

export type JobDescription = {
  LabelingJobName: string;
  LabelingJobArn: string;
  LabelingJobStatus: JobStatus;
  LabelCounters: LabelCounters;
  CreationTime: number;
  LastModifiedTime: number;
  JobReferenceCode: string;
  FailureReason?: string;
  LabelingJobOutput?: { OutputDatasetS3Uri: string; FinalActiveLearningModelArn: string };
  Tags: readonly Tag[];
} & Pick<
  CreateLabelingJob,
  | 'LabelAttributeName'
  | 'InputConfig'
  | 'OutputConfig'
  | 'RoleArn'
  | 'LabelCategoryConfigS3Uri'
  | 'StoppingConditions'
  | 'LabelingJobAlgorithmsConfig'
  | 'HumanTaskConfig'
>;

export const isTerminal = (status: JobStatus): boolean =>
  status === 'Completed' || status === 'Failed' || status === 'Stopped';
