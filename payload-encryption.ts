/**
 * Encryption of what Temporal stores: inputs, results, signals, details, memos, summaries and the texts of failures, with AES-256-GCM.
 * Only processes that have the keys can read them. The layout is that of Temporal's own samples: the whole payload as protobuf,
 * encrypted; before it the nonce of 12 bytes, after it the tag of 16.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common';
import protobuf from 'protobufjs/minimal.js';

/** `id` stands beside what is encrypted, in the clear. */
export type PayloadKey = { id: string; key: Buffer };

const ENCODING = 'binary/encrypted';
const CIPHER = 'aes-256-gcm';
export const PAYLOAD_KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Protobuf's tags of temporal.api.common.v1.Payload, a map of bytes (1) and bytes (2), and of an entry of that map. */
const FIRST = 10;
const SECOND = 18;

const toBytes = ({ metadata, data }: Payload): Uint8Array => {
  const writer = protobuf.Writer.create();
  for (const [name, value] of Object.entries(metadata ?? {}))
    writer.uint32(FIRST).fork().uint32(FIRST).string(name).uint32(SECOND).bytes(value).ldelim();
  if (data !== undefined && data !== null) writer.uint32(SECOND).bytes(data);
  return writer.finish();
};

const entryOf = (bytes: Uint8Array): [string, Uint8Array] => {
  const reader = protobuf.Reader.create(bytes);
  let name = '';
  let value: Uint8Array = new Uint8Array();
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === FIRST) name = reader.string();
    else if (tag === SECOND) value = reader.bytes();
    else reader.skipType(tag & 7);
  }
  return [name, value];
};

const fromBytes = (bytes: Uint8Array): Payload => {
  const reader = protobuf.Reader.create(bytes);
  const metadata: Record<string, Uint8Array> = {};
  let data: Uint8Array | undefined;
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === FIRST) {
      const [name, value] = entryOf(reader.bytes());
      metadata[name] = value;
    } else if (tag === SECOND) data = reader.bytes();
    else reader.skipType(tag & 7);
  }
  return data === undefined ? { metadata } : { metadata, data };
};

/** Encrypts with the first key, decrypts with any; what is not encrypted passes, so that encryption can begin at any time. */
export class AesGcmCodec implements PayloadCodec {
  readonly #first: PayloadKey;
  readonly #keys: ReadonlyMap<string, Buffer>;

  constructor(keys: readonly [PayloadKey, ...PayloadKey[]]) {
    [this.#first] = keys;
    this.#keys = new Map(keys.map(({ id, key }) => [id, key]));
  }

  encode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.resolve(payloads.map((payload) => this.#encrypt(payload)));
  }

  decode(payloads: Payload[]): Promise<Payload[]> {
    try {
      return Promise.resolve(payloads.map((payload) => this.#decrypt(payload)));
    } catch (thrown) {
      return Promise.reject(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }

  #encrypt(payload: Payload): Payload {
    const { id, key } = this.#first;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    const data = Buffer.concat([nonce, cipher.update(toBytes(payload)), cipher.final(), cipher.getAuthTag()]);
    const metadata = { encoding: Buffer.from(ENCODING), 'encryption-key-id': Buffer.from(id) };
    return { metadata, data };
  }

  #decrypt(payload: Payload): Payload {
    const { metadata, data } = payload;
    if (metadata?.['encoding'] === undefined || Buffer.from(metadata['encoding']).toString() !== ENCODING)
      return payload;
    const id = Buffer.from(metadata['encryption-key-id'] ?? []).toString();
    const key = this.#keys.get(id);
    if (key === undefined)
      throw new Error(
        `a payload was encrypted with the key ${JSON.stringify(id)}, which is not among LABEL_RELAY_PAYLOAD_KEYS`,
      );
    const bytes = Buffer.from(data ?? []);
    if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error('an encrypted payload is too short to be one');
    const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const plain = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    return fromBytes(plain);
  }
}

/** Makes the texts of failures payloads too; part of the workflow bundle. */
export const ENCODED_FAILURES_PATH = fileURLToPath(new URL('./worker/encoded-failures.cjs', import.meta.url));

/** For every client and worker of this process; empty without keys: everything is stored as it is. */
export const encryptionOf = ([first, ...others]: readonly PayloadKey[]): { dataConverter?: DataConverter } =>
  first === undefined
    ? {}
    : {
        dataConverter: {
          failureConverterPath: ENCODED_FAILURES_PATH,
          payloadCodecs: [new AesGcmCodec([first, ...others])],
        },
      };
