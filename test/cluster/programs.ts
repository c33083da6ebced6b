/**
 * The programs of a real cluster: PostgreSQL as the system has it, and Temporal's server and schema tool, built from source once and
 * kept in the user's cache folder. What is missing is said in one line, before anything starts.
 */
import { access, mkdir, readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { InputError, OperationError } from '../../errors.ts';
import { cacheFolder } from '../../local/cache-folder.ts';
import { runCommand } from '../../local/commands.ts';

/** The release of Temporal's server that this project is measured on; the dev server of the local stack is of the same line. */
export const SERVER_VERSION = 'v1.32.0';

/** Full paths. */
export type ClusterPrograms = { postgres: string; initdb: string; pgIsReady: string; server: string; sql: string };

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const firstWith = async (folders: readonly string[], name: string): Promise<string | null> => {
  for (const folder of folders) if (await exists(join(folder, name))) return folder;
  return null;
};

const onPath = (env: NodeJS.ProcessEnv): string[] => (env['PATH'] ?? '').split(delimiter).filter((each) => each !== '');

/**
 * Where programs are looked for besides PATH: Debian keeps PostgreSQL's in a folder for each major version (the newest is taken), and
 * Go's own archive unpacks to one place.
 */
const USUAL_FOLDERS = { postgresql: '/usr/lib/postgresql', go: '/usr/local/go/bin' };

const findPostgresql = async (env: NodeJS.ProcessEnv, folder: string): Promise<string | null> => {
  const versions = await readdir(folder).catch(() => []);
  const newestFirst = versions.toSorted((a, b) => Number(b) - Number(a)).map((version) => join(folder, version, 'bin'));
  return firstWith([...newestFirst, ...onPath(env)], 'postgres');
};

/** `go install` of its own packages, as the module names them. */
const PACKAGES = { server: 'go.temporal.io/server/cmd/server', sql: 'go.temporal.io/server/cmd/tools/sql' } as const;

const findGo = async (env: NodeJS.ProcessEnv, usual: string): Promise<string | null> => {
  const folder = await firstWith([...onPath(env), usual], 'go');
  return folder === null ? null : join(folder, 'go');
};

/**
 * Finds PostgreSQL, and finds or builds Temporal's programs (the first time takes ten minutes and more).
 * @throws InputError for each thing that has to be installed first, all in one; OperationError if a build fails.
 */
export const findPrograms = async (
  say: (line: string) => void,
  env: NodeJS.ProcessEnv = process.env,
  folders: Readonly<typeof USUAL_FOLDERS> = USUAL_FOLDERS,
): Promise<ClusterPrograms> => {
  const bin = join(cacheFolder(env), `temporal-cluster-${SERVER_VERSION.slice(1)}`, 'bin');
  const missing: (keyof typeof PACKAGES)[] = [];
  for (const name of ['server', 'sql'] as const) if (!(await exists(join(bin, name)))) missing.push(name);
  const postgresql = await findPostgresql(env, folders.postgresql);
  const go = missing.length > 0 ? await findGo(env, folders.go) : null;

  const problems: string[] = [];
  if (postgresql === null)
    problems.push('PostgreSQL 12 or later is missing: apt-get install -y postgresql (only its programs are used)');
  if (missing.length > 0 && go === null)
    problems.push(`Go is missing, which builds Temporal's server ${SERVER_VERSION} once: see go.dev/doc/install`);
  if (postgresql === null || (missing.length > 0 && go === null)) throw new InputError(problems);

  await mkdir(bin, { recursive: true });
  for (const name of missing) {
    say(`builds ${PACKAGES[name]}@${SERVER_VERSION}, which takes some minutes the first time`);
    const { code, output } = await runCommand(go ?? 'go', ['install', `${PACKAGES[name]}@${SERVER_VERSION}`], {
      ...env,
      GOBIN: bin,
    });
    if (code !== 0) throw new OperationError(`${PACKAGES[name]} could not be built:\n${output.trimEnd().slice(-2000)}`);
  }
  return {
    postgres: join(postgresql, 'postgres'),
    initdb: join(postgresql, 'initdb'),
    pgIsReady: join(postgresql, 'pg_isready'),
    server: join(bin, 'server'),
    sql: join(bin, 'sql'),
  };
};
