/** Every row of the outcome table (DESIGN 5), with real workflows and activities against the simulator. */
import type { ChainState } from '../../decisions/chain-state.ts';
import { HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import { timeSkippingServer } from '../support/servers.ts';
import { expectNothingPaidTwice } from './support/paid-once.ts';
import { specOf } from './support/spec.ts';
import { World, type Story } from './support/world.ts';

let world: World;
beforeAll(async () => {
  world = await World.open(await timeSkippingServer(), { followsTemporal: true, sendsEvents: false });
}, 60_000);
afterEach(() => world.clear());

const outcomes = (state: ChainState): unknown[] => state.generations.map(({ outcome }) => outcome);

const runToEnd = async (chain: string, story: Story): Promise<ChainState> => {
  await world.start(chain, story);
  return world.untilEnded(chain);
};

/** A team that has labeled a few of ten objects when something happens. */
const slow = { workers: { count: 2, ratePerHour: 0.005 } };

const finalLines = (state: ChainState): Record<string, unknown>[] =>
  (world.s3.store.text(state.end?.finalManifestUri ?? '') ?? '')
    .trim()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line));

test('labeled: nothing remains, the chain ends, every object is in the final manifest once with its label (I2)', async () => {
  const state = await runToEnd('labeled', {});
  expect(state.end).toMatchObject({ status: 'labeled', reason: 'all 10 objects are labeled' });
  const lines = finalLines(state);
  expect(lines).toHaveLength(10);
  expect(new Set(lines.map((line) => line['source-ref'])).size).toBe(10);
  expect(lines.every((line) => 'species' in line)).toBe(true);
});

test('labeled although Failed: the merge decides, never the status word', async () => {
  const state = await runToEnd('labeled-failed', {
    jobs: [{ fail: { after: '20h', reason: 'late trouble' }, workers: { hoursPerDay: 24 }, output: { every: '5m' } }],
  });
  expect(outcomes(state)).toEqual(['labeled']);
  expect(state.end?.status).toBe('labeled');
});

describe('expired', () => {
  /** Without events and seldom described: the deadline is looked at all the same. */
  const rarely = { handOver: 'off', reconcile: { every: '3d' } };

  test.each(['Failed', 'Completed', 'Stopped'] as const)(
    'with status %s: the next job gets what is unlabeled, and it is no failure (I1)',
    async (status) => {
      const chain = `expired-${status.toLowerCase()}`;
      const state = await runToEnd(chain, { jobs: [{ ...slow, expiry: status }], policy: rarely });
      expect(outcomes(state)).toEqual(['expired', 'labeled']);
      expect(state.generations[0]?.status).toBe(status);
      expect(state.generations[0]?.newLabels).toBeGreaterThan(0);
      expect(state.generations[1]?.input?.objects).toBe(10 - (state.generations[0]?.newLabels ?? 0));
      expectNothingPaidTwice(world, chain);
    },
  );

  test('by our hand-over: stopped two hours before the deadline, confirmed, settled, continued', async () => {
    const state = await runToEnd('handed-over', { jobs: [slow] });
    expect(outcomes(state)).toEqual(['expired', 'labeled']);
    const [first] = state.generations;
    expect(first).toMatchObject({ status: 'Stopped', stop: { by: 'hand-over' } });
    const age = (first?.stop?.requestedAtMs ?? 0) - (first?.createdAtMs ?? 0);
    expect(age / 3_600_000).toBeGreaterThanOrEqual(30 * 24 - 2);
    expect(age / 3_600_000).toBeLessThan(30 * 24 - 1);
    expectNothingPaidTwice(world, 'handed-over');
  });

  test('by a reason that only the spec knows', async () => {
    const state = await runToEnd('expired-own', {
      jobs: [{ ...slow, fail: { after: '3d', reason: 'The campaign is over.' } }],
      policy: { failureReasons: { expired: ['campaign is over'] } },
    });
    expect(outcomes(state)).toEqual(['expired', 'labeled']);
  });

  test('nobody ever came: no object counts an attempt, the job counts as without progress, the second such asks', async () => {
    const nobody = { workers: { count: 0 }, expiry: { status: 'Failed' as const, openTasks: 'expired' as const } };
    await world.start('nobody', { jobs: [nobody, nobody, nobody], policy: rarely });
    const state = await world.untilAttention('nobody', 12 * 3_600_000);
    expect(state.attention?.reason).toBe('no-progress');
    expect(outcomes(state)).toEqual(['expired', 'expired']);
    expect(state.dataset).toMatchObject({ remaining: 10, setAside: 0 });
  });
});

describe('stopping-condition', () => {
  const job = { StoppingConditions: { MaxHumanLabeledObjectCount: 4 } };

  test.each(['Stopped', 'Completed'] as const)(
    'with status %s: the user’s brake, the chain is finished',
    async (stoppingCondition) => {
      const chain = `brake-${stoppingCondition.toLowerCase()}`;
      const state = await runToEnd(chain, { job, jobs: [{ stoppingCondition }] });
      expect(outcomes(state)).toEqual(['stopping-condition']);
      expect(state.end?.status).toBe('finished');
      expect(finalLines(state)).toHaveLength(10);
    },
  );

  test('per job: the next job goes on', async () => {
    const state = await runToEnd('brake-per-job', { job, policy: { stoppingConditions: 'per-job' } });
    expect(outcomes(state)).toEqual(['stopping-condition', 'stopping-condition', 'labeled']);
    expectNothingPaidTwice(world, 'brake-per-job');
  });
});

test('stopped-outside: a person is asked, nothing is started, and resume goes on with what is unlabeled (I1)', async () => {
  const handle = await world.start('outside', { jobs: [{ workers: { ratePerHour: 0.5 }, stop: { after: '5h' } }] });
  const asked = await world.untilAttention('outside');
  expect(asked.attention?.reason).toBe('stopped-outside');
  await world.env.sleep('40 days');
  expect(world.jobNames('outside')).toHaveLength(1);
  await world.resume('outside');
  expect(await handle.result()).toMatchObject({ status: 'labeled' });
  expect(world.jobNames('outside')).toHaveLength(2);
  expectNothingPaidTwice(world, 'outside');
});

describe('failed', () => {
  const internal = 'InternalServerError: We encountered an internal error. Please try again.';
  const failing = (reason: string) => ({ ...slow, fail: { after: '2h', reason } });

  test('transient: retried with back-off by new generations, without losing labels', async () => {
    const state = await runToEnd('transient', { jobs: [failing(internal), failing(internal)] });
    expect(outcomes(state)).toEqual(['failed-transient', 'failed-transient', 'labeled']);
    const [first, second, third] = state.generations;
    expect((second?.createdAtMs ?? 0) - (first?.endedAtMs ?? 0)).toBeGreaterThanOrEqual(5 * 60_000);
    expect((third?.createdAtMs ?? 0) - (second?.endedAtMs ?? 0)).toBeGreaterThanOrEqual(10 * 60_000);
  });

  test('transient, again and again: after maxFailures in a row a person is asked', async () => {
    await world.start('too-many', { jobs: [1, 2, 3, 4, 5].map(() => failing(internal)), policy: { maxFailures: 2 } });
    const state = await world.untilAttention('too-many');
    expect(state.attention?.reason).toBe('too-many-failures');
    expect(state.generations).toHaveLength(3);
  });

  test.each([
    ['access', 'ClientError: Access Denied when reading s3://data/x'],
    ['sample', 'ClientError: more than 10% of the sample failed'],
    ['lambda', 'ClientError: the pre-annotation Lambda failed with an error'],
  ])('input (%s): a person is asked at once, with the reason', async (kind, reason) => {
    await world.start(`input-${kind}`, { jobs: [failing(reason)] });
    const state = await world.untilAttention(`input-${kind}`);
    expect(state.attention).toMatchObject({ reason: 'failed-input', message: expect.stringContaining(reason) });
    expect(world.jobNames(`input-${kind}`)).toHaveLength(1);
  });

  test('unknown: one retry, then a person is asked', async () => {
    await world.start('unknown', { jobs: [failing('Gremlins.'), failing('Gremlins.')] });
    const state = await world.untilAttention('unknown');
    expect(state.attention?.reason).toBe('failed-unknown');
    expect(outcomes(state)).toEqual(['failed-unknown', 'failed-unknown']);
  });
});

test('leftovers: declined objects go to the next job until their attempts are used up, then into the report (I2)', async () => {
  const declines = { declines: { objects: ['*/3.jpg', '*/7.jpg'] } };
  const state = await runToEnd('declined', {
    jobs: [declines, declines, declines],
    policy: { maxAttemptsPerObject: 3 },
  });
  expect(outcomes(state)).toEqual(['leftovers', 'leftovers', 'labeled']);
  expect(state.dataset).toMatchObject({ labeled: 8, remaining: 0, setAside: 2 });
  expect(state.generations.map((job) => job.input?.objects)).toEqual([10, 2, 2]);
  const leftovers = (world.s3.store.text(state.end?.leftoverReportUri ?? '') ?? '').trim().split('\n');
  expect(leftovers.map((line) => JSON.parse(line).object['source-ref'])).toEqual([
    's3://data/declined/3.jpg',
    's3://data/declined/7.jpg',
  ]);
});

test('leftovers: failures that AWS counts and writes last are waited for, so no object is sent once more than its attempts', async () => {
  const HumanTaskConfig = { ...specOf('written-last').job.HumanTaskConfig, TaskAvailabilityLifetimeInSeconds: 86_400 };
  const state = await runToEnd('written-last', {
    job: { HumanTaskConfig },
    policy: { maxAttemptsPerObject: 1, settleWithin: '6h' },
    jobs: [{ workers: { count: 2, ratePerHour: 1, until: '5h' }, output: { every: '1h', late: '4h' } }],
  });
  expect(outcomes(state)).toEqual(['labeled']);
  expect(state.generations[0]?.counters?.failed).toBeGreaterThan(0);
  expect(state.dataset?.setAside).toBe(state.generations[0]?.counters?.failed);
  expect(world.jobNames('written-last')).toHaveLength(1);
});

test('leftovers: more than a tolerable part set aside at once asks a person', async () => {
  const all = { declines: { objects: ['*'] } };
  await world.start('many', { objects: 25, jobs: [all], policy: { maxAttemptsPerObject: 1 } });
  const state = await world.untilAttention('many');
  expect(state.attention?.reason).toBe('many-set-aside');
});

test('leftovers with automated labeling: the next job gets the whole dataset and the model of the last; nothing is paid twice', async () => {
  const LabelingJobAlgorithmsConfig = {
    LabelingJobAlgorithmSpecificationArn:
      'arn:aws:sagemaker:us-east-1:027400017018:labeling-job-algorithm-specification/image-classification',
  };
  const declined = { declines: { objects: ['*/3.jpg', '*/700.jpg'] }, output: { shuffled: true } };
  await world.start('automated', { objects: 1_300, job: { LabelingJobAlgorithmsConfig }, jobs: [declined] });
  const state = await world.untilEnded('automated');
  expect(state.generations.map(({ outcome }) => outcome)).toEqual(['leftovers', 'labeled']);
  expect(state.generations.map(({ input }) => [input?.mode, input?.objects, input?.sentObjects])).toEqual([
    ['dataset', 1_300, 1_300],
    ['dataset', 1_300, 2],
  ]);
  expect(state.dataset).toMatchObject({ labeled: 1_300, doubled: 0 });
  const [first, second] = world.simulator.groundTruth.jobs.filter(({ name }) => name.startsWith('automated-'));
  expect(first?.request.LabelingJobAlgorithmsConfig).toEqual(LabelingJobAlgorithmsConfig);
  expect(second?.request.LabelingJobAlgorithmsConfig).toEqual({
    ...LabelingJobAlgorithmsConfig,
    InitialActiveLearningModelArn: state.generations[0]?.modelArn,
  });
  expectNothingPaidTwice(world, 'automated');
});

test('everything that a chain writes is encrypted with the key of its OutputConfig', async () => {
  const unencrypted: string[] = [];
  let written = 0;
  world.s3.client.middlewareStack.add(
    (next) => (args) => {
      const { input } = args;
      if ('Body' in input && 'Key' in input && input.Key?.startsWith('out/encrypted/') === true) {
        written += 1;
        const isEncrypted =
          'SSEKMSKeyId' in input && input.SSEKMSKeyId === 'alias/birds' && input.ServerSideEncryption === 'aws:kms';
        if (!isEncrypted) unencrypted.push(input.Key);
      }
      return next(args);
    },
    { step: 'initialize', name: 'encryption' },
  );
  const OutputConfig = { S3OutputPath: 's3://data/out', KmsKeyId: 'alias/birds' };
  await world.start('encrypted', { job: { OutputConfig }, jobs: [{ declines: { objects: ['*/3.jpg'] } }] });
  const { spec } = await world.untilEnded('encrypted');
  world.s3.client.middlewareStack.remove('encryption');
  expect(spec.job.OutputConfig).toEqual(OutputConfig);
  expect(unencrypted).toEqual([]);
  expect(written).toBeGreaterThan(10);
});

describe('streaming', () => {
  const job = {
    InputConfig: { DataSource: { SnsDataSource: { SnsTopicArn: 'arn:aws:sns:us-east-1:123456789012:objects' } } },
  };

  test('idle for ten days: AWS stops it, the chain is finished and names the queue that is left over', async () => {
    const state = await runToEnd('stream', { job });
    expect(outcomes(state)).toEqual(['streaming']);
    expect(state.end?.status).toBe('finished');
    expect(state.end?.reason).toMatch(/10 days/);
    expect(state.end?.reason).toContain(`GroundTruth-${state.generations[0]?.name.toLowerCase()}`);
  });

  test('stopped by a person: the chain ends, no second job', async () => {
    const handle = await world.start('stream-stopped', { job });
    await world.until('stream-stopped', (state) => state.generations[0]?.status === 'InProgress');
    await world.stop('stream-stopped');
    await handle.result();
    expect(world.jobNames('stream-stopped')).toHaveLength(1);
    expect((await world.state('stream-stopped')).end?.reason).not.toMatch(/10 days/);
  });
});

test('counters of zero on a young job decide nothing', async () => {
  const state = await runToEnd('zero', { jobs: [{ counters: { zeroFor: '8h' }, workers: { ratePerHour: 1 } }] });
  expect(outcomes(state)).toEqual(['labeled']);
});

test('I1, I6: a job that is over while its counters are still zero is not merged before its labels are there', async () => {
  const state = await runToEnd('zero-at-end', {
    jobs: [{ counters: { zeroFor: '100m' }, output: { late: '90m' }, workers: { ratePerHour: 1000 } }],
  });
  expect(outcomes(state)).toEqual(['labeled']);
  expect(state.generations[0]).toMatchObject({ newLabels: 10, counters: { totalLabeled: 10 } });
  expectNothingPaidTwice(world, 'zero-at-end');
});

test('I1, I6: zeros are not believed because AWS refuses to show the job again; a person is told meanwhile', async () => {
  await world.start('zero-hidden', {
    jobs: [{ counters: { zeroFor: '2h' }, output: { late: '12h' }, workers: { ratePerHour: 1000 } }],
  });
  await world.until('zero-hidden', ({ phase }) => phase.kind === 'settling', { stepMs: MINUTE_MS });
  world.beforeCall = (operation) => {
    if (operation !== 'DescribeLabelingJob') return;
    const refusal = { name: 'AccessDeniedException', $metadata: { httpStatusCode: 400 } };
    throw Object.assign(new Error('not authorized'), refusal);
  };
  const asked = await world.untilAttention('zero-hidden', 10 * MINUTE_MS);
  expect(asked.attention).toMatchObject({
    reason: 'describe-refused',
    message: expect.stringContaining('AccessDeniedException'),
  });
  expect(asked.phase.kind).toBe('settling');
  // However long AWS refuses: for longer than zeros would be doubted, and than the output takes.
  await world.env.sleep(13 * HOUR_MS);
  await world.sync();
  world.beforeCall = null;
  const { generations } = await world.until('zero-hidden', ({ end }) => end !== null);
  expect(generations).toMatchObject([{ outcome: 'labeled', counters: { totalLabeled: 10 } }]);
  expectNothingPaidTwice(world, 'zero-hidden');
});
