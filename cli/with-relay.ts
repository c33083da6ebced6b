/** What the commands about chains share: the configuration of the shell, a connected client, the spec file. */
import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { LabelRelay } from '../client.ts';
import { loadConfig } from '../config.ts';
import { connect } from '../connection.ts';
import { readSpec } from '../decisions/spec.ts';
import { InputError, messageOf } from '../errors.ts';

export const withRelay = async <Result>(run: (relay: LabelRelay) => Promise<Result>): Promise<Result> => {
  const config = loadConfig(process.env);
  const { client, connection } = await connect(config);
  try {
    return await run(new LabelRelay({ client, taskQueue: config.taskQueue, webUrl: config.webUrl }));
  } finally {
    await connection.close();
  }
};

/** Reads a JSON file that a person wrote; `-` is standard input. */
export const readJsonFile = async (path: string): Promise<unknown> => {
  let text: string;
  try {
    text = path === '-' ? await readAll(process.stdin) : await readFile(path, 'utf8');
  } catch (thrown) {
    throw new InputError(`${path} cannot be read: ${messageOf(thrown)}`);
  }
  try {
    // Editors on Windows put a byte order mark before it.
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (thrown) {
    throw new InputError(`${path} is not JSON: ${messageOf(thrown)}`);
  }
};

/**
 * Reads a spec file and checks it as far as that goes without a server; it is given on as it was written. To be called before
 * the connection: whoever mistyped a name hears of that, not of a server.
 * @throws InputError with every mistake, and if it is the spec of another chain than the one that was named.
 */
export const readSpecFile = async (path: string, chain: string | null = null): Promise<unknown> => {
  const given = await readJsonFile(path);
  const reading = readSpec(given);
  if (reading.kind === 'problems') throw new InputError(reading.problems);
  if (chain !== null && reading.spec.chain !== chain)
    throw new InputError(
      `${path} is the spec of the chain ${reading.spec.chain}, not of ${chain}; give the one that belongs to it`,
    );
  return given;
};
