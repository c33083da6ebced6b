/** Connecting a client to Temporal, with errors that a person can act on. */
import { Client, Connection } from '@temporalio/client';
import type { Config } from './config.ts';
import { InputError, messageOf } from './errors.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** Where we connect, for messages. */
export const temporalAddress = (config: Pick<Config, 'temporal'>): string =>
  config.temporal.connectionOptions.address ?? 'localhost:7233';

export const unreachable = (config: Pick<Config, 'temporal'>, cause: unknown): InputError =>
  new InputError(
    `no Temporal server answers at ${temporalAddress(config)} (${messageOf(cause)}); set TEMPORAL_ADDRESS, or start one with: label-relay local`,
    { cause },
  );

export type Connected = { client: Client; connection: Connection };

/** A connected client; the caller closes the connection. Throws InputError if nothing answers. */
export const connect = async (config: Pick<Config, 'temporal'>): Promise<Connected> => {
  const { connectionOptions, namespace } = config.temporal;
  try {
    const { address, tls, apiKey, metadata } = connectionOptions;
    const connection = await Connection.connect({
      connectTimeout: CONNECT_TIMEOUT_MS,
      ...(address === undefined ? {} : { address }),
      ...(tls === undefined || tls === null ? {} : { tls }),
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(metadata === undefined ? {} : { metadata }),
    });
    return { connection, client: new Client({ connection, namespace }) };
  } catch (thrown) {
    throw unreachable(config, thrown);
  }
};
