/**
 * What survives a kill of the simulator: an append-only file of everything that came from outside (calls, scripts, clock
 * moves, what was read from S3) and of how many effects were done. The core is deterministic, so doing it all again
 * with the effects that were done left out gives the same account.
 */
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import type { EventBus, ObjectStore } from './ports.ts';

const entrySchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('opened'),
    version: z.literal(1),
    account: z.string(),
    region: z.string(),
    seed: z.number(),
    startMs: z.number(),
    clock: z.enum(['real', 'stopped']),
    baseMs: z.number(),
    script: z.unknown(),
  }),
  z.object({ kind: z.literal('clock'), baseMs: z.number() }),
  z.object({ kind: z.literal('call'), atMs: z.number(), operation: z.string(), input: z.unknown() }),
  z.object({ kind: z.literal('script'), atMs: z.number(), script: z.unknown() }),
  z.object({ kind: z.literal('read'), uri: z.string(), body: z.string().nullable() }),
  z.object({ kind: z.literal('done'), effects: z.number() }),
]);
export type JournalEntry = z.infer<typeof entrySchema>;

/** A state file that is not ours or damaged in its middle. */
export class JournalError extends Error {
  override readonly name = 'JournalError';
}

/** The entries of a file; none if there is no file. A last line cut off by a kill is removed. */
export const readJournal = (path: string): JournalEntry[] => {
  if (!existsSync(path)) return [];
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf(0x0a) + 1;
  if (end < bytes.length) truncateSync(path, end);
  const entries: JournalEntry[] = [];
  for (let start = 0; start < end;) {
    const lineEnd = bytes.indexOf(0x0a, start);
    try {
      entries.push(entrySchema.parse(JSON.parse(bytes.toString('utf8', start, lineEnd))));
    } catch (error) {
      throw new JournalError(
        `${path} line ${entries.length + 1} is not an entry of a state file of this simulator. Name another file with --state, or remove this one to start anew.`,
        { cause: error },
      );
    }
    start = lineEnd + 1;
  }
  return entries;
};

/** Appends entries to a file; without a path it keeps nothing. */
export class Journal {
  readonly #path: string | null;

  constructor(path: string | null) {
    this.#path = path;
  }

  append(entry: JournalEntry): void {
    if (this.#path !== null) appendFileSync(this.#path, `${JSON.stringify(entry)}\n`);
  }
}

/**
 * Ports that write what they do into the journal and, at first, take what they did before from its entries: reads are
 * answered from it and the effects that were done are not done again.
 */
export const journaledPorts = (
  ports: { store: ObjectStore; bus: EventBus },
  journal: Journal,
  entries: readonly JournalEntry[],
): { store: ObjectStore; bus: EventBus } => {
  const reads = entries.filter((entry) => entry.kind === 'read');
  const done = entries.findLast((entry) => entry.kind === 'done')?.effects ?? 0;
  let nextRead = 0;
  let effects = 0;
  const perform = async (effect: () => Promise<void>): Promise<void> => {
    if (effects < done) {
      effects++;
      return;
    }
    await effect();
    effects++;
    journal.append({ kind: 'done', effects });
  };
  return {
    store: {
      async get(uri) {
        const before = reads[nextRead];
        if (before !== undefined) {
          nextRead++;
          return before.body === null ? null : gunzipSync(Buffer.from(before.body, 'base64'));
        }
        const body = await ports.store.get(uri);
        journal.append({ kind: 'read', uri, body: body === null ? null : gzipSync(body).toString('base64') });
        return body;
      },
      put: (uri, body) => perform(() => ports.store.put(uri, body)),
    },
    bus: { put: (events) => perform(() => ports.bus.put(events)) },
  };
};
