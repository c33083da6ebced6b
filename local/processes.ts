/**
 * Starts, watches and stops the child processes of the local stack. Each child leads a process group of its own: a
 * Ctrl-C in the terminal reaches only us, and stopping reaches the child's children too. What happens to the children
 * when this process dies is in reaper.ts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OperationError, messageOf } from '../errors.ts';
import { childEnvironment } from './child-environment.ts';
import { registerGroup, unregisterGroup } from './reaper.ts';

/** How a child ended: exactly one of the two is set, both are null if it never started. */
export type ProcessExit = { code: number | null; signal: NodeJS.Signals | null };

/** When a child is ready. */
export type Readiness =
  /** A check that is repeated every 50 ms until it returns true; a rejection counts as not yet. */
  | { kind: 'check'; check: () => Promise<boolean> }
  /** The first line on its standard output that begins with `{`. */
  | { kind: 'json-line' };

/** What to start. */
export type ProcessOptions = {
  /** What a person calls it, in errors: `the Temporal dev server`. */
  name: string;
  command: string;
  args: readonly string[];
  /** Beyond the bare minimum of {@link childEnvironment}. */
  env?: Readonly<Record<string, string>>;
  /** Gets everything that the child prints, appended. */
  logFile: string;
  readiness: Readiness;
  /** How long it may take to become ready. */
  readyTimeoutMs?: number;
  /** How long it may take to end after SIGTERM before it is killed. */
  graceMs?: number;
};

/** A child process that is ready. */
export type RunningProcess = {
  name: string;
  pid: number;
  logFile: string;
  /** The line that made it ready, with `json-line`; else empty. */
  readyLine: string;
  /** Resolves when the child has ended, however it came; never rejects. */
  exited: Promise<ProcessExit>;
  /** Ends the child and its children: SIGTERM, then SIGKILL after the grace period. Resolves when it is gone; may be called again. */
  stop: () => Promise<void>;
};

const signalGroup = (groupId: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    process.kill(-groupId, signal);
    return true;
  } catch {
    return false;
  }
};

const watchExit = (child: ChildProcess): Promise<ProcessExit> =>
  new Promise((resolve) => {
    child.once('error', () => resolve({ code: null, signal: null }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });

/** Reads standard output up to the first line that begins with `{`; the rest flows on unread into the log. */
const firstJsonLine = (child: ChildProcess, onOutput: (chunk: Buffer) => void): Promise<string> =>
  new Promise((resolve) => {
    let buffered: string | null = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      onOutput(chunk);
      if (buffered === null) return;
      buffered += chunk.toString('utf8');
      const lines = buffered.split('\n');
      const line = lines.slice(0, -1).find((each) => each.startsWith('{'));
      if (line === undefined) return;
      buffered = null;
      resolve(line);
    });
  });

const untilTrue = async (check: () => Promise<boolean>, signal: AbortSignal): Promise<string> => {
  while (!signal.aborted) {
    if (await check().catch(() => false)) return '';
    await sleep(50);
  }
  return '';
};

/** The last lines of a log, for an error message; of a Go program that panicked, the lines that say why. */
export const tailOfLog = async (logFile: string, lines = 5): Promise<string> => {
  const all = (await readFile(logFile, 'utf8').catch(() => '')).trimEnd().split('\n');
  const panic = all.findLastIndex((line) => line.startsWith('panic: '));
  const first = panic === -1 ? all.length - lines : panic;
  return all.slice(Math.max(0, first)).slice(0, lines).join('\n');
};

const describeExit = ({ code, signal }: ProcessExit): string =>
  signal !== null ? `was ended by ${signal}` : code !== null ? `ended with exit code ${code}` : 'could not be started';

/**
 * Starts a child and waits until it is ready.
 * @throws OperationError if it ends or does not become ready in time; the child is then gone, and the message has the end of its log.
 */
export const startProcess = async ({
  name,
  command,
  args,
  env,
  logFile,
  readiness,
  readyTimeoutMs = 60_000,
  graceMs = 10_000,
}: ProcessOptions): Promise<RunningProcess> => {
  await mkdir(dirname(logFile), { recursive: true });
  const log = await open(logFile, 'a');
  const pipesOutput = readiness.kind === 'json-line';
  const child = spawn(command, args, {
    detached: true,
    env: childEnvironment(env),
    stdio: ['ignore', pipesOutput ? 'pipe' : log.fd, log.fd],
  });
  const exited = watchExit(child);
  const groupId = child.pid;
  if (groupId === undefined) {
    const problem = await new Promise<Error>((resolve) => child.once('error', resolve));
    await log.close();
    throw new OperationError(`${name} could not be started (${command}): ${messageOf(problem)}.`);
  }
  registerGroup(groupId);
  let logs = Promise.resolve();
  const append = (chunk: Buffer) => {
    logs = logs.then(() => log.appendFile(chunk)).catch(() => undefined);
  };
  void exited.then(async () => {
    // A grandchild may outlive the child; the group stays registered as long as anybody is in it.
    if (!signalGroup(groupId, 0)) unregisterGroup(groupId);
    await logs;
    await log.close().catch(() => undefined);
  });

  const stop = async (): Promise<void> => {
    signalGroup(groupId, 'SIGTERM');
    const patience = new AbortController();
    await Promise.race([exited, sleep(graceMs, undefined, { signal: patience.signal }).catch(() => undefined)]);
    patience.abort();
    signalGroup(groupId, 'SIGKILL');
    await exited;
    unregisterGroup(groupId);
  };

  const watch = new AbortController();
  const ready =
    readiness.kind === 'json-line' ? firstJsonLine(child, append) : untilTrue(readiness.check, watch.signal);
  const first = await Promise.race([
    ready.then((readyLine) => ({ kind: 'ready' as const, readyLine })),
    exited.then((exit) => ({ kind: 'exited' as const, exit })),
    sleep(readyTimeoutMs, { kind: 'late' as const }, { signal: watch.signal, ref: true }),
  ]).finally(() => watch.abort());
  if (first.kind === 'ready') return { name, pid: groupId, logFile, readyLine: first.readyLine, exited, stop };

  await stop();
  await logs;
  const what =
    first.kind === 'exited' ? describeExit(first.exit) : `was not ready after ${Math.round(readyTimeoutMs / 1000)} s`;
  const tail = await tailOfLog(logFile);
  throw new OperationError(`${name} ${what}. The end of its log (${logFile}):\n${tail || '(empty)'}`);
};
