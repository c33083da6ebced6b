import { InputError } from '../../errors.ts';
import { checkParameters, PARAMETER_RULES } from '../../infra/parameters.ts';
import { STACK_PARAMETERS } from '../../infra/stack.ts';
import { templateData } from './read-template.ts';

test.each(STACK_PARAMETERS)('%s is checked by the same rule as in the template', async (name) => {
  const { Parameters } = await templateData();
  const { AllowedPattern, AllowedValues, Type, Default } = Parameters[name] ?? {};
  const { pattern } = PARAMETER_RULES[name];
  const ours = { pattern: pattern.source.replaceAll('\\/', '/'), type: Type === 'Number' ? 'Number' : 'String' };
  expect(ours).toEqual({ pattern: AllowedPattern ?? ours.pattern, type: Type });
  const samples: unknown[] = [Default, ...(Array.isArray(AllowedValues) ? AllowedValues : [])];
  expect(samples.filter((value) => !pattern.test(String(value)))).toEqual([]);
});

test('every mistake is one line with what is accepted, and nothing is asked of AWS', () => {
  const check = () =>
    checkParameters({
      Statuses: 'Gone',
      NotificationEmail: 'nobody',
      WorkerEvents: 'yes',
      InputBucket: 'My_Bucket',
      WorkerPrincipal: 'lambda.amazonaws.com',
      ArchiveDays: 'many',
    });
  expect(check).toThrow(InputError);
  expect(check).toThrow(
    [
      '--statuses "Gone": valid values are Completed, Failed, Stopped, or All alone.',
      '--email "nobody": valid values are an e-mail address.',
      '--worker-events "yes": valid values are on and off.',
      '--input-bucket "My_Bucket": valid values are the name of an S3 bucket.',
      '--worker-principal "lambda.amazonaws.com": valid values are ecs-tasks.amazonaws.com, ec2.amazonaws.com and pods.eks.amazonaws.com.',
      '--archive-days "many": valid values are a whole number of days.',
    ].join('\n'),
  );
});
