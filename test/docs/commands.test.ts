/**
 * Every command in the documentation is run, in the order of its page, on a local stack of the page's own; what cannot be run here
 * (an account, a foreground process) is held against the command's help.
 */
import { spawn } from 'node:child_process';
import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { startLocalStack } from '../cli/local-stack.ts';
import { cleanEnvironment, runCli } from '../end-to-end/run-cli.ts';
import { pages, root, type Block } from './pages.ts';

const all = await pages();

/** `label-relay`, also as the repository's npm script, without installing anything. */
const prelude = (cli: string): string => `set -euo pipefail
label-relay() { "${process.execPath}" "${cli}" "$@"; }
npm() {
  [[ "$1" == run ]]; shift
  [[ "$1" != --silent ]] || shift
  [[ "$1 $2" == 'label-relay --' ]]; shift 2
  "${process.execPath}" "${cli}" "$@"
}
`;

const bash = (script: string, cwd: string, env: Record<string, string>) =>
  new Promise<{ code: number | null; output: string }>((resolve) => {
    const child = spawn('bash', ['-c', script], { cwd, env: cleanEnvironment(env), stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('close', (code) => resolve({ code, output }));
  });

const runnable = all
  .map(({ path, blocks }) => ({ path, blocks: blocks.filter(({ notRun }) => notRun === null) }))
  .filter(({ blocks }) => blocks.length > 0);

test.each(runnable)(
  'the commands of $path run, one after another',
  async ({ path, blocks }) => {
    const stack = await startLocalStack();
    try {
      await symlink(join(root, 'examples'), join(stack.folder, 'examples'));
      for (const { line, text } of blocks) {
        const { code, output } = await bash(`${prelude(join(root, 'cli.ts'))}${text}`, stack.folder, stack.facts.env);
        expect({ at: `${path}:${line}`, code, output: code === 0 ? '' : output }).toEqual({
          at: `${path}:${line}`,
          code: 0,
          output: '',
        });
      }
    } finally {
      await stack.stop();
    }
  },
  240_000,
);

type Named = { at: string; words: string[]; options: string[] };

/** The commands of ours in a block: leading words, and the options that it gives. */
const commandsIn = (path: string, { line, text }: Block): Named[] =>
  text
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .flatMap((command, offset) => {
      const [, rest] = /^\s*(?:[A-Z_]+=\S+ )*(?:npm run )?label-relay (?:-- )?([^#|]*)/.exec(command) ?? [];
      if (rest === undefined) return [];
      const tokens = rest.trim().split(/\s+/);
      const end = tokens.findIndex((token) => !/^[a-z]+$/.test(token));
      return [
        {
          at: `${path}:${line + offset + 1}`,
          words: end === -1 ? tokens : tokens.slice(0, end),
          options: tokens.filter((token) => /^--[a-z]/.test(token)).map((token) => token.split('=')[0] ?? token),
        },
      ];
    });

test('commands that are not run here exist, with their options', async () => {
  const named = all.flatMap(({ path, blocks }) =>
    blocks.filter(({ notRun }) => notRun !== null).flatMap((block) => commandsIn(path, block)),
  );
  expect(named.length).toBeGreaterThan(5);
  const wrong: string[] = [];
  for (const { at, words, options } of named) {
    // The last words may be arguments: the longest that is a command counts.
    let help = '';
    for (let length = words.length; length > 0 && help === ''; length -= 1) {
      const { code, stdout } = await runCli([...words.slice(0, length), '--help']);
      if (code === 0 && stdout.startsWith(`Usage: label-relay ${words.slice(0, length).join(' ')}`)) help = stdout;
    }
    if (help === '') wrong.push(`${at}: no command ${words.join(' ')}`);
    for (const option of options) if (!help.includes(option)) wrong.push(`${at}: ${words.join(' ')} has no ${option}`);
  }
  expect(wrong).toEqual([]);
}, 60_000);

test('every script that the documentation names is a script of package.json', async () => {
  const { scripts } = z
    .object({ scripts: z.record(z.string(), z.string()) })
    .parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
  const named = all.flatMap(({ path, text }) =>
    [...text.matchAll(/npm run ([a-z][a-z-]*)/g)].map(([, name = '']) => ({ path, name })),
  );
  expect(named.map(({ name }) => name)).toEqual(expect.arrayContaining(['demo', 'bursts', 'chaos', 'bench']));
  expect(named.filter(({ name }) => !(name in scripts))).toEqual([]);
});
