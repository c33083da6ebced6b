/** What a terminal gets and a file does not: colours, and a view that redraws itself. */
import { access } from 'node:fs/promises';
import { onTerminal } from './pseudo-terminal.ts';
import { startLocalStack, type LocalStack } from './local-stack.ts';

let stack: LocalStack;
beforeAll(async () => {
  stack = await startLocalStack();
  await stack.run(['start', 'examples/text-classification.json']);
}, 180_000);
afterAll(() => stack.stop(), 60_000);

const COLOR = new RegExp(String.raw`\u001B\[(?:1|2|3\d|9\d)m`);

test('a terminal gets colours, and with NO_COLOR none: neither the table nor what shows that one waits', async () => {
  const shown = await onTerminal(['show', 'example-texts'], stack.facts.env);
  expect(shown).toEqual({ code: 0, drawn: expect.stringMatching(COLOR) });
  for (const args of [
    ['show', 'example-texts'],
    ['local', 'advance', '90s'],
  ]) {
    const plain = await onTerminal(args, { ...stack.facts.env, NO_COLOR: '1' });
    expect(plain).toEqual({ code: 0, drawn: expect.not.stringMatching(COLOR) });
  }
}, 60_000);

test('Ctrl-C on a terminal ends watching with 130, says that the chain goes on, and gives the cursor back', async () => {
  const { code, drawn } = await onTerminal(['watch', 'example-texts'], stack.facts.env, {
    interruptAfter: 'last changes',
  });
  expect(drawn).toMatch(/example-texts goes on; only the watching has ended/);
  expect(drawn.lastIndexOf('\u001B[?25h')).toBeGreaterThan(drawn.lastIndexOf('\u001B[?25l'));
  expect(code).toBe(130);
}, 60_000);

test.each([
  ['a terminal', 100],
  ['a terminal that does not say how wide it is', 0],
])(
  'Ctrl-C on %s ends a local stack in good order: exit code 0, and its folder is gone',
  async (_title, columns) => {
    const { code, drawn } = await onTerminal(['local'], {}, { columns, interruptAfter: 'Ctrl-C ends it.' });
    expect({ code, drawn }).toEqual({ code: 0, drawn: expect.stringMatching(/export TEMPORAL_ADDRESS=/) });
    const [, folder = ''] = /Logs: (\S+)/.exec(drawn) ?? [];
    await expect(access(folder)).rejects.toThrow('ENOENT');
  },
  120_000,
);

test('a file gets no colours, whatever the terminal of its writer is called', async () => {
  const { code, stderr } = await stack.run(['local', 'advance', '90s']);
  expect(code).toBe(0);
  expect(stderr).toMatch(/^It is 2/m);
  expect(stderr).not.toMatch(COLOR);
  expect(stack.said()).toMatch(/^The local stack is up/m);
  expect(stack.said()).not.toMatch(COLOR);
}, 60_000);
