/**
 * The servers that other tests stand on.
 */
import { CreateBucketCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { SEARCH_ATTRIBUTES } from '../../decisions/search-attributes.ts';
import { localAwsConfig } from '../../local/local-clients.ts';
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
