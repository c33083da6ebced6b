/** With keys, nothing that a chain is told or says stands readable in Temporal; without the keys nobody can go on with it. */
import { randomBytes } from 'node:crypto';
import { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import fc from 'fast-check';
import { LabelRelay } from '../../client.ts';
import { requireFreeDataset, startChainWorkflow } from '../../client/starting.ts';
import { replayHistories } from '../../cli/commands/replay.ts';
import { loadConfig } from '../../config.ts';
import { labelingChainWorkflowId } from '../../decisions/names.ts';
import { AesGcmCodec, encryptionOf, type PayloadKey } from '../../payload-encryption.ts';
import { countAll } from '../../telemetry/counts.ts';
import { temporalDevServer, timeSkippingServer } from '../support/servers.ts';
import { specOf } from '../workflows/support/spec.ts';
import { World } from '../workflows/support/world.ts';

const keyOf = (id: string): PayloadKey => ({ id, key: randomBytes(32) });
const key = keyOf('2026');

describe('the codec', () => {
  const codec = new AesGcmCodec([key]);
  const sealed = async (value: unknown, by = codec) =>
    (await by.encode([defaultPayloadConverter.toPayload(value)]))[0] ?? {};
  const opened = async (payload: object, by = codec): Promise<unknown> =>
    defaultPayloadConverter.fromPayload((await by.decode([payload]))[0] ?? {});

  test('gives back every value, and never the same bytes twice', async () => {
    const property = fc.asyncProperty(fc.jsonValue(), async (value) => {
      const [once, again] = [await sealed(value), await sealed(value)];
      expect(await opened(once)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(Buffer.from(once.data ?? []).equals(Buffer.from(again.data ?? []))).toBe(false);
    });
    await fc.assert(property, { numRuns: 300 });
    expect(await opened(await sealed(undefined))).toBeUndefined();
  });

  test('refuses what was changed, cut or is of another key, and names the key', async () => {
    const payload = await sealed('text');
    const changed = Buffer.from(payload.data ?? []);
    changed[changed.length - 20] = (changed[changed.length - 20] ?? 0) ^ 1;
    await expect(opened({ ...payload, data: changed })).rejects.toThrow(/authenticate/);
    await expect(opened({ ...payload, data: Buffer.from('short') })).rejects.toThrow('too short');
    const stranger = new AesGcmCodec([keyOf('2027')]);
    await expect(opened(payload, stranger)).rejects.toThrow('the key "2026"');
  });

  test('a new first key encrypts from now on; what the older one encrypted, or none, is still read', async () => {
    const both = new AesGcmCodec([keyOf('2027'), key]);
    expect(await opened(await sealed('old'), both)).toBe('old');
    expect(await opened(defaultPayloadConverter.toPayload('plain') ?? {}, both)).toBe('plain');
    await expect(opened(await sealed('new', both))).rejects.toThrow('the key "2027"');
  });
});

test('a key that cannot be read is told by its place, never printed', () => {
  const secret = randomBytes(16).toString('base64');
  const read = () =>
    loadConfig({
      TEMPORAL_CONFIG_FILE: '/dev/null',
      LABEL_RELAY_PAYLOAD_KEYS: `a:${key.key.toString('base64')}, b:${secret}`,
    });
  expect(read).toThrow('entry 2 of LABEL_RELAY_PAYLOAD_KEYS');
  expect(read).not.toThrow(secret);
  const good = loadConfig({
    TEMPORAL_CONFIG_FILE: '/dev/null',
    LABEL_RELAY_PAYLOAD_KEYS: `2026:${key.key.toString('base64')}`,
  });
  expect(good.payloadKeys).toEqual([key]);
});

test('two keys of one name are refused: what is encrypted bears the name only', () => {
  const twice = [keyOf('main'), keyOf('main')].map(({ id, key: bytes }) => `${id}:${bytes.toString('base64')}`);
  const read = () => loadConfig({ TEMPORAL_CONFIG_FILE: '/dev/null', LABEL_RELAY_PAYLOAD_KEYS: twice.join(',') });
  expect(read).toThrow('LABEL_RELAY_PAYLOAD_KEYS has two keys of the name main');
});

describe('a chain whose key is not at hand', () => {
  test('is listed, counted and described by what is not encrypted, and keeps no other chain from being; a start says which it is', async () => {
    const { env } = await temporalDevServer();
    const relayWith = (...keys: PayloadKey[]): { client: Client; relay: LabelRelay } => {
      const client = new Client({ connection: env.connection, ...encryptionOf(keys) });
      return { client, relay: new LabelRelay({ client, taskQueue: 'nobody-polls', workerWaitMs: 1 }) };
    };
    const start = ({ client }: { client: Client }, chain: string): Promise<unknown> => {
      const spec = specOf(chain);
      const context = { client, taskQueue: 'nobody-polls', webUrl: null, workerWaitMs: 1 };
      return startChainWorkflow(context, { kind: 'start', spec }, spec);
    };
    const theirs = relayWith(keyOf('lost'));
    await start(theirs, 'sealed-away');
    const ours = [relayWith(key), relayWith()];
    for (const [index, one] of ours.entries()) await start(one, `open-${index}`);
    for (const { client, relay } of ours) {
      const listed = async () => (await relay.list()).map(({ chain, status }) => `${chain} ${status}`).toSorted();
      for (let look = 0; look < 200 && (await listed()).length < 3; look += 1)
        await new Promise((resolve) => setTimeout(resolve, 50));
      expect(await listed()).toEqual(['open-0 running', 'open-1 running', 'sealed-away running']);
      expect((await countAll(client, Date.now())).chains.running).toBe(3);
      const context = { client, taskQueue: 'nobody-polls', webUrl: null, workerWaitMs: 1 };
      await expect(requireFreeDataset(context, specOf('another'))).rejects.toThrow(
        /^the chain (sealed-away|open-0) is open, and on which manifest is encrypted with a key that is not among .*--workflow-id/,
      );
    }
    await theirs.client.workflow.getHandle(labelingChainWorkflowId('sealed-away')).terminate();
    const [mine] = ours;
    const context = { client: mine?.client ?? env.client, taskQueue: 'nobody-polls', webUrl: null, workerWaitMs: 1 };
    const isFree = (): Promise<boolean> =>
      requireFreeDataset(context, specOf('another')).then(
        () => true,
        () => false,
      );
    for (let look = 0; look < 200 && !(await isFree()); look += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await isFree()).toBe(true);
  }, 120_000);
});

describe('a chain with keys', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open(await timeSkippingServer(), {
      followsTemporal: true,
      sendsEvents: true,
      payloadKeys: [key],
    });
  }, 120_000);

  const historyOf = (chain: string) => world.client.workflow.getHandle(labelingChainWorkflowId(chain)).fetchHistory();

  /** The history as the server keeps it, with everything opened that is only base64. */
  const kept = async (chain: string): Promise<string> => {
    const text = historyToJSON(await historyOf(chain));
    return text.replaceAll(/"data":\s*"([^"]*)"/g, (_all, data: string) =>
      Buffer.from(data, 'base64').toString('latin1'),
    );
  };

  /** Of the spec, of AWS's answers and of our own sentences. */
  const READABLE = ['s3://data', 'Name the bird', 'workteam', 'manifestUri', 'line 2', 'Read the dataset'];
  const found = (text: string): string[] => READABLE.filter((word) => text.includes(word));

  test('comes to its end, and nothing of its spec, its state or its summaries can be read; nor is it replayed without them', async () => {
    await world.start('sealed');
    const state = await world.untilEnded('sealed');
    expect(state.end?.status).toBe('labeled');
    const text = await kept('sealed');
    expect(text).toContain('labelingChain');
    expect(text).toContain(Buffer.from('binary/encrypted').toString('base64'));
    expect(found(text)).toEqual([]);
    const histories = async function* () {
      yield { workflowId: labelingChainWorkflowId('sealed'), history: await historyOf('sealed') };
    };
    const problems = async (keys: PayloadKey[]): Promise<(string | null)[]> => {
      const all: (string | null)[] = [];
      for await (const { problem } of replayHistories(histories(), keys)) all.push(problem);
      return all;
    };
    expect(await problems([key])).toEqual([null]);
    expect(await problems([])).not.toEqual([null]);
  }, 180_000);

  test('fails with a sentence that only who has the keys can read', async () => {
    const spec = await world.prepare('sealed-bad', { objects: 0 });
    const uri = spec.job.InputConfig.DataSource.S3DataSource?.ManifestS3Uri ?? '';
    world.s3.store.write(uri, '{"source-ref":"s3://data/1.jpg"}\n{"source-ref":\n');
    const handle = await world.run('sealed-bad', { kind: 'start', spec });
    const failed = await handle.result().catch((thrown: unknown) => thrown);
    expect(failed).toMatchObject({ cause: { cause: { message: expect.stringContaining('line 2') } } });
    const text = await kept('sealed-bad');
    expect(text).toContain('Encoded failure');
    expect(found(text)).toEqual([]);
  }, 120_000);
});
