/**
 * The AWS emulator of the local stack (moto): S3, SQS, SNS, EventBridge and log groups on one endpoint.
 */
import { LOOPBACK, withPort } from './ports.ts';
import { type RunningProcess, startProcess } from './processes.ts';
import { ensurePythonEnvironment } from './python-environment.ts';

/** Options of {@link startMotoServer}. */
export type MotoServerOptions = {
  /** Any free port if left out. */
  port?: number;
  logFile: string;
  /** The Python that has moto; the stack's environment (fetched first) if left out. */
  python?: string;
};

/** An AWS emulator that answers. It keeps everything in memory. */
export type MotoServer = {
  /** For the AWS SDK's `endpoint` and for AWS_ENDPOINT_URL. */
  endpoint: string;
  pid: number;
  logFile: string;
  exited: RunningProcess['exited'];
  stop: () => Promise<void>;
};

/**
 * Starts the AWS emulator on loopback.
 * @throws InputError if a chosen port is in use; OperationError if it does not start.
 */
export const startMotoServer = async ({
  port: chosenPort,
  logFile,
  python,
}: MotoServerOptions): Promise<MotoServer> => {
  const command = python ?? (await ensurePythonEnvironment('stack')).python;
  return await withPort(chosenPort, 'the AWS emulator', async (port) => {
    const endpoint = `http://${LOOPBACK}:${port}`;
    const { pid, exited, stop } = await startProcess({
      name: 'The AWS emulator (moto)',
      command,
      // -I: neither the working directory nor the user's own packages can stand in for a module.
      args: ['-I', '-m', 'moto.server', '--host', LOOPBACK, '--port', String(port)],
      logFile,
      readiness: { kind: 'check', check: async () => (await fetch(`${endpoint}/moto-api/data.json`)).ok },
    });
    return { endpoint, pid, logFile, exited, stop };
  });
};
