/**
 * Runs once before all tests: fetches the Python environment on a fresh machine, so that no test's time limit has to cover it.
 */
import { ensurePythonEnvironment } from '../../local/python-environment.ts';

export default async function globalSetup() {
  await ensurePythonEnvironment('stack', { onProgress: (what) => process.stderr.write(`${what} …\n`) });
}
