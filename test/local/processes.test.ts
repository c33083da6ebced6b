/**
 * Children of the local stack: ready or explained, clean, and gone with their parent.
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { childEnvironment } from '../../local/child-environment.ts';
import { type ProcessOptions, startProcess } from '../../local/processes.ts';
import { temporaryFolder } from '../support/servers.ts';

let count = 0;

const start = async (script: string, more: Partial<ProcessOptions> = {}) =>
  await startProcess({
    name: 'The child',
    command: '/bin/sh',
    args: ['-c', script],
    logFile: join(await temporaryFolder(), `child-${(count += 1)}.log`),
    readiness: { kind: 'json-line' },
    ...more,
  });

const isGroupAlive = (groupId: number): boolean => {
  try {
    process.kill(-groupId, 0);
    return true;
  } catch {
    return false;
  }
};

const untilGroupIsGone = async (groupId: number): Promise<void> => {
  for (let tries = 0; isGroupAlive(groupId); tries += 1) {
    if (tries > 400) throw new Error(`Process group ${groupId} is still there.`);
    await sleep(50);
  }
};

test('a child is ready with its line, and what it prints before and after goes to the log', async () => {
  const child = await start(`echo hello; echo '{"ready":true}'; echo oops >&2; exec sleep 1000`);
  expect(child.readyLine).toBe('{"ready":true}');
  await child.stop();
  const log = await readFile(child.logFile, 'utf8');
  for (const part of ['hello', '{"ready":true}', 'oops']) expect(log).toContain(part);
});

test('a child that ends before it is ready is explained with the end of its log', async () => {
  await expect(start('echo the cause >&2; exit 3')).rejects.toThrow(
    /The child ended with exit code 3\..*log.*\nthe cause/s,
  );
});

test('a child that panicked is explained with the reason, not with the end of its stack', async () => {
  await expect(start(`{ echo 'panic: no port'; seq 20; } >&2; exit 2`)).rejects.toThrow(
    /ended with exit code 2\..*log.*\npanic: no port\n1\n2\n3\n4$/s,
  );
});

test('a child that does not become ready is stopped', async () => {
  await expect(start('echo $$; exec sleep 1000', { readyTimeoutMs: 200 })).rejects.toThrow(/was not ready after/);
  const log = await readFile(join(await temporaryFolder(), `child-${count}.log`), 'utf8');
  expect(isGroupAlive(Number(log.trim()))).toBe(false);
});

test('a command that does not exist is named', async () => {
  await expect(start('', { command: '/nowhere/program' })).rejects.toThrow(
    /The child could not be started \(\/nowhere\/program\).*ENOENT/,
  );
});

test('a child that ignores SIGTERM is killed after its grace period, with its children', async () => {
  const child = await start(`trap '' TERM; sleep 1000 & echo '{}'; while :; do sleep 1; done`, { graceMs: 200 });
  await child.stop();
  await untilGroupIsGone(child.pid);
  await expect(child.exited).resolves.toEqual({ code: null, signal: 'SIGKILL' });
  await expect(child.stop()).resolves.toBeUndefined();
});

test('nothing of the TEMPORAL_* and AWS_* of the shell reaches a child', async () => {
  const hostile = {
    TEMPORAL_ADDRESS: 'evil:1',
    TEMPORAL_TLS: 'true',
    AWS_PROFILE: 'evil',
    AWS_ENDPOINT_URL: 'evil',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'evil',
  };
  const env = childEnvironment({ AWS_REGION: 'eu-west-1' }, { ...hostile, HOME: '/home/me', NODE_OPTIONS: '--evil' });
  expect(JSON.stringify(env)).not.toContain('evil');
  expect(env).toMatchObject({ HOME: '/home/me', AWS_REGION: 'eu-west-1', AWS_CONFIG_FILE: '/dev/null' });
});

const parentFixture = fileURLToPath(new URL('./parent-fixture.ts', import.meta.url));

test.each(['SIGKILL', 'SIGTERM', 'SIGINT', 'throw'] as const)(
  'children and grandchildren are gone soon after their parent ends by %s',
  async (end) => {
    const parent = spawn(process.execPath, [parentFixture, end, await temporaryFolder()], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: process.env['PATH'] },
    });
    const { value: line } = await createInterface({ input: parent.stdout })[Symbol.asyncIterator]().next();
    const groupId = Number(line);
    expect(groupId).toBeGreaterThan(1);
    if (end !== 'throw') parent.kill(end);
    await untilGroupIsGone(groupId);
  },
);
