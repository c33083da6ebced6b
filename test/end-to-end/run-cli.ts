/** Runs the command line as a process of its own, as a user does. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const cliPath = fileURLToPath(new URL('../../cli.ts', import.meta.url));

export type CliResult = { code: number | null; stdout: string; stderr: string };

/** The environment of the test run without Temporal, AWS and OpenTelemetry, with `env` on top. */
export const cleanEnvironment = (env: Record<string, string> = {}): Record<string, string> => {
  const kept = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(TEMPORAL_|AWS_|OTEL_|LABEL_RELAY_(?!CACHE)|NODE_OPTIONS)/.test(entry[0]),
  );
  return { ...Object.fromEntries(kept), ...env };
};

export const spawnCli = (args: readonly string[], env: Record<string, string> = {}) =>
  spawn(process.execPath, [cliPath, ...args], { env: cleanEnvironment(env), stdio: ['pipe', 'pipe', 'pipe'] });

export const runCli = (args: readonly string[], env: Record<string, string> = {}, stdin = ''): Promise<CliResult> =>
  new Promise((resolve, reject) => {
    const child = spawnCli(args, env);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin.end(stdin);
  });
