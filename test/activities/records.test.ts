/** The chain's record and write-once objects, on the AWS emulator. */
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { recordActivities } from '../../activities/records.ts';
import {
  TakenError,
  listKeys,
  objectSource,
  readObjectText,
  writeNewObjects,
  writeNewText,
} from '../../activities/s3-objects.ts';
import { newChain, type ChainState } from '../../decisions/chain-state.ts';
import { localAwsConfig } from '../../local/local-clients.ts';
import { motoServer } from '../support/servers.ts';
import { specOf } from '../workflows/support/spec.ts';

let s3: S3Client;
beforeAll(async () => {
  const { endpoint } = await motoServer();
  s3 = new S3Client({ ...localAwsConfig(endpoint), forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: 'data' }));
}, 60_000);

const pending = { manifestUris: [], retrySetAside: false, copyAssets: false };
const stateOf = (chain: string, firstRunId: string, changes: Partial<ChainState> = {}): ChainState => ({
  ...newChain(specOf(chain), firstRunId),
  ...changes,
});

describe('the record', () => {
  const write = (state: ChainState, sequence: number) =>
    recordActivities({ s3: () => s3 }).writeRecord({ state, pending, sequence });
  const read = (chain: string) => recordActivities({ s3: () => s3 }).readRecord({ spec: specOf(chain) });

  test('what is written last is read; nothing before it is changed', async () => {
    await write(stateOf('last', 'run-1'), 0);
    await write(stateOf('last', 'run-1', { failuresInRow: 1 }), 1);
    expect((await read('last')).state.failuresInRow).toBe(1);
    expect(await listKeys(s3, 's3://data/out/last/record/')).toHaveLength(2);
  });

  test('its first number is the lock on the name: another run is refused', async () => {
    await write(stateOf('locked', 'run-1'), 0);
    await expect(write(stateOf('locked', 'run-2'), 0)).rejects.toMatchObject({ type: 'unusable' });
    expect((await read('locked')).state.firstRunId).toBe('run-1');
  });

  test('a repeated try with the same bytes is the same record', async () => {
    const state = stateOf('again', 'run-1');
    const first = await write(state, 0);
    expect(await write(state, 0)).toEqual(first);
    expect(await listKeys(s3, 's3://data/out/again/record/')).toHaveLength(1);
  });

  test('after a reset the run finds numbers taken by itself, and goes past them', async () => {
    await write(stateOf('reset', 'run-1'), 0);
    await write(stateOf('reset', 'run-1', { failuresInRow: 1 }), 1);
    await write(stateOf('reset', 'run-1', { failuresInRow: 2 }), 2);
    const written = await write(stateOf('reset', 'run-1', { failuresInRow: 7 }), 1);
    expect(written).toMatchObject({ kind: 'written', sequence: 3 });
    expect((await read('reset')).state.failuresInRow).toBe(7);
  });

  test('after a reset the run is told of a later record also where it writes the very bytes that lie there (I3)', async () => {
    const told = (state: ChainState, sequence: number) =>
      recordActivities({ s3: () => s3 }).writeRecord({ state, pending, sequence, isToldOfReset: true });
    const states = [0, 1, 2].map((failuresInRow) => stateOf('same-bytes', 'run-1', { failuresInRow }));
    for (const [sequence, state] of states.entries())
      expect(await told(state, sequence)).toMatchObject({ kind: 'written', sequence });
    const uri = 's3://data/out/same-bytes/record/0000-000002.json';
    expect(await told(stateOf('same-bytes', 'run-1'), 0)).toEqual({ kind: 'repeated', uri });
    expect(await told(stateOf('same-bytes', 'run-1', { failuresInRow: 2 }), 2)).toMatchObject({ kind: 'written' });
    await expect(told(stateOf('same-bytes', 'run-2'), 0)).rejects.toMatchObject({ type: 'unusable' });
  });

  test('a writer of an earlier resumption is told that it is stale, and writes nothing (I3)', async () => {
    await write(stateOf('stale', 'run-1'), 0);
    await write(stateOf('stale', 'run-1', { resumption: 1 }), 0);
    expect(await write(stateOf('stale', 'run-1', { failuresInRow: 9 }), 1)).toMatchObject({ kind: 'superseded' });
    expect((await read('stale')).state).toMatchObject({ resumption: 1, failuresInRow: 0 });
  });

  test('two that resume at the same moment: one has the chain, the other is told', async () => {
    await write(stateOf('race', 'run-1'), 0);
    const racers = ['a', 'b'].map((reason) =>
      write(stateOf('race', 'run-1', { resumption: 1, stopRequested: { atMs: null, reason } }), 0),
    );
    const kinds = (await Promise.all(racers)).map(({ kind }) => kind);
    expect(kinds.toSorted()).toEqual(['superseded', 'written']);
  });

  test('a file that is no record is not taken for one', async () => {
    await s3.send(
      new PutObjectCommand({ Bucket: 'data', Key: 'out/foreign/record/0000-000000.json', Body: '{"version":1}' }),
    );
    await expect(read('foreign')).rejects.toMatchObject({ type: 'unusable' });
    await expect(read('nothing')).rejects.toMatchObject({ message: expect.stringContaining('no record') });
  });
});

describe('write-once objects', () => {
  test('the same bytes are our own earlier try; other bytes are never written over (I8)', async () => {
    await writeNewText(s3, 's3://data/once.txt', undefined, 'first');
    await writeNewText(s3, 's3://data/once.txt', undefined, 'first');
    await expect(writeNewText(s3, 's3://data/once.txt', undefined, 'second')).rejects.toThrow(TakenError);
    expect(await readObjectText(s3, 's3://data/once.txt')).toBe('first');
  });

  test('of several objects none is completed if the work fails', async () => {
    const uris = { a: 's3://data/several/a', b: 's3://data/several/b' };
    const failing = writeNewObjects(s3, uris, undefined, async (to) => {
      await to.a.write(Buffer.from('half'));
      throw new Error('in the middle');
    });
    await expect(failing).rejects.toThrow('in the middle');
    expect(await listKeys(s3, 's3://data/several/')).toEqual([]);
  });

  test('many parts are written as one object, and a second writer of it loses to the first', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    const write = (last: string) =>
      writeNewObjects(s3, { large: 's3://data/large' }, undefined, async ({ large }) => {
        for (let part = 0; part < 18; part += 1) await large.write(chunk);
        await large.write(Buffer.from(last));
      });
    await write('1');
    await write('1');
    await expect(write('2')).rejects.toThrow(TakenError);
  });

  test('what changed since it was looked at is not read', async () => {
    await writeNewText(s3, 's3://data/etag.txt', undefined, 'old');
    const read = objectSource(s3, 's3://data/etag.txt', '"0123456789abcdef0123456789abcdef"');
    await expect(read()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ $metadata: { httpStatusCode: 412 } });
  });

  test('a bucket that is not there is refused with a sentence, not retried', async () => {
    await expect(writeNewText(s3, 's3://nowhere/x', undefined, 'x')).rejects.toMatchObject({
      type: 'storage-refused',
      nonRetryable: true,
      message: expect.stringContaining('s3://nowhere/x'),
    });
  });
});
