/**
 * A client for lists and descriptions where keys may be missing: Temporal's library decodes the memo of every workflow that it lists, and
 * one that was written with another key would end the list of all others.
 */
import { Client } from '@temporalio/client';
import type { Payload, PayloadCodec, PayloadConverter } from '@temporalio/common';

/** Not Temporal's `binary/null`, which is read as undefined: that is a field that is not there. */
const NULL: Payload = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('null') };

/** Decodes what it can, one payload after the other; what it cannot becomes null. */
const forgiving = (codecs: readonly PayloadCodec[], converter: PayloadConverter): PayloadCodec => {
  const decodeOne = async (payload: Payload): Promise<Payload> => {
    try {
      let decoded = payload;
      for (const codec of codecs.toReversed()) decoded = (await codec.decode([decoded]))[0] ?? NULL;
      converter.fromPayload(decoded);
      return decoded;
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
  const { namespace, identity, interceptors, dataConverter, loadedDataConverter } = options;
  const payloadCodecs = [forgiving(dataConverter.payloadCodecs ?? [], loadedDataConverter.payloadConverter)];
  return new Client({
    connection,
    namespace,
    identity,
    interceptors,
    dataConverter: { ...dataConverter, payloadCodecs },
  });
};

/** What a payload holds; null where this client cannot decode it. */
export const readPayload = async ({ options }: Client, payload: Payload): Promise<unknown> => {
  const { payloadCodecs, payloadConverter } = options.loadedDataConverter;
  const [decoded] = await forgiving(payloadCodecs, payloadConverter).decode([payload]);
  return payloadConverter.fromPayload(decoded ?? NULL);
};
