/**
 * The chain's record in S3, `<S3OutputPath>/<chain>/record/<resumption>-<sequence>.json`: everything the chain knows,
 * written before each create, so that a chain outlives Temporal's retention. Versions are only added; the last one by
 * name counts. A stale writer of an earlier resumption sorts before it and is ignored.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import type { ChainState } from '../decisions/chain-state.ts';
import type { Spec } from '../decisions/spec.ts';
import { unusable } from './aws-failures.ts';
import { TakenError, listKeys, parseS3Uri, readObjectText, under, writeNewText } from './s3-objects.ts';

export const chainFolder = (spec: Pick<Spec, 'chain' | 'job'>): string =>
  under(spec.job.OutputConfig.S3OutputPath, spec.chain);

const recordUri = (folder: string, resumption: number, sequence: number): string =>
  under(folder, 'record', `${String(resumption).padStart(4, '0')}-${String(sequence).padStart(6, '0')}.json`);

/** What a person asked for and the chain has not done yet. */
const pendingSchema = z.object({
  manifestUris: z.array(z.string()),
  retrySetAside: z.boolean(),
  copyAssets: z.boolean(),
});

/** What is in a record file. The state was written by us; its outline is checked, so that another file is not taken for it. */
const recordSchema = z.looseObject({
  version: z.literal(1),
  state: z.looseObject({
    chain: z.string(),
    firstRunId: z.string(),
    resumption: z.int(),
    spec: z.looseObject({ chain: z.string() }),
    phase: z.looseObject({ kind: z.enum(['deciding', 'job', 'settling', 'ended']) }),
    generations: z.array(z.looseObject({ generation: z.int(), name: z.string() })),
  }),
  pending: pendingSchema.default({ manifestUris: [], retrySetAside: false, copyAssets: false }),
});

/** A file that is not even JSON is refused like any other that is no record: a retry would not mend it. */
const parseRecord = (text: string): ReturnType<typeof recordSchema.safeParse> => {
  try {
    return recordSchema.safeParse(JSON.parse(text));
  } catch {
    return recordSchema.safeParse(undefined);
  }
};

/** `sequence`: its number in its resumption. */
export type ChainRecord = {
  state: ChainState;
  pending: z.infer<typeof pendingSchema>;
  uri: string;
  sequence: number;
};

/** `superseded`: the chain was resumed elsewhere; the writer is stale and has written nothing. */
export type WriteRecordResult =
  | { kind: 'written'; sequence: number; uri: string }
  | { kind: 'superseded'; uri: string }
  /** The chain was reset, and had gone another way before: its last record says how far it is. Nothing was written. */
  | { kind: 'repeated'; uri: string };

const recordPattern = /\/record\/(\d{4})-(\d{6})\.json$/;

/** The record that counts, and the number of its resumption; null if there is none. */
const lastRecord = async (
  s3: S3Client,
  folder: string,
): Promise<{ uri: string; resumption: number; sequence: number } | null> => {
  const keys = await listKeys(s3, under(folder, 'record/'));
  const last = keys.findLast((key) => recordPattern.test(key));
  if (last === undefined) return null;
  const [, resumption, sequence] = recordPattern.exec(last) ?? [];
  const uri = `s3://${parseS3Uri(folder).Bucket}/${last}`;
  return { uri, resumption: Number(resumption), sequence: Number(sequence) };
};

export const readChainRecord = async (s3: S3Client, folder: string): Promise<ChainRecord | null> => {
  const last = await lastRecord(s3, folder);
  if (last === null) return null;
  const { uri, sequence } = last;
  const parsed = parseRecord(await readObjectText(s3, uri));
  if (!parsed.success) {
    throw unusable(`${uri} is not a record of a chain: ${parsed.error.issues[0]?.message ?? ''}`);
  }
  // Checked in outline above; written whole by writeRecord, so the rest has the shape of ChainState.
  return { state: parsed.data.state as unknown as ChainState, pending: parsed.data.pending, uri, sequence };
};

/** Whether the record there is of the chain that began with this run. */
const isOf = async (s3: S3Client, uri: string, firstRunId: string): Promise<boolean> => {
  const known = parseRecord(await readObjectText(s3, uri));
  return known.success && known.data.state.firstRunId === firstRunId;
};

/** Whether the chain itself wrote `last` after the record of this number. Number 0 of a resumption is a lock, and never that of another writer. */
const isFollowedBy = async (
  s3: S3Client,
  last: { uri: string; resumption: number; sequence: number },
  { resumption, firstRunId }: ChainState,
  sequence: number,
): Promise<boolean> => {
  if (last.resumption !== resumption || last.sequence <= sequence || (sequence === 0 && resumption > 0)) return false;
  return isOf(s3, last.uri, firstRunId);
};

export const recordActivities = ({ s3 }: { s3: (region: string) => S3Client }) => ({
  /** The newest record of a chain. */
  readRecord: async ({ spec }: { spec: Spec }): Promise<ChainRecord> => {
    const folder = chainFolder(spec);
    const record = await readChainRecord(s3(spec.region), folder);
    if (record === null) {
      throw unusable(`there is no record of the chain ${spec.chain} under ${folder}`);
    }
    return record;
  },

  /**
   * Adds a record. Sequence 0 of a resumption is the lock on the name: it must not exist. Other numbers may be taken by this very run
   * before a reset, with other content; then it is told so, and goes on from its last record (I1, I3: jobs that it does not know of
   * may be live). A writer of an earlier resumption is told that too.
   */
  writeRecord: async ({
    state,
    pending,
    sequence,
    isToldOfReset = false,
  }: {
    state: ChainState;
    pending: ChainRecord['pending'];
    sequence: number;
    /** False from a workflow of before it could be told: the next free number is used. */
    isToldOfReset?: boolean;
  }): Promise<WriteRecordResult> => {
    const { spec, resumption } = state;
    const client = s3(spec.region);
    const folder = chainFolder(spec);
    const last = await lastRecord(client, folder);
    if (last !== null && last.resumption > resumption) return { kind: 'superseded', uri: last.uri };
    // A record that a run of before a reset wrote, be it the same to the byte: that run went on from it, and may have a live job (I1, I3).
    if (isToldOfReset && last !== null && (await isFollowedBy(client, last, state, sequence)))
      return { kind: 'repeated', uri: last.uri };
    const text = `${JSON.stringify({ version: 1, state, pending }, null, 1)}\n`;
    for (let free = sequence; ; free += 1) {
      const uri = recordUri(folder, resumption, free);
      try {
        await writeNewText(client, uri, spec.job.OutputConfig.KmsKeyId, text);
        return { kind: 'written', sequence: free, uri };
      } catch (thrown) {
        if (!(thrown instanceof TakenError)) throw thrown;
        if (!(await isOf(client, uri, state.firstRunId)))
          throw unusable(`${uri} exists; the name ${spec.chain} is taken: see label-relay resume`);
        if (free === 0 && resumption > 0) return { kind: 'superseded', uri };
        if (isToldOfReset) return { kind: 'repeated', uri };
      }
    }
  },
});
