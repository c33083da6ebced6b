/**
 * One local stack for a test file about the event stream: small chains of three jobs, each with an event trouble of its
 * own, time that only the test moves, and the ledger that every chain is held against at its end.
 */
import { once } from 'node:events';
import {
  DescribeRuleCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  DeleteRuleCommand,
  ListTargetsByRuleCommand,
} from '@aws-sdk/client-eventbridge';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, SQSClient, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { Client } from '@temporalio/client';
import { z } from 'zod';
import { LabelRelay, type ChainDocument } from '../../client.ts';
import { labelingJobWorkflowId } from '../../decisions/names.ts';
import { checkLedger } from '../../demo/ledger-check.ts';
import { advance } from '../../local/advance.ts';
import { connectToLocalTemporal, localAwsConfig } from '../../local/local-clients.ts';
import { startStack, type StackOptions } from '../../local/stack.ts';
import type { LedgerRecord } from '../../simulator/ledger.ts';
import type { ScriptSource } from '../../simulator/script.ts';
import { stopAfterTests } from '../support/servers.ts';
import { spawnCli } from './run-cli.ts';

const LABEL = 'species';

const stoppedSchema = z.object({ stateChanges: z.record(z.string(), z.number()) });

/** 24 objects, at most 10 labels a job: three jobs. */
export const OBJECTS = 24;
const PER_JOB = 10;

type JobRule = NonNullable<ScriptSource['jobs']>[number];

export const openStreamStack = async (options: Partial<StackOptions> = {}) => {
  const stack = await startStack({ clock: 'stopped', seed: 3, ...options });
  stopAfterTests(() => stack.stop());
  const { facts } = stack;
  const connection = await connectToLocalTemporal(facts.temporalAddress);
  stopAfterTests(() => connection.close());
  const client = new Client({ connection, namespace: facts.namespace });
  const relay = new LabelRelay({ client, webUrl: facts.webUrl });
  const s3 = new S3Client({ ...localAwsConfig(facts.awsEndpoint), forcePathStyle: true });
  const sqs = new SQSClient(localAwsConfig(facts.awsEndpoint));
  const events = new EventBridgeClient(localAwsConfig(facts.awsEndpoint));

  const control = async (path: string, body?: unknown): Promise<unknown> => {
    const init = body === undefined ? {} : { method: 'PUT', body: JSON.stringify(body) };
    const response = await fetch(`${facts.sagemakerEndpoint}/_simulator/${path}`, init);
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  };
  const put = async (key: string, body: string): Promise<string> => {
    await s3.send(new PutObjectCommand({ Bucket: facts.bucket, Key: key, Body: body }));
    return `s3://${facts.bucket}/${key}`;
  };
  const read = async (uri: string | null): Promise<string> => {
    if (uri === null) throw new Error('there is no such file');
    const Key = uri.slice(`s3://${facts.bucket}/`.length);
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: facts.bucket, Key }));
    return (await Body?.transformToString()) ?? '';
  };
  const ledger = async (): Promise<LedgerRecord[]> => (await control('ledger')) as LedgerRecord[];
  const templateUri = await put('test/template.html', '<crowd-form></crowd-form>');
  const manifests = new Map<string, string>();

  const specOf = (chain: string, manifestUri: string, policy: object, job: object) => ({
    chain,
    job: {
      LabelAttributeName: LABEL,
      InputConfig: { DataSource: { S3DataSource: { ManifestS3Uri: manifestUri } } },
      OutputConfig: { S3OutputPath: `s3://${facts.bucket}/labels` },
      RoleArn: `arn:aws:iam::${facts.account}:role/GroundTruth`,
      StoppingConditions: { MaxHumanLabeledObjectCount: PER_JOB },
      HumanTaskConfig: {
        WorkteamArn: `arn:aws:sagemaker:${facts.region}:${facts.account}:workteam/private-crowd/${chain}`,
        UiConfig: { UiTemplateS3Uri: templateUri },
        PreHumanTaskLambdaArn: `arn:aws:lambda:${facts.region}:432418664414:function:PRE-ImageMultiClass`,
        TaskTitle: 'Name the bird',
        TaskDescription: 'Look and choose',
        NumberOfHumanWorkersPerDataObject: 1,
        TaskTimeLimitInSeconds: 28_800,
        AnnotationConsolidationConfig: {
          AnnotationConsolidationLambdaArn: `arn:aws:lambda:${facts.region}:432418664414:function:ACS-ImageMultiClass`,
        },
      },
      ...job,
    },
    policy: { stoppingConditions: 'per-job', ...policy },
  });

  const ledgerOf = async (chain: string): Promise<LedgerRecord[]> =>
    (await ledger()).filter(({ job }) => job.startsWith(`${chain}-`));

  return {
    facts,
    client,
    relay,
    events,
    control,
    put,
    read,
    ledgerOf,
    /** What the simulator does to the jobs of each chain, by the chain's name or a pattern of job names. Holds for jobs created from now on. */
    script: (rules: Record<string, Omit<JobRule, 'match'>>): Promise<unknown> =>
      control('script', {
        jobs: Object.entries(rules).map(([chain, rule]) => ({
          ...rule,
          // No waiting for an output that is written late: what is measured here is the reaction to the ending.
          output: { late: '0s', ...rule.output },
          match: { name: chain.includes('*') ? chain : `${chain}-*` },
        })),
      } satisfies ScriptSource),
    startChain: async (chain: string, policy: object = {}, job: object = {}): Promise<void> => {
      const lines = Array.from({ length: OBJECTS }, (_, n) => `{"source-ref":"s3://birds/${chain}/${n}.jpg"}\n`);
      manifests.set(chain, lines.join(''));
      const manifestUri = await put(`test/${chain}.manifest`, lines.join(''));
      await relay.startChain(specOf(chain, manifestUri, policy, job));
    },
    /** Moves everything by `durationMs`, in steps of `stepMs`: what happens in a step is reacted to at its end. */
    advance: (durationMs: number, stepMs: number): Promise<number> =>
      advance({
        connection,
        namespace: facts.namespace,
        simulatorEndpoint: facts.sagemakerEndpoint,
        durationMs,
        stepMs,
        queue: { endpoint: facts.awsEndpoint, url: facts.queueUrl },
      }),
    /** The statuses of the stateChange signals in a job workflow's history, oldest first: what arrived. */
    arrived: async (jobName: string): Promise<string[]> => {
      const workflowId = labelingJobWorkflowId({ account: facts.account, region: facts.region, jobName });
      const { events: history = [] } = await client.workflow.getHandle(workflowId).fetchHistory();
      return (history ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signal }) => {
        if (signal?.signalName !== 'stateChange') return [];
        const [payload] = signal.input?.payloads ?? [];
        const { status } = JSON.parse(Buffer.from(payload?.data ?? []).toString()) as { status: string };
        return [status];
      });
    },
    jobWorkflowId: (jobName: string): string =>
      labelingJobWorkflowId({ account: facts.account, region: facts.region, jobName }),
    /** The chain's document and, from the ledger, everything that its jobs did wrong: nothing, unless a test fails. */
    held: async (chain: string): Promise<{ document: ChainDocument; violations: string[] }> => {
      const document = await relay.get(chain);
      const checks = checkLedger({
        ledger: await ledgerOf(chain),
        labelAttribute: LABEL,
        manifest: manifests.get(chain) ?? '',
        finalManifest: await read(document.finalManifest),
        leftoverReport: await read(document.leftoverReport),
      });
      return { document, violations: checks.flatMap(({ violations }) => violations) };
    },
    /** Messages that wait, and messages that somebody has taken and neither deleted nor returned. */
    depth: async (queueUrl: string = facts.queueUrl): Promise<{ waiting: number; taken: number }> => {
      const { Attributes } = await sqs.send(
        new GetQueueAttributesCommand({
          QueueUrl: queueUrl,
          AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
        }),
      );
      return {
        waiting: Number(Attributes?.ApproximateNumberOfMessages),
        taken: Number(Attributes?.ApproximateNumberOfMessagesNotVisible),
      };
    },
    send: async (bodies: readonly unknown[]): Promise<void> => {
      for (let at = 0; at < bodies.length; at += 10) {
        const Entries = bodies
          .slice(at, at + 10)
          .map((body, index) => ({ Id: String(index), MessageBody: JSON.stringify(body) }));
        await sqs.send(new SendMessageBatchCommand({ QueueUrl: facts.queueUrl, Entries }));
      }
    },
    /** Takes the rule away; the function that it returns puts it back. */
    removeRule: async (): Promise<() => Promise<void>> => {
      const Rule = facts.ruleName;
      const { EventPattern } = await events.send(new DescribeRuleCommand({ Name: Rule }));
      const { Targets = [] } = await events.send(new ListTargetsByRuleCommand({ Rule }));
      await events.send(new RemoveTargetsCommand({ Rule, Ids: Targets.map(({ Id = '' }) => Id) }));
      await events.send(new DeleteRuleCommand({ Name: Rule }));
      return async () => {
        await events.send(new PutRuleCommand({ Name: Rule, EventPattern }));
        await events.send(new PutTargetsCommand({ Rule, Targets }));
      };
    },
    /** A further worker, by default a consumer, as a process of its own. */
    startWorkerProcess: async (only = 'events', env: Record<string, string> = {}) => {
      const child = spawnCli(['worker', '--only', only], { ...facts.env, ...env });
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
      const exited = once(child, 'exit').then(([code]) => Number(code));
      stopAfterTests(async () => {
        child.kill('SIGTERM');
        await exited;
      });
      const ended = exited.then((code) => {
        throw new Error(`the worker ended with ${code} before it was ready: ${said}`);
      });
      await Promise.race([once(child.stdout, 'data'), ended]);
      ended.catch(() => undefined);
      /** What it said of its state changes when it stopped. */
      const counts = (): Partial<Record<string, number>> => {
        const line = said.split('\n').find((one) => one.includes('event stream has stopped'));
        return stoppedSchema.parse(JSON.parse(line ?? '{}')).stateChanges;
      };
      return { child, exited, counts };
    },
  };
};

export type StreamStack = Awaited<ReturnType<typeof openStreamStack>>;

/** The events of a ledger as EventBridge would archive them, oldest first; also those that were lost on their way. */
export const archiveOf = (ledger: readonly LedgerRecord[], place: { account: string; region: string }): object[] =>
  ledger.flatMap((record) => {
    if (record.kind !== 'event') return [];
    return [stateChange(record.job, record.status, place, { id: record.eventId, timeMs: record.atMs })];
  });

let serial = 0;

/** A state change as EventBridge delivers it. */
export const stateChange = (
  jobName: string,
  status: string,
  { account, region }: { account: string; region: string },
  { id, timeMs }: { id?: string; timeMs?: number } = {},
): object => ({
  version: '0',
  id: id ?? `00000000-0000-4000-8000-${String(++serial).padStart(12, '0')}`,
  'detail-type': 'SageMaker Ground Truth Labeling Job State Change',
  source: 'aws.sagemaker',
  account,
  time: new Date(timeMs ?? 0).toISOString(),
  region,
  resources: [`arn:aws:sagemaker:${region}:${account}:labeling-job/${jobName}`],
  detail: { LabelingJobStatus: status },
});

const PATIENCE_MS = 15_000;

/** Asks until it is so. Throws after a minute, with what was last seen. */
export const eventually = async (isSo: () => boolean | Promise<boolean>, seen?: () => unknown): Promise<void> => {
  const untilMs = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > untilMs) throw new Error(`it never was so: ${JSON.stringify(await seen?.())}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
