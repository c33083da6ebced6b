/* The rule's pattern and the consumer's schema must agree on what is a labeling-job event. The emulator matches, the schema reads. */
import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { readEvent } from '../../events/envelope.ts';
import { workerEventPattern } from '../../events/rule.ts';
import { stateChangePattern } from '../../events/state-change-pattern.ts';
import { LOCAL_ACCOUNT, LOCAL_REGION } from '../../local/child-environment.ts';
import { awsClients, createQueue, putRule } from '../events/queue-stack.ts';
import { jobArn, stateChangeEvent, taskEvent } from '../events/recorded-events.ts';

const believed = { accounts: [LOCAL_ACCOUNT], regions: [LOCAL_REGION] };
const arn = jobArn('birds-001', LOCAL_ACCOUNT);
const ours = { account: LOCAL_ACCOUNT, resources: [arn] };
const detail = (State: string) => ({ State, 'labeling-job-arn': arn });

const recorded: Record<string, ReturnType<typeof stateChangeEvent>> = {
  completed: stateChangeEvent('birds-001', 'Completed', ours),
  failed: stateChangeEvent('birds-001', 'Failed', ours),
  stopped: stateChangeEvent('birds-001', 'Stopped', ours),
  'a status that is not documented': stateChangeEvent('birds-001', 'Stopping', ours),
  'a task': taskEvent('birds-001', 'Submitted', { ...ours, detail: detail('Submitted') }),
  'a human task': taskEvent('birds-001', '', {
    ...ours,
    'detail-type': 'SageMaker Human Task Declined',
    detail: detail(''),
  }),
  'a training job': stateChangeEvent('x', 'Completed', {
    ...ours,
    'detail-type': 'SageMaker Training Job State Change',
  }),
  'another source': stateChangeEvent('x', 'Completed', { ...ours, source: 'acme.sagemaker' }),
  'another case': stateChangeEvent('x', 'Completed', {
    ...ours,
    'detail-type': 'sagemaker ground truth labeling job state change',
  }),
};

/** The names of the recorded events that a rule with this pattern brings to its queue. */
const matchedBy = async (pattern: unknown): Promise<string[]> => {
  const { events } = await awsClients();
  const queue = await createQueue();
  await putRule(queue, pattern);
  for (const [name, event] of Object.entries(recorded)) {
    const { source, 'detail-type': DetailType, resources } = event;
    const Entry = {
      Source: source,
      DetailType,
      Resources: resources,
      Detail: JSON.stringify({ ...event.detail, name }),
    };
    await events.send(new PutEventsCommand({ Entries: [Entry] }));
  }
  const { Messages = [] } = await queue.sqs.send(
    new ReceiveMessageCommand({ QueueUrl: queue.url, MaxNumberOfMessages: 10 }),
  );
  const bodies = Messages.map(({ Body = '' }) => Body);
  for (const body of bodies) expect(readEvent(body, believed).kind).not.toBe('poison');
  return bodies.map((body) => (JSON.parse(body) as { detail: { name: string } }).detail.name).toSorted();
};

const acceptedAs = (kind: string): string[] =>
  Object.entries(recorded)
    .filter(([, event]) => readEvent(JSON.stringify(event), believed).kind === kind)
    .map(([name]) => name)
    .toSorted();

test('the rule for state changes brings exactly what the consumer takes for one (I4)', async () => {
  const matched = await matchedBy(stateChangePattern());
  expect(matched).toEqual(acceptedAs('state-change'));
  expect(matched).toHaveLength(4);
});

test('the rule for worker events brings exactly what the consumer takes for one', async () => {
  const matched = await matchedBy(workerEventPattern());
  expect(matched).toEqual(acceptedAs('worker-event'));
  expect(matched).toHaveLength(2);
});

test('a rule for chosen statuses brings a part of what the consumer takes', async () => {
  expect(await matchedBy(stateChangePattern(['Completed', 'Failed']))).toEqual(['completed', 'failed']);
});
