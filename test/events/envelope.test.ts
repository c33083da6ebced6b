import fc from 'fast-check';
import { BODY_MAX_BYTES, readEvent, taskActionOf } from '../../events/envelope.ts';
import {
  ACCOUNT,
  believed,
  jobArn,
  REGION,
  snsWrapped,
  stateChangeEvent,
  taskEvent,
  WORKTEAM_ARN,
} from './recorded-events.ts';

const read = (event: unknown) => readEvent(JSON.stringify(event), believed);
const place = { account: ACCOUNT, region: REGION, jobName: 'birds-4kq2z-001' };

describe('a state-change event', () => {
  test('is read from a raw EventBridge body', () => {
    const event = stateChangeEvent('birds-4kq2z-001', 'Failed');
    expect(read(event)).toEqual({ kind: 'state-change', place, status: 'Failed', eventId: event.id });
  });

  test('is read from inside an SNS notification', () => {
    const event = stateChangeEvent('birds-4kq2z-001');
    expect(read(snsWrapped(JSON.stringify(event)))).toMatchObject({ kind: 'state-change', place });
  });

  test.each(['Stopping', 'InProgress', 'Something AWS adds later', 'é'])(
    'may carry any short status, as it only wakes: %s',
    (status) => {
      expect(read(stateChangeEvent('a', status))).toMatchObject({ kind: 'state-change', status });
    },
  );

  test('may carry fields that AWS adds later, as a replay does', () => {
    expect(read({ ...stateChangeEvent('a'), 'replay-name': 'drill' })).toMatchObject({ kind: 'state-change' });
  });
});

test('without an account in the envelope, as the AWS emulator sends it, the ARN alone is judged (I4)', () => {
  const { account: _account, ...event } = stateChangeEvent('a');
  expect(read(event)).toMatchObject({ kind: 'state-change' });
  expect(read({ ...event, resources: [jobArn('a', '999999999999')] })).toEqual({
    kind: 'poison',
    why: 'wrong-account',
  });
});

describe('an event that is not ours is told from a broken one (I4)', () => {
  test.each([
    ['another source', stateChangeEvent('a', 'Completed', { source: 'aws.s3' }), 'other-source'],
    [
      'another detail-type',
      stateChangeEvent('a', 'Completed', { 'detail-type': 'SageMaker Training Job State Change' }),
      'other-detail-type',
    ],
  ])('%s', (_name, event, why) => {
    expect(read(event)).toEqual({ kind: 'not-ours', why });
  });
});

describe('poison is named by one of our own words (I4)', () => {
  const withArn = (arn: string) => stateChangeEvent('a', 'Completed', { resources: [arn] });
  test.each([
    ['another account', stateChangeEvent('a', 'Completed', { account: '999999999999' }), 'wrong-account'],
    ['an account that is no account id', stateChangeEvent('a', 'Completed', { account: '1111' }), 'no-envelope'],
    ['another region', stateChangeEvent('a', 'Completed', { region: 'eu-west-1' }), 'wrong-region'],
    ["an ARN in another account than the envelope's", withArn(jobArn('a', '999999999999')), 'wrong-account'],
    ["an ARN in another region than the envelope's", withArn(jobArn('a', ACCOUNT, 'eu-west-1')), 'wrong-region'],
    ['an ARN of something else', withArn(`arn:aws:sagemaker:${REGION}:${ACCOUNT}:training-job/a`), 'bad-arn'],
    ['a name with characters that AWS forbids', withArn(jobArn('a/../../b')), 'bad-arn'],
    ['a name with a line break', withArn(jobArn('a\nlevel=info forged')), 'bad-arn'],
    ['a name with 64 characters', withArn(jobArn('a'.repeat(64))), 'bad-arn'],
    ['no resource', stateChangeEvent('a', 'Completed', { resources: [] }), 'bad-arn'],
    ['two resources', stateChangeEvent('a', 'Completed', { resources: [jobArn('a'), jobArn('b')] }), 'bad-arn'],
    ['no status', stateChangeEvent('a', 'Completed', { detail: {} }), 'bad-status'],
    [
      'a status that is no string',
      stateChangeEvent('a', 'Completed', { detail: { LabelingJobStatus: 7 } }),
      'bad-status',
    ],
    ['a status with a line break', stateChangeEvent('a', 'Completed\nforged'), 'bad-status'],
    ['a long status', stateChangeEvent('a', 'x'.repeat(65)), 'bad-status'],
    ['no envelope', { hello: 'world' }, 'no-envelope'],
    ['an event id with a line break', stateChangeEvent('a', 'Completed', { id: 'x\ny' }), 'no-envelope'],
    ['JSON null', null, 'no-envelope'],
    ['an SNS notification in an SNS notification', snsWrapped(JSON.stringify(snsWrapped('{}'))), 'no-envelope'],
    ['an SNS notification around text', snsWrapped('hello'), 'not-json'],
  ])('%s', (_name, event, why) => {
    expect(read(event)).toEqual({ kind: 'poison', why });
  });

  test('a body that is not JSON', () => {
    expect(readEvent('{"version": "0",', believed)).toEqual({ kind: 'poison', why: 'not-json' });
    expect(readEvent('', believed)).toEqual({ kind: 'poison', why: 'not-json' });
  });

  test('a body over 256 KiB, counted in bytes and before it is parsed', () => {
    const padded = (character: string, units: number) =>
      JSON.stringify(stateChangeEvent('a', 'Completed', { padding: character.repeat(units) }));
    expect(readEvent(padded('x', BODY_MAX_BYTES), believed)).toEqual({ kind: 'poison', why: 'too-large' });
    expect(readEvent(padded('é', BODY_MAX_BYTES / 2), believed)).toEqual({ kind: 'poison', why: 'too-large' });
    expect(readEvent(padded('x', BODY_MAX_BYTES - 2000), believed)).toMatchObject({ kind: 'state-change' });
  });
});

test('no body at all makes the reader throw, and no unchecked character leaves it (I4)', () => {
  const anyEvent = fc.record({
    resources: fc.array(
      fc.oneof(
        fc.string(),
        fc.string().map((name) => jobArn(name)),
      ),
    ),
    detail: fc.dictionary(fc.string(), fc.jsonValue()),
    account: fc.constantFrom(ACCOUNT, '1', ''),
    id: fc.string(),
  });
  const bodies = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    anyEvent.map((changes) => JSON.stringify({ ...stateChangeEvent('a'), ...changes })),
    anyEvent.map(({ id, ...changes }) =>
      JSON.stringify({ ...stateChangeEvent('a', id), ...changes, detail: { LabelingJobStatus: id } }),
    ),
  );
  fc.assert(
    fc.property(bodies, (body) => {
      const verdict = readEvent(body, believed);
      if (verdict.kind !== 'state-change') return;
      expect(verdict.place.jobName).toMatch(/^[A-Za-z0-9-]{1,63}$/);
      expect(verdict.status).not.toMatch(/\p{C}/u);
      expect(verdict.eventId).toMatch(/^[A-Za-z0-9-]+$/);
    }),
    { numRuns: 1000 },
  );
});

describe('a worker event', () => {
  test('is read from the one shape that AWS publishes', () => {
    expect(read(taskEvent('birds-4kq2z-001', 'Submitted'))).toEqual({
      kind: 'worker-event',
      place,
      workteamArn: WORKTEAM_ARN,
      action: 'submitted',
      timeMs: Date.parse('2026-11-06T12:26:13Z'),
    });
  });

  test('with unknown or missing fields is tolerated, and a name that is no work team is not passed on', () => {
    const detail = { 'labeling-job-arn': jobArn('a'), 'workteam-team-arn': 'arn:x\ny', Novelty: { deep: [1] } };
    expect(read(taskEvent('a', '', { detail }))).toMatchObject({
      kind: 'worker-event',
      action: 'other',
      workteamArn: 'unknown',
    });
  });

  test('of an Augmented AI loop, which has no labeling job, is not ours', () => {
    const event = taskEvent('a', '', { 'detail-type': 'SageMaker Human Task Accepted', detail: {} });
    expect(read(event)).toEqual({ kind: 'not-ours', why: 'no-labeling-job' });
  });

  test('takes its action from the detail-type where that names it', () => {
    const event = taskEvent('a', 'whatever', { 'detail-type': 'SageMaker Human Task Declined' });
    expect(read(event)).toMatchObject({ kind: 'worker-event', action: 'declined' });
  });

  test('from another account is poison', () => {
    expect(read(taskEvent('a', 'Submitted', { account: '999999999999' }))).toEqual({
      kind: 'poison',
      why: 'wrong-account',
    });
  });

  test.each([
    ['Accepted', 'accepted'],
    ['TasksDeclined', 'declined'],
    ['RETURNED', 'returned'],
    ['Expired', 'other'],
    [undefined, 'other'],
  ])('state %s means %s', (said, action) => {
    expect(taskActionOf(said)).toBe(action);
  });
});
