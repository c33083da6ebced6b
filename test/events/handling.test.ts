import { dispositionOf, handleBodies } from '../../events/handling.ts';
import { fakeTemporal, grpcFailure, notFound } from './fake-temporal.ts';
import { believed, snsWrapped, stateChangeEvent, taskEvent } from './recorded-events.ts';

const bodies = (...events: unknown[]): string[] => events.map((event) => JSON.stringify(event));

test('events of one job and status in one batch share a signal, and each message gets its outcome', async () => {
  const { client, sent } = fakeTemporal();
  const outcomes = await handleBodies(
    bodies(
      stateChangeEvent('birds-001', 'Completed'),
      stateChangeEvent('BIRDS-001', 'Completed'),
      stateChangeEvent('birds-001', 'Stopped'),
      snsWrapped(JSON.stringify(stateChangeEvent('birds-002', 'Completed'))),
    ),
    { client, believed },
  );
  expect(outcomes.map(({ kind }) => kind)).toEqual(['delivered', 'delivered', 'delivered', 'delivered']);
  expect(sent.map(({ workflowId }) => workflowId.split(':')[3])).toEqual(['birds-001', 'birds-001', 'birds-002']);
});

test('signals of one batch run side by side: one that hangs does not hold the others back', async () => {
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  const { client, sent } = fakeTemporal(({ workflowId }) => (workflowId.endsWith('slow') ? held : undefined));
  const handled = handleBodies(bodies(stateChangeEvent('slow'), stateChangeEvent('quick')), { client, believed });
  await new Promise(setImmediate);
  expect(sent.map(({ workflowId }) => workflowId.split(':')[3])).toEqual(['slow', 'quick']);
  letGo();
  expect(await handled).toEqual([{ kind: 'delivered' }, { kind: 'delivered' }]);
});

describe('only what is finished is deleted (I4)', () => {
  test.each([
    ['signalled', 'Completed', undefined, 'delivered', 'delete'],
    ['a job nobody follows', 'Completed', notFound('workflow not found for ID: x'), 'nobody-follows', 'delete'],
    ['a closed workflow', 'Completed', notFound('workflow execution already completed'), 'closed', 'delete'],
    ['an outage', 'Completed', grpcFailure(14, 'refused'), 'outage', 'return-after-outage'],
    [
      'the signal limit',
      'Completed',
      grpcFailure(3, 'exceeded workflow execution limit for signal events'),
      'signal-limit',
      'return-after-outage',
    ],
    ['a signal that is refused', 'Completed', grpcFailure(3, 'odd'), 'refused', 'keep'],
    ['poison', '', undefined, 'poison', 'keep'],
  ])('%s', async (_name, status, error, kind, disposition) => {
    const { client } = fakeTemporal(() => {
      if (error) throw error;
    });
    const [outcome] = await handleBodies(bodies(stateChangeEvent('a', status)), { client, believed });
    expect(outcome).toMatchObject({ kind });
    expect(outcome && dispositionOf(outcome.kind)).toBe(disposition);
  });
});

test('an event that is not ours is deleted, and nothing is signalled', async () => {
  const { client, sent } = fakeTemporal();
  const outcomes = await handleBodies(bodies(stateChangeEvent('a', 'Completed', { source: 'aws.s3' })), {
    client,
    believed,
  });
  expect(outcomes.map(({ kind }) => dispositionOf(kind))).toEqual(['delete']);
  expect(sent).toEqual([]);
});

test('a worker event is handed to the counter and never signalled one by one', async () => {
  const { client, sent } = fakeTemporal();
  const seen: string[] = [];
  const outcomes = await handleBodies(bodies(taskEvent('a', 'Declined'), taskEvent('a', 'Submitted')), {
    client,
    believed,
    onWorkerEvent: ({ action }) => seen.push(action),
  });
  expect(outcomes).toEqual([{ kind: 'counted' }, { kind: 'counted' }]);
  expect(seen).toEqual(['declined', 'submitted']);
  expect(sent).toEqual([]);
});
