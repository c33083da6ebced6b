/** What the FailureReason of a job, and the failure-reason of an object, mean. */
import { classifyFailureReason, isTasksExpired, type FailureClass } from '../../decisions/failure-reasons.ts';

const none = { expired: [], transient: [], input: [] };

const cases: [FailureClass, string][] = [
  ['expired', 'ClientError: Labeling jobs fail after 30 days.'],
  ['expired', 'The job reached its 30-day limit'],
  ['expired', 'The labeling job has expired'],
  ['expired', 'LABELING JOB EXPIRED'],
  ['expired', 'The job exceeded the maximum allowed duration'],
  ['expired', 'Your job has exceeded its max time'],
  ['expired', 'Maximum lifetime of the job exceeded'],
  ['transient', 'InternalServerError'],
  ['transient', 'Internal Server Error'],
  ['transient', 'InternalError: we encountered an internal error'],
  ['transient', 'Internal failure'],
  ['transient', 'An internal service fault occurred'],
  ['transient', 'ServiceUnavailable'],
  ['transient', 'The service is temporarily unavailable'],
  ['transient', 'ThrottlingException: Rate exceeded'],
  ['transient', 'Too many requests'],
  ['transient', 'SlowDown: please reduce your request rate'],
  ['transient', 'The request timed out'],
  ['transient', 'Time-out while reading'],
  ['transient', 'Please retry'],
  ['transient', 'Something went wrong, try again later'],
  ['transient', 'Insufficient capacity'],
  ['transient', 'CapacityError'],
  ['transient', 'Connection reset by peer'],
  ['transient', 'Internal error while the manifest was read'],
  ['input', 'AccessDenied'],
  ['input', 'Access denied for s3://data/birds.manifest'],
  ['input', 'User is not authorized to perform s3:GetObject'],
  ['input', '403 Forbidden'],
  ['input', 'Unable to assume role arn:aws:iam::111122223333:role/GroundTruth'],
  ['input', 'Could not AssumeRole'],
  ['input', 'Line 4 of the manifest cannot be read'],
  ['input', 'Correct the manifest and try again'],
  ['input', 'NoSuchKey'],
  ['input', 'No such bucket'],
  ['input', 'The pre-annotation Lambda function returned nothing'],
  ['input', 'Lambda function timed out'],
  ['input', 'Task timed out\nin the Lambda'],
  ['input', 'The Lambda exceeded the maximum execution time'],
  ['input', 'ValidationException'],
  ['input', 'Invalid category file'],
  ['input', 'Malformed JSON'],
  ['input', 'More than 10% of the sample failed'],
  ['input', 'More than 10 percent of the sample failed'],
  ['input', 'Content classifiers are needed for a public team'],
  ['input', 'The data holds personally identifiable information'],
  ['input', 'The KMS key is disabled'],
  ['input', 'The bucket does not exist'],
  ['input', 'The work team was deleted'],
  ['unknown', 'Something else'],
  ['unknown', '110 of 200'],
  ['unknown', '130 days of sun'],
  ['unknown', 'The disk has capacity for all'],
  ['unknown', ''],
  ['unknown', '   '],
];

test.each(cases)('%s: "%s"', (kind, reason) => {
  expect(classifyFailureReason(reason, none)).toBe(kind);
});

test('no reason at all is unknown, never guessed', () => {
  expect(classifyFailureReason(null, none)).toBe('unknown');
});

test('the patterns of the policy come before the built-in ones, case ignored', () => {
  expect(classifyFailureReason('AccessDenied', { ...none, transient: ['ACCESS'] })).toBe('transient');
  expect(classifyFailureReason('InternalServerError', { ...none, input: ['internal'] })).toBe('input');
  expect(classifyFailureReason('Zeit um', { ...none, expired: ['zeit um'] })).toBe('expired');
});

test('among the policy’s own patterns expiry comes first, then faults of the service', () => {
  expect(classifyFailureReason('x', { expired: ['x'], transient: ['x'], input: ['x'] })).toBe('expired');
  expect(classifyFailureReason('x', { expired: [], transient: ['x'], input: ['x'] })).toBe('transient');
});

test.each([
  ['ClientError: Annotation tasks expired.  Probable Reasons are 1) TaskAvailabilityLifetimeInSeconds', true],
  ['Annotation tasks expired', true],
  ['  clienterror: annotation tasks expired', true],
  ['The image is broken; annotation tasks expired', false],
  ['ClientError: the image is broken', false],
  ['', false],
])('the text of an object whose tasks ran out: "%s" is %s', (reason, expired) => {
  expect(isTasksExpired(reason)).toBe(expired);
});
