import { randomUUID } from 'node:crypto';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import type { WorkflowHandle } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { z } from 'zod';
import { workerActivityLogId } from '../../decisions/names.ts';
import {
  followLog,
  leaveLog,
  readWorkerActivityLine,
  WORKER_ACTIVITY_LOG_GROUP,
  workerLogActivities,
} from '../../events/worker-log.ts';
import { LOCAL_ACCOUNT, LOCAL_CREDENTIALS, LOCAL_REGION } from '../../local/child-environment.ts';
import type { WorkerLogSettings } from '../../workflows/messages.ts';
import type { WorkerLogCheckpoint, WorkerLogReading } from '../../workflows/worker-activity-log.ts';
import { spawnCli } from '../end-to-end/run-cli.ts';
import { motoServer, temporalDevServer } from '../support/servers.ts';
import { workflowBundle } from '../workflows/support/bundle.ts';
import { eventually, openWorkflow, silent } from './queue-stack.ts';
import { ACCOUNT, believed, jobArn, REGION, WORKTEAM_ARN } from './recorded-events.ts';

/** A line as AWS documents it, with the identities that must go nowhere. */
const line = (changes: Record<string, unknown> = {}): string =>
  JSON.stringify({
    worker_id: 'canary-worker',
    cognito_user_pool_id: 'us-east-1_canary',
    cognito_sub_id: 'canary-sub',
    task_accepted_time: 'Mon Nov 02 10:10:02 UTC 2026',
    task_submitted_time: 'Mon Nov 02 10:10:07 UTC 2026',
    task_returned_time: '',
    task_declined_time: '',
    workteam_arn: WORKTEAM_ARN,
    labeling_job_arn: jobArn('birds-001'),
    work_requester_account_id: ACCOUNT,
    job_reference_code: `${ACCOUNT}-example`,
    job_type: 'Private',
    event_type: 'TasksSubmitted',
    event_timestamp: '1793614207',
    ...changes,
  });

test('a documented line is an event; who did it stands apart from it', () => {
  expect(readWorkerActivityLine(line(), 5, believed)).toEqual({
    event: {
      kind: 'worker-event',
      place: { account: ACCOUNT, region: REGION, jobName: 'birds-001' },
      workteamArn: WORKTEAM_ARN,
      action: 'submitted',
      timeMs: 1_793_614_207_000,
    },
    worker: 'canary-worker',
  });
});

test('unknown values and missing fields are tolerated', () => {
  const sparse = JSON.stringify({ labeling_job_arn: jobArn('a'), event_type: 'TasksInvented' });
  expect(readWorkerActivityLine(sparse, 5, believed)).toMatchObject({
    event: { action: 'other', workteamArn: 'unknown', timeMs: 5 },
    worker: undefined,
  });
});

test.each([
  ['another account', line({ labeling_job_arn: jobArn('a', '999999999999') })],
  ['another region', line({ labeling_job_arn: jobArn('a', ACCOUNT, 'eu-west-1') })],
  ['no job', line({ labeling_job_arn: 'birds' })],
  ['no JSON', 'START'],
  ['a time that no calendar has', line({ event_timestamp: 9_007_199_254_740_991 })],
])('a line of %s is passed over', (_name, text) => {
  expect(readWorkerActivityLine(text, 5, believed)).toBeNull();
});

const HOUR_MS = 3_600_000;
/** What is younger than two minutes waits for the next reading. */
const LATE_MS = 120_000;

/** A region of the emulator of its own, its log, and the activity that reads it at a time that the test sets. */
const openLog = async (region: string, { withGroup = true } = {}) => {
  const { endpoint } = await motoServer();
  const logs = new CloudWatchLogsClient({ endpoint, region, credentials: LOCAL_CREDENTIALS });
  const stream = { logGroupName: WORKER_ACTIVITY_LOG_GROUP, logStreamName: 'worker-activity' };
  const create = async (): Promise<void> => {
    await logs.send(new CreateLogGroupCommand({ logGroupName: WORKER_ACTIVITY_LOG_GROUP }));
    await logs.send(new CreateLogStreamCommand(stream));
  };
  if (withGroup) await create();
  const startMs = Date.now() - 6 * HOUR_MS;
  let nowMs = startMs + LATE_MS;
  const { readWorkerLog } = workerLogActivities({ logs: () => logs, now: () => nowMs });
  const settings: WorkerLogSettings = { region, accounts: [ACCOUNT], windowMs: HOUR_MS };
  let checkpoint: WorkerLogCheckpoint | null = null;
  return {
    create,
    /** Writes lines so long after the start. */
    put: async (afterMs: number, ...messages: string[]) => {
      const logEvents = messages.map((message) => ({ timestamp: startMs + afterMs, message }));
      await logs.send(new PutLogEventsCommand({ ...stream, logEvents }));
    },
    /** One reading, as if so long after the start; a new process each time, as nothing but the checkpoint is kept. */
    read: async (afterMs: number): Promise<WorkerLogReading> => {
      nowMs = startMs + afterMs + LATE_MS;
      const reading = await readWorkerLog({ settings, checkpoint });
      checkpoint = JSON.parse(JSON.stringify(reading.checkpoint)) as WorkerLogCheckpoint;
      return reading;
    },
  };
};

const inRegion = (region: string, changes: Record<string, unknown> = {}): string =>
  line({ labeling_job_arn: jobArn('birds-001', ACCOUNT, region), ...changes });

test('the log is told of once, in windows of an hour, however often it is read, and no identity is in what a history gets', async () => {
  const region = 'eu-west-1';
  const log = await openLog(region);
  expect(await log.read(0)).toMatchObject({ windows: [], isBehind: false });
  await log.put(60_000, inRegion(region), inRegion(region, { event_type: 'TasksDeclined', worker_id: 'canary-2' }));
  const readings = [await log.read(5 * 60_000)];
  await log.put(20 * 60_000, inRegion(region), 'noise');
  readings.push(await log.read(30 * 60_000), await log.read(HOUR_MS), await log.read(HOUR_MS + 60_000));
  expect(readings.flatMap(({ windows }) => windows)).toEqual([
    {
      workflowId: `labeling-job:${ACCOUNT}:${region}:birds-001`,
      activity: expect.objectContaining({ submitted: 2, declined: 1, activeWorkers: 2, workteamArn: WORKTEAM_ARN }),
    },
  ]);
  expect(JSON.stringify(readings)).not.toContain('canary');
});

test('a surge of declines is told at the next reading, and what was told is not told again with its hour', async () => {
  const region = 'eu-west-2';
  const log = await openLog(region);
  await log.read(0);
  const declined = inRegion(region, { event_type: 'TasksDeclined' });
  await log.put(60_000, ...Array.from({ length: 6 }, () => declined));
  const early = await log.read(5 * 60_000);
  expect(early.windows).toMatchObject([{ activity: { declined: 6, submitted: 0 } }]);
  expect((await log.read(10 * 60_000)).windows).toEqual([]);
  await log.put(50 * 60_000, inRegion(region));
  expect((await log.read(HOUR_MS)).windows).toMatchObject([{ activity: { declined: 0, submitted: 1 } }]);
});

test('after an outage the reading goes on where it ended, an hour at a time, and leaves nothing out', async () => {
  const region = 'eu-west-3';
  const log = await openLog(region);
  await log.read(0);
  for (const hour of [0, 1, 2]) await log.put(hour * HOUR_MS + 60_000, inRegion(region));
  const first = await log.read(4 * HOUR_MS);
  expect(first.isBehind).toBe(true);
  const rest = [await log.read(4 * HOUR_MS), await log.read(4 * HOUR_MS), await log.read(4 * HOUR_MS)];
  expect(rest.map(({ isBehind }) => isBehind)).toEqual([true, true, false]);
  const told = [first, ...rest].flatMap(({ windows }) => windows.map(({ activity }) => activity.submitted));
  expect(told).toEqual([1, 1, 1]);
});

test('a group that is not there yet holds nothing; once work teams have made it, it is read', async () => {
  const region = 'eu-north-1';
  const log = await openLog(region, { withGroup: false });
  await log.read(0);
  expect((await log.read(HOUR_MS)).windows).toEqual([]);
  await log.create();
  await log.put(HOUR_MS + 60_000, inRegion(region));
  expect((await log.read(2 * HOUR_MS)).windows).toHaveLength(1);
});

test('there is one reader whatever the number of processes; it goes on where a lost worker was, signals the jobs, and ends where the log is left', async () => {
  const { env } = await temporalDevServer();
  const { client, nativeConnection } = env;
  const { endpoint } = await motoServer();
  const logs = new CloudWatchLogsClient({ endpoint, region: LOCAL_REGION, credentials: LOCAL_CREDENTIALS });
  const taskQueue = `log-${randomUUID()}`;
  const job = `birds-${randomUUID().slice(0, 8)}-001`;
  const { handle } = await openWorkflow(job);
  const stream = { logGroupName: WORKER_ACTIVITY_LOG_GROUP, logStreamName: 'worker-activity' };
  await logs.send(new CreateLogGroupCommand({ logGroupName: WORKER_ACTIVITY_LOG_GROUP }));
  await logs.send(new CreateLogStreamCommand(stream));
  /** Up to here the log may be read; moved once a line is there, so that no reading is too early for it. */
  let readableMs = Date.now();
  const submit = async (worker_id: string): Promise<void> => {
    const message = line({ labeling_job_arn: jobArn(job, LOCAL_ACCOUNT), worker_id });
    await logs.send(new PutLogEventsCommand({ ...stream, logEvents: [{ timestamp: readableMs + 500, message }] }));
    readableMs += 1000;
  };
  const submitted = async (): Promise<number> => {
    const { events } = await handle.fetchHistory();
    return (events ?? []).reduce((sum, { workflowExecutionSignaledEventAttributes: signaled }) => {
      const data = signaled?.input?.payloads?.[0]?.data;
      if (signaled?.signalName !== 'workerActivity' || data === null || data === undefined) return sum;
      return sum + z.object({ submitted: z.number() }).parse(JSON.parse(Buffer.from(data).toString())).submitted;
    }, 0);
  };
  const work = async (whileItRuns: () => Promise<void>): Promise<void> => {
    const worker = await Worker.create({
      connection: nativeConnection,
      taskQueue,
      workflowBundle: await workflowBundle(),
      activities: workerLogActivities({ logs: () => logs, now: () => readableMs + LATE_MS }),
    });
    await worker.runUntil(whileItRuns);
  };

  const reader = { client, taskQueue, logger: silent };
  const settings = { region: LOCAL_REGION, accounts: [LOCAL_ACCOUNT], windowMs: 1000 };
  await followLog(reader, settings);
  const { runId } = await client.workflow.getHandle(workerActivityLogId(taskQueue, LOCAL_REGION)).describe();
  await Promise.all([followLog(reader, settings), followLog(reader, settings)]);
  const log = client.workflow.getHandle(workerActivityLogId(taskQueue, LOCAL_REGION));
  expect((await log.describe()).runId).toBe(runId);
  await work(async () => {
    await eventually(async () => (await historyText(log)).includes('readUntilMs'));
    await submit('canary-1');
    await eventually(async () => (await submitted()) === 1);
  });
  await submit('canary-2');
  await work(() => eventually(async () => (await submitted()) >= 2));
  expect(await submitted()).toBe(2);
  expect(await historyText(log)).not.toContain('canary');
  await leaveLog(reader, LOCAL_REGION);
  expect((await log.describe()).status.name).toBe('TERMINATED');
  await leaveLog(reader, LOCAL_REGION);
}, 180_000);

const historyText = async (log: WorkflowHandle): Promise<string> => {
  const { events } = await log.fetchHistory();
  const payloads = (events ?? []).flatMap(({ activityTaskCompletedEventAttributes: completed }) => [
    ...(completed?.result?.payloads ?? []),
  ]);
  return payloads.map(({ data }) => Buffer.from(data ?? []).toString()).join('\n');
};

test('a worker that cannot begin the reader of the log ends, so that whoever supervises it starts another', async () => {
  const { server } = await temporalDevServer();
  const worker = spawnCli(['worker'], {
    TEMPORAL_ADDRESS: server.address,
    // The id of the reader's workflow is longer than the server takes.
    AWS_REGION: 'nowhere'.repeat(200),
    LABEL_RELAY_QUEUE_URL: 'http://127.0.0.1:1/123456789012/events',
    LABEL_RELAY_WORKER_EVENTS: 'log',
  });
  let said = '';
  worker.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const hanging = setTimeout(() => worker.kill('SIGKILL'), 50_000);
  const code = await new Promise((resolve) => worker.on('close', resolve));
  clearTimeout(hanging);
  expect(said).toMatch(/the worker failed: .*Failed to signalWithStart/i);
  expect(code).toBe(1);
}, 90_000);
