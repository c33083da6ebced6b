/**
 * The event pattern of the rule that brings labeling-job state changes to the queue: the one that AWS documents.
 */

/** Source of Ground Truth's events. Source: AWS, "Monitor labeling job status". */
export const STATE_CHANGE_SOURCE = 'aws.sagemaker';
/** Detail type of a labeling job's state change. Source: as above. */
export const STATE_CHANGE_DETAIL_TYPE = 'SageMaker Ground Truth Labeling Job State Change';

/** An EventBridge pattern, in the part of its language that we use. Keys are AWS's. */
export type StateChangePattern = {
  source: [typeof STATE_CHANGE_SOURCE];
  'detail-type': [typeof STATE_CHANGE_DETAIL_TYPE];
  detail?: { LabelingJobStatus: readonly string[] };
};

/**
 * The pattern for the state changes of every labeling job.
 * @param statuses only these (`Completed`, `Failed`, `Stopped`); every status if left out.
 */
export const stateChangePattern = (statuses?: readonly string[]): StateChangePattern => ({
  source: [STATE_CHANGE_SOURCE],
  'detail-type': [STATE_CHANGE_DETAIL_TYPE],
  ...(statuses === undefined ? {} : { detail: { LabelingJobStatus: statuses } }),
});
