/** Traces and log lines of a real worker process: from an event to the decisions and calls to AWS that it causes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readFile } from 'node:fs/promises';
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { DAY_MS } from '../../decisions/durations.ts';
import { labelingChainWorkflowId } from '../../decisions/names.ts';
import { putExampleFiles } from '../../local/example-files.ts';
import { simulatorClock } from '../../local/simulator-clock.ts';
import { startStack, type Stack } from '../../local/stack.ts';
import { runCli } from '../end-to-end/run-cli.ts';
import { lineOf, startCollector, type CollectedSpan, type Collector } from './collector.ts';
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts';

const CHAIN = 'example-images';

let stack: Stack;
let collector: Collector;
let worker: WorkerProcess;
let consumer: WorkerProcess;
let job = '';

const until = async (isSo: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  const endMs = Date.now() + 90_000;
  while (Date.now() < endMs) {
    if (await isSo()) return;
    await sleep(100);
  }
  throw new Error(`${what} did not happen in 90 s\n${worker.log()}\n${consumer.log()}`);
};

const showSchema = z.looseObject({
  status: z.string(),
  jobs: z.array(z.looseObject({ name: z.string(), arn: z.string().nullable() })),
});

const show = async () =>
  showSchema.parse(JSON.parse((await runCli(['show', CHAIN, '--json'], stack.facts.env)).stdout));

beforeAll(async () => {
  collector = await startCollector();
  stack = await startStack({ clock: 'stopped', without: ['worker', 'consumer'] });
  await putExampleFiles(stack.facts.awsEndpoint, stack.facts.bucket);
  const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_BSP_SCHEDULE_DELAY: '100' };
  worker = await startWorkerProcess(stack, ['--only', 'workflows,activities'], traced);
  consumer = await startWorkerProcess(stack, ['--only', 'events'], traced);
  const spec = await readFile('examples/image-classification.json', 'utf8');
  const { code, stderr } = await runCli(['start', '-', '--json'], stack.facts.env, spec);
  if (code !== 0) throw new Error(stderr);
  await until(async () => typeof (await show()).jobs[0]?.arn === 'string', 'the first job');
  job = (await show()).jobs[0]?.name ?? '';
  // Workers label everything; the job ends, and AWS says so by an event.
  await simulatorClock(stack.facts.env['LABEL_RELAY_LOCAL_SIMULATOR'] ?? '').advance(DAY_MS);
  await until(async () => (await show()).status === 'labeled', 'the end of the chain');
}, 240_000);

afterAll(async () => {
  for (const process of [worker, consumer]) process?.child.kill('SIGKILL');
  await stack?.stop();
  await collector?.close();
}, 60_000);

const attributeOf = (span: CollectedSpan, name: string): string | undefined =>
  span.attributes.find(({ key }) => key === name)?.value.stringValue;

/** The spans of the trace that the event of the job's end began. */
const traceOfTheEnd = (): CollectedSpan[] => {
  const decisions = collector.spans.filter(({ name }) => name === 'decide what is next');
  const ids = new Set(decisions.map(({ traceId }) => traceId));
  return collector.spans.filter(({ traceId }) => ids.has(traceId));
};

test('a trace leads from the event, by the look at AWS and the decision of the chain, to the final manifest in S3', async () => {
  const put = (): CollectedSpan | undefined =>
    traceOfTheEnd().find((span) => {
      const line = lineOf(collector.spans, span);
      return span.name === 'S3.PutObject' && line[1] === 'writeFinal';
    });
  await until(() => put() !== undefined, 'the span of the final manifest');
  const trace = traceOfTheEnd();
  const end = put();
  expect(end && lineOf(trace, end)).toEqual([
    'S3.PutObject',
    'writeFinal',
    'decide what is next',
    'labelingChain hears jobReport',
    'labelingJob hears stateChange',
    'signal stateChange',
  ]);
  const describe = trace.find(({ name }) => name === 'SageMaker.DescribeLabelingJob');
  expect(describe && lineOf(trace, describe)).toEqual([
    'SageMaker.DescribeLabelingJob',
    'describeLabelingJob',
    'labelingJob hears stateChange',
    'signal stateChange',
  ]);
  const signal = trace.find(({ name }) => name === 'signal stateChange');
  expect(signal?.parentSpanId ?? '').toBe('');
  expect(signal && attributeOf(signal, 'label_relay.event_id')).toMatch(/^[0-9a-f-]{36}$/);
  expect(signal && attributeOf(signal, 'temporalWorkflowId')).toContain(job);
  const decision = trace.find(({ name }) => name === 'decide what is next');
  expect(decision && attributeOf(decision, 'order')).toBe('end');
  expect([...collector.services].join()).toContain('label-relay');
}, 120_000);

const lineSchema = z.looseObject({ message: z.string() });
const linesOf = (log: string) =>
  log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => lineSchema.parse(JSON.parse(line)));

test('log lines name the chain, the job and the event, in the consumer and in the worker', async () => {
  const [signalled] = linesOf(consumer.log()).filter(({ message }) => message.startsWith('An event was signalled'));
  expect(signalled).toMatchObject({ job, outcome: 'delivered', eventId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  const [taken] = linesOf(worker.log()).filter(({ message }) => message.startsWith('An event came'));
  expect(taken).toMatchObject({ chain: CHAIN, job, eventId: signalled?.['eventId'], status: 'Completed' });
});

test('the history of a traced chain replays on code that makes no traces', async () => {
  expect(await runCli(['replay', '--last', '10'], stack.facts.env)).toMatchObject({ code: 0 });
  const connection = await Connection.connect({ address: stack.facts.temporalAddress });
  const handle = new Client({ connection }).workflow.getHandle(labelingChainWorkflowId(CHAIN));
  const { events } = await handle.fetchHistory();
  await connection.close();
  const headers = (events ?? []).map((event) => event.activityTaskScheduledEventAttributes?.header?.fields ?? {});
  expect(headers.some((fields) => '_tracer-data' in fields)).toBe(true);
}, 60_000);

test('a worker whose collector is gone goes on, and ends in time', async () => {
  await collector.close();
  const startedMs = Date.now();
  expect(await worker.stop()).toBe(0);
  expect(await consumer.stop()).toBe(0);
  expect(Date.now() - startedMs).toBeLessThan(60_000);
}, 90_000);
