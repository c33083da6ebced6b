import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { readWorkerActivityLine, startWorkerLog, WORKER_ACTIVITY_LOG_GROUP } from '../../events/worker-log.ts';
import { createWorkerWindows } from '../../events/worker-windows.ts';
import { LOCAL_CREDENTIALS, LOCAL_REGION } from '../../local/child-environment.ts';
import { motoServer } from '../support/servers.ts';
import { eventually, silent } from './queue-stack.ts';
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
])('a line of %s is passed over', (_name, text) => {
  expect(readWorkerActivityLine(text, 5, believed)).toBeNull();
});

test('a real log group is read once, however often the readings overlap, and no identity leaves the window', async () => {
  const { endpoint } = await motoServer();
  const logs = new CloudWatchLogsClient({ endpoint, region: LOCAL_REGION, credentials: LOCAL_CREDENTIALS });
  const stream = { logGroupName: WORKER_ACTIVITY_LOG_GROUP, logStreamName: 'worker-activity' };
  await logs.send(new CreateLogGroupCommand({ logGroupName: WORKER_ACTIVITY_LOG_GROUP }));
  await logs.send(new CreateLogStreamCommand(stream));
  const timestamp = Date.now();
  const messages = [line(), line({ event_type: 'TasksDeclined', worker_id: 'canary-2' }), line(), 'noise'];
  await logs.send(
    new PutLogEventsCommand({ ...stream, logEvents: messages.map((message) => ({ timestamp, message })) }),
  );

  const windows = createWorkerWindows();
  let readings = 0;
  const reader = startWorkerLog({
    logs,
    believed,
    logger: silent,
    sinceMs: timestamp - 1000,
    onWorkerEvent: (event, worker) => void windows.count(event, worker),
    sleep: async () => {
      readings += 1;
      await new Promise(setImmediate);
    },
  });
  await eventually(() => readings >= 3);
  await reader.stop();
  const closed = windows.takeDue({ everything: true });
  expect(closed.map(({ activity }) => activity)).toMatchObject([{ submitted: 2, declined: 1, activeWorkers: 2 }]);
  expect(JSON.stringify(closed)).not.toContain('canary');
});

test('a group that is not there yet is a warning, and reading goes on', async () => {
  const { endpoint } = await motoServer();
  const logs = new CloudWatchLogsClient({ endpoint, region: 'eu-west-1', credentials: LOCAL_CREDENTIALS });
  const warnings: string[] = [];
  const reader = startWorkerLog({
    logs,
    believed,
    logger: { ...silent, warn: (message) => void warnings.push(message) },
    onWorkerEvent: () => {},
    sleep: async () => new Promise((resolve) => setImmediate(resolve)),
  });
  await eventually(() => warnings.length >= 2);
  await reader.stop();
  expect(new Set(warnings)).toEqual(new Set(['Could not read the worker activity log']));
});
