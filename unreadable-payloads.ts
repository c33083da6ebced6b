/**
 * A client for lists and descriptions where keys may be missing: Temporal's library decodes the memo of every workflow that it lists, and
 * one that was written with another key would end the list of all others.
 */
import { Client } from '@temporalio/client';
import type { Payload, PayloadCodec } from '@temporalio/common';

const JSON_ENCODING = 'json/plain';
/** Not Temporal's `binary/null`, which is read as undefined: that is a field that is not there. */
const NULL: Payload = { metadata: { encoding: Buffer.from(JSON_ENCODING) }, data: Buffer.from('null') };

const encodingOf = ({ metadata }: Payload): string => Buffer.from(metadata?.['encoding'] ?? []).toString();

/** Decodes what it can, one payload after the other; what it cannot becomes null. */
const forgiving = (codecs: readonly PayloadCodec[]): PayloadCodec => {
  const decodeOne = async (payload: Payload): Promise<Payload> => {
    try {
      let decoded = payload;
      for (const codec of codecs.toReversed()) decoded = (await codec.decode([decoded]))[0] ?? NULL;
      return encodingOf(decoded) === JSON_ENCODING ? decoded : NULL;
    } catch {
      return NULL;
    }
  };
  return {
    encode: () => Promise.reject(new Error('this client only reads')),
    decode: (payloads) => Promise.all(payloads.map(decodeOne)),
  };
};

/** The same connection and namespace; only for what lists and describes. A field of a memo that cannot be decoded is null. */
export const readingWhatItCan = ({ connection, options }: Client): Client => {
  const { namespace, identity, interceptors, dataConverter } = options;
  const payloadCodecs = [forgiving(dataConverter.payloadCodecs ?? [])];
  return new Client({
    connection,
    namespace,
    identity,
    interceptors,
    dataConverter: { ...dataConverter, payloadCodecs },
  });
};
