/** Why AWS fails a job that it accepted, before any worker sees it. The wording of the reasons is ours. */
import type { CreateLabelingJob } from './requests.ts';
import { isSequenceType, type TaskType } from './task-type.ts';

/** Guide, input-data-limits. */
const MAX_OBJECTS = 100_000;
const MAX_OBJECTS_SEGMENTATION = 20_000;
/** Guide, sms-automated-labeling. */
const MIN_OBJECTS_AUTOMATED = 1250;

/** The FailureReason, or null. */
export const refuseAtStart = (request: CreateLabelingJob, type: TaskType, objectCount: number): string | null => {
  const most = type.name === 'SemanticSegmentation' ? MAX_OBJECTS_SEGMENTATION : MAX_OBJECTS;
  if (objectCount > most) {
    return `ClientError: The manifest file has ${objectCount} data objects, the limit for a labeling job is ${most}.`;
  }
  if (request.LabelingJobAlgorithmsConfig !== undefined && objectCount < MIN_OBJECTS_AUTOMATED) {
    return `ClientError: Automated data labeling needs at least ${MIN_OBJECTS_AUTOMATED} data objects, the manifest file has ${objectCount}.`;
  }
  const { WorkteamArn } = request.HumanTaskConfig;
  const classifiers = request.InputConfig.DataAttributes?.ContentClassifiers ?? [];
  if (isPublicWorkteam(WorkteamArn) && !classifiers.includes('FreeOfPersonallyIdentifiableInformation')) {
    return 'ClientError: Jobs for the Amazon Mechanical Turk workforce need the FreeOfPersonallyIdentifiableInformation content classifier.';
  }
  return null;
};

/** Amazon Mechanical Turk (API: WorkteamArn). */
export const isPublicWorkteam = (arn: string): boolean => arn.includes(':workteam/public-crowd/');

const TASK_TIME_MAX_SECONDS = 28_800;
const SEQUENCE_TASK_TIME_MAX_SECONDS = 2_592_000;
const AVAILABILITY_MAX_SECONDS = 2_592_000;
const PUBLIC_AVAILABILITY_MAX_SECONDS = 43_200;

/** API, HumanTaskConfig: the greatest times by task type and workforce. The message, or null. */
export const refuseTaskTimes = (request: CreateLabelingJob, type: TaskType): string | null => {
  const { TaskTimeLimitInSeconds, TaskAvailabilityLifetimeInSeconds = 0, WorkteamArn } = request.HumanTaskConfig;
  const taskMax = isSequenceType(type) ? SEQUENCE_TASK_TIME_MAX_SECONDS : TASK_TIME_MAX_SECONDS;
  if (TaskTimeLimitInSeconds > taskMax) {
    return `TaskTimeLimitInSeconds is ${TaskTimeLimitInSeconds}, the maximum for this task type is ${taskMax}.`;
  }
  const availabilityMax = isPublicWorkteam(WorkteamArn) ? PUBLIC_AVAILABILITY_MAX_SECONDS : AVAILABILITY_MAX_SECONDS;
  if (TaskAvailabilityLifetimeInSeconds > availabilityMax) {
    return `TaskAvailabilityLifetimeInSeconds is ${TaskAvailabilityLifetimeInSeconds}, the maximum for this workforce is ${availabilityMax}.`;
  }
  return null;
};
