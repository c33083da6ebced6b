/** The checks of the AWS account: who we are, our clock against the service's, and what this identity may do. Changes nothing. */
import { randomUUID } from 'node:crypto';
import { SimulatePrincipalPolicyCommand, type IAMClient } from '@aws-sdk/client-iam';
import {
  DescribeLabelingJobCommand,
  ListLabelingJobsCommand,
  StopLabelingJobCommand,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import { serviceDateOf } from '../activities/clients.ts';
import type { Config } from '../config.ts';
import { formatDuration } from '../decisions/durations.ts';
import { describeError, isDenied, unanswered } from './aws-errors.ts';
import { failed, passed, runCheck, skipAll, skipped, type Report, type Verdict } from './findings.ts';

export type AwsCheckClients = { sagemaker: SageMakerClient; sts: STSClient; iam: IAMClient };

/** AWS refuses signatures that are more than 5 minutes off; long before that a machine's clock is out of order. */
const LARGEST_SKEW_MS = 60_000;

type Identity = { account: string; arn: string };

const accountOf = (identity: Identity, { accounts }: Config): Verdict =>
  accounts.length > 0 && !accounts.includes(identity.account)
    ? failed(
        `the credentials are of the account ${identity.account}; LABEL_RELAY_ACCOUNTS allows ${accounts.join(', ')}`,
        'set AWS_PROFILE to a profile of an allowed account, or correct LABEL_RELAY_ACCOUNTS',
      )
    : passed(`${identity.account}${accounts.length === 0 ? ' (LABEL_RELAY_ACCOUNTS is not set: any)' : ''}`);

/** The service's clock is read from the Date header, to the second. */
const clockOf = async (sagemaker: SageMakerClient, config: Config): Promise<Verdict> => {
  if (config.localSimulator !== null) return skipped('the clock of the local stack is simulated');
  const startedMs = Date.now();
  let dateMs: number | null = null;
  try {
    dateMs = serviceDateOf(await sagemaker.send(new ListLabelingJobsCommand({ MaxResults: 1 })));
  } catch (thrown) {
    return unanswered(thrown, 'sagemaker:ListLabelingJobs');
  }
  if (dateMs === null) return skipped('the service gave no Date header');
  // The answer was written between our two readings, so the middle is off by half the call at most.
  const skewMs = (startedMs + Date.now()) / 2 - dateMs;
  const words = `${formatDuration(Math.max(1000, Math.round(Math.abs(skewMs) / 1000) * 1000))} ${skewMs < 0 ? 'behind' : 'ahead of'}`;
  return Math.abs(skewMs) > LARGEST_SKEW_MS
    ? failed(`this machine is ${words} AWS`, "set this machine's clock by NTP")
    : passed('this machine agrees with AWS to within a minute');
};

/**
 * Calls that change nothing because there is no such job: an answer about the job means that the call itself is
 * allowed. `prefix` matters where the role allows only some job names.
 */
const permissionsOf = async (sagemaker: SageMakerClient, prefix: string): Promise<Verdict> => {
  const LabelingJobName = `${prefix}${prefix === '' || prefix.endsWith('-') ? '' : '-'}doctor-${randomUUID().slice(0, 8)}`;
  const calls = [
    ['sagemaker:ListLabelingJobs', () => sagemaker.send(new ListLabelingJobsCommand({ MaxResults: 1 }))],
    ['sagemaker:DescribeLabelingJob', () => sagemaker.send(new DescribeLabelingJobCommand({ LabelingJobName }))],
    ['sagemaker:StopLabelingJob', () => sagemaker.send(new StopLabelingJobCommand({ LabelingJobName }))],
  ] as const;
  const denied: string[] = [];
  for (const [action, call] of calls) {
    try {
      await call();
    } catch (thrown) {
      if (isDenied(thrown)) denied.push(action);
      else if (!isAboutTheJob(thrown)) return unanswered(thrown, action);
    }
  }
  if (denied.length === 0) return passed(calls.map(([action]) => action).join(', '));
  return failed(
    `this identity may not ${denied.join(', ')} (asked with the job name ${LabelingJobName})`,
    'allow it in the role of the worker (docs/set-up-on-aws.md); if the role allows only some job names, give --job-name-prefix',
  );
};

/** Both are given for a job that is not there. Source: API reference, Describe and Stop; "absent" comes in two forms. */
const isAboutTheJob = (thrown: unknown): boolean =>
  thrown instanceof Error && ['ResourceNotFound', 'ValidationException'].includes(thrown.name);

/** The role behind an assumed-role session; IAM simulates roles and users, not sessions. */
const principalOf = (arn: string): string => {
  const [, partition, account, role] = /^arn:([^:]+):sts::(\d{12}):assumed-role\/([^/]+)\//.exec(arn) ?? [];
  return role === undefined ? arn : `arn:${partition}:iam::${account}:role/${role}`;
};

const CREATE_ACTIONS = ['sagemaker:CreateLabelingJob', 'sagemaker:AddTags'];

/** There is no dry run of a create: IAM's simulator answers, if this identity may ask it. */
const createPermissionOf = async (
  iam: IAMClient,
  { arn, account }: Identity,
  region: string,
  prefix: string,
): Promise<Verdict> => {
  const partition = arn.split(':')[1] ?? 'aws';
  const command = new SimulatePrincipalPolicyCommand({
    PolicySourceArn: principalOf(arn),
    ActionNames: CREATE_ACTIONS,
    ResourceArns: [`arn:${partition}:sagemaker:${region}:${account}:labeling-job/${prefix}doctor`],
  });
  const { EvaluationResults = [] } = await iam.send(command);
  const denied = EvaluationResults.filter(({ EvalDecision }) => EvalDecision !== 'allowed');
  if (EvaluationResults.length === 0) return skipped('IAM gave no answer');
  if (denied.length === 0) return passed(CREATE_ACTIONS.join(', '));
  return failed(
    `by IAM's simulation this identity may not ${denied.map(({ EvalActionName }) => EvalActionName).join(', ')}`,
    'allow it in the role of the worker (docs/set-up-on-aws.md); if the role allows only some job names, give --job-name-prefix',
  );
};

/** Makes the checks of the account; never throws. Says whether there are credentials that AWS accepts. */
export const checkAws = async (
  config: Config,
  region: string,
  { sagemaker, sts, iam }: AwsCheckClients,
  jobNamePrefix: string,
  report: Report,
): Promise<boolean> => {
  const identity: Identity = { account: '', arn: '' };
  const accepted = await runCheck(
    report,
    'credentials',
    async () => {
      const { Account = '', Arn = '' } = await sts.send(new GetCallerIdentityCommand({}));
      Object.assign(identity, { account: Account, arn: Arn } satisfies Identity);
      return passed(`${Arn} in ${region}`);
    },
    (thrown) =>
      failed(
        `AWS did not accept the credentials (${describeError(thrown)})`,
        'set AWS_PROFILE, or the keys, or run where a role is given; try: aws sts get-caller-identity',
      ),
  );
  if (!accepted) {
    skipAll(report, ['account', 'clock', 'permissions', 'create-permission'], 'there are no accepted credentials');
    return false;
  }
  await runCheck(report, 'account', async () => accountOf(identity, config));
  await runCheck(report, 'clock', () => clockOf(sagemaker, config));
  await runCheck(report, 'permissions', () => permissionsOf(sagemaker, jobNamePrefix));
  await runCheck(
    report,
    'create-permission',
    () => createPermissionOf(iam, identity, region, jobNamePrefix),
    (thrown) =>
      skipped(
        config.localSimulator === null
          ? `not asked: ${describeError(thrown)} (it needs iam:SimulatePrincipalPolicy)`
          : 'the AWS emulator has no permissions',
      ),
  );
  return true;
};
