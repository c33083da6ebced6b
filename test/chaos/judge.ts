/** Everything that must hold of a run that has come to rest, against the simulator's ledger and the server. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { MINUTE_MS } from '../../decisions/durations.ts';
import { checkLedger, doubledLabels, wrongDoubled } from '../../demo/ledger-check.ts';
import { localAwsConfig } from '../../local/local-clients.ts';
import type { LedgerRecord } from '../../simulator/ledger.ts';
import { capProblems, liveJobs, stopProblems, totalsOf } from './ledger-facts.ts';
import type { Operator } from './operator.ts';
import { LABEL, type ChainPlan } from './plans.ts';
import { bodiesIn, inspectWorkflows, queueDepth } from './server-checks.ts';
import type { StackUnderTest } from './stack.ts';
import { POISON } from './strangers.ts';

/** What came of a run: counts from the ledger and the server, and every broken promise. */
export type Verdict = {
  chains: Record<string, number>;
  objects: number;
  jobs: number;
  /** Labels that became readable in an output manifest. */
  labels: number;
  /** Readable labels that are in no final manifest. */
  lost: number;
  doubled: number;
  events: number;
  eventsDropped: number;
  workflows: Record<string, number>;
  workflowTaskFailures: Record<string, number>;
  deadLetters: number;
  violations: string[];
};

const LOST = 'a published label is not in the final manifest';

const readLedger = async (endpoint: string): Promise<LedgerRecord[]> => {
  const response = await fetch(`${endpoint}/_simulator/ledger`);
  return (await response.json()) as LedgerRecord[];
};

const perChain = (ledger: readonly LedgerRecord[]): Map<string, LedgerRecord[]> => {
  const chains = new Map<string, LedgerRecord[]>();
  for (const record of ledger) {
    // `<chain>-<5 characters>-<generation>`
    const chain = record.job.replace(/-[^-]+-\d+$/, '');
    const known = chains.get(chain);
    if (known === undefined) chains.set(chain, [record]);
    else known.push(record);
  }
  return chains;
};

type Files = { read: (uri: string | null) => Promise<string> };

const judgeChain = async (
  plan: ChainPlan,
  ledger: readonly LedgerRecord[],
  operator: Operator,
  { read }: Files,
): Promise<{ status: string; doubled: number; violations: string[] }> => {
  const { name, manifest } = plan;
  const document = await operator.relay.get(name);
  const { status, finalManifest, leftoverReport, objects } = document;
  const violations: string[] = [];
  if (!['labeled', 'finished', 'stopped'].includes(status))
    violations.push(`I7: it is ${status}: ${document.reason ?? ''}`);
  const files = { manifest, finalManifest: await read(finalManifest), leftoverReport: await read(leftoverReport) };
  for (const { invariant, violations: found } of checkLedger({ ledger, labelAttribute: LABEL, ...files }))
    violations.push(...found.map((text) => `${invariant}: ${text}`));
  const doubled = doubledLabels(ledger, manifest, LABEL);
  const wrong = wrongDoubled(objects.doubled, doubled);
  if (wrong !== null) violations.push(`I1: ${wrong}`);
  if (status === 'labeled' && objects.remaining > 0) violations.push(`I2: labeled, and ${objects.remaining} remain`);
  const accepted = operator.accepted.filter(({ chain }) => chain === name);
  violations.push(...stopProblems(ledger, accepted).map((text) => `I5: ${text}`));
  violations.push(...liveJobs(ledger).map((job) => `I5: ${job} still lives after the chain is over`));
  violations.push(...capProblems(ledger, operator.caps.get(name)).map((text) => `I6: ${text}`));
  return {
    status,
    doubled: objects.doubled,
    violations: violations.map((text) => `${name} (${plan.troubles.join(', ')}): ${text}`),
  };
};

/** What a killed consumer had taken comes back after two minutes, and poison is received five times. */
const QUEUE_PATIENCE_MS = 5 * MINUTE_MS;

const leftInQueue = async ({ awsEndpoint, queueUrl }: StackUnderTest['facts']): Promise<number> => {
  const untilMs = Date.now() + QUEUE_PATIENCE_MS;
  for (;;) {
    const left = await queueDepth(awsEndpoint, queueUrl);
    if (left === 0 || Date.now() > untilMs) return left;
    await sleep(1_000);
  }
};

const judgeQueues = async ({ facts }: StackUnderTest): Promise<{ deadLetters: number; violations: string[] }> => {
  const violations: string[] = [];
  const left = await leftInQueue(facts);
  if (left > 0) violations.push(`I4: ${left} messages are neither deleted nor dead`);
  const dead = await bodiesIn(facts.awsEndpoint, facts.deadLetterQueueUrl);
  for (const body of dead) if (!POISON.includes(body)) violations.push(`I4: in the dead-letter queue: ${body}`);
  for (const body of POISON) if (!dead.includes(body)) violations.push(`I4: not in the dead-letter queue: ${body}`);
  return { deadLetters: dead.length, violations };
};

/** Judges a run that has come to rest. */
export const judge = async (
  stack: StackUnderTest,
  operator: Operator,
  plans: readonly ChainPlan[],
): Promise<Verdict> => {
  const { facts, client } = stack;
  const ledger = await readLedger(facts.sagemakerEndpoint);
  const ledgers = perChain(ledger);
  const s3 = new S3Client({ ...localAwsConfig(facts.awsEndpoint), forcePathStyle: true });
  const read = async (uri: string | null): Promise<string> => {
    if (uri === null) return '';
    const Key = uri.slice(`s3://${facts.bucket}/`.length);
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: facts.bucket, Key }));
    return (await Body?.transformToString()) ?? '';
  };
  const chains: Record<string, number> = {};
  const violations: string[] = [];
  let doubled = 0;
  for (const plan of plans) {
    const judged = await judgeChain(plan, ledgers.get(plan.name) ?? [], operator, { read });
    chains[judged.status] = (chains[judged.status] ?? 0) + 1;
    doubled += judged.doubled;
    violations.push(...judged.violations);
    ledgers.delete(plan.name);
  }
  s3.destroy();
  for (const stranger of ledgers.keys()) violations.push(`I3: jobs of no chain: ${stranger}`);
  const queues = await judgeQueues(stack);
  const { workflows, taskFailures, closed, problems } = await inspectWorkflows(client);
  if (workflows === 0) violations.push('no workflow was found');
  violations.push(...queues.violations, ...problems);
  const { jobs, labels, events, eventsDropped } = totalsOf(ledger);
  return {
    chains,
    objects: plans.reduce((sum, { manifest }) => sum + manifest.trimEnd().split('\n').length, 0),
    jobs,
    labels,
    lost: violations.filter((text) => text.includes(LOST)).length,
    doubled,
    events,
    eventsDropped,
    workflows: closed,
    workflowTaskFailures: taskFailures,
    deadLetters: queues.deadLetters,
    violations,
  };
};
