/**
 * What must hold for any input from outside: it is taken or refused with words that name the place, it never crashes,
 * never takes effect in part, and no text of it reaches the place of an identifier unread.
 */
import fc from 'fast-check';
import type { S3Client } from '@aws-sdk/client-s3';
import type { DescribeLabelingJobCommandOutput } from '@aws-sdk/client-sagemaker';
import { ApplicationFailure } from '@temporalio/common';
import { readChainRecord } from '../../activities/records.ts';
import { toObservation } from '../../activities/labeling-jobs.ts';
import { loadConfig, VARIABLES } from '../../config.ts';
import { readAmendment } from '../../decisions/amend.ts';
import { newChain } from '../../decisions/chain-state.ts';
import { SECOND_MS } from '../../decisions/durations.ts';
import { RECONCILE_JITTER, newFollow, nextLookMs, observed, troublesOf } from '../../decisions/follow.ts';
import { labelingJobWorkflowId } from '../../decisions/names.ts';
import { nextOrder } from '../../decisions/next-order.ts';
import { readSpec, type Spec } from '../../decisions/spec.ts';
import { InputError } from '../../errors.ts';
import { readEvent } from '../../events/envelope.ts';
import { dispositionOf, handleBodies } from '../../events/handling.ts';
import example from '../../examples/image-classification.json' with { type: 'json' };
import { readWorkerActivityLine } from '../../events/worker-log.ts';
import { MANIFEST_PROPERTIES } from './manifest-properties.ts';
import { mutationsOf, textsOf, type Json } from './mutations.ts';
import { demand, named, type NamedProperty } from './property.ts';

const good = example as Json;
const account = '123456789012';
const region = 'us-east-1';

const specOf = (input: unknown): Spec => {
  const reading = readSpec(input);
  if (reading.kind === 'problems') throw new Error(reading.problems.join('\n'));
  return reading.spec;
};

const namesPlaces = (problems: readonly string[]): boolean =>
  problems.length > 0 && problems.every((line) => /^[^\n]{3,2000}$/.test(line) && line.includes(':'));

const specProperty = fc.asyncProperty(mutationsOf(good), (input) => {
  const before = JSON.stringify(input);
  const reading = readSpec(input);
  demand(JSON.stringify(input) === before, () => 'the input was changed');
  if (reading.kind === 'problems') {
    demand(namesPlaces(reading.problems), () => `no place is named: ${JSON.stringify(reading.problems)}`);
    return Promise.resolve();
  }
  const { spec } = reading;
  demand(JSON.stringify(JSON.parse(JSON.stringify(spec))) === JSON.stringify(spec), () => 'the spec is not plain JSON');
  for (const value of Object.values(spec.policy)) demand(!Number.isNaN(value), () => 'NaN in the policy');
  // What was taken can be run: the decision that follows does not throw.
  nextOrder(newChain(spec, '019ab000-0000-7000-8000-00000000abcde'));
  return Promise.resolve();
});

const changes: Json = {
  job: {
    HumanTaskConfig: { TaskTitle: 'Name it', NumberOfHumanWorkersPerDataObject: 3 },
    StoppingConditions: { MaxPercentageOfInputDatasetLabeled: 90 },
  },
  policy: { maxJobs: 30, maxCost: 500, price: { perAnswer: 1 }, handOver: '3h' },
};

const amendProperty = fc.asyncProperty(mutationsOf(changes), (input) => {
  const old = specOf(example);
  const before = JSON.stringify(old);
  const reading = readAmendment(old, input);
  demand(JSON.stringify(old) === before, () => 'the old spec was changed');
  if (reading.kind === 'problems') demand(namesPlaces(reading.problems), () => JSON.stringify(reading.problems));
  else {
    const { spec } = reading;
    demand(
      spec.job.LabelAttributeName === old.job.LabelAttributeName &&
        spec.account === old.account &&
        spec.region === old.region,
      () => 'an amendment changed what cannot be amended',
    );
  }
  return Promise.resolve();
});

const event: Json = {
  version: '0',
  id: '6a7e8feb-b491-4cf7-a9f1-bf3703467718',
  'detail-type': 'SageMaker Ground Truth Labeling Job State Change',
  source: 'aws.sagemaker',
  account,
  time: '2026-11-01T10:00:00Z',
  region,
  resources: [`arn:aws:sagemaker:${region}:${account}:labeling-job/birds-4kq2z-001`],
  detail: { LabelingJobStatus: 'Completed' },
};
const wrapped: Json = { Type: 'Notification', TopicArn: 'arn:aws:sns:us-east-1:1:t', Message: JSON.stringify(event) };
const believed = { accounts: [account], regions: [region] };
const workflowIdPattern = new RegExp(`^labeling-job:${account}:${region}:[a-z0-9-]{1,63}$`);

const eventProperty = fc.asyncProperty(fc.oneof(textsOf(event), textsOf(wrapped)), async (body) => {
  const signalled: string[] = [];
  const workflow = {
    getHandle: (id: string) => ({
      signal: (): Promise<void> => {
        signalled.push(id);
        return Promise.resolve();
      },
    }),
  };
  const client = { workflow, withDeadline: (_deadline: number, run: () => unknown) => run() } as never;
  const verdict = readEvent(body, believed);
  const [outcome] = await handleBodies([body], { client, believed });
  if (outcome === undefined) throw new Error('no outcome');
  dispositionOf(outcome.kind);
  demand((verdict.kind === 'state-change') === (signalled.length === 1), () => 'signalled without a verdict');
  for (const id of signalled) demand(workflowIdPattern.test(id), () => `a workflow id from outside: ${id}`);
  if (verdict.kind === 'state-change') {
    demand(labelingJobWorkflowId(verdict.place) === signalled[0], () => 'another workflow was signalled');
    demand(/^[^\p{C}]{1,64}$/u.test(verdict.status), () => `status ${JSON.stringify(verdict.status)}`);
  }
});

const anyDate = fc.option(fc.date({ max: new Date(), noInvalidDate: true }), { nil: undefined });
const anyCount = fc.option(fc.oneof(fc.nat(), fc.constant(-1), fc.constant(Number.NaN)), { nil: undefined });
const describeAnswers = fc.record(
  {
    LabelingJobName: fc.string(),
    LabelingJobArn: fc.string(),
    LabelingJobStatus: fc.oneof(
      fc.string(),
      fc.constantFrom('Completed', 'InProgress', 'Initializing', 'Stopping', 'Archived'),
    ),
    FailureReason: fc.string(),
    CreationTime: anyDate,
    LastModifiedTime: anyDate,
    LabelCounters: fc.record(
      {
        TotalLabeled: anyCount,
        HumanLabeled: anyCount,
        MachineLabeled: anyCount,
        FailedNonRetryableError: anyCount,
        Unlabeled: anyCount,
      },
      { requiredKeys: [] },
    ),
    LabelingJobOutput: fc.record(
      { OutputDatasetS3Uri: fc.string(), FinalActiveLearningModelArn: fc.string() },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

const describeProperty = fc.asyncProperty(describeAnswers, (answer) => {
  const observation = toObservation(
    { ...answer, $metadata: {} } as unknown as DescribeLabelingJobCommandOutput,
    'birds-4kq2z-001',
  );
  const { policy } = specOf(example);
  const context = { policy, streaming: false, sentObjects: 10 };
  const follow = observed(newFollow(), observation);
  const waitMs = nextLookMs(follow, context, 1);
  demand(Number.isFinite(waitMs) && waitMs >= 10_000, () => `the next look is in ${waitMs} ms`);
  demand(
    waitMs <= policy.reconcile.everyMs * (1 + RECONCILE_JITTER) + SECOND_MS,
    () => `no reconcile for ${waitMs} ms`,
  );
  troublesOf(follow, context);
  demand(
    JSON.stringify(JSON.parse(JSON.stringify(observation))) === JSON.stringify(observation),
    () => 'not plain JSON',
  );
  return Promise.resolve();
});

const recordOf = (): Json =>
  JSON.parse(
    JSON.stringify({ version: 1, state: newChain(specOf(example), '019ab000-0000-7000-8000-00000000abcd') }),
  ) as Json;

/** An S3 that lists these keys and holds this text under each of them. */
const s3With = (keys: readonly string[], text: string): S3Client =>
  ({
    send: (command: { constructor: { name: string } }) =>
      Promise.resolve(
        command.constructor.name.startsWith('List')
          ? { Contents: keys.map((Key) => ({ Key })), IsTruncated: false }
          : { Body: { transformToString: () => Promise.resolve(text) } },
      ),
  }) as unknown as S3Client;

const keyNames = fc.oneof(
  fc.constantFrom(
    '0000-000000.json',
    '0001-000002.json',
    '9999-999999.json',
    '0000-0.json',
    '.json',
    'record/0000-000001.json.tmp',
  ),
  fc.string({ maxLength: 20 }),
);

const recordProperty = fc.asyncProperty(
  fc.array(keyNames, { maxLength: 4 }),
  textsOf(recordOf()),
  async (names, text) => {
    const keys = names.map((name) => `labels/birds/record/${name}`);
    try {
      const found = await readChainRecord(s3With(keys, text), 's3://bucket/labels/birds');
      if (found !== null)
        demand(typeof found.state.chain === 'string' && Array.isArray(found.state.generations), () => 'half a record');
    } catch (thrown) {
      demand(thrown instanceof ApplicationFailure, () => `not a failure with words: ${String(thrown)}`);
      demand(
        thrown instanceof Error && thrown.message.includes('s3://bucket/labels/birds'),
        () => `no place: ${String(thrown)}`,
      );
    }
  },
);

const variable = fc.constantFrom(
  ...Object.keys(VARIABLES),
  'AWS_REGION',
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
  'TEMPORAL_TLS',
);
const values = fc.oneof(
  fc.string(),
  fc.constantFrom(
    '',
    ' ',
    'http://x',
    'https://',
    'true',
    '0',
    '-1',
    'us-east-1',
    '123456789012',
    'off',
    'log',
    'eventbridge',
  ),
);

const configProperty = fc.asyncProperty(fc.dictionary(variable, values, { maxKeys: 5 }), (environment) => {
  try {
    loadConfig({ ...environment, TEMPORAL_CONFIG_FILE: '/dev/null' });
  } catch (thrown) {
    demand(thrown instanceof InputError, () => `not an InputError: ${String(thrown)}`);
    if (thrown instanceof InputError) {
      const all = thrown.problems.every((problem) => /LABEL_RELAY_|TEMPORAL_|AWS_/.test(problem));
      demand(all, () => `no variable is named: ${thrown.message}`);
    }
  }
  return Promise.resolve();
});

const logLine: Json = {
  worker_id: 'cd449a289e129409',
  cognito_user_pool_id: 'us-east-2_IpicJXXXX',
  workteam_arn: `arn:aws:sagemaker:${region}:${account}:workteam/private-crowd/birders`,
  labeling_job_arn: `arn:aws:sagemaker:${region}:${account}:labeling-job/birds-4kq2z-001`,
  event_type: 'TasksSubmitted',
  event_timestamp: '1608690331',
};
const taskEvent: Json = {
  ...event,
  'detail-type': 'SageMaker Ground Truth Labeling Job Task Status Change',
  detail: {
    State: 'Submitted',
    'labeling-job-arn': `arn:aws:sagemaker:${region}:${account}:labeling-job/birds-4kq2z-001`,
    'workteam-team-arn': `arn:aws:sagemaker:${region}:${account}:workteam/private-crowd/birders`,
  },
};

const workerProperty = fc.asyncProperty(
  fc.oneof(
    textsOf(logLine).map((text) => ({ text, read: readWorkerActivityLine(text, 0, believed)?.event ?? null })),
    textsOf(taskEvent).map((text) => ({ text, read: readEvent(text, believed) })),
  ),
  ({ read }) => {
    if (read?.kind !== 'worker-event') return Promise.resolve();
    demand(workflowIdPattern.test(labelingJobWorkflowId(read.place)), () => JSON.stringify(read.place));
    demand(['accepted', 'submitted', 'declined', 'returned', 'other'].includes(read.action), () => read.action);
    demand(
      /^(arn:[\w:/.-]{1,250}|[a-z-]+)$/.test(read.workteamArn),
      () => `a work team from outside: ${read.workteamArn}`,
    );
    demand(Number.isFinite(read.timeMs) && Math.abs(read.timeMs) < 8.64e15, () => `time ${read.timeMs}`);
    return Promise.resolve();
  },
);

export const PROPERTIES: readonly NamedProperty[] = [
  ...MANIFEST_PROPERTIES,
  named('what a worker did is counted for a job of ours or not at all', workerProperty),
  named('a spec is taken whole or refused with the places', specProperty),
  named('an amendment is taken whole or refused, and never moves a chain elsewhere', amendProperty),
  named('an event wakes the workflow of its job or nothing (I4)', eventProperty),
  named('any answer of Describe leads to a next look in time (I7)', describeProperty),
  named('a record file is a record or a failure that names it', recordProperty),
  named('the environment is a configuration or an InputError that names the variable', configProperty),
];
