/**
 * The stories beside the demo's, told to their end; every workflow of them replays on the code that ran it (I8). `npm run record-histories`
 * saves their histories, for the code to come.
 */
import { replayHistories } from '../../cli/commands/replay.ts';
import type { ChainState } from '../../decisions/chain-state.ts';
import { HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import { labelingChainWorkflowId, labelingJobWorkflowId } from '../../decisions/names.ts';
import { stopLabelingJob, workerActivity } from '../../workflows/messages.ts';
import { timeSkippingServer } from '../support/servers.ts';
import { ACCOUNT, REGION, manifestText, manifestUriOf, specOf } from '../workflows/support/spec.ts';
import { TASK_QUEUE, World, type ChainHandle } from '../workflows/support/world.ts';
import { saveHistory } from './history-files.ts';

const records = process.env['RECORD_HISTORIES'] === '1';
const options = { acceptMissing: false, retrySetAside: false };
const slow = { workers: { count: 2, ratePerHour: 0.005 } };
/** Workers who answer for an hour, and whose open tasks are published up to a day after a stop. */
const late = { workers: { count: 3, answerTime: '1h' }, openTasks: 'late' as const };

let world: World;
beforeAll(async () => {
  world = await World.open(await timeSkippingServer(), { followsTemporal: true, sendsEvents: true });
}, 120_000);
afterEach(() => world.clear());

type History = Awaited<ReturnType<ChainHandle['fetchHistory']>>;
const told: { story: string; workflowId: string; history: History }[] = [];

const keep = async (story: string, workflowId: string, runId?: string): Promise<void> => {
  const history = await world.client.workflow.getHandle(workflowId, runId).fetchHistory();
  told.push({ story, workflowId, history });
  if (records) await saveHistory(story, history);
};

/** The histories of a chain's runs, and of its jobs. */
const keepChain = async (chain: string, ...runs: ChainHandle[]): Promise<void> => {
  for (const [index, { firstExecutionRunId }] of runs.entries())
    await keep(
      `${chain}-chain${index === 0 ? '' : `-run-${index + 1}`}`,
      labelingChainWorkflowId(chain),
      firstExecutionRunId,
    );
  const { generations } = await world.state(chain);
  for (const { generation, name } of generations) {
    const workflowId = labelingJobWorkflowId({ account: ACCOUNT, region: REGION, jobName: name });
    await keep(`${chain}-job-${String(generation).padStart(3, '0')}`, workflowId);
  }
};

const untilInProgress = (chain: string): Promise<ChainState> =>
  world.until(chain, ({ generations }) => generations.at(-1)?.status === 'InProgress', { stepMs: MINUTE_MS });

const untilClosed = (chain: string): Promise<ChainState> =>
  world.until(chain, ({ phase }) => phase.kind === 'ended' && phase.lateLookDone, { stepMs: 6 * HOUR_MS });

test('attention: asked and reminded, resumed by a person, then labeled', async () => {
  const handle = await world.start('attention', { jobs: [{ ...slow, stop: { after: '1d' } }] });
  await world.untilAttention('attention');
  await world.env.sleep('50 hours');
  expect(await world.resume('attention')).toEqual({ kind: 'accepted' });
  expect((await world.untilEnded('attention')).end?.status).toBe('labeled');
  await untilClosed('attention');
  await keepChain('attention', handle);
});

test('stop, then resume from the record: the second run goes on with what remains', async () => {
  const first = await world.start('stop', { jobs: [slow] });
  await untilInProgress('stop');
  await world.env.sleep('1 day');
  await world.stop('stop');
  const stopped = await world.untilEnded('stop', 10 * MINUTE_MS);
  expect(stopped.end?.status).toBe('stopped');
  await untilClosed('stop');
  const second = await world.run('stop', { kind: 'resume', spec: stopped.spec, options });
  expect((await world.until('stop', ({ end }) => end?.status === 'labeled')).resumption).toBe(1);
  await untilClosed('stop');
  await keepChain('stop', first, second);
});

test('cancel: the job is stopped, its end confirmed, then the chain ends', async () => {
  const handle = await world.start('cancel', { jobs: [slow] });
  await untilInProgress('cancel');
  await handle.cancel();
  await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
  await keepChain('cancel', handle);
});

test('adopt: a job that somebody else started, with its lookup before', async () => {
  await world.prepare('adopt');
  const answer = await world.simulator.call('CreateLabelingJob', {
    ...specOf('adopt').job,
    LabelingJobName: 'theirs',
  });
  expect(answer.kind).toBe('ok');
  const lookup = { workflowId: 'lookup', taskQueue: TASK_QUEUE, args: [{ region: REGION, name: 'theirs' }] };
  expect(await world.client.workflow.execute('labelingLookup', lookup)).toMatchObject({ kind: 'found' });
  const inputManifestUri = manifestUriOf('adopt');
  const adoption = { kind: 'adopt', jobName: 'theirs', manifestUri: inputManifestUri, inputManifestUri } as const;
  const handle = await world.run('adopt', { ...adoption, spec: specOf('adopt') });
  expect((await world.untilEnded('adopt')).end?.status).toBe('labeled');
  await untilClosed('adopt');
  await keep('adopt-lookup', 'lookup');
  await keepChain('adopt', handle);
});

test('late labels: published while a person is waited for, and after the chain has ended', async () => {
  const handle = await world.start('late', { jobs: [{ ...late, stop: { after: '90m' } }, late] });
  await world.untilAttention('late');
  await world.env.sleep('2 days');
  await world.resume('late');
  await untilInProgress('late');
  await world.env.sleep('20 minutes');
  await world.stop('late');
  await world.untilEnded('late', 10 * MINUTE_MS);
  const state = await untilClosed('late');
  expect(state.dataset?.labeled).toBeGreaterThan(0);
  await keepChain('late', handle);
});

test('amend: a spec for the next job and further objects, given while a job is live and after the end', async () => {
  const spec = await world.prepare('amend', { jobs: [{ ...slow, stop: { after: '1d' } }] });
  const handle = await world.run('amend', { kind: 'start', spec });
  await untilInProgress('amend');
  const HumanTaskConfig = { ...spec.job.HumanTaskConfig, TaskTitle: 'Another title' };
  const more = 's3://data/amend/more.manifest';
  world.s3.store.write(more, manifestText('amend', 3, 100));
  await world.amend('amend', { spec: { ...spec, job: { ...spec.job, HumanTaskConfig } }, manifestUri: more });
  await world.untilAttention('amend');
  await world.resume('amend');
  const ended = await world.untilEnded('amend');
  expect(ended.dataset?.total).toBe(13);
  const evenMore = 's3://data/amend/even-more.manifest';
  world.s3.store.write(evenMore, manifestText('amend', 2, 200));
  await world.amend('amend', { manifestUri: evenMore });
  await untilClosed('amend');
  const amendment = { spec: null, manifestUri: null };
  const second = await world.run('amend', { kind: 'amend', spec, amendment });
  await second.result();
  const third = await world.run('amend', { kind: 'resume', spec, options });
  expect((await world.until('amend', ({ dataset, end }) => end !== null && dataset?.total === 15)).end?.status).toBe(
    'labeled',
  );
  await untilClosed('amend');
  await keepChain('amend', handle, second, third);
});

test('failures: a full quota, a lost answer to the create, a transient failure with its back-off, labels missing and accepted', async () => {
  const handle = await world.start('failures', {
    api: [
      { op: 'CreateLabelingJob', job: 'failures-*-001', fault: 'ResourceLimitExceeded', nth: 1 },
      { op: 'CreateLabelingJob', job: 'failures-*-002', fault: 'after-effect-timeout', nth: 1 },
    ],
    jobs: [
      { ...slow, fail: { after: '20h', reason: 'InternalServerError: We encountered an internal error.' } },
      { output: { short: 0.3 } },
    ],
  });
  await world.until('failures', ({ attention }) => attention?.reason === 'labels-missing');
  await world.resume('failures', { acceptMissing: true });
  expect((await world.untilEnded('failures')).end?.status).toBe('labeled');
  await untilClosed('failures');
  await keepChain('failures', handle);
});

test('signals: worker activity, a stop by hand of the job, and what the chain is told', async () => {
  const handle = await world.start('signals', { jobs: [slow] });
  const { generations } = await untilInProgress('signals');
  const jobName = generations[0]?.name ?? '';
  const job = world.client.workflow.getHandle(labelingJobWorkflowId({ account: ACCOUNT, region: REGION, jobName }));
  const { WorkteamArn: workteamArn } = specOf('signals').job.HumanTaskConfig;
  const windowEndMs = await world.env.currentTimeMs();
  const counts = { accepted: 30, submitted: 2, declined: 28, returned: 0, activeWorkers: 3 };
  const times = { windowStartMs: windowEndMs - HOUR_MS, windowEndMs, lastActivityMs: windowEndMs };
  await job.signal(workerActivity, { workteamArn, ...times, ...counts });
  await job.signal(stopLabelingJob, { reason: 'by hand' });
  expect((await world.untilEnded('signals', 10 * MINUTE_MS)).end?.status).toBe('stopped');
  await untilClosed('signals');
  await keepChain('signals', handle);
});

test('I8: every workflow of these stories replays', async () => {
  expect(told.length).toBeGreaterThan(20);
  const histories = async function* () {
    for (const { workflowId, history } of told) yield { workflowId, history };
  };
  const failed: unknown[] = [];
  for await (const finding of replayHistories(histories())) if (finding.problem !== null) failed.push(finding);
  expect(failed).toEqual([]);
}, 300_000);
