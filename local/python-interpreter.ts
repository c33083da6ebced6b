/**
 * Finds a Python that is new enough among the commands on PATH.
 */
import { InputError } from '../errors.ts';
import { runCommand } from './commands.ts';

/** The oldest Python that every package of the locks supports; the locks are compiled for it. */
const OLDEST = [3, 10] as const;

const COMMANDS = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python'];

/** A usable interpreter: the command as it is found on PATH, and its version (`3.11.7`). */
export type PythonInterpreter = { command: string; version: string };

const isNewEnough = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
};

/**
 * @param env its PATH is searched.
 * @throws InputError if there is no Python, or only older ones.
 */
export const findPython = async (env: NodeJS.ProcessEnv): Promise<PythonInterpreter> => {
  const tooOld: string[] = [];
  for (const command of COMMANDS) {
    const { code, output } = await runCommand(
      command,
      ['-c', 'import platform; print(platform.python_version())'],
      env,
    );
    const version = /^\d+\.\d+\S*/m.exec(output)?.[0];
    if (code !== 0 || version === undefined) continue;
    if (isNewEnough(version)) return { command, version };
    tooOld.push(`${command} is ${version}`);
  }
  const needed = `Python ${OLDEST.join('.')} or newer, with venv and pip,`;
  throw new InputError(
    tooOld.length > 0
      ? `Python is too old for the local stack (${tooOld.join(', ')}): ${needed} is needed. Install it so that it is found on PATH as python3, and try again.`
      : `No Python was found on PATH: the local stack needs ${needed} as python3. Install it and try again.`,
  );
};
