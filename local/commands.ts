/**
 * Runs a short command to its end and keeps what it prints.
 */
import { spawn } from 'node:child_process';
import { registerGroup, unregisterGroup } from './reaper.ts';

/** `code` is null if the command was not found, could not be started, or was ended by a signal. Output holds both streams. */
export type CommandResult = { code: number | null; output: string };

/** Runs a command with exactly this environment and no standard input. Never rejects. It ends with this process. */
export const runCommand = (command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandResult> =>
  new Promise((resolve) => {
    const child = spawn(command, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const groupId = child.pid;
    if (groupId !== undefined) registerGroup(groupId);
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    const finish = (code: number | null) => {
      if (groupId !== undefined) unregisterGroup(groupId);
      resolve({ code, output: Buffer.concat(chunks).toString('utf8') });
    };
    child.once('error', () => finish(null));
    child.once('close', finish);
  });
