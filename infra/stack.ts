/**
 * The CloudFormation stack of label-relay: where its template is, which parameters it takes, and how it is put into an
 * account. Deploying again changes what is given and keeps the rest.
 */
import { access, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  CreateStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackUpdateComplete,
  type CloudFormationClient,
  type Parameter,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import { InputError, messageOf, OperationError } from '../errors.ts';

export const DEFAULT_STACK_NAME = 'label-relay';

/** The template's parameters; what is left out keeps its value, or its default in a new stack. */
export type StackParameters = {
  Statuses?: string | undefined;
  NotificationEmail?: string | undefined;
  WorkerEvents?: string | undefined;
  KmsKeyArn?: string | undefined;
  InputBucket?: string | undefined;
  OutputBucket?: string | undefined;
  JobNamePrefix?: string | undefined;
  AnnotationLambdaArns?: string | undefined;
  WorkerPrincipal?: string | undefined;
  ExtraExecutionPolicyArn?: string | undefined;
  ArchiveDays?: string | undefined;
};

/** All parameters of the template, by name. */
export const STACK_PARAMETERS = [
  'Statuses',
  'NotificationEmail',
  'WorkerEvents',
  'KmsKeyArn',
  'InputBucket',
  'OutputBucket',
  'JobNamePrefix',
  'AnnotationLambdaArns',
  'WorkerPrincipal',
  'ExtraExecutionPolicyArn',
  'ArchiveDays',
] as const satisfies readonly (keyof StackParameters)[];

/** The template's text, from the sources or, in compiled code, from where the package ships it. */
export const readTemplate = async (): Promise<string> => {
  const beside = fileURLToPath(new URL('./template.yaml', import.meta.url));
  const shipped = fileURLToPath(new URL('../../infra/template.yaml', import.meta.url));
  const isBeside = await access(beside).then(
    () => true,
    () => false,
  );
  return readFile(isBeside ? beside : shipped, 'utf8');
};

export type Deployment = {
  stackName: string;
  change: 'created' | 'updated' | 'unchanged';
  outputs: Record<string, string>;
};

/** A stack of some 30 resources takes a few minutes. Seconds. */
const DEPLOY_WITHIN_S = 1800;

/**
 * Creates or updates the stack and waits for it. Throws InputError if the stack is in a state that only a person can
 * end, OperationError with CloudFormation's first reason if it fails.
 */
export const deployStack = async (
  client: CloudFormationClient,
  stackName: string,
  parameters: StackParameters,
): Promise<Deployment> => {
  const existing = await describe(client, stackName);
  if (existing?.StackStatus === 'ROLLBACK_COMPLETE' || existing?.StackStatus === 'ROLLBACK_FAILED')
    throw new InputError(
      `Stack ${stackName} failed to be created (${existing.StackStatus}); delete it, then deploy again: aws cloudformation delete-stack --stack-name ${stackName}`,
    );
  const input = {
    StackName: stackName,
    TemplateBody: await readTemplate(),
    // The roles' names are CloudFormation's, so the weaker of the two IAM capabilities is enough.
    Capabilities: ['CAPABILITY_IAM' as const],
    Parameters: inputParameters(parameters, existing),
  };
  try {
    if (existing === null) await client.send(new CreateStackCommand(input));
    else await client.send(new UpdateStackCommand(input));
  } catch (error) {
    if (existing !== null && /no updates are to be performed/i.test(messageOf(error)))
      return { stackName, change: 'unchanged', outputs: outputsOf(existing) };
    throw new OperationError(`CloudFormation refused stack ${stackName}: ${messageOf(error)}`, { cause: error });
  }
  const wait = existing === null ? waitUntilStackCreateComplete : waitUntilStackUpdateComplete;
  try {
    await wait({ client, maxWaitTime: DEPLOY_WITHIN_S, minDelay: 2, maxDelay: 15 }, { StackName: stackName });
  } catch (error) {
    const reason = (await firstFailure(client, stackName)) ?? messageOf(error);
    throw new OperationError(`Stack ${stackName} was not deployed: ${reason}`, { cause: error });
  }
  const deployed = await describe(client, stackName);
  return { stackName, change: existing === null ? 'created' : 'updated', outputs: outputsOf(deployed) };
};

const inputParameters = (given: StackParameters, existing: Stack | null): Parameter[] => {
  const known = new Set(existing?.Parameters?.map(({ ParameterKey }) => ParameterKey));
  return STACK_PARAMETERS.flatMap((name): Parameter[] => {
    const value = given[name];
    if (value !== undefined) return [{ ParameterKey: name, ParameterValue: value }];
    return known.has(name) ? [{ ParameterKey: name, UsePreviousValue: true }] : [];
  });
};

const describe = async (client: CloudFormationClient, StackName: string): Promise<Stack | null> => {
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName }));
    return Stacks?.[0] ?? null;
  } catch (error) {
    // AWS has no error of its own for this: "ValidationError: Stack with id … does not exist".
    if (/does not exist/i.test(messageOf(error))) return null;
    throw error;
  }
};

const outputsOf = (stack: Stack | null): Record<string, string> =>
  Object.fromEntries((stack?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));

const firstFailure = async (client: CloudFormationClient, StackName: string): Promise<string | null> => {
  const { StackEvents = [] } = await client
    .send(new DescribeStackEventsCommand({ StackName }))
    .catch(() => ({ StackEvents: [] }));
  const failed = StackEvents.findLast(
    ({ ResourceStatus, ResourceStatusReason }) =>
      ResourceStatus?.endsWith('_FAILED') === true && !/cancelled/i.test(ResourceStatusReason ?? ''),
  );
  return failed === undefined ? null : `${failed.LogicalResourceId}: ${failed.ResourceStatusReason}`;
};
