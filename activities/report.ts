/**
 * What a report says of a chain's objects: read from the dataset and the object states in S3, counted, and cut to what fits
 * into an answer. Reads only.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import { Context } from '@temporalio/activity';
import { LineReader } from '../manifests/lines.ts';
import { StatesReader, type ObjectState } from '../manifests/object-states.ts';
import { objectSource } from './s3-objects.ts';

/** Set-aside objects that are named; the rest is only counted. The leftover report has them all. */
export const NAMED_OBJECTS = 200;

/** Different failure reasons that are listed, the most frequent first. */
export const LISTED_REASONS = 12;

/** Characters of an object's line that are shown. */
const SHOWN_CHARACTERS = 300;

/** Different reasons that are counted at all: object-specific ones (with a URI in the text) could be a million. */
const COUNTED_REASONS = 2_000;

export type ReportInput = {
  chain: string;
  region: string;
  manifestUri: string;
  statesUri: string;
  /** Names of the labeling jobs by generation. */
  jobs: { generation: number; name: string }[];
};

export type AttemptsRow = { attempts: number; labeled: number; remaining: number; setAside: number };

export type SetAsideObject = {
  /** 1-based, in the dataset. */
  line: number;
  /** The manifest line, cut. */
  text: string;
  attempts: number;
  lastReason: string | null;
  /** Names of the jobs in which it failed. */
  jobs: string[];
};

export type ObjectsSummary = {
  byAttempts: AttemptsRow[];
  /** Why objects without a label failed last, the most frequent first. */
  reasons: { reason: string; objects: number; setAside: number }[];
  /** Labels by the generation that brought them, late ones included; 0: they came with the manifest. */
  labels: { generation: number; labels: number }[];
  setAside: SetAsideObject[];
  setAsideTotal: number;
};

const cut = (text: string): string =>
  text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS - 1)}…`;

const attemptsOf = (state: ObjectState): number[] => [...state.forgiven, ...state.attempts];

/** Counts up; at most `limit` different keys, the rest is dropped. */
class Tally<Key> {
  readonly counts = new Map<Key, { objects: number; setAside: number }>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(key: Key, objects: number, setAside: number): void {
    const known = this.counts.get(key);
    if (known === undefined) {
      if (this.counts.size < this.#limit) this.counts.set(key, { objects, setAside });
      return;
    }
    known.objects += objects;
    known.setAside += setAside;
  }
}

const beat = (): void => {
  try {
    Context.current().heartbeat();
  } catch {
    // Outside an activity (a test of the function alone) there is nobody to tell.
  }
};

export const reportActivities = ({ s3 }: { s3: (region: string) => S3Client }) => ({
  /** Counts the objects of a chain for its report. */
  summarizeObjects: async (input: ReportInput): Promise<ObjectsSummary> => {
    const client = s3(input.region);
    const states = new StatesReader(objectSource(client, input.statesUri, null, beat));
    const rows = new Map<number, AttemptsRow>();
    const reasons = new Tally<string>(COUNTED_REASONS);
    const labels = new Map<number, number>();
    const wanted = new Map<number, ObjectState>();
    let setAsideTotal = 0;
    let ordinal = 0;
    for (let run = await states.take(Infinity); run !== null; run = await states.take(Infinity)) {
      const { count, state } = run;
      const attempts = attemptsOf(state).length;
      const row = rows.get(attempts) ?? { attempts, labeled: 0, remaining: 0, setAside: 0 };
      rows.set(attempts, row);
      if (state.label !== null) {
        row.labeled += count;
        labels.set(state.label, (labels.get(state.label) ?? 0) + count);
      } else {
        if (state.setAside) {
          row.setAside += count;
          setAsideTotal += count;
          for (let at = ordinal; at < ordinal + count && wanted.size < NAMED_OBJECTS; at += 1) wanted.set(at, state);
        } else row.remaining += count;
        if (state.lastReason !== null) reasons.add(state.lastReason, count, state.setAside ? count : 0);
      }
      ordinal += count;
    }
    return {
      byAttempts: [...rows.values()].toSorted((a, b) => a.attempts - b.attempts),
      reasons: [...reasons.counts]
        .map(([reason, counts]) => ({ reason, ...counts }))
        .toSorted((a, b) => b.objects - a.objects)
        .slice(0, LISTED_REASONS),
      labels: [...labels]
        .map(([generation, count]) => ({ generation, labels: count }))
        .toSorted((a, b) => a.generation - b.generation),
      setAside: await nameObjects(client, input, wanted),
      setAsideTotal,
    };
  },
});

/** The lines of the wanted ordinals; the manifest is read no further than the last of them. */
const nameObjects = async (
  client: S3Client,
  input: ReportInput,
  wanted: ReadonlyMap<number, ObjectState>,
): Promise<SetAsideObject[]> => {
  const named: SetAsideObject[] = [];
  if (wanted.size === 0) return named;
  const names = new Map(input.jobs.map(({ generation, name }) => [generation, name]));
  const lines = new LineReader(objectSource(client, input.manifestUri, null, beat));
  try {
    for (let ordinal = 0; named.length < wanted.size; ordinal += 1) {
      const line = await lines.next();
      if (line === null) break;
      const state = wanted.get(ordinal);
      if (state === undefined) continue;
      const generations = attemptsOf(state);
      named.push({
        line: ordinal + 1,
        text: cut(line.toString('utf8').trim()),
        attempts: generations.length,
        lastReason: state.lastReason,
        jobs: generations.map((generation) => names.get(generation) ?? `generation ${generation}`),
      });
    }
  } finally {
    await lines.close();
  }
  return named;
};
