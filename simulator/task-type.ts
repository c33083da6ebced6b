/**
 * What kind of task a job is, read from its Lambda functions (AWS: shapes PreHumanTaskLambdaArn and
 * AnnotationConsolidationLambdaArn name one function `PRE-<type>` and `ACS-<type>` per built-in task type).
 */

const builtInTypes = [
  'BoundingBox',
  'ImageMultiClass',
  'ImageMultiClassMultiLabel',
  'TextMultiClass',
  'TextMultiClassMultiLabel',
  'SemanticSegmentation',
  'NamedEntityRecognition',
  'VideoMultiClass',
  'VideoObjectDetection',
  'VideoObjectTracking',
  '3DPointCloudObjectDetection',
  '3DPointCloudObjectTracking',
  '3DPointCloudSemanticSegmentation',
  'VerificationBoundingBox',
  'VerificationSemanticSegmentation',
] as const;

/** AWS's name for a built-in type, or `Custom`. */
export type TaskTypeName = (typeof builtInTypes)[number] | 'Custom';

export type TaskType = { name: TaskTypeName; adjustment: boolean };

/** The task type of a job with these functions. */
export const taskTypeOf = (functionArns: readonly (string | undefined)[]): TaskType => {
  for (const arn of functionArns) {
    const match = /:function:(?:PRE|ACS)-(Adjustment)?([A-Za-z0-9]+)$/.exec(arn ?? '');
    const name = builtInTypes.find((known) => known === match?.[2]);
    if (name !== undefined) return { name, adjustment: match?.[1] !== undefined };
  }
  return { name: 'Custom', adjustment: false };
};

/** Types whose label attribute must end in `-ref` (API: LabelAttributeName). */
const refTypes: ReadonlySet<TaskTypeName> = new Set([
  'SemanticSegmentation',
  'VideoObjectDetection',
  'VideoObjectTracking',
  '3DPointCloudSemanticSegmentation',
  '3DPointCloudObjectTracking',
]);

export const needsRefAttribute = (type: TaskType): boolean => refTypes.has(type.name);

/** Video frames and 3D point clouds: a task may take up to 30 days (API: HumanTaskConfig, TaskTimeLimitInSeconds). */
export const isSequenceType = (type: TaskType): boolean => /^(VideoObject|3DPointCloud)/.test(type.name);
