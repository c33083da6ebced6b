/**
 * `label-relay aws`: the event rules and the stack in the user's account. What is loaded only here (the AWS clients) is
 * loaded when an action runs.
 */
import type { Command } from 'commander';
import { CONTROL_MS, timeouts } from '../../aws-timeouts.ts';
import type { Config } from '../../config.ts';
import { InputError, OperationError } from '../../errors.ts';
import type { RuleReport } from '../../events/rule-service.ts';
import type { StackParameters } from '../../infra/stack.ts';
import { print, printJson, runCommand, say } from '../output.ts';

type RuleOptions = {
  name?: string;
  description?: string;
  statuses?: string[];
  workerEvents?: boolean;
  disabled?: boolean;
  region?: string;
  roleArn?: string;
  queue?: string;
  topic?: string;
  email?: string;
  print?: boolean;
  json?: boolean;
};

export function registerAws(program: Command): void {
  const aws = program.command('aws').description('event rules, the CloudFormation template, and its deployment');
  const rule = aws.command('rule').description('EventBridge rules for labeling-job events');

  rule
    .command('create')
    .description('create a rule, or change the one of its name')
    .option('--name <name>', 'name of the rule (default: label-relay-state-changes, or label-relay-worker-events)')
    .option('--description <text>', 'description of the rule')
    .option('--statuses <statuses...>', 'only these: Completed, Failed, Stopped (default: every state change)')
    .option('--worker-events', 'accepts, declines, submits and returns of workers, instead of state changes')
    .option('--disabled', 'create it switched off')
    .option('--region <region>', 'region of the rule and its targets (default: AWS_REGION)')
    .option('--role-arn <arn>', "role given to PutRule as AWS's page does; it must trust events.amazonaws.com")
    .option(
      '--queue <url-or-arn>',
      'target: an SQS queue (default, without --topic and --email: LABEL_RELAY_QUEUE_URL)',
    )
    .option('--topic <arn>', 'target: an SNS topic')
    .option('--email <address>', 'subscribe this address to --topic, or to a topic made for the rule')
    .option('--print', 'print the equivalent AWS CLI commands and change nothing')
    .option('--json', 'print the rule as JSON')
    .action((options: RuleOptions) =>
      runCommand(async () => {
        const config = await configuration();
        const { awsCommandsOf, planRule } = await import('../../events/rule.ts');
        const ownQueue = (options.workerEvents === true ? config.workerEventsQueueUrl : config.queueUrl) ?? undefined;
        const hasTarget = options.queue !== undefined || options.topic !== undefined || options.email !== undefined;
        const plan = planRule({
          ...options,
          queue: hasTarget ? options.queue : ownQueue,
          region: regionOf(options.region, config),
        });
        if (options.print === true) {
          const commands = awsCommandsOf(plan);
          if (options.json === true) printJson({ commands });
          else print(commands.join('\n'));
          return;
        }
        const { createRule } = await import('../../events/rule-service.ts');
        const report = await askAws(plan.region, async () => createRule(plan, await ruleClients(plan.region)));
        printRule(report, options.json, 'Put rule');
        if (plan.email !== null && options.json !== true)
          print(`${plan.email} gets a message from AWS and must confirm it.`);
      }),
    );

  rule
    .command('show [name]')
    .description('show a rule and its targets')
    .option('--region <region>', 'region of the rule (default: AWS_REGION)')
    .option('--json', 'print the rule as JSON')
    .action((name: string | undefined, options: { region?: string; json?: boolean }) =>
      runCommand(async () => {
        const region = regionOf(options.region, await configuration());
        const clients = await ruleClients(region);
        const { closedQueues, showRule } = await import('../../events/rule-service.ts');
        const report = await askAws(region, async () => showRule(name ?? (await defaultRuleName()), clients.events));
        printRule(report, options.json, 'Rule');
        for (const { arn, why } of await closedQueues(report, clients)) say(`label-relay: ${arn} ${why}`);
      }),
    );

  rule
    .command('remove [name]')
    .description('remove a rule; queues, topics and subscriptions stay')
    .option('--region <region>', 'region of the rule (default: AWS_REGION)')
    .option('--json', 'print the removed rule as JSON')
    .action((name: string | undefined, options: { region?: string; json?: boolean }) =>
      runCommand(async () => {
        const region = regionOf(options.region, await configuration());
        const clients = await ruleClients(region);
        const { removeRule } = await import('../../events/rule-service.ts');
        const report = await askAws(region, async () => removeRule(name ?? (await defaultRuleName()), clients));
        printRule(report, options.json, 'Removed rule');
      }),
    );

  aws
    .command('template')
    .description('print the CloudFormation template')
    .action(() =>
      runCommand(async () => {
        const { readTemplate } = await import('../../infra/stack.ts');
        print((await readTemplate()).trimEnd());
      }),
    );

  aws
    .command('deploy')
    .description('create the stack, or change what is given and keep the rest')
    .option('--stack-name <name>', 'name of the stack', 'label-relay')
    .option('--region <region>', 'region of the stack (default: AWS_REGION)')
    .option('--statuses <statuses...>', 'only these: Completed, Failed, Stopped; or All')
    .option('--email <address>', 'address for alarms and notifications')
    .option('--worker-events <on|off>', 'rule and queue for what workers do')
    .option('--kms-key-arn <arn>', 'your key for queues, topic and labeling data')
    .option('--input-bucket <name>', 'bucket of data objects and input manifests')
    .option('--output-bucket <name>', 'bucket of S3OutputPath')
    .option('--job-name-prefix <prefix>', 'only labeling jobs whose names begin so')
    .option('--lambda-arns <arns...>', 'your own annotation functions')
    .option('--worker-principal <service>', 'service that runs the worker (ecs-tasks, ec2 or pods.eks, .amazonaws.com)')
    .option('--extra-execution-policy-arn <arn>', 'a managed policy for the labeling execution role')
    .option('--archive-days <days>', 'how long state changes are archived')
    .option('--json', 'print the result as JSON')
    .action((options: DeployOptions) =>
      runCommand(async () => {
        const region = regionOf(options.region, await configuration());
        const parameters = stackParametersOf(options);
        const [{ CloudFormationClient }, { deployStack }, { checkParameters }] = await Promise.all([
          import('@aws-sdk/client-cloudformation'),
          import('../../infra/stack.ts'),
          import('../../infra/parameters.ts'),
        ]);
        checkParameters(parameters);
        const deployment = await askAws(region, () =>
          deployStack(new CloudFormationClient({ region, ...timeouts(CONTROL_MS) }), options.stackName, parameters),
        );
        if (options.json === true) return printJson(deployment);
        print(`Stack ${deployment.stackName}: ${deployment.change}.`);
        for (const [name, value] of Object.entries(deployment.outputs)) print(`  ${name}: ${value}`);
      }),
    );
}

type DeployOptions = {
  stackName: string;
  region?: string;
  statuses?: string[];
  email?: string;
  workerEvents?: string;
  kmsKeyArn?: string;
  inputBucket?: string;
  outputBucket?: string;
  jobNamePrefix?: string;
  lambdaArns?: string[];
  workerPrincipal?: string;
  extraExecutionPolicyArn?: string;
  archiveDays?: string;
  json?: boolean;
};

const stackParametersOf = (options: DeployOptions): StackParameters => {
  const statuses = options.statuses?.flatMap((list) => list.split(',')).map((status) => status.trim());
  return {
    Statuses: statuses?.join(','),
    NotificationEmail: options.email,
    WorkerEvents: options.workerEvents,
    KmsKeyArn: options.kmsKeyArn,
    InputBucket: options.inputBucket,
    OutputBucket: options.outputBucket,
    JobNamePrefix: options.jobNamePrefix,
    AnnotationLambdaArns: options.lambdaArns?.join(','),
    WorkerPrincipal: options.workerPrincipal,
    ExtraExecutionPolicyArn: options.extraExecutionPolicyArn,
    ArchiveDays: options.archiveDays,
  };
};

const configuration = async (): Promise<Config> => {
  const { loadConfig } = await import('../../config.ts');
  return loadConfig(process.env);
};

const regionOf = (given: string | undefined, config: Config): string => {
  const region = given ?? config.region;
  if (region === null) throw new InputError('No region: give --region, or set AWS_REGION.');
  if (!/^[a-z]{2,}(-[a-z]+)+-\d+$/.test(region))
    throw new InputError(`${JSON.stringify(region)} is no AWS region; expected a name such as us-east-1.`);
  return region;
};

/** Says in one line where AWS was looked for and did not answer, or what it refused; other errors are left as they are. */
const askAws = async <Result>(region: string, ask: () => Promise<Result>): Promise<Result> => {
  try {
    return await ask();
  } catch (thrown) {
    if (thrown instanceof InputError || thrown instanceof OperationError || !(thrown instanceof Error)) throw thrown;
    const profile = process.env['AWS_PROFILE'];
    if (thrown.name === 'CredentialsProviderError')
      throw new InputError(
        profile !== undefined && profile !== ''
          ? `The profile ${profile} (AWS_PROFILE) gives no AWS credentials: ${thrown.message.split('\n')[0]}`
          : 'No AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in with: aws sso login',
        { cause: thrown },
      );
    const { describeError, isDenied } = await import('../../doctor/aws-errors.ts');
    const answered = '$metadata' in thrown && 'httpStatusCode' in (thrown.$metadata as object);
    const what = describeError(thrown).split('\n')[0];
    throw new OperationError(
      isDenied(thrown)
        ? `AWS refuses these credentials in ${region}: ${what}; see the permissions in docs/set-up-on-aws.md`
        : answered
          ? `AWS refused in ${region}: ${what}`
          : `AWS did not answer for the region ${region} (${what}); check --region or AWS_REGION, AWS_ENDPOINT_URL and the network`,
      { cause: thrown },
    );
  }
};

const defaultRuleName = async (): Promise<string> => (await import('../../events/rule.ts')).STATE_CHANGE_RULE_NAME;

const ruleClients = async (region: string) => {
  const [{ EventBridgeClient }, { SQSClient }, { SNSClient }, { IAMClient }] = await Promise.all([
    import('@aws-sdk/client-eventbridge'),
    import('@aws-sdk/client-sqs'),
    import('@aws-sdk/client-sns'),
    import('@aws-sdk/client-iam'),
  ]);
  const settings = { region, ...timeouts(CONTROL_MS) };
  return {
    events: new EventBridgeClient(settings),
    sqs: new SQSClient(settings),
    sns: new SNSClient(settings),
    iam: new IAMClient(settings),
  };
};

const printRule = (report: RuleReport, asJson: boolean | undefined, what: string): void => {
  if (asJson === true) return printJson(report);
  print(`${what} ${report.name} (${report.enabled ? 'enabled' : 'disabled'})`);
  print(`  ${report.arn}`);
  if (report.description !== null) print(`  ${report.description}`);
  if (report.roleArn !== null) print(`  role ${report.roleArn}`);
  print(`  pattern ${JSON.stringify(report.pattern)}`);
  for (const { arn } of report.targets) print(`  to ${arn}`);
};
