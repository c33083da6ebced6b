/** The clients of AWS as the activities have them: no call outlives the activity that waits for it. */
import { createServer } from 'node:net';
import { DescribeLabelingJobCommand } from '@aws-sdk/client-sagemaker';
import { sageMakerClient, standardClients } from '../../activities/clients.ts';
import { CONTROL_MS, STORAGE_MS, timeouts } from '../../aws-timeouts.ts';
import { LOOPBACK } from '../../local/ports.ts';
import { stopAfterTests } from '../support/servers.ts';

/** Takes connections and never answers; `closed` settles when the client gave the first one up. */
const silentServer = async (): Promise<{ endpoint: string; closed: Promise<void> }> => {
  let close = (): void => {};
  const closed = new Promise<void>((resolve) => (close = resolve));
  const server = createServer((socket) => {
    socket.on('error', () => {}).on('close', () => close());
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
  stopAfterTests(() => new Promise((resolve) => server.close(() => resolve())));
  const address = server.address();
  return { endpoint: `http://${LOOPBACK}:${typeof address === 'object' ? address?.port : ''}`, closed };
};

test('a call that is not answered in time fails, and its connection is closed: nothing is carried out later (I3, I5)', async () => {
  const { endpoint, closed } = await silentServer();
  const client = sageMakerClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    ...timeouts(200),
  });
  const call = client.send(new DescribeLabelingJobCommand({ LabelingJobName: 'birds' }));
  await expect(call).rejects.toMatchObject({ name: 'TimeoutError' });
  await closed;
});

test('the worker’s client of SageMaker has such limits; three attempts at a control plane fit into the minute of their activity', async () => {
  const clients = standardClients({ around: (_call, run) => run(), attempted: () => {} });
  const sagemaker = clients.sagemaker('us-east-1');
  // The handler shows what it was given only at its first call, for which credentials are needed.
  const given: unknown = await Reflect.get(sagemaker.config.requestHandler, 'configProvider');
  expect(given).toMatchObject({ connectionTimeout: 5_000, requestTimeout: CONTROL_MS, throwOnRequestTimeout: true });
  expect(await sagemaker.config.maxAttempts()).toBe(3);
  expect(3 * CONTROL_MS).toBeLessThan(60_000);
  expect(STORAGE_MS).toBeGreaterThan(CONTROL_MS);
});
