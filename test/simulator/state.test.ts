/** What survives: the state file, replayed after a kill, in process and as a process of its own against real S3 and EventBridge. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { z } from 'zod';
import { MemoryBus, MemoryStore } from '../../simulator/ports.ts';
import { startSimulator } from '../../simulator/simulator.ts';
import { motoServer } from '../support/servers.ts';
import { createRequest, DAY, HOUR, MANIFEST_URI, manifestOf, MINUTE, START } from './support/fixtures.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'label-relay-simulator-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const script = { jobs: [{ declines: { fraction: 0.1 }, events: { repeat: 2 } }] };

describe('the state file', () => {
  const open = async (store: MemoryStore, bus: MemoryBus) =>
    startSimulator({ s3: store, events: bus, startMs: START, stateFile: join(folder, 'state'), script });

  test('brings back jobs, tags, ledger and clock, and repeats no write and no event', async () => {
    const store = new MemoryStore();
    const bus = new MemoryBus();
    store.write(MANIFEST_URI, manifestOf(50));
    const first = await open(store, bus);
    await first.call('CreateLabelingJob', { ...createRequest(), Tags: [{ Key: 'k', Value: 'v' }] });
    await first.advance(HOUR);
    await first.script({ jobs: [{ fail: { after: '10m', reason: 'x' } }] });
    await first.call('CreateLabelingJob', createRequest('second'));
    await first.advance(5 * MINUTE);
    const before = JSON.stringify(first.ledger());
    await first.close();

    // Its input is gone and its output would go elsewhere: nothing may depend on reading or writing again.
    const elsewhere = new MemoryStore();
    const again = await open(elsewhere, new MemoryBus());
    expect(JSON.stringify(again.ledger())).toBe(before);
    expect(again.clock.nowMs()).toBe(START + HOUR + 5 * MINUTE);
    expect(again.groundTruth.jobs.map(({ status, tags }) => [status, [...tags]])).toEqual([
      ['Completed', [['k', 'v']]],
      ['InProgress', []],
    ]);
    expect(elsewhere.objects.size).toBe(0);
    await again.advance(HOUR);
    expect(again.groundTruth.jobs[1]?.status).toBe('Failed');
    await again.close();
  });

  test('continues exactly where an uninterrupted run would be (I8)', async () => {
    const runs: string[] = [];
    for (const killed of [false, true]) {
      await rm(join(folder, 'state'), { force: true });
      const store = new MemoryStore();
      store.write(MANIFEST_URI, manifestOf(200));
      let simulator = await open(store, new MemoryBus());
      await simulator.call('CreateLabelingJob', createRequest());
      for (let step = 0; step < 10; step++) {
        await simulator.advance(7 * MINUTE);
        if (!killed) continue;
        await simulator.close();
        simulator = await open(store, new MemoryBus());
      }
      runs.push(JSON.stringify(simulator.ledger()));
      await simulator.close();
    }
    expect(runs[1]).toBe(runs[0]);
  });

  test('does again what a kill kept from being noted as done', async () => {
    const bus = new MemoryBus();
    const store = new MemoryStore();
    store.write(MANIFEST_URI, manifestOf(5));
    const first = await open(store, bus);
    await first.call('CreateLabelingJob', createRequest());
    await first.advance(DAY);
    await first.close();
    const lines = (await readFile(join(folder, 'state'), 'utf8')).split('\n');
    // The last note and half of the one before are lost.
    await writeFile(join(folder, 'state'), `${lines.slice(0, -3).join('\n')}\n{"kind":"do`);
    const again = await open(store, new MemoryBus());
    expect(again.clock.nowMs()).toBe(START + DAY);
    expect(again.groundTruth.jobs[0]?.status).toBe('Completed');
    await again.close();
  });

  test('is refused with a sentence if it is not one of ours', async () => {
    await appendFile(join(folder, 'state'), '{"hello":1}\n');
    await expect(open(new MemoryStore(), new MemoryBus())).rejects.toThrow(/line 1 is not an entry of a state file/);
  });
});

describe('an outage of S3 or EventBridge', () => {
  test('stops time until it is over and loses nothing', async () => {
    const store = new MemoryStore();
    const bus = new MemoryBus();
    store.write(MANIFEST_URI, manifestOf(20));
    let isOut = true;
    const simulator = await startSimulator({
      s3: store,
      events: { put: (events) => (isOut ? Promise.reject(new Error('out')) : bus.put(events)) },
      startMs: START,
    });
    await simulator.call('CreateLabelingJob', createRequest());
    await expect(simulator.advance(DAY)).rejects.toThrow('out');
    isOut = false;
    await simulator.advance(0);
    expect(bus.events).toHaveLength(1);
    expect(simulator.clock.nowMs()).toBe(START + DAY);
    expect(store.text('s3://data/out/birds-00000-001/manifests/output/output.manifest')).toContain('species');
    await simulator.close();
  });
});

describe('the real clock', () => {
  test('lets happenings come by themselves', async () => {
    const store = new MemoryStore();
    store.write(MANIFEST_URI, manifestOf(20));
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const simulator = await startSimulator({
      s3: store,
      events: { put: async (events) => resolve(events[0]?.detail['LabelingJobStatus']) },
      clock: 'real',
      startMs: START,
      script: { jobs: [{ initializing: '0.01s', events: { statuses: ['InProgress'] } }] },
    });
    await simulator.call('CreateLabelingJob', createRequest());
    expect(await promise).toBe('InProgress');
    await simulator.close();
  });
});

const readySchema = z.object({ endpoint: z.string() });

describe('the process', () => {
  const running: ChildProcess[] = [];
  afterEach(() => {
    for (const child of running.splice(0)) child.kill('SIGKILL');
  });

  const launch = async (args: string[]): Promise<{ child: ChildProcess; endpoint: string }> => {
    const child = spawn(process.execPath, ['simulator/main.ts', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      // What a shell may hold must lead nowhere.
      env: { ...process.env, AWS_ENDPOINT_URL: 'http://127.0.0.1:9', AWS_PROFILE: 'nobody', AWS_REGION: 'mars-1' },
    });
    running.push(child);
    if (child.stdout === null) throw new Error('no stdout');
    for await (const line of createInterface({ input: child.stdout })) {
      return { child, endpoint: readySchema.parse(JSON.parse(line)).endpoint };
    }
    throw new Error('the simulator ended before it was ready');
  };

  const call = async (endpoint: string, operation: string, input: object): Promise<unknown> => {
    const headers = { 'X-Amz-Target': `SageMaker.${operation}` };
    return (await fetch(endpoint, { method: 'POST', headers, body: JSON.stringify(input) })).json();
  };
  const advance = (endpoint: string, ms: number): Promise<Response> =>
    fetch(`${endpoint}/_simulator/clock/advance`, { method: 'POST', body: JSON.stringify({ ms }) });

  test('writes to S3 and EventBridge, survives kill -9 and stops at SIGTERM', async () => {
    const { endpoint: aws } = await motoServer();
    const config = { endpoint: aws, region: 'us-east-1', credentials: { accessKeyId: 'x', secretAccessKey: 'x' } };
    const s3 = new S3Client({ ...config, forcePathStyle: true });
    const sqs = new SQSClient(config);
    const events = new EventBridgeClient(config);
    await s3.send(new CreateBucketCommand({ Bucket: 'data' }));
    await s3.send(new PutObjectCommand({ Bucket: 'data', Key: 'input.manifest', Body: manifestOf(20) }));
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'states' }));
    await events.send(new PutRuleCommand({ Name: 'states', EventPattern: '{"source":["aws.sagemaker"]}' }));
    const target = { Id: 'queue', Arn: 'arn:aws:sqs:us-east-1:123456789012:states' };
    await events.send(new PutTargetsCommand({ Rule: 'states', Targets: [target] }));

    const args = ['--s3-endpoint', aws, '--events-endpoint', aws, '--account', '123456789012', '--clock', 'stopped'];
    const state = ['--state', join(folder, 'state'), '--start', '2026-11-01T09:00:00Z'];
    const first = await launch([...args, ...state]);
    await call(first.endpoint, 'CreateLabelingJob', createRequest());
    await advance(first.endpoint, 4 * MINUTE);
    const ledger = await (await fetch(`${first.endpoint}/_simulator/ledger`)).text();
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');

    const second = await launch([...args, ...state]);
    expect(await (await fetch(`${second.endpoint}/_simulator/ledger`)).text()).toBe(ledger);
    await advance(second.endpoint, HOUR);
    expect(await call(second.endpoint, 'DescribeLabelingJob', { LabelingJobName: 'birds-00000-001' })).toMatchObject({
      LabelingJobStatus: 'Completed',
      CreationTime: START / 1000,
    });
    const Key = 'out/birds-00000-001/manifests/output/output.manifest';
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'data', Key }));
    expect((await Body?.transformToString())?.match(/"species":/g)).toHaveLength(20);
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    expect(Messages.map(({ Body: text }) => JSON.parse(text ?? ''))).toEqual([
      expect.objectContaining({
        'detail-type': 'SageMaker Ground Truth Labeling Job State Change',
        resources: ['arn:aws:sagemaker:us-east-1:123456789012:labeling-job/birds-00000-001'],
        detail: { LabelingJobStatus: 'Completed' },
      }),
    ]);
    second.child.kill('SIGTERM');
    expect(await once(second.child, 'exit')).toEqual([0, null]);
  });

  test('lets time pass by itself on the real clock', async () => {
    const { endpoint: aws } = await motoServer();
    const { endpoint } = await launch([
      '--s3-endpoint',
      aws,
      '--events-endpoint',
      aws,
      '--start',
      '2026-11-01T09:00:00Z',
    ]);
    const clock = z.object({ nowMs: z.number() });
    const read = async (): Promise<number> =>
      clock.parse(await (await fetch(`${endpoint}/_simulator/clock`)).json()).nowMs;
    const before = await read();
    while ((await read()) === before) await new Promise((resolve) => setTimeout(resolve, 1));
    expect((await read()) - START).toBeLessThan(HOUR);
    await advance(endpoint, DAY);
    expect(await read()).toBeGreaterThanOrEqual(before + DAY);
  });

  test('exits with 2 and says what is wrong with its arguments', async () => {
    const child = spawn(process.execPath, ['simulator/main.ts', '--clock', 'fast'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    expect((await once(child, 'close'))[0]).toBe(2);
    expect(said).toContain('--s3-endpoint');
    expect(said).toContain('Usage:');
  });
});
