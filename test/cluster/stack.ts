/**
 * label-relay on a real cluster: the AWS emulator, the simulator, two workers and two consumers, each a process of its own under a
 * supervisor, with everything given to them by environment variables.
 */
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { createAwsResources, type AwsResources } from '../../local/aws-resources.ts';
import { LOCAL_ACCOUNT, LOCAL_CREDENTIALS, LOCAL_REGION } from '../../local/child-environment.ts';
import { connectToLocalTemporal } from '../../local/local-clients.ts';
import { startMotoServer } from '../../local/moto-server.ts';
import { findFreePort } from '../../local/ports.ts';
import { startProcess } from '../../local/processes.ts';
import type { StackFacts } from '../../local/stack.ts';
import type { StackUnderTest } from '../chaos/stack.ts';
import { Supervised } from '../chaos/supervised.ts';
import { insist } from './postgresql.ts';
import type { TemporalCluster } from './temporal-cluster.ts';

/** Our processes that take work, each of them twice. */
export const OUR_PROCESSES = ['worker-1', 'worker-2', 'consumer-1', 'consumer-2'] as const;
export type OurProcess = (typeof OUR_PROCESSES)[number];

export type ClusterStackOptions = {
  cluster: TemporalCluster;
  /** The code to run. */
  root: string;
  /** For logs and the simulator's journal. */
  dir: string;
  seed: number;
  clock: 'real' | 'stopped';
  /** Which of them to start. */
  processes: readonly OurProcess[];
  say: (line: string) => void;
};

export type ClusterStack = StackUnderTest & {
  processes: Map<OurProcess, Supervised>;
  /** What the parts of the benchmark need of a local stack. */
  benchFacts: StackFacts;
  stop: () => Promise<void>;
};

const environmentOf = (
  cluster: TemporalCluster,
  awsEndpoint: string,
  sagemakerEndpoint: string,
  { queueUrl }: AwsResources,
  dir: string,
): Record<string, string> => ({
  TEMPORAL_ADDRESS: cluster.address,
  TEMPORAL_NAMESPACE: cluster.namespace,
  AWS_REGION: LOCAL_REGION,
  AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
  AWS_ENDPOINT_URL: awsEndpoint,
  AWS_ENDPOINT_URL_SAGEMAKER: sagemakerEndpoint,
  LABEL_RELAY_QUEUE_URL: queueUrl,
  LABEL_RELAY_WORKER_EVENTS: 'off',
  LABEL_RELAY_POLL_SECONDS: '1',
  LABEL_RELAY_TMPDIR: dir,
});

/** Starts our side on a cluster; nothing of it is left if that fails. */
export const startClusterStack = async (options: ClusterStackOptions): Promise<ClusterStack> => {
  const { cluster, root, dir, seed, clock, say } = options;
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).toReversed()) await one().catch((thrown: unknown) => say(String(thrown)));
  };
  try {
    const moto = await startMotoServer({ logFile: join(dir, 'moto.log') });
    stops.push(moto.stop);
    const resources = await createAwsResources(moto.endpoint);
    const simulatorPort = await findFreePort();
    const sagemakerEndpoint = `http://127.0.0.1:${simulatorPort}`;
    const place = ['--account', LOCAL_ACCOUNT, '--region', LOCAL_REGION, '--port', String(simulatorPort)];
    const endpoints = ['--s3-endpoint', moto.endpoint, '--events-endpoint', moto.endpoint];
    const simulator = await startProcess({
      name: 'The SageMaker simulator',
      command: process.execPath,
      args: [join(root, 'simulator/main.ts'), ...place, ...endpoints, '--seed', String(seed), '--clock', clock],
      logFile: join(dir, 'simulator.log'),
      readiness: { kind: 'json-line' },
    });
    stops.push(simulator.stop);

    const env = environmentOf(cluster, moto.endpoint, sagemakerEndpoint, resources, dir);
    await insist('Registering the search attributes', process.execPath, [join(root, 'cli.ts'), 'setup'], env);
    const processes = new Map<OurProcess, Supervised>();
    for (const name of options.processes) {
      const only = name.startsWith('worker') ? 'workflows,activities' : 'events';
      const supervised = new Supervised(
        name,
        () =>
          startProcess({
            name,
            command: process.execPath,
            args: [join(root, 'cli.ts'), 'worker', '--only', only],
            env,
            logFile: join(dir, `${name}.log`),
            readiness: { kind: 'json-line' },
            graceMs: 5_000,
          }),
        say,
      );
      stops.push(() => supervised.down());
      processes.set(name, supervised);
      await supervised.up(false);
    }

    const connection = await connectToLocalTemporal(cluster.address);
    stops.push(() => connection.close());
    const facts = {
      temporalAddress: cluster.address,
      sagemakerEndpoint,
      awsEndpoint: moto.endpoint,
      bucket: resources.bucket,
      queueUrl: resources.queueUrl,
    };
    return {
      client: new Client({ connection, namespace: cluster.namespace }),
      facts: { ...facts, deadLetterQueueUrl: resources.deadLetterQueueUrl },
      processes,
      benchFacts: {
        ...facts,
        namespace: cluster.namespace,
        webUrl: '',
        ruleName: resources.ruleName,
        region: LOCAL_REGION,
        account: LOCAL_ACCOUNT,
        pids: { temporal: null, moto: moto.pid, simulator: simulator.pid, worker: null, consumer: null },
        env,
      },
      stop,
    };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
};
