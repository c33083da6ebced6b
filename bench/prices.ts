/**
 * Prices in USD, without taxes, discounts and free tiers, as published in 2026. They move; the counts that they are multiplied with
 * are measured.
 */

/** Temporal Cloud, the first 5 million actions of a month. https://docs.temporal.io/cloud/pricing */
export const TEMPORAL_ACTION = 50 / 1e6;
/** Temporal Cloud, active storage per GB and hour. https://docs.temporal.io/cloud/pricing */
export const TEMPORAL_ACTIVE_GB_HOUR = 0.042;
/** SQS standard queue, a request. https://aws.amazon.com/sqs/pricing/ */
export const SQS_REQUEST = 0.4 / 1e6;
/** EventBridge: events of AWS services on the default bus are free. https://aws.amazon.com/eventbridge/pricing/ */
export const EVENTBRIDGE_SERVICE_EVENT = 0;
/** Step Functions, a state transition of a standard workflow. https://aws.amazon.com/step-functions/pricing/ */
export const STEP_FUNCTIONS_TRANSITION = 0.025 / 1e3;
