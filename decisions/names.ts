/**
 * Every name that two processes must agree on, each made by a function and, where it is read back, with its inverse
 * beside it. DESIGN: chain names, job names, workflow ids, tags.
 */

/** Lower case letters, digits and hyphens, at most 53: `<chain>-<5>-<3>` then fits AWS's 63 characters for a labeling job name. */
export const CHAIN_NAME_MAX_LENGTH = 53;
const chainNamePattern = /^[a-z0-9](-*[a-z0-9])*$/;

export const isChainName = (text: string): boolean =>
  text.length <= CHAIN_NAME_MAX_LENGTH && chainNamePattern.test(text);

/** AWS, shape LabelingJobName: 1 to 63 characters, letters, digits and inner hyphens; unique without regard to case. */
const jobNamePattern = /^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$/;

export const isLabelingJobName = (text: string): boolean => text.length <= 63 && jobNamePattern.test(text);

/**
 * What tells two runs of one chain name apart in a job name. Run ids are UUIDv7, whose start is the time:
 * only the end is random.
 */
export const chainSuffix = (firstRunId: string): string => firstRunId.replaceAll('-', '').slice(-5).toLowerCase();

/** `<chain>-<suffix>-<3-digit generation>`. The generation may grow past three digits; the name then grows with it. */
export const labelingJobName = (chain: string, suffix: string, generation: number): string =>
  `${chain}-${suffix}-${String(generation).padStart(3, '0')}`;

export const labelingChainWorkflowId = (chain: string): string => `labeling-chain:${chain}`;

/** The inverse of {@link labelingChainWorkflowId}; null if the id is not a chain's. */
export const chainOfWorkflowId = (workflowId: string): string | null => {
  const name = workflowId.startsWith('labeling-chain:') ? workflowId.slice('labeling-chain:'.length) : '';
  return isChainName(name) ? name : null;
};

/** Where a labeling job lives. Job names are unique per account and region, without regard to case. */
export type JobPlace = { account: string; region: string; jobName: string };

export const labelingJobWorkflowId = ({ account, region, jobName }: JobPlace): string =>
  `labeling-job:${account}:${region}:${jobName.toLowerCase()}`;

/** The account and region whose SageMaker a labeling job is in: AWS limits calls by these two. */
export type AwsPlace = Pick<JobPlace, 'account' | 'region'>;

/** Where the labeling job of a job's workflow is; null if the id is not a job's. */
export const placeOfWorkflowId = (workflowId: string): AwsPlace | null => {
  const [, account, region] = /^labeling-job:(\d{12}):([a-z0-9-]+):/.exec(workflowId) ?? [];
  return account === undefined || region === undefined ? null : { account, region };
};

/** The name of the labeling job of a job's workflow, in lower case; null if the id is not a job's. */
export const jobOfWorkflowId = (workflowId: string): string | null =>
  placeOfWorkflowId(workflowId) === null ? null : (workflowId.split(':')[3] ?? null);

/** Describes have a task queue for each place, beside ours: Temporal limits the rate of a task queue. */
export const describeTaskQueue = (taskQueue: string, { account, region }: AwsPlace): string =>
  `${taskQueue}:describe:${account}:${region}`;

/** The one reader of a region's log of worker activity. */
export const workerActivityLogId = (taskQueue: string, region: string): string =>
  `worker-activity-log:${taskQueue}:${region}`;

const arnPattern =
  /^arn:(aws|aws-cn|aws-us-gov|aws-iso|aws-iso-b|aws-iso-e|aws-iso-f|aws-eusc):sagemaker:([a-z]{2,}(?:-[a-z]+)+-\d+):(\d{12}):labeling-job\/([a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62})$/;

/** Reads a labeling job's ARN; null if it does not parse or its name is longer than AWS allows. */
export const parseLabelingJobArn = (arn: string): JobPlace | null => {
  const match = arn.length <= 256 ? arnPattern.exec(arn) : null;
  const [, , region, account, jobName] = match ?? [];
  if (region === undefined || account === undefined || jobName === undefined || jobName.length > 63) return null;
  return { account, region, jobName };
};

/** The account id inside any ARN (`arn:partition:service:region:account:…`); null if there is none. */
export const accountOfArn = (arn: string): string | null => /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(arn)?.[1] ?? null;

/** The region inside any ARN; null if there is none. */
export const regionOfArn = (arn: string): string | null => /^arn:[^:]*:[^:]*:([a-z0-9-]+):/.exec(arn)?.[1] ?? null;

/** The tags on every labeling job that a chain creates; `stop` comes with our stop: `person` or `hand-over`. */
export const JOB_TAGS = {
  chain: 'label-relay:chain',
  generation: 'label-relay:generation',
  request: 'label-relay:request',
  run: 'label-relay:run',
  stop: 'label-relay:stop',
} as const;

/** The task queue of our workflows and activities unless the configuration names another. */
export const DEFAULT_TASK_QUEUE = 'label-relay';
