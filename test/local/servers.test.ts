/**
 * The servers that other tests stand on.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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

/** Ends the first time as the server does that lost a port to somebody else. */
const losesAPort = (temporal: string, last: string): string => `#!/bin/sh
if [ ! -e "$0.lost" ]; then
  touch "$0.lost"
  ${last}
fi
exec "${temporal}" "$@"
`;

test.each([
  ['of its Web UI', `echo "Error: can't set UI port $6: listen tcp $4:$6: bind: address already in use"; exit 1`],
  ['of one of its own services', 'echo "panic: failed assigning ephemeral port: failed to assign a free port"; exit 2'],
])(
  'the dev server that loses the port %s to somebody else is started on another',
  async (_, last) => {
    const directory = await mkdtemp(join(tmpdir(), 'label-relay-ports-'));
    const executable = join(directory, 'temporal');
    await writeFile(executable, losesAPort(await findTemporalExecutable(), last), { mode: 0o755 });
    try {
      const logFile = join(directory, 'temporal.log');
      const server = await startTemporalServer({ executable, logFile, searchAttributes: {} });
      expect((await fetch(server.webUrl)).status).toBe(200);
      await server.stop();
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
  60_000,
);

test('the dev server that ends for another reason is started once, and the error has the end of its log', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'label-relay-ports-'));
  const executable = join(directory, 'temporal');
  await writeFile(executable, `#!/bin/sh\necho started >> "$0.starts"\necho "Error: no such flag"; exit 1\n`, {
    mode: 0o755,
  });
  try {
    const logFile = join(directory, 'temporal.log');
    await expect(startTemporalServer({ executable, logFile, searchAttributes: {} })).rejects.toThrow(
      /ended with exit code 1\. The end of its log .*\nError: no such flag$/,
    );
    expect(await readFile(`${executable}.starts`, 'utf8')).toBe('started\n');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 60_000);
