import { randomUUID } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { labelingJobWorkflowId } from '../../decisions/names.ts';
import { deliver, type Delivery } from '../../events/deliver.ts';
import { findFreePort } from '../../local/ports.ts';
import { startProcess } from '../../local/processes.ts';
import { findTemporalExecutable } from '../../local/temporal-server.ts';
import { stateChange } from '../../workflows/messages.ts';
import { LOCAL_ACCOUNT, LOCAL_REGION } from '../../local/child-environment.ts';
import { temporalDevServer, temporaryFolder } from '../support/servers.ts';
import { openWorkflow } from './queue-stack.ts';

/* The worker's process signals over the native connection, the command line over the pure one: both must give the same words. */

const place = (jobName: string) => ({ account: LOCAL_ACCOUNT, region: LOCAL_REGION, jobName });
const message = { status: 'Completed', eventId: 'e' };

describe.each(['native', 'pure'] as const)('over the %s connection', (kind) => {
  const clientFor = async (namespace = 'default'): Promise<Client> => {
    const { env } = await temporalDevServer();
    return new Client({ connection: kind === 'native' ? env.nativeConnection : env.connection, namespace });
  };
  const kindOf = async (client: Client, jobName: string): Promise<Delivery> =>
    deliver(client, place(jobName), stateChange, message);

  test('an open workflow gets the signal, a closed one and an absent one are told apart', async () => {
    const client = await clientFor();
    const job = `birds-${randomUUID().slice(0, 8)}`;
    expect(await kindOf(client, job)).toEqual({ kind: 'nobody-follows' });
    const { handle, statuses } = await openWorkflow(job);
    expect(await kindOf(client, job)).toEqual({ kind: 'delivered' });
    expect(await statuses()).toEqual(['Completed']);
    await handle.terminate('closed by the test');
    expect(await kindOf(client, job)).toEqual({ kind: 'closed' });
  });

  test('a namespace that is not there is an outage, not a workflow that nobody started', async () => {
    expect(await kindOf(await clientFor('no-such-namespace'), 'a')).toMatchObject({ kind: 'outage' });
  });
});

test('a server that went away is an outage', async () => {
  const { env } = await temporalDevServer();
  const [host = '', port = ''] = env.address.split(':');
  const proxyPort = await findFreePort();
  const sockets = new Set<Socket>();
  const proxy = createServer((near) => {
    const far = connect(Number(port), host);
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}));
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => proxy.listen(proxyPort, '127.0.0.1', resolve));
  const connection = await NativeConnection.connect({ address: `127.0.0.1:${proxyPort}` });
  const client = new Client({ connection });
  expect(await deliver(client, place('a'), stateChange, message)).toEqual({ kind: 'nobody-follows' });
  proxy.close();
  for (const socket of sockets) socket.destroy();
  expect(await deliver(client, place('a'), stateChange, message)).toMatchObject({ kind: 'outage' });
  await connection.close();
});

test('a run that has taken all the signals that the server allows is told by its own word, over both connections', async () => {
  const [port, uiPort] = [await findFreePort(), await findFreePort()];
  const address = `127.0.0.1:${port}`;
  const server = await startProcess({
    name: 'A Temporal server that allows one signal',
    command: await findTemporalExecutable(),
    args: ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort)].concat([
      '--log-level',
      'warn',
      '--dynamic-config-value',
      'history.maximumSignalsPerExecution=1',
    ]),
    logFile: join(await temporaryFolder(), 'one-signal.log'),
    readiness: {
      kind: 'check',
      check: async () => {
        const connection = await Connection.connect({ address, connectTimeout: 2_000 });
        try {
          await connection.workflowService.describeNamespace({ namespace: 'default' });
          return true;
        } finally {
          await connection.close();
        }
      },
    },
  });
  const [pure, native] = [await Connection.connect({ address }), await NativeConnection.connect({ address })];
  try {
    const clients = [pure, native].map((connection) => new Client({ connection }));
    const workflowId = labelingJobWorkflowId(place('a'));
    await clients[0]?.workflow.start('labelingJob', { workflowId, taskQueue: 'nobody-polls', args: [] });
    const deliveries: Delivery[] = [];
    for (const client of [...clients, ...clients])
      deliveries.push(await deliver(client, place('a'), stateChange, message));
    expect(deliveries.map(({ kind }) => kind)).toEqual(['delivered', 'signal-limit', 'signal-limit', 'signal-limit']);
  } finally {
    await pure.close();
    await native.close();
    await server.stop();
  }
});
