import { NamespaceNotFoundError } from '@temporalio/client';
import { deliver, deliveryOf } from '../../events/deliver.ts';
import { stateChange } from '../../workflows/messages.ts';
import { fakeTemporal, grpcFailure, notFound } from './fake-temporal.ts';

describe("each of Temporal's answers becomes one word (DESIGN 7)", () => {
  test.each([
    [
      'a workflow that nobody started',
      notFound('workflow not found for ID: labeling-job:x'),
      { kind: 'nobody-follows' },
    ],
    ['a closed workflow', notFound('workflow execution already completed'), { kind: 'closed' }],
    [
      'a namespace that is not there',
      new NamespaceNotFoundError('labels'),
      { kind: 'outage', why: 'namespace not found' },
    ],
    ['server busy', grpcFailure(8, 'service rate limit exceeded'), { kind: 'outage', why: 'RESOURCE_EXHAUSTED' }],
    ['busy workflow', grpcFailure(8, 'Workflow is busy.'), { kind: 'busy' }],
    ['unavailable', grpcFailure(14, 'connection refused'), { kind: 'outage', why: 'UNAVAILABLE' }],
    ['deadline', grpcFailure(4, 'Deadline exceeded'), { kind: 'outage', why: 'DEADLINE_EXCEEDED' }],
    ['permission', grpcFailure(7, 'Request unauthorized.'), { kind: 'outage', why: 'PERMISSION_DENIED' }],
    ['credentials', grpcFailure(16, 'invalid api key'), { kind: 'outage', why: 'UNAUTHENTICATED' }],
    [
      'the signal limit',
      grpcFailure(3, 'exceeded workflow execution limit for signal events'),
      { kind: 'signal-limit' },
    ],
    [
      'a namespace that is not set',
      grpcFailure(3, 'Namespace not set on request.'),
      { kind: 'outage', why: 'INVALID_ARGUMENT' },
    ],
    [
      'fault found with this one signal',
      grpcFailure(3, 'WorkflowId is not set'),
      { kind: 'refused', why: 'INVALID_ARGUMENT' },
    ],
    ['an error without a status', new TypeError('fetch failed'), { kind: 'outage', why: 'no answer' }],
  ])('%s', (_name, error, delivery) => {
    expect(deliveryOf(error)).toEqual(delivery);
  });
});

test('the signal goes to the workflow named after account, region and the job name in lower case', async () => {
  const { client, sent } = fakeTemporal();
  const place = { account: '111122223333', region: 'us-east-1', jobName: 'Birds-001' };
  const message = { status: 'Completed', eventId: 'e-1' };
  expect(await deliver(client, place, stateChange, message)).toEqual({ kind: 'delivered' });
  expect(sent).toEqual([
    { workflowId: 'labeling-job:111122223333:us-east-1:birds-001', signal: 'stateChange', args: [message] },
  ]);
});
