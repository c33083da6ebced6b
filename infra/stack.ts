/**
 * The CloudFormation stack of label-relay: where its template is, which parameters it takes, and how it is put into an
 * account. Deploying again changes what is given and keeps the rest.
 */
import { randomUUID } from 'node:crypto';
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
  const hosts = new Set<string>();
  const existing = await describe(client, stackName, hosts);
  // The AWS emulator fails on the archive's pattern in the form that AWS demands (an object).
  if ([...hosts].some((host) => ['localhost', '127.0.0.1'].includes(host)))
    parameters = { ...parameters, ArchiveDays: '0' };
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
    // A retry of the SDK is then the same request, not a second one.
    ClientRequestToken: randomUUID(),
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
    const reason = (await firstFailure(client, stackName, input.ClientRequestToken)) ?? messageOf(error);
    throw new OperationError(`Stack ${stackName} was not deployed: ${reason}`, { cause: error });
  }
  const deployed = await describe(client, stackName);
  return { stackName, change: existing === null ? 'created' : 'updated', outputs: outputsOf(deployed) };
};

/** What is given, else the value that the stack has (none of them is secret, so AWS shows them all), else the template's default. */
const inputParameters = (given: StackParameters, existing: Stack | null): Parameter[] => {
  const current = new Map(
    existing?.Parameters?.map(({ ParameterKey, ParameterValue }) => [ParameterKey, ParameterValue]),
  );
  return STACK_PARAMETERS.flatMap((ParameterKey): Parameter[] => {
    const ParameterValue = given[ParameterKey] ?? current.get(ParameterKey);
    return ParameterValue === undefined ? [] : [{ ParameterKey, ParameterValue }];
  });
};

/** Reads the stack, null if there is none, and notes the host that was asked. */
const describe = async (
  client: CloudFormationClient,
  StackName: string,
  hosts = new Set<string>(),
): Promise<Stack | null> => {
  const command = new DescribeStacksCommand({ StackName });
  command.middlewareStack.add(
    (next) => async (args) => {
      const { request } = args;
      if (typeof request === 'object' && request !== null && 'hostname' in request) hosts.add(String(request.hostname));
      return next(args);
    },
    { step: 'finalizeRequest', name: 'host' },
  );
  try {
    const { Stacks } = await client.send(command);
    return Stacks?.[0] ?? null;
  } catch (error) {
    // AWS has no error of its own for this: "ValidationError: Stack with id … does not exist".
    if (/does not exist/i.test(messageOf(error))) return null;
    throw error;
  }
};

const outputsOf = (stack: Stack | null): Record<string, string> =>
  Object.fromEntries((stack?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));

/** Of this deployment: the stack keeps the events of earlier ones too. An emulator names no token. */
const firstFailure = async (client: CloudFormationClient, StackName: string, token: string): Promise<string | null> => {
  const { StackEvents = [] } = await client
    .send(new DescribeStackEventsCommand({ StackName }))
    .catch(() => ({ StackEvents: [] }));
  const failed = StackEvents.findLast(
    ({ ResourceStatus, ResourceStatusReason, ClientRequestToken = token }) =>
      ClientRequestToken === token &&
      ResourceStatus?.endsWith('_FAILED') === true &&
      !/cancelled/i.test(ResourceStatusReason ?? ''),
  );
  return failed === undefined ? null : `${failed.LogicalResourceId}: ${failed.ResourceStatusReason}`;
};
