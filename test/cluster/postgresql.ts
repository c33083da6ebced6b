/** A PostgreSQL of our own: a fresh data folder, one port on loopback, nobody else's service touched. */
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OperationError } from '../../errors.ts';
import { childEnvironment } from '../../local/child-environment.ts';
import { runCommand } from '../../local/commands.ts';
import { LOOPBACK } from '../../local/ports.ts';
import { startProcess, type RunningProcess } from '../../local/processes.ts';
import type { ClusterPrograms } from './programs.ts';

/** The superuser inside the database, and the system's user that PostgreSQL runs as where we are root: it refuses root. */
const USER = 'postgres';

/** The command as the user that may run it; the same process, so that signals reach PostgreSQL itself. */
const asUser = (command: string, args: readonly string[]): [string, string[]] =>
  process.getuid?.() === 0
    ? ['setpriv', [`--reuid=${USER}`, `--regid=${USER}`, '--init-groups', '--', command, ...args]]
    : [command, [...args]];

/** Runs a command to its end, with nothing of the shell's settings but `env`. @throws OperationError with what it printed. */
export const insist = async (
  what: string,
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> => {
  const { code, output } = await runCommand(command, args, childEnvironment(env));
  if (code !== 0) throw new OperationError(`${what} failed (${command}):\n${output.trimEnd().slice(-2000)}`);
};

export type Postgresql = {
  /** Starts it, again and again after it was killed. */
  start: () => Promise<RunningProcess>;
};

/** Makes the data folder. */
export const preparePostgresql = async (programs: ClusterPrograms, dir: string, port: number): Promise<Postgresql> => {
  const data = join(dir, 'postgresql');
  // Its user must get to its own folder, and see nothing else of ours.
  await chmod(dir, 0o711);
  await mkdir(data, { mode: 0o700 });
  if (process.getuid?.() === 0) await insist('Giving PostgreSQL its folder', 'chown', [`${USER}:${USER}`, data]);
  await insist(
    'Making the data folder of PostgreSQL',
    ...asUser(programs.initdb, ['-D', data, '-A', 'trust', '-U', USER, '-E', 'UTF8', '--no-instructions']),
  );
  // The port is open before the data is recovered.
  const accepts = async (): Promise<boolean> =>
    (await runCommand(programs.pgIsReady, ['-h', LOOPBACK, '-p', String(port)], childEnvironment())).code === 0;
  return {
    start: () => {
      // No socket file in a folder of the system; a pool of connections for each process of the cluster.
      const settings = ['-c', 'unix_socket_directories=', '-c', 'max_connections=300'];
      const place = ['-D', data, '-h', LOOPBACK, '-p', String(port)];
      const [command, args] = asUser(programs.postgres, [...place, ...settings]);
      return startProcess({
        name: 'PostgreSQL',
        command,
        args,
        logFile: join(dir, 'postgresql.log'),
        readiness: { kind: 'check', check: accepts },
        graceMs: 20_000,
      });
    },
  };
};
