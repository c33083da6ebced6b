/** The simulator as other programs see it: the real AWS SDK, the AWS CLI and boto3, and the control API. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  CreateLabelingJobCommand,
  DescribeLabelingJobCommand,
  DescribeWorkteamCommand,
  AddTagsCommand,
  ListTagsCommand,
  ListLabelingJobsForWorkteamCommand,
  paginateListLabelingJobs,
  SageMakerClient,
  StopLabelingJobCommand,
} from '@aws-sdk/client-sagemaker';
import { childEnvironment } from '../../local/child-environment.ts';
import { ensurePythonEnvironment, type PythonEnvironment } from '../../local/python-environment.ts';
import { MemoryStore } from '../../simulator/ports.ts';
import { startSimulator, type Simulator, type SimulatorOptions } from '../../simulator/simulator.ts';
import { createRequest, DAY, HOUR, MANIFEST_URI, manifestOf, MINUTE, START } from './support/fixtures.ts';

const run = promisify(execFile);

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const simulator of open.splice(0)) await simulator.close();
});

const start = async (options: SimulatorOptions = {}): Promise<{ simulator: Simulator; client: SageMakerClient }> => {
  const store = new MemoryStore();
  store.write(MANIFEST_URI, manifestOf(20));
  const simulator = await startSimulator({ s3: store, startMs: START, ...options });
  open.push(simulator);
  const client = new SageMakerClient({
    endpoint: simulator.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  });
  return { simulator, client };
};

const JOB = { LabelingJobName: 'birds-00000-001' };

describe('the AWS SDK', () => {
  test('creates, describes, stops a job and reads its times', async () => {
    const { simulator, client } = await start();
    const { LabelingJobArn } = await client.send(new CreateLabelingJobCommand(createRequest()));
    expect(LabelingJobArn).toBe('arn:aws:sagemaker:us-east-1:123456789012:labeling-job/birds-00000-001');
    await simulator.advance(4 * MINUTE);
    const running = await client.send(new DescribeLabelingJobCommand(JOB));
    expect(running).toMatchObject({
      LabelingJobStatus: 'InProgress',
      CreationTime: new Date(START),
      LabelAttributeName: 'species',
      HumanTaskConfig: { TaskTimeLimitInSeconds: 600 },
      LabelingJobOutput: { OutputDatasetS3Uri: expect.stringMatching(/manifests\/output\/output\.manifest$/) },
    });
    await client.send(new StopLabelingJobCommand(JOB));
    await simulator.advance(HOUR);
    expect((await client.send(new DescribeLabelingJobCommand(JOB))).LabelingJobStatus).toBe('Stopped');
  });

  test('gets the errors by their names', async () => {
    const { client } = await start();
    await expect(client.send(new DescribeLabelingJobCommand(JOB))).rejects.toMatchObject({ name: 'ResourceNotFound' });
    await client.send(new CreateLabelingJobCommand(createRequest()));
    await expect(client.send(new CreateLabelingJobCommand(createRequest()))).rejects.toMatchObject({
      name: 'ResourceInUse',
      $metadata: { httpStatusCode: 400 },
    });
    await expect(client.send(new StopLabelingJobCommand({ LabelingJobName: 'a_b' }))).rejects.toMatchObject({
      name: 'ValidationException',
    });
  });

  test('finds the simulated time in the Date header', async () => {
    const { simulator } = await start();
    await simulator.advance(DAY);
    const response = await fetch(`${simulator.endpoint}/`, {
      method: 'POST',
      headers: { 'X-Amz-Target': 'SageMaker.DescribeLabelingJob' },
      body: '{"LabelingJobName":"nobody"}',
    });
    expect(Date.parse(response.headers.get('date') ?? '')).toBe(START + DAY);
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(await response.json()).toEqual({ __type: 'ResourceNotFound', message: 'Labeling job nobody not found.' });
  });

  test('pages through jobs by filter and order', async () => {
    const { simulator, client } = await start();
    for (let job = 0; job < 25; job++) {
      await client.send(new CreateLabelingJobCommand(createRequest(job % 5 === 0 ? `Cats-${job}` : `birds-${job}`)));
      await simulator.advance(1000);
    }
    const names = async (input: object): Promise<(string | undefined)[]> => {
      const found: (string | undefined)[] = [];
      for await (const page of paginateListLabelingJobs({ client, pageSize: 4 }, input)) {
        found.push(...(page.LabelingJobSummaryList ?? []).map((summary) => summary.LabelingJobName));
      }
      return found;
    };
    expect(await names({})).toHaveLength(25);
    expect(await names({ NameContains: 'cats' })).toEqual(['Cats-0', 'Cats-5', 'Cats-10', 'Cats-15', 'Cats-20']);
    expect(await names({ SortOrder: 'Descending' })).toEqual((await names({})).toReversed());
    expect((await names({ SortBy: 'Name' }))[0]).toBe('birds-1');
    expect(await names({ CreationTimeAfter: new Date(START + 20_000) })).toHaveLength(4);
    expect(await names({ StatusEquals: 'Failed' })).toEqual([]);
    const { LabelingJobSummaryList: forTeam = [] } = await client.send(
      new ListLabelingJobsForWorkteamCommand({
        WorkteamArn: createRequest().HumanTaskConfig.WorkteamArn,
        MaxResults: 100,
      }),
    );
    expect(forTeam).toHaveLength(25);
    expect(forTeam[0]).toMatchObject({ WorkRequesterAccountId: '123456789012', NumberOfHumanWorkersPerDataObject: 1 });
  });

  test('keeps tags, and knows work teams', async () => {
    const { client } = await start();
    const { LabelingJobArn: ResourceArn } = await client.send(
      new CreateLabelingJobCommand({ ...createRequest(), Tags: [{ Key: 'a', Value: '1' }] }),
    );
    await client.send(
      new AddTagsCommand({
        ResourceArn,
        Tags: [
          { Key: 'a', Value: '2' },
          { Key: 'b', Value: '' },
        ],
      }),
    );
    const Tags = [
      { Key: 'a', Value: '2' },
      { Key: 'b', Value: '' },
    ];
    expect((await client.send(new ListTagsCommand({ ResourceArn }))).Tags).toEqual(Tags);
    expect((await client.send(new DescribeLabelingJobCommand(JOB))).Tags).toEqual(Tags);
    const { Workteam } = await client.send(new DescribeWorkteamCommand({ WorkteamName: 'birders' }));
    expect(Workteam?.WorkteamArn).toBe(createRequest().HumanTaskConfig.WorkteamArn);
  });

  test('sees a cut connection when the script cuts it after the effect', async () => {
    const { client } = await start({
      script: { api: [{ op: 'CreateLabelingJob', nth: 1, fault: 'after-effect-timeout' }] },
    });
    await expect(client.send(new CreateLabelingJobCommand(createRequest()))).rejects.toThrow(
      /socket hang up|ECONNRESET/,
    );
    expect((await client.send(new DescribeLabelingJobCommand(JOB))).LabelingJobStatus).toBe('Initializing');
  });
});

describe('the control API', () => {
  test('moves the clock, tells what is next, and gives jobs and ledger', async () => {
    const { simulator, client } = await start();
    const get = async (path: string): Promise<unknown> =>
      (await fetch(`${simulator.endpoint}/_simulator/${path}`)).json();
    const send = async (method: string, path: string, body: unknown): Promise<unknown> =>
      (await fetch(`${simulator.endpoint}/_simulator/${path}`, { method, body: JSON.stringify(body) })).json();
    expect(await get('clock')).toEqual({ nowMs: START });
    expect(await get('clock/next')).toEqual({ nextMs: null });
    await client.send(new CreateLabelingJobCommand(createRequest()));
    expect(await get('clock/next')).toEqual({ nextMs: expect.any(Number) });
    expect(await send('POST', 'clock/advance', { ms: HOUR })).toEqual({ nowMs: START + HOUR });
    expect(await get('jobs')).toMatchObject([{ name: JOB.LabelingJobName, status: 'Completed' }]);
    expect(await get('ledger')).toEqual(simulator.ledger());
    expect(await get('ledger?kind=created')).toMatchObject([{ kind: 'created' }]);
    expect(await send('PUT', 'script', { jobs: [{ workers: { count: 'many' } }] })).toEqual({
      message: expect.stringContaining('jobs.0.workers.count: '),
    });
    expect(await send('PUT', 'script', { jobs: [] })).toEqual({});
    expect(await send('POST', 'clock/advance', { ms: -1 })).toEqual({ message: expect.stringContaining('Expected') });
  });

  test('serves calls one after the other while the clock moves', async () => {
    const { simulator, client } = await start();
    await client.send(new CreateLabelingJobCommand(createRequest()));
    const [, described] = await Promise.all([
      simulator.advance(DAY),
      client.send(new DescribeLabelingJobCommand(JOB)),
      simulator.advance(DAY),
    ]);
    expect(['Initializing', 'Completed']).toContain(described.LabelingJobStatus);
    expect(simulator.clock.nowMs()).toBe(START + 2 * DAY);
  });
});

describe('clients of another language', () => {
  let tools: PythonEnvironment;
  beforeAll(async () => {
    // Fetched here on a fresh machine.
    tools = await ensurePythonEnvironment('test');
  }, 600_000);
  const environment = childEnvironment();

  test('the AWS CLI creates and describes a job', async () => {
    const { simulator } = await start();
    const aws = async (...args: string[]): Promise<unknown> => {
      const { stdout } = await run(
        join(tools.bin, 'aws'),
        ['--endpoint-url', simulator.endpoint, '--output', 'json', 'sagemaker', ...args],
        { env: environment },
      );
      return JSON.parse(stdout);
    };
    expect(await aws('create-labeling-job', '--cli-input-json', JSON.stringify(createRequest()))).toEqual({
      LabelingJobArn: expect.stringContaining(':labeling-job/birds-00000-001'),
    });
    await simulator.advance(HOUR);
    expect(await aws('describe-labeling-job', '--labeling-job-name', 'birds-00000-001')).toMatchObject({
      LabelingJobStatus: 'Completed',
      LabelCounters: { TotalLabeled: 20 },
    });
  });

  test('boto3 gets typed errors and pages', async () => {
    const { simulator } = await start();
    const program = `
import json, sys, boto3
client = boto3.client('sagemaker', endpoint_url=sys.argv[1])
request = json.loads(sys.argv[2])
client.create_labeling_job(**request)
try:
    client.create_labeling_job(**request)
except client.exceptions.ResourceInUse as error:
    print(error.response['Error']['Code'])
pages = client.get_paginator('list_labeling_jobs').paginate(MaxResults=1)
print([job['LabelingJobStatus'] for page in pages for job in page['LabelingJobSummaryList']])
`;
    const { stdout } = await run(
      tools.python,
      ['-I', '-c', program, simulator.endpoint, JSON.stringify(createRequest())],
      { env: environment },
    );
    expect(stdout.trim().split('\n')).toEqual(['ResourceInUse', "['Initializing']"]);
  });
});
