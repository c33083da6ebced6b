/** The simulator as a process of its own. Prints one JSON line with its endpoint when it is ready; logs go to stderr. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { JournalError } from './journal.ts';
import { ScriptError } from './script.ts';
import { startSimulator, type SimulatorOptions } from './simulator.ts';

const usage = `Usage: node simulator/main.ts --s3-endpoint URL --events-endpoint URL [--port N] [--account 123456789012]
  [--region us-east-1] [--seed N] [--clock real|stopped] [--start ISO-TIME] [--state FILE] [--script FILE]`;

/** Something on the command line is wrong. */
class UsageError extends Error {}

const wholeNumber = (name: string, text: string): number => {
  if (!/^\d+$/.test(text)) throw new UsageError(`--${name} is "${text}", expected a whole number.`);
  return Number(text);
};

const readOptions = (): SimulatorOptions => {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      port: text,
      's3-endpoint': text,
      'events-endpoint': text,
      account: text,
      region: text,
      seed: text,
      clock: text,
      start: text,
      state: text,
      script: text,
    },
  });
  const { clock = 'real', start, state, script, account, region, seed, port } = values;
  const s3 = values['s3-endpoint'];
  const events = values['events-endpoint'];
  if (s3 === undefined || events === undefined) throw new UsageError('--s3-endpoint and --events-endpoint are needed.');
  if (clock !== 'real' && clock !== 'stopped') throw new UsageError(`--clock is "${clock}", expected real or stopped.`);
  const startMs = start === undefined ? undefined : Date.parse(start);
  if (startMs !== undefined && Number.isNaN(startMs)) {
    throw new UsageError(`--start is "${start}", expected a time such as 2026-11-01T09:00:00Z.`);
  }
  if (account !== undefined && !/^\d{12}$/.test(account)) {
    throw new UsageError(`--account is "${account}", expected 12 digits.`);
  }
  return {
    s3: { endpoint: s3 },
    events: { endpoint: events },
    clock,
    log: (line) => process.stderr.write(`${line}\n`),
    ...(port === undefined ? {} : { port: wholeNumber('port', port) }),
    ...(seed === undefined ? {} : { seed: wholeNumber('seed', seed) }),
    ...(account === undefined ? {} : { account }),
    ...(region === undefined ? {} : { region }),
    ...(startMs === undefined ? {} : { startMs }),
    ...(state === undefined ? {} : { stateFile: state }),
    ...(script === undefined ? {} : { script: JSON.parse(readFileSync(script, 'utf8')) }),
  };
};

const isBadInput = (error: unknown): boolean =>
  error instanceof UsageError ||
  error instanceof ScriptError ||
  error instanceof JournalError ||
  error instanceof SyntaxError ||
  (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'));

try {
  const simulator = await startSimulator(readOptions());
  const stop = (): void => {
    void simulator.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.stdout.write(`${JSON.stringify({ endpoint: simulator.endpoint })}\n`);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(isBadInput(error) ? `${message}\n${usage}\n` : `${message}\n`);
  process.exitCode = isBadInput(error) ? 2 : 1;
}
