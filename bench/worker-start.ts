/**
 * A worker of our workflows in a process of its own: `node bench/worker-start.ts <server> <task queue> [<bundle>]`. Without a bundle
 * it bundles at its start. Runs until it is killed.
 */
import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';

const [address = '', taskQueue = '', bundle] = process.argv.slice(2);
// What a worker loads besides: the activities with their AWS clients.
await import('../worker.ts');
Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  taskQueue,
  ...(bundle === undefined
    ? { workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)) }
    : { workflowBundle: { codePath: bundle } }),
});
await worker.run();
