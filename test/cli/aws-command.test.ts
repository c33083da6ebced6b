import { jest } from '@jest/globals';
import { Command } from 'commander';
import { registerAws } from '../../cli/commands/aws.ts';
import { readTemplate } from '../../infra/stack.ts';

const queue = 'arn:aws:sqs:us-west-2:111122223333:events';

/** Runs the command as a shell would. */
const runToExit = async (...words: string[]): Promise<{ exitCode: unknown; stdout: string; stderr: string }> => {
  const printed = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    jest.spyOn(process[stream], 'write').mockImplementation((text) => {
      printed[stream] += String(text);
      return true;
    }),
  );
  const before = process.exitCode;
  try {
    const program = new Command().exitOverride();
    registerAws(program);
    await program.parseAsync(['aws', ...words], { from: 'user' });
    return { exitCode: process.exitCode, ...printed };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
};

/** What a command that succeeds prints. */
const run = async (...words: string[]): Promise<string> => {
  const { exitCode, stdout, stderr } = await runToExit(...words);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout;
};

test('rule create --print gives commands and needs neither credentials nor a network', async () => {
  const text = await run(
    'rule',
    'create',
    '--print',
    '--region',
    'us-west-2',
    '--queue',
    queue,
    '--statuses',
    'Completed',
    'Failed',
  );
  const [putRule, putTargets, ...rest] = text.trimEnd().split('\n');
  expect(putRule).toMatch(/^aws events put-rule --name label-relay-state-changes .*\["Completed","Failed"\]/);
  expect(putTargets).toMatch(/^aws events put-targets --rule label-relay-state-changes /);
  expect(rest).toEqual([]);
});

test('rule create --print --json gives the same as data', async () => {
  const words = ['rule', 'create', '--print', '--region', 'us-west-2', '--queue', queue];
  const { commands } = JSON.parse(await run(...words, '--json')) as { commands: string[] };
  expect(commands.join('\n')).toBe((await run(...words)).trimEnd());
});

test.each([
  [
    ['rule', 'create', '--region', 'us-west-2', '--queue', queue, '--statuses', 'Stopping'],
    /valid values are Completed, Failed, Stopped/,
  ],
  [['rule', 'create', '--region', 'nowhere', '--queue', queue], /no AWS region/],
  [['deploy', '--region', 'us-west-2', '--statuses', 'Completed,Gone'], /valid values are Completed, Failed, Stopped/],
  [['deploy', '--region', 'us-west-2', '--worker-events', 'yes'], /valid values are on and off/],
])('%j is refused with what is accepted, and exits 2', async (words, text) => {
  const { exitCode, stdout, stderr } = await runToExit(...words);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(text);
});

test('template prints the template', async () => {
  expect(await run('template')).toBe(await readTemplate());
});
