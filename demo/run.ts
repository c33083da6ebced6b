/** The demo: a local stack of its own, the story told on it, the result held against the ledger. */
import { readFile } from 'node:fs/promises';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Client, type Connection } from '@temporalio/client';
import { LabelRelay, type ChainDetail } from '../client.ts';
import { DAY_MS } from '../decisions/durations.ts';
import { OperationError } from '../errors.ts';
import { advance } from '../local/advance.ts';
import { connectToLocalTemporal, localAwsConfig } from '../local/local-clients.ts';
import { startStack, type Stack } from '../local/stack.ts';
import type { LedgerRecord } from '../simulator/ledger.ts';
import { checkLedger, type LedgerCheck } from './ledger-check.ts';
import { DEMO_CHAIN, DEMO_LABEL_ATTRIBUTE, demoScript, demoSpec, demoUris } from './story.ts';

export type DemoOptions = {
  seed: number;
  /** Told while it starts, in words for a spinner. */
  onProgress: (what: string) => void;
  onReady: (stack: Stack) => void;
  /** Told after each step of time. `nowMs` is the service's clock. */
  onChange: (detail: ChainDetail, nowMs: number) => void;
  signal: AbortSignal;
};

export type DemoResult = { detail: ChainDetail; checks: LedgerCheck[]; stack: Stack };

/** No chain of the story needs longer. */
const LONGEST_MS = 120 * DAY_MS;

const fixture = (name: string): Promise<string> => readFile(new URL(`./${name}`, import.meta.url), 'utf8');

const putFiles = async (s3: S3Client, bucket: string): Promise<string> => {
  const uris = demoUris({ bucket });
  const put = async (uri: string, body: string): Promise<void> => {
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: uri.slice(`s3://${bucket}/`.length), Body: body }));
  };
  const manifest = await fixture('input.manifest');
  await put(uris.manifest, manifest);
  await put(uris.categories, await fixture('label-categories.json'));
  await put(uris.template, await fixture('ui-template.liquid.html'));
  return manifest;
};

const readText = async (s3: S3Client, uri: string | null): Promise<string> => {
  const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(uri ?? '') ?? [];
  if (Bucket === undefined || Key === undefined) return '';
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
  return (await Body?.transformToString('utf-8')) ?? '';
};

const control = async (endpoint: string, path: string, body?: unknown): Promise<unknown> => {
  const response = await fetch(
    `${endpoint}/_simulator/${path}`,
    body === undefined ? {} : { method: 'PUT', body: JSON.stringify(body) },
  );
  if (!response.ok) throw new OperationError(`the simulator refused ${path}: ${await response.text()}`);
  return response.json();
};

const readLedger = async (endpoint: string): Promise<LedgerRecord[]> => {
  const answer = await control(endpoint, 'ledger');
  const records: unknown =
    typeof answer === 'object' && answer !== null && 'records' in answer ? answer.records : answer;
  if (!Array.isArray(records)) throw new OperationError('the simulator gave no ledger');
  // The simulator of this very package wrote it.
  return records as LedgerRecord[];
};

/** Starts everything and tells the story. The stack of the result is still up: stop it. */
export const runDemo = async (options: DemoOptions): Promise<DemoResult> => {
  const { onProgress, onReady, onChange, signal } = options;
  const stack = await startStack({ clock: 'stopped', seed: options.seed, onProgress });
  const { facts } = stack;
  let connection: Connection | null = null;
  try {
    connection = await connectToLocalTemporal(facts.temporalAddress);
    const s3 = new S3Client({ ...localAwsConfig(facts.awsEndpoint), forcePathStyle: true });
    const manifest = await putFiles(s3, facts.bucket);
    await control(facts.sagemakerEndpoint, 'script', demoScript);
    const client = new Client({ connection, namespace: facts.namespace });
    const relay = new LabelRelay({ client, webUrl: facts.webUrl });
    onProgress('Starting the chain');
    await relay.startChain(demoSpec(facts));
    onReady(stack);

    const ended = new AbortController();
    const enough = AbortSignal.any([signal, ended.signal]);
    const look = async (nowMs: number): Promise<void> => {
      const detail = await relay.detail(DEMO_CHAIN);
      onChange(detail, nowMs);
      // After its end a chain looks once more for late labels; its workflow then closes.
      const open = await client.workflow.getHandle(`labeling-chain:${DEMO_CHAIN}`).describe();
      if (open.status.name !== 'RUNNING' || detail.document.status === 'attention') ended.abort();
    };
    let clockMs = Date.now();
    let looking: Promise<void> = look(clockMs);
    await advance({
      connection,
      namespace: facts.namespace,
      simulatorEndpoint: facts.sagemakerEndpoint,
      durationMs: LONGEST_MS,
      queue: { endpoint: facts.awsEndpoint, url: facts.queueUrl },
      signal: enough,
      onStep: ({ nowMs }) => {
        clockMs = nowMs;
        looking = looking.then(() => look(nowMs));
      },
    }).catch((thrown: unknown) => {
      // It was told to end in the middle of a step.
      if (!enough.aborted) throw thrown;
    });
    await looking;
    const detail = await relay.detail(DEMO_CHAIN);
    onChange(detail, clockMs);
    const checks = checkLedger({
      ledger: await readLedger(facts.sagemakerEndpoint),
      labelAttribute: DEMO_LABEL_ATTRIBUTE,
      manifest,
      finalManifest: await readText(s3, detail.document.finalManifest),
      leftoverReport: await readText(s3, detail.document.leftoverReport),
    });
    return { detail, checks, stack };
  } catch (thrown) {
    await stack.stop();
    throw thrown;
  } finally {
    await connection?.close();
  }
};
