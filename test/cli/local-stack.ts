/** One `label-relay local --json` for a test file, and commands run on it as a user runs them. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { runCli, spawnCli, type CliResult } from '../end-to-end/run-cli.ts';

const factsSchema = z.object({
  webUrl: z.url(),
  awsEndpoint: z.url(),
  sagemakerEndpoint: z.url(),
  bucket: z.string(),
  region: z.string(),
  env: z.record(z.string(), z.string()),
});

export type LocalStack = {
  facts: z.infer<typeof factsSchema>;
  /** For this file's specs and reports. */
  folder: string;
  /** Runs a command with the variables that `local` printed. */
  run: (args: readonly string[], stdin?: string) => Promise<CliResult>;
  /** What `local` wrote to stderr so far. */
  said: () => string;
  /** Gives the simulator a script for the jobs created from now on. */
  script: (jobs: readonly unknown[]) => Promise<void>;
  stop: () => Promise<void>;
};

export const startLocalStack = async (): Promise<LocalStack> => {
  const folder = await mkdtemp(join(tmpdir(), 'label-relay-test-'));
  const stack = spawnCli(['local', '--json']);
  let problems = '';
  stack.stderr.on('data', (chunk: Buffer) => (problems += chunk.toString()));
  const lines = createInterface({ input: stack.stdout });
  const line = await Promise.race([
    once(lines, 'line').then(([first]) => String(first)),
    once(stack, 'close').then(() => Promise.reject(new Error(`the stack ended before it was ready: ${problems}`))),
  ]);
  const facts = factsSchema.parse(JSON.parse(line));
  return {
    facts,
    folder,
    run: (args, stdin) => runCli(args, facts.env, stdin),
    said: () => problems,
    script: async (jobs) => {
      const url = `${facts.sagemakerEndpoint}/_simulator/script`;
      const response = await fetch(url, { method: 'PUT', body: JSON.stringify({ jobs }) });
      if (!response.ok) throw new Error(await response.text());
    },
    stop: async () => {
      stack.kill('SIGINT');
      if (stack.exitCode === null) await once(stack, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
};
