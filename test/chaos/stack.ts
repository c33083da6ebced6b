/**
 * The local stack taken apart, so that each piece can be hit: Temporal with a database file, the simulator with its journal, worker
 * and consumer, each a process under a supervisor, on ports that stay; and gates in the way to S3 and to the queue.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../decisions/search-attributes.ts';
import { createAwsResources } from '../../local/aws-resources.ts';
import { LOCAL_ACCOUNT, LOCAL_CREDENTIALS, LOCAL_REGION } from '../../local/child-environment.ts';
import { connectToLocalTemporal } from '../../local/local-clients.ts';
import { startMotoServer } from '../../local/moto-server.ts';
import { findFreePort } from '../../local/ports.ts';
import { startProcess } from '../../local/processes.ts';
import { findTemporalExecutable, startTemporalServer } from '../../local/temporal-server.ts';
import { startGateway, type Gateway } from './gateway.ts';
import { Supervised } from './supervised.ts';

/** Code to run, and the build id under which its worker polls; without one it polls unversioned. */
export type Build = { root: string; buildId: string | null };

const DEPLOYMENT = 'label-relay';

export type ChaosStackOptions = {
  /** For the database, the journal and the logs. */
  dir: string;
  build: Build;
  seed: number;
  /** What is done by hand or by a supervisor, in one line each. */
  say: (line: string) => void;
};

export type ChaosStack = {
  client: Client;
  facts: {
    temporalAddress: string;
    sagemakerEndpoint: string;
    /** Past the gates. */
    awsEndpoint: string;
    bucket: string;
    queueUrl: string;
    deadLetterQueueUrl: string;
  };
  processes: { temporal: Supervised; simulator: Supervised; worker: Supervised; consumer: Supervised };
  gates: { s3: Gateway; queue: Gateway };
  /** A further worker of another build beside the present one; {@link takeOver} makes it the one that `processes` names. */
  startWorker: (build: Build) => Promise<Supervised>;
  /** Sends new workflow tasks to a build: to some of the workflows, or to all. */
  routeTo: (buildId: string, percentage: number) => Promise<void>;
  takeOver: (worker: Supervised) => void;
  stop: () => Promise<void>;
};

/** What the person and the judge of a run need of a stack, whatever it is made of. */
export type StackUnderTest = Pick<ChaosStack, 'client' | 'facts'>;

/** `http://host:port/account/name` of a queue, by another way. */
const through = (endpoint: string, queueUrl: string): string => `${endpoint}${new URL(queueUrl).pathname}`;

/** The server learns of a build by its worker's polls, and it may be away. */
const ROUTE_TRIES = 240;
const ROUTE_EVERY_MS = 500;

const route = async (connection: Connection, buildId: string, percentage: number): Promise<void> => {
  const version = { namespace: 'default', deploymentName: DEPLOYMENT, buildId, ignoreMissingTaskQueues: true };
  for (let tries = 1; ; tries += 1) {
    try {
      if (percentage >= 100) await connection.workflowService.setWorkerDeploymentCurrentVersion(version);
      else await connection.workflowService.setWorkerDeploymentRampingVersion({ ...version, percentage });
      return;
    } catch (thrown) {
      if (tries === ROUTE_TRIES) throw thrown;
      await sleep(ROUTE_EVERY_MS);
    }
  }
};

/** Starts everything; nothing of it is left if that fails. */
export const startChaosStack = async ({ dir, build, seed, say }: ChaosStackOptions): Promise<ChaosStack> => {
  await mkdir(dir, { recursive: true });
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).toReversed()) await one().catch((thrown: unknown) => say(String(thrown)));
  };
  const supervise = (...given: ConstructorParameters<typeof Supervised>): Supervised => {
    const supervised = new Supervised(...given);
    stops.push(() => supervised.down());
    return supervised;
  };
  try {
    const executable = await findTemporalExecutable();
    const moto = await startMotoServer({ logFile: join(dir, 'moto.log') });
    stops.push(moto.stop);
    const resources = await createAwsResources(moto.endpoint);
    const gates = { s3: await startGateway(moto.endpoint), queue: await startGateway(moto.endpoint) };
    stops.push(gates.s3.close, gates.queue.close);

    const [port, uiPort, simulatorPort] = [await findFreePort(), await findFreePort(), await findFreePort()];
    const temporalAddress = `127.0.0.1:${port}`;
    const startTemporal = () =>
      startTemporalServer({
        executable,
        port,
        uiPort,
        databaseFile: join(dir, 'temporal.db'),
        logFile: join(dir, 'temporal.log'),
        searchAttributes: SEARCH_ATTRIBUTES,
      });
    const temporal = supervise('temporal', startTemporal, say);
    await temporal.up(false);

    const place = ['--account', LOCAL_ACCOUNT, '--region', LOCAL_REGION];
    const endpoints = ['--s3-endpoint', moto.endpoint, '--events-endpoint', moto.endpoint];
    const behaviour = ['--seed', String(seed), '--clock', 'real', '--state', join(dir, 'simulator-state.json')];
    const startSimulator = () =>
      startProcess({
        name: 'The SageMaker simulator',
        command: process.execPath,
        args: [
          join(build.root, 'simulator/main.ts'),
          '--port',
          String(simulatorPort),
          ...endpoints,
          ...place,
          ...behaviour,
        ],
        logFile: join(dir, 'simulator.log'),
        readiness: { kind: 'json-line' },
      });
    const simulator = supervise('simulator', startSimulator, say);
    await simulator.up(false);

    const sagemakerEndpoint = `http://127.0.0.1:${simulatorPort}`;
    const env = {
      TEMPORAL_ADDRESS: temporalAddress,
      TEMPORAL_NAMESPACE: 'default',
      AWS_REGION: LOCAL_REGION,
      AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
      AWS_ENDPOINT_URL: moto.endpoint,
      AWS_ENDPOINT_URL_S3: gates.s3.endpoint,
      AWS_ENDPOINT_URL_SQS: gates.queue.endpoint,
      AWS_ENDPOINT_URL_SAGEMAKER: sagemakerEndpoint,
      LABEL_RELAY_QUEUE_URL: through(gates.queue.endpoint, resources.queueUrl),
      LABEL_RELAY_WORKER_EVENTS: 'off',
      LABEL_RELAY_POLL_SECONDS: '1',
      LABEL_RELAY_TMPDIR: dir,
    };
    const startRole =
      (only: string, { root, buildId }: Build, logFile: string) =>
      () =>
        startProcess({
          name: `label-relay worker --only ${only}`,
          command: process.execPath,
          args: [join(root, 'cli.ts'), 'worker', '--only', only],
          env:
            buildId === null
              ? env
              : { ...env, TEMPORAL_DEPLOYMENT_NAME: DEPLOYMENT, TEMPORAL_WORKER_BUILD_ID: buildId },
          logFile: join(dir, logFile),
          readiness: { kind: 'json-line' },
          graceMs: 5_000,
        });
    const workerOf = (of: Build): Supervised =>
      supervise(`worker ${of.buildId ?? ''}`.trim(), startRole('workflows,activities', of, 'worker.log'), say);
    const worker = workerOf(build);
    const consumer = supervise('consumer', startRole('events', { ...build, buildId: null }, 'consumer.log'), say);
    await Promise.all([worker.up(false), consumer.up(false)]);

    const connection = await connectToLocalTemporal(temporalAddress);
    stops.push(() => connection.close());
    const processes = { temporal, simulator, worker, consumer };
    return {
      client: new Client({ connection, namespace: 'default' }),
      facts: {
        temporalAddress,
        sagemakerEndpoint,
        awsEndpoint: moto.endpoint,
        bucket: resources.bucket,
        queueUrl: resources.queueUrl,
        deadLetterQueueUrl: resources.deadLetterQueueUrl,
      },
      processes,
      gates,
      startWorker: async (of) => {
        const further = workerOf(of);
        await further.up();
        return further;
      },
      routeTo: (buildId, percentage) => route(connection, buildId, percentage),
      takeOver: (further) => {
        processes.worker = further;
      },
      stop,
    };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
};
