/**
 * What the template's parameters may be, so that a mistake is said before AWS is asked, in the words of the command's
 * options. A test holds each against the template's own AllowedPattern and AllowedValues.
 */
import { InputError } from '../errors.ts';
import type { StackParameters } from './stack.ts';

type Rule = { option: string; pattern: RegExp; accepted: string };

const bucket = { pattern: /^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$/, accepted: 'the name of an S3 bucket' };

/** `''` is taken everywhere that the template has it as its default: it takes a value away again. */
export const PARAMETER_RULES: { [Name in keyof Required<StackParameters>]: Rule } = {
  Statuses: {
    option: '--statuses',
    pattern: /^(All|(Completed|Failed|Stopped)(,(Completed|Failed|Stopped)){0,2})$/,
    accepted: 'Completed, Failed, Stopped, or All alone',
  },
  NotificationEmail: { option: '--email', pattern: /^([^\s@]+@[^\s@]+)?$/, accepted: 'an e-mail address' },
  WorkerEvents: { option: '--worker-events', pattern: /^(on|off)$/, accepted: 'on and off' },
  KmsKeyArn: {
    option: '--kms-key-arn',
    pattern: /^(arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+)?$/,
    accepted: 'the ARN of a key (not of an alias)',
  },
  InputBucket: { option: '--input-bucket', ...bucket },
  OutputBucket: { option: '--output-bucket', ...bucket },
  JobNamePrefix: {
    option: '--job-name-prefix',
    pattern: /^([a-z0-9][a-z0-9-]{0,52})?$/,
    accepted: 'lower case letters, digits and hyphens, at most 53',
  },
  AnnotationLambdaArns: {
    option: '--lambda-arns',
    pattern: /^(arn:[a-z-]+:lambda:[^,\s]+(,arn:[a-z-]+:lambda:[^,\s]+)*)?$/,
    accepted: 'ARNs of Lambda functions',
  },
  WorkerPrincipal: {
    option: '--worker-principal',
    pattern: /^(ecs-tasks|ec2|pods\.eks)\.amazonaws\.com$/,
    accepted: 'ecs-tasks.amazonaws.com, ec2.amazonaws.com and pods.eks.amazonaws.com',
  },
  ExtraExecutionPolicyArn: {
    option: '--extra-execution-policy-arn',
    pattern: /^(arn:[a-z-]+:iam::(\d{12}|aws):policy\/.+)?$/,
    accepted: 'the ARN of a managed policy',
  },
  ArchiveDays: { option: '--archive-days', pattern: /^\d{1,5}$/, accepted: 'a whole number of days' },
};

/** @throws InputError with a line for every parameter that the template would refuse. */
export const checkParameters = (parameters: StackParameters): void => {
  const problems = Object.entries(PARAMETER_RULES).flatMap(([name, { option, pattern, accepted }]) => {
    const value = parameters[name as keyof StackParameters];
    return value === undefined || pattern.test(value)
      ? []
      : [`${option} ${JSON.stringify(value)}: valid values are ${accepted}.`];
  });
  if (problems.length > 0) throw new InputError(problems);
};
