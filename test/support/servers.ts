/**
 * Real servers for tests. Each is started when a test file first asks for it, shared by that file's tests, and
 * stopped after the last of them.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { INDEXED_VALUE_TYPES, SEARCH_ATTRIBUTES } from '../../decisions/search-attributes.ts';
import { type MotoServer, startMotoServer } from '../../local/moto-server.ts';
import { ensurePythonEnvironment } from '../../local/python-environment.ts';
import { type TemporalServer, startTemporalServer } from '../../local/temporal-server.ts';

const stops: (() => Promise<void>)[] = [];

afterAll(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
}, 60_000);

/**
 * Has something stopped after the file's last test and before the servers that it was started after. A Worker must go
 * this way: a test file's own `afterAll` runs after the one here, when its server is gone.
 */
export const stopAfterTests = (stop: () => Promise<void>): void => {
  stops.push(stop);
};

/** Makes a function that does its work once, whoever calls it first. */
const once = <T>(start: () => Promise<T>): (() => Promise<T>) => {
  let started: Promise<T> | null = null;
  return () => (started ??= start());
};

/** A folder for this test file's logs and databases; removed after its last test. */
export const temporaryFolder = once(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'label-relay-test-'));
  stopAfterTests(() => rm(folder, { recursive: true, force: true }));
  return folder;
});

/** A dev server with our search attributes, and the SDK's view of it (`env.client`, `env.nativeConnection`). */
export type DevServer = { server: TemporalServer; env: TestWorkflowEnvironment };

/** A real Temporal server, at real speed unless a test fast-forwards a workflow. */
export const temporalDevServer = once(async (): Promise<DevServer> => {
  const logFile = join(await temporaryFolder(), 'temporal.log');
  const server = await startTemporalServer({ logFile, searchAttributes: SEARCH_ATTRIBUTES });
  stopAfterTests(server.stop);
  const env = await TestWorkflowEnvironment.createFromExistingServer({ address: server.address });
  stopAfterTests(() => env.teardown());
  return { server, env };
});

/** Temporal's test server: months of timers in milliseconds, on one clock for all workflows. Our search attributes are registered. */
export const timeSkippingServer = once(async (): Promise<TestWorkflowEnvironment> => {
  const { bin } = await ensurePythonEnvironment('stack');
  const env = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: join(bin, 'temporal-test-server') } },
  });
  stopAfterTests(() => env.teardown());
  const searchAttributes = Object.fromEntries(
    Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => [name, INDEXED_VALUE_TYPES[type]]),
  );
  await env.connection.operatorService.addSearchAttributes({ namespace: 'default', searchAttributes });
  return env;
});

/** The AWS emulator, empty. */
export const motoServer = once(async (): Promise<MotoServer> => {
  const server = await startMotoServer({ logFile: join(await temporaryFolder(), 'moto.log') });
  stopAfterTests(server.stop);
  return server;
});
