import { randomUUID } from 'node:crypto';
import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { startEventStream } from '../../events/event-stream.ts';
import { workerEventPattern } from '../../events/rule.ts';
import { stateChangePattern } from '../../events/state-change-pattern.ts';
import { LOCAL_ACCOUNT, LOCAL_REGION } from '../../local/child-environment.ts';
import { fakeTemporal } from './fake-temporal.ts';
import { awsClients, createQueue, depth, eventually, putEvent, putRule, silent } from './queue-stack.ts';
import { jobArn, taskEvent } from './recorded-events.ts';

test('state changes wake one by one; worker events come by their own rule and queue and are one signal at the stop', async () => {
  const [stateChanges, workerEvents] = [await createQueue(), await createQueue()];
  await putRule(stateChanges, stateChangePattern());
  await putRule(workerEvents, workerEventPattern());
  const { client, sent } = fakeTemporal();
  const stream = startEventStream({
    client,
    sqs: stateChanges.sqs,
    queueUrl: stateChanges.url,
    accounts: [LOCAL_ACCOUNT],
    regions: [LOCAL_REGION],
    logger: silent,
    waitTimeS: 1,
    workerEvents: { kind: 'eventbridge', queueUrl: workerEvents.url },
  });
  const job = `birds-${randomUUID().slice(0, 8)}`;
  const { events } = await awsClients();
  const arn = jobArn(job, LOCAL_ACCOUNT);
  for (const state of ['Accepted', 'Submitted', 'Declined', 'Invented']) {
    const { source: Source, 'detail-type': DetailType } = taskEvent(job, state);
    const Detail = JSON.stringify({ State: state, 'labeling-job-arn': arn, WorkerId: 'canary-worker' });
    await events.send(new PutEventsCommand({ Entries: [{ Source, DetailType, Detail, Resources: [] }] }));
  }
  await putEvent(job, 'Completed');
  await eventually(() => {
    const { stateChanges: changes, workerEvents: work } = stream.stats();
    return changes.counts.delivered === 1 && work?.counts.counted === 4;
  });
  expect(sent.map(({ signal }) => signal)).toEqual(['stateChange']);
  await stream.stop();
  expect(sent.map(({ signal }) => signal)).toEqual(['stateChange', 'workerActivity']);
  expect(sent[1]?.args).toMatchObject([{ accepted: 1, submitted: 1, declined: 1, returned: 0, activeWorkers: null }]);
  expect(JSON.stringify(sent)).not.toContain('canary');
  for (const { sqs, url } of [stateChanges, workerEvents])
    expect(await depth(sqs, url)).toEqual({ waiting: 0, taken: 0 });
});

test('with worker events off, those that arrive are deleted uncounted', async () => {
  const queue = await createQueue();
  await putRule(queue, workerEventPattern());
  const { client, sent } = fakeTemporal();
  const stream = startEventStream({
    client,
    sqs: queue.sqs,
    queueUrl: queue.url,
    accounts: [LOCAL_ACCOUNT],
    regions: [LOCAL_REGION],
    logger: silent,
    waitTimeS: 1,
    workerEvents: { kind: 'off' },
  });
  const { events } = await awsClients();
  const { source: Source, 'detail-type': DetailType } = taskEvent('a', 'Submitted');
  const Detail = JSON.stringify({ State: 'Submitted', 'labeling-job-arn': jobArn('a', LOCAL_ACCOUNT) });
  await events.send(new PutEventsCommand({ Entries: [{ Source, DetailType, Detail, Resources: [] }] }));
  await eventually(() => stream.stats().stateChanges.counts.counted === 1);
  await stream.stop();
  expect(sent).toEqual([]);
});
