/**
 * A worker of the built package's workflows in a process of its own: `node bench/worker-start.ts <folder of the package> <server>
 * <task queue> prebuilt|bundling`. Runs until it is killed.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';

const [folder = '', address = '', taskQueue = '', code] = process.argv.slice(2);
// What a worker loads besides: the activities with their AWS clients.
await import(pathToFileURL(join(folder, 'worker.js')).href);
Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  taskQueue,
  ...(code === 'prebuilt'
    ? { workflowBundle: { codePath: join(folder, 'workflow-bundle.js') } }
    : { workflowsPath: join(folder, 'workflows/index.js') }),
});
await worker.run();
