/** What is done around each step of docs/operate.md, and what must be so after it. Each check is a sentence; one that is not so ends the run. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { DAY_MS, MINUTE_MS } from '../../decisions/durations.ts';
import { labelingChainWorkflowId, labelingJobWorkflowId } from '../../decisions/names.ts';
import { checkLedger } from '../../demo/ledger-check.ts';
import { OperationError } from '../../errors.ts';
import { runCli } from '../end-to-end/run-cli.ts';
import { CHAIN, until, type RunbookWorld } from './world.ts';

export type Around = {
  before?: (world: RunbookWorld, dir: string) => Promise<void>;
  after: (world: RunbookWorld) => Promise<string[]>;
};

const hold = (sentence: string, isSo: boolean): string => {
  if (!isSo) throw new OperationError(`this is not so: ${sentence}`);
  return sentence;
};

const OURS = `WorkflowType IN ('labelingChain', 'labelingJob') AND ExecutionStatus = 'Running'`;

let serial = 0;
const newEventId = (): string => `0c4a0500-0000-4000-8000-${String(++serial).padStart(12, '0')}`;

const eventOf = ({ facts }: RunbookWorld, jobName: string, id: string): object => ({
  version: '0',
  id,
  'detail-type': 'SageMaker Ground Truth Labeling Job State Change',
  source: 'aws.sagemaker',
  account: facts.account,
  time: new Date().toISOString(),
  region: facts.region,
  resources: [`arn:aws:sagemaker:${facts.region}:${facts.account}:labeling-job/${jobName}`],
  detail: { LabelingJobStatus: 'InProgress' },
});

const liveJob = async (world: RunbookWorld): Promise<string> => {
  const { live } = await world.relay().detail(CHAIN);
  if (live === null) throw new OperationError('no labeling job is live');
  return live.name;
};

const jobWorkflowId = ({ facts }: RunbookWorld, jobName: string): string =>
  labelingJobWorkflowId({ account: facts.account, region: facts.region, jobName });

/** The ids of the events that the job's workflow has in its history. */
const arrived = async (world: RunbookWorld, job: string): Promise<Set<string>> => {
  const { events } = await world.client().workflow.getHandle(jobWorkflowId(world, job)).fetchHistory();
  const payloads = (events ?? []).flatMap(
    ({ workflowExecutionSignaledEventAttributes: signal }) => signal?.input?.payloads ?? [],
  );
  const text = payloads.map(({ data }) => Buffer.from(data ?? []).toString()).join('\n');
  return new Set(text.match(/0c4a0500-0000-4000-8000-\d{12}/g));
};

/** The chain runs, its job is the one that AWS was asked for at the very start, and an event makes its workflow act. */
const goesOn = async (world: RunbookWorld): Promise<string[]> => {
  // A chain that begins again reads its record first.
  await until('the chain follows a labeling job', async () => (await world.relay().detail(CHAIN)).live !== null);
  const { status, attention, generation } = await world.relay().get(CHAIN);
  const created = (await world.ledger()).filter(({ kind }) => kind === 'created');
  const job = await liveJob(world);
  await until('the workflow of the job takes an event', async () => {
    const id = newEventId();
    await world.relay().sendEvents([eventOf(world, job, id)]);
    return (await arrived(world, job)).has(id);
  });
  return [
    hold('the chain is running and asks nobody', status === 'running' && attention === null),
    hold('generation 1 is in the labeling job that was created first', generation === 1 && job.endsWith('-001')),
    hold('only one labeling job was ever created', created.length === 1),
    'the workflow of the job took an event',
  ];
};

const buildOf = async (client: Client, workflowId: string): Promise<string | null> => {
  const { raw } = await client.workflow.getHandle(workflowId).describe();
  return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId ?? null;
};

/** Both workflows of the chain work on this build after their next task. */
const isOn = async (world: RunbookWorld, buildId: string): Promise<string> => {
  const job = await liveJob(world);
  const sentence = `the job's workflow runs on the build ${buildId}`;
  await until(sentence, async () => {
    await world.relay().sendEvents([eventOf(world, job, newEventId())]);
    return (await buildOf(world.client(), jobWorkflowId(world, job))) === buildId;
  });
  return sentence;
};

const runIdOf = async (world: RunbookWorld): Promise<string> =>
  (await world.client().workflow.getHandle(labelingChainWorkflowId(CHAIN)).describe()).runId;

let runBefore = '';
let archived: string[] = [];

export const AROUND: Record<string, Around> = {
  deploy: {
    after: async (world) => {
      await until(
        'the chain has a job',
        async () => ((await world.relay().detail(CHAIN)).live?.observation ?? null) !== null,
      );
      await world.advance(30 * MINUTE_MS);
      const held = await goesOn(world);
      const statusOf = async () => (await world.relay().detail(CHAIN)).live?.observation?.status;
      await until('the labeling job is InProgress', async () => (await statusOf()) === 'InProgress');
      return [...held, 'its labeling job is InProgress', await isOn(world, '0.1.0')];
    },
  },
  drain: {
    after: async (world) => {
      const { count } = await world.client().workflow.count(OURS);
      return [hold('both workflows of the chain are open, with nobody at work', count === 2)];
    },
  },
  'come-back': { after: goesOn },
  upgrade: { after: async (world) => [...(await goesOn(world)), await isOn(world, '0.2.0')] },
  'roll-back': { after: async (world) => [...(await goesOn(world)), await isOn(world, '0.1.0')] },
  'begin-again': {
    before: async (world) => {
      runBefore = await runIdOf(world);
    },
    after: async (world) => [
      hold('the chain has a new history', (await runIdOf(world)) !== runBefore),
      ...(await goesOn(world)),
    ],
  },
  'replay-archive': {
    before: async (world, dir) => {
      const job = await liveJob(world);
      archived = [newEventId(), newEventId(), newEventId()];
      const events = archived.map((id) => `${JSON.stringify(eventOf(world, job, id))}\n`);
      await writeFile(join(dir, 'archive.jsonl'), events.join(''));
    },
    after: async (world) => {
      const job = await liveJob(world);
      // Events of one job and status that are sent together share a signal, with the id of one of them.
      await until('the archive arrives', async () => {
        const ids = await arrived(world, job);
        return archived.some((id) => ids.has(id));
      });
      return ['a signal of the archive reached the workflow of the job', ...(await goesOn(world))];
    },
  },
  'move-namespace': {
    after: async (world) => {
      await until(
        'nothing is open in the old one',
        async () => (await world.client().workflow.count(OURS)).count === 0,
      );
      world.moveTo({ server: 0, namespace: 'labels' });
      return ['nothing is open in the old namespace', ...(await goesOn(world))];
    },
  },
  'rotate-api-key': {
    before: async (world) => world.acceptBothKeys(),
    after: async (world) => {
      world.withdrawOldKey();
      const env = { ...world.env, TEMPORAL_NAMESPACE: 'labels' };
      const refused = await runCli(['list'], env);
      return [hold('the old key is refused from now on', refused.code === 2), ...(await goesOn(world))];
    },
  },
  'rotate-webhook-secret': {
    after: async (world) => {
      const { spec } = await world.relay().detail(CHAIN);
      const name = spec?.policy.notify?.webhook?.secretName;
      return [hold('the chain signs with the second secret', name === 'second'), ...(await goesOn(world))];
    },
  },
  restore: {
    after: async (world) => {
      world.moveTo({ server: 1, namespace: 'default' });
      return goesOn(world);
    },
  },
};

/** Months later, on the last server: labeled, and held against the simulator's ledger. */
export const checkEnd = async (world: RunbookWorld): Promise<string[]> => {
  await world.advance(60 * DAY_MS);
  const { status, finalManifest, leftoverReport, objects, jobs } = await world.relay().get(CHAIN);
  const labeled = hold(`the chain is labeled: ${objects.labeled} of ${objects.total}`, status === 'labeled');
  const checks = checkLedger({
    ledger: await world.ledger(),
    labelAttribute: 'species',
    manifest: await world.read(`s3://${world.facts.bucket}/examples/image-classification/input.manifest`),
    finalManifest: finalManifest === null ? '' : await world.read(finalManifest),
    leftoverReport: leftoverReport === null ? '' : await world.read(leftoverReport),
  });
  const signers = new Set(world.posts.map(({ signedBy }) => signedBy));
  return [
    labeled,
    `it took ${jobs.length} labeling jobs`,
    ...checks.map(({ invariant, holds, text }) => hold(`${invariant}: ${text}`, holds)),
    hold('every webhook of the end was signed with the second secret', signers.size === 1 && signers.has('second')),
  ];
};
