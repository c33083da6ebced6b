/** Every command of the command line says what it does. */
import { runCli } from '../end-to-end/run-cli.ts';

const help = async (...command: string[]): Promise<string> => {
  const { code, stdout, stderr } = await runCli([...command, '--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
};

const commandsIn = (text: string): string[] =>
  [...(text.split('\nCommands:\n')[1]?.split('\n\n')[0] ?? '').matchAll(/^ {2}([a-z][a-z-]*)/gm)]
    .map(([, name]) => name ?? '')
    .filter((name) => name !== 'help');

/** Every command that has no commands of its own, by its words. */
const leaves = async (command: string[] = []): Promise<string[][]> => {
  const below = commandsIn(await help(...command));
  const deeper = await Promise.all(below.map((name) => leaves([...command, name])));
  // `local` runs by itself and has `advance` below it.
  return below.length === 0 ? [command] : [...(command.at(-1) === 'local' ? [command] : []), ...deeper.flat()];
};

test('the commands of the design are there', async () => {
  const text = await help();
  expect(commandsIn(text)).toEqual(
    expect.arrayContaining(
      'demo local worker start show watch stop resume amend report list events setup doctor aws'.split(' '),
    ),
  );
  expect(text).toMatch(/Exit codes: 0 done.*1 failed.*2 bad input.*3 a\s+person is asked/s);
});

test('each command has help with a sentence, its options, and an example or no arguments', async () => {
  const commands = await leaves();
  expect(commands.length).toBeGreaterThanOrEqual(20);
  const wanting: string[] = [];
  for (const command of commands) {
    const text = await help(...command);
    expect(text).toMatch(new RegExp(`^Usage: label-relay ${command.join(' ')}`));
    expect(text.split('\n\n')[1]?.length).toBeGreaterThan(10);
    const takesArguments = text.split('\n')[0]?.includes('<') === true;
    if (takesArguments && !text.includes('$ label-relay ')) wanting.push(command.join(' '));
  }
  expect(wanting).toEqual([]);
}, 120_000);

test('help is read on 80 columns', async () => {
  const wide: string[] = [];
  for (const command of [[], ...(await leaves())]) {
    const lines = (await help(...command)).split('\n').filter((line) => line.length > 80 && !line.includes('arn:aws:'));
    wide.push(...lines);
  }
  expect(wide).toEqual([]);
}, 120_000);

test('no command and an unknown one exit 2', async () => {
  expect(await runCli([])).toMatchObject({ code: 2 });
  expect(await runCli(['nonsense'])).toMatchObject({ code: 2, stdout: '' });
});
