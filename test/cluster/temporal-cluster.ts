/**
 * A Temporal cluster: PostgreSQL and one server process for each role, two for history, every one under a supervisor on ports that
 * stay, so that it can be killed and come back as itself.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { msToTs } from '@temporalio/common/lib/time.js';
import { OperationError, messageOf } from '../../errors.ts';
import { connectToLocalTemporal } from '../../local/local-clients.ts';
import { LOOPBACK, checkPortIsFree, isPortOpen } from '../../local/ports.ts';
import { startProcess, type RunningProcess } from '../../local/processes.ts';
import { Supervised } from '../chaos/supervised.ts';
import { insist, preparePostgresql } from './postgresql.ts';
import type { ClusterPrograms } from './programs.ts';

/** Processes of the cluster, in the order in which they start. */
export const CLUSTER_PROCESSES = ['postgresql', 'history-1', 'history-2', 'matching', 'frontend', 'system'] as const;
export type ClusterProcess = (typeof CLUSTER_PROCESSES)[number];

type ServerProcess = Exclude<ClusterProcess, 'postgresql'>;

/** The role as Temporal calls it; its own `worker` is `system` here, to be told apart from ours. */
const ROLES: Record<ServerProcess, string> = {
  'history-1': 'history',
  'history-2': 'history',
  matching: 'matching',
  frontend: 'frontend',
  system: 'worker',
};

/** The names of the ports in cluster.yaml. */
const PORT_NAMES = ['FRONTEND', 'MATCHING', 'HISTORY', 'WORKER'].flatMap((role) => [
  `${role}_GRPC`,
  `${role}_MEMBERSHIP`,
]);

/** Below the range from which systems give ports to whoever asks for any: nobody takes one while its process is away. */
const PORTS = { first: 15_000, last: 31_900 };

/** So many free ports side by side that all of them can be kept for the whole run. */
const findPorts = async (count: number): Promise<number[]> => {
  for (let tries = 0; tries < 50; tries += 1) {
    const first = PORTS.first + Math.floor(Math.random() * (PORTS.last - PORTS.first - count));
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const free = await Promise.all(
      ports.map((port) =>
        checkPortIsFree(port, 'the cluster').then(
          () => true,
          () => false,
        ),
      ),
    );
    if (free.every(Boolean)) return ports;
  }
  throw new OperationError(`No ${count} free ports side by side were found from ${PORTS.first} to ${PORTS.last}.`);
};

/** cluster.yaml with ports in place of their names. Throws if one is left. */
export const configFrom = (template: string, ports: Readonly<Record<string, number>>): string =>
  template.replaceAll(/\$([A-Z_]+)/g, (_, name: string) => {
    const port = ports[name];
    if (port === undefined) throw new Error(`cluster.yaml names a port ${name} that nobody gave`);
    return String(port);
  });

const DATABASES = [
  { name: 'temporal', schema: 'postgresql/v12/temporal' },
  { name: 'visibility', schema: 'postgresql/v12/visibility' },
];

const createSchemas = async (programs: ClusterPrograms, port: number): Promise<void> => {
  for (const { name, schema } of DATABASES) {
    const place = ['--plugin', 'postgres12', '--ep', LOOPBACK, '-p', String(port), '-u', 'postgres', '--db', name];
    const run = (what: string, ...args: string[]) => insist(`${what} ${name}`, programs.sql, [...place, ...args]);
    await run('Creating the database', 'create-database');
    await run('Starting the schema of', 'setup-schema', '-v', '0.0');
    await run('Bringing up to date the schema of', 'update-schema', '--schema-name', schema);
  }
};

const NAMESPACE = 'default';
const RETENTION = '72h';
const NAMESPACE_TRIES = 240;
const NAMESPACE_EVERY_MS = 500;

/** The namespace is made, and every process knows it: they read the list every ten seconds. */
const createNamespace = async (address: string): Promise<void> => {
  const connection = await connectToLocalTemporal(address, 60_000);
  try {
    for (let tries = 1; ; tries += 1) {
      try {
        await connection.workflowService
          .registerNamespace({ namespace: NAMESPACE, workflowExecutionRetentionPeriod: msToTs(RETENTION) })
          .catch((thrown: unknown) => {
            if (!messageOf(thrown).includes('exists')) throw thrown;
          });
        await connection.workflowService.countWorkflowExecutions({ namespace: NAMESPACE });
        await connection.workflowService.describeTaskQueue({ namespace: NAMESPACE, taskQueue: { name: 'any' } });
        return;
      } catch (thrown) {
        if (tries === NAMESPACE_TRIES) throw thrown;
        await sleep(NAMESPACE_EVERY_MS);
      }
    }
  } finally {
    await connection.close();
  }
};

export type TemporalCluster = {
  address: string;
  namespace: string;
  processes: Record<ClusterProcess, Supervised>;
  stop: () => Promise<void>;
};

/** Starts all of it in `dir`; nothing is left running if that fails. */
export const startTemporalCluster = async (
  programs: ClusterPrograms,
  dir: string,
  say: (line: string) => void,
): Promise<TemporalCluster> => {
  // Two histories, so two sets of history ports; all others need only one.
  const [postgresqlPort = 0, httpPort = 0, historyGrpc = 0, historyMembership = 0, ...named] = await findPorts(
    4 + PORT_NAMES.length,
  );
  const shared: Record<string, number> = {
    POSTGRESQL: postgresqlPort,
    FRONTEND_HTTP: httpPort,
    ...Object.fromEntries(PORT_NAMES.map((name, index) => [name, named[index] ?? 0])),
  };
  const template = await readFile(fileURLToPath(new URL('./cluster.yaml', import.meta.url)), 'utf8');
  const portsOf = (process: ServerProcess): Record<string, number> =>
    process === 'history-2' ? { ...shared, HISTORY_GRPC: historyGrpc, HISTORY_MEMBERSHIP: historyMembership } : shared;
  const grpcPortOf = (process: ServerProcess): number => portsOf(process)[`${ROLES[process].toUpperCase()}_GRPC`] ?? 0;

  const postgresql = await preparePostgresql(programs, dir, postgresqlPort);
  const starter = (process: ServerProcess) => async (): Promise<RunningProcess> => {
    const config = join(dir, `${process}.yaml`);
    await writeFile(config, configFrom(template, portsOf(process)));
    return startProcess({
      name: `Temporal's ${process}`,
      command: programs.server,
      args: ['--config-file', config, '--allow-no-auth', 'start', '--service', ROLES[process]],
      logFile: join(dir, `${process}.log`),
      // Temporal's own worker role listens on nothing.
      readiness: {
        kind: 'check',
        check: () => (process === 'system' ? Promise.resolve(true) : isPortOpen(grpcPortOf(process))),
      },
      graceMs: 15_000,
    });
  };
  const processes: TemporalCluster['processes'] = {
    postgresql: new Supervised('postgresql', postgresql.start, say),
    'history-1': new Supervised('history-1', starter('history-1'), say),
    'history-2': new Supervised('history-2', starter('history-2'), say),
    matching: new Supervised('matching', starter('matching'), say),
    frontend: new Supervised('frontend', starter('frontend'), say),
    system: new Supervised('system', starter('system'), say),
  };
  const stop = async (): Promise<void> => {
    await Promise.all(CLUSTER_PROCESSES.filter((each) => each !== 'postgresql').map((each) => processes[each].down()));
    await processes.postgresql.down();
  };
  try {
    await processes.postgresql.up(false);
    await createSchemas(programs, postgresqlPort);
    for (const each of CLUSTER_PROCESSES) await processes[each].up(false);
    const address = `${LOOPBACK}:${grpcPortOf('frontend')}`;
    await createNamespace(address);
    return { address, namespace: NAMESPACE, processes, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
};
