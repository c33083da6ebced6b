/** `label-relay local` and `label-relay local advance`. */
import { explained } from '../../client/context.ts';
import { loadConfig } from '../../config.ts';
import { connect } from '../../connection.ts';
import { DURATION_HELP, formatDuration, parseDurationMs } from '../../decisions/durations.ts';
import { InputError, messageOf } from '../../errors.ts';
import { advance } from '../../local/advance.ts';
import { putExampleFiles } from '../../local/example-files.ts';
import { startStack } from '../../local/stack.ts';
import { numberFrom } from '../numbers.ts';
import { interruption, print, printJson, progress, say } from '../output.ts';

const portFrom = (name: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new InputError(`--${name} ${text}: expected a port number from 1 to 65535`);
  return port;
};

const shellQuoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

export const local = async (options: {
  json?: boolean;
  without?: string[];
  temporalPort?: string;
  webPort?: string;
  seed?: string;
}): Promise<void> => {
  const without = (options.without ?? []).map((role) => {
    if (role !== 'worker' && role !== 'consumer') throw new InputError(`--without ${role}: choose worker or consumer`);
    return role;
  });
  const temporal = portFrom('temporal-port', options.temporalPort);
  const web = portFrom('web-port', options.webPort);
  const signal = interruption();
  const shown = await progress('Starting the local stack');
  let stack;
  try {
    stack = await startStack({
      clock: 'real',
      without,
      ports: { ...(temporal === undefined ? {} : { temporal }), ...(web === undefined ? {} : { web }) },
      ...(options.seed === undefined ? {} : { seed: numberFrom('seed', options.seed) }),
      onProgress: shown.stage,
    });
  } catch (thrown) {
    shown.stop();
    throw thrown;
  }
  const { facts, dir } = stack;
  await putExampleFiles(facts.awsEndpoint, facts.bucket).catch((thrown: unknown) =>
    say(`The files of the examples could not be put into s3://${facts.bucket}: ${messageOf(thrown)}`),
  );
  shown.done(`The local stack is up. Web UI: ${facts.webUrl}  Logs: ${dir}`);
  if (options.json === true) print(JSON.stringify(facts));
  else {
    for (const [name, value] of Object.entries(facts.env)) print(`export ${name}=${shellQuoted(value)}`);
    say(
      `The bucket is s3://${facts.bucket}. Set the variables above in another shell to use this stack. Ctrl-C ends it.`,
    );
  }
  for (const [name, exited] of Object.entries(stack.exits)) {
    void exited?.then(() => {
      if (!signal.aborted) say(`The ${name} process has ended; its log is ${dir}/${name}.log`);
    });
  }
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    // Keeps the process alive until it is asked to end.
    const alive = setInterval(() => undefined, 60_000);
    signal.addEventListener('abort', () => {
      clearInterval(alive);
      resolve();
    });
  });
  await stack.stop();
};

export const localAdvance = async (text: string, options: { json?: boolean }): Promise<void> => {
  const durationMs = parseDurationMs(text);
  if (durationMs === null || durationMs <= 0) throw new InputError(`${text} is no duration; expected ${DURATION_HELP}`);
  const config = loadConfig(process.env);
  if (config.localSimulator === null) {
    throw new InputError(
      'LABEL_RELAY_LOCAL_SIMULATOR is not set: set the variables that label-relay local prints; time can be moved only there',
    );
  }
  const { connection } = await connect(config);
  const shown = await progress(`Moving ${text} forward`);
  try {
    const nowMs = await advance({
      connection,
      namespace: config.temporal.namespace,
      taskQueue: config.taskQueue,
      simulatorEndpoint: config.localSimulator,
      durationMs,
      ...(config.queueUrl === null
        ? {}
        : { queue: { endpoint: new URL(config.queueUrl).origin, url: config.queueUrl } }),
      onStep: (step) => {
        shown.detail(`${new Date(step.nowMs).toISOString()}, ${formatDuration(step.remainingMs)} to go`);
      },
      onWait: () => {
        shown.stage('Another advance of this stack is under way; waiting for it');
      },
    });
    shown.done(`It is ${new Date(nowMs).toISOString()} on the service's clock`);
    if (options.json === true) printJson({ now: new Date(nowMs).toISOString() });
  } catch (thrown) {
    throw explained(thrown);
  } finally {
    shown.stop();
    await connection.close();
  }
};
