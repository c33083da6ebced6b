/**
 * The servers that other tests stand on.
 */
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { CreateBucketCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { SEARCH_ATTRIBUTES } from '../../decisions/search-attributes.ts';
import { localAwsConfig } from '../../local/local-clients.ts';
import { LOOPBACK } from '../../local/ports.ts';
import { findTemporalExecutable, startTemporalServer } from '../../local/temporal-server.ts';
import { motoServer, temporalDevServer, timeSkippingServer } from '../support/servers.ts';

test('the dev server knows our search attributes before any worker connects', async () => {
  const { env } = await temporalDevServer();
  const { customAttributes } = await env.connection.operatorService.listSearchAttributes({ namespace: 'default' });
  expect(Object.keys(customAttributes ?? {})).toEqual(expect.arrayContaining(Object.keys(SEARCH_ATTRIBUTES)));
});

test('the time-skipping server skips a month and knows our search attributes', async () => {
  const env = await timeSkippingServer();
  const before = await env.currentTimeMs();
  await env.sleep('30d');
  expect((await env.currentTimeMs()) - before).toBeGreaterThanOrEqual(30 * 86_400_000);

  // Only now: the test server does not skip past a workflow that no worker ever picked up, not even a terminated one.
  const handle = await env.client.workflow.start('nobody', {
    taskQueue: 'nobody',
    workflowId: 'nobody',
    typedSearchAttributes: [
      { key: { name: 'LabelingChain', type: 'KEYWORD' }, value: 'cats' },
      { key: { name: 'LabelingRemaining', type: 'INT' }, value: 3 },
      { key: { name: 'LabelingDeadline', type: 'DATETIME' }, value: new Date(0) },
    ],
  });
  expect((await handle.describe()).typedSearchAttributes.getAll()).toHaveLength(3);
  await handle.terminate();
});

test('the AWS emulator answers the real SDK, and a file asks for it as often as it likes', async () => {
  const { endpoint } = await motoServer();
  const s3 = new S3Client(localAwsConfig(endpoint));
  await s3.send(new CreateBucketCommand({ Bucket: 'labels' }));
  const { Buckets } = await s3.send(new ListBucketsCommand({}));
  expect(Buckets?.map(({ Name }) => Name)).toEqual(['labels']);
  expect((await motoServer()).endpoint).toBe(endpoint);
});

/** Ends the first time, as the server does that finds the port of its Web UI taken: once somebody else listens there. */
const LOSES_A_PORT = `#!/bin/sh
if [ ! -e "$0.lost" ]; then
  while [ "$1" != --ui-port ]; do shift; done
  echo "$2" > "$0.new" && mv "$0.new" "$0.lost"
  while [ ! -e "$0.taken" ]; do sleep 0.1; done
  exit 1
fi
exec "$TEMPORAL" "$@"
`;

/** Listens on the port that a file names, as soon as it is there. */
const takePort = async (executable: string): Promise<Server> => {
  for (;;) {
    const text = await readFile(`${executable}.lost`, 'utf8').catch(() => null);
    if (text !== null) {
      const server = createServer().listen(Number(text), LOOPBACK);
      await once(server, 'listening');
      await writeFile(`${executable}.taken`, '');
      return server;
    }
    await setTimeout(20);
  }
};

test('the dev server that loses the port of its Web UI to somebody else is started on another', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'label-relay-ports-'));
  const executable = join(directory, 'temporal');
  await writeFile(executable, LOSES_A_PORT.replace('$TEMPORAL', await findTemporalExecutable()), { mode: 0o755 });
  const somebodyElse = takePort(executable);
  try {
    const logFile = join(directory, 'temporal.log');
    const server = await startTemporalServer({ executable, logFile, searchAttributes: {} });
    expect((await fetch(server.webUrl)).status).toBe(200);
    await server.stop();
  } finally {
    (await somebodyElse).close();
    await rm(directory, { recursive: true, force: true });
  }
}, 60_000);
