/**
 * The servers that other tests stand on.
 */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { SEARCH_ATTRIBUTES } from '../../decisions/search-attributes.ts';
import { localAwsConfig } from '../../local/local-clients.ts';
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

/** Ends at once the first time, as the server does that finds the port of its Web UI taken; somebody else listens there then. */
const PORT_IS_LOST = `#!/bin/sh
if [ ! -e "$0.lost" ]; then
  touch "$0.lost"
  while [ "$1" != --ui-port ]; do shift; done
  "${process.execPath}" -e "require('net').createServer().listen($2, '127.0.0.1', () => require('fs').writeFileSync('$0.listens', '')); setTimeout(process.exit, 20000)" >/dev/null 2>&1 &
  while [ ! -e "$0.listens" ]; do sleep 0.1; done
  exit 1
fi
exec "$TEMPORAL" "$@"
`;

test('the dev server that loses the port of its Web UI to somebody else is started on another', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'label-relay-ports-'));
  const executable = join(directory, 'temporal');
  await writeFile(executable, PORT_IS_LOST.replace('$TEMPORAL', await findTemporalExecutable()));
  await chmod(executable, 0o755);
  try {
    const server = await startTemporalServer({
      executable,
      logFile: join(directory, 'temporal.log'),
      searchAttributes: {},
    });
    expect((await fetch(server.webUrl)).status).toBe(200);
    await server.stop();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 60_000);
