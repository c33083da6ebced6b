/**
 * The object states: what the chain knows of each object beside its line. It owns the side file's format and its reader
 * and writer.
 *
 * JSON Lines, readable by people, each of two kinds:
 * - `{"objects":[0,4999],"label":1}`: a run of objects in the same state, by first and last ordinal. The runs
 *   follow each other without a gap from ordinal 0 to the dataset's last; so a cut file is noticed. A field at its default is left out.
 * - `{"reason":3,"text":"ClientError: …"}`: gives the number 3 to a failure reason, until the number is given again. Only 256 numbers
 *   are in use, so a reader holds at most that many texts.
 */
import { z } from 'zod';
import { OperationError } from '../errors.ts';
import type { ByteSink, ByteSource } from './byte-streams.ts';
import { GatheringSink } from './byte-streams.ts';
import { LineReader } from './lines.ts';

/** What the chain knows of one object. Lists hold generation numbers, each at most once. */
export type ObjectState = {
  /** The generation whose label the dataset holds; 0 if it came with the user's manifest; null if there is none. */
  readonly label: number | null;
  /** Generations whose failure counted an attempt. */
  readonly attempts: readonly number[];
  /** Attempts that a person forgave: they count no more and are never counted again. */
  readonly forgiven: readonly number[];
  /** Why the object failed last, whether or not it counted; cut to {@link REASON_MAX_CHARACTERS}. */
  readonly lastReason: string | null;
  readonly setAside: boolean;
  /** Generations that delivered another label when there was one already. */
  readonly doubled: readonly number[];
};

/** The generation of a label that came with a manifest of the user's. */
export const FROM_A_MANIFEST = 0;

/** An object nobody has worked on. */
export const untouchedState: ObjectState = {
  label: null,
  attempts: [],
  forgiven: [],
  lastReason: null,
  setAside: false,
  doubled: [],
};

/** The longest failure reason that is kept. Those of AWS's that are known have about 400 characters. */
export const REASON_MAX_CHARACTERS = 1_000;

/** A reason as it is stored. */
export const shortenReason = (reason: string): string =>
  reason.length <= REASON_MAX_CHARACTERS ? reason : `${reason.slice(0, REASON_MAX_CHARACTERS - 1)}…`;

/** What the states add up to; total = labeled + remaining + setAside. `doubled` counts every object once per generation. */
export type StateCounts = { total: number; labeled: number; remaining: number; setAside: number; doubled: number };

const sameList = (a: readonly number[], b: readonly number[]): boolean =>
  a === b || (a.length === b.length && a.every((generation, index) => generation === b[index]));

const sameState = (a: ObjectState, b: ObjectState): boolean =>
  a === b ||
  (a.label === b.label &&
    a.setAside === b.setAside &&
    a.lastReason === b.lastReason &&
    sameList(a.attempts, b.attempts) &&
    sameList(a.forgiven, b.forgiven) &&
    sameList(a.doubled, b.doubled));

const REASON_NUMBERS = 256;

/** Writes the states in the dataset's order. Call {@link finish} at the end. */
export class StatesWriter {
  readonly #sink: GatheringSink;
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];
  #nextNumber = 0;
  #run: ObjectState | null = null;
  #runStart = 0;
  readonly #counts: StateCounts = { total: 0, labeled: 0, remaining: 0, setAside: 0, doubled: 0 };

  constructor(sink: ByteSink) {
    this.#sink = new GatheringSink(sink);
  }

  /** Whether it is time to {@link drain}. */
  get isFull(): boolean {
    return this.#sink.isFull;
  }

  async drain(): Promise<void> {
    await this.#sink.drain();
  }

  /** Adds `count` objects in the same state. */
  add(count: number, state: ObjectState): void {
    if (count === 0) return;
    if (this.#run !== null && !sameState(this.#run, state)) this.#writeRun(this.#run);
    this.#run = state;
    this.#counts.total += count;
    this.#counts.doubled += count * state.doubled.length;
    if (state.label !== null) this.#counts.labeled += count;
    else if (state.setAside) this.#counts.setAside += count;
    else this.#counts.remaining += count;
  }

  /** Writes the last run; the counts are of everything added. */
  async finish(): Promise<StateCounts> {
    if (this.#run !== null) this.#writeRun(this.#run);
    this.#run = null;
    await this.#sink.finish();
    return { ...this.#counts };
  }

  #writeRun(state: ObjectState): void {
    const reason = state.lastReason === null ? undefined : this.#reasonNumber(state.lastReason);
    this.#writeLine({
      objects: [this.#runStart, this.#counts.total - 1],
      label: state.label ?? undefined,
      attempts: state.attempts.length > 0 ? state.attempts : undefined,
      forgiven: state.forgiven.length > 0 ? state.forgiven : undefined,
      reason,
      setAside: state.setAside || undefined,
      doubled: state.doubled.length > 0 ? state.doubled : undefined,
    });
    this.#runStart = this.#counts.total;
  }

  #reasonNumber(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#nextNumber;
    this.#nextNumber = (number + 1) % REASON_NUMBERS;
    const replaced = this.#texts[number];
    if (replaced !== undefined) this.#numbers.delete(replaced);
    this.#texts[number] = text;
    this.#numbers.set(text, number);
    this.#writeLine({ reason: number, text });
    return number;
  }

  #writeLine(value: unknown): void {
    this.#sink.putText(`${JSON.stringify(value)}\n`);
  }
}

const count = z.int().min(0);
const stateLine = z.union([
  z.strictObject({ reason: count.max(REASON_NUMBERS - 1), text: z.string() }),
  z.strictObject({
    objects: z.tuple([count, count]),
    label: count.optional(),
    attempts: z.array(count).optional(),
    forgiven: z.array(count).optional(),
    reason: count.optional(),
    setAside: z.literal(true).optional(),
    doubled: z.array(count).optional(),
  }),
]);

/** A stretch of objects in one state. */
export type StateRun = { readonly count: number; readonly state: ObjectState };

/** Reads the states in the dataset's order. */
export class StatesReader {
  readonly #lines: LineReader;
  readonly #reasons: string[] = [];
  #state: ObjectState = untouchedState;
  #left = 0;
  #nextOrdinal = 0;

  constructor(source: ByteSource) {
    this.#lines = new LineReader(source);
  }

  /** The next run, cut to at most `most` objects; null at the end. Throws OperationError if the file is damaged. */
  async take(most: number): Promise<StateRun | null> {
    if (this.#left === 0 && !(await this.#readRun())) return null;
    return this.takeNow(most);
  }

  /** {@link take} if the run has been read already; null if that must be awaited. */
  takeNow(most: number): StateRun | null {
    if (this.#left === 0) return null;
    const taken = Math.min(most, this.#left);
    this.#left -= taken;
    return { count: taken, state: this.#state };
  }

  /** Ends the stream early; needed when not everything is read. */
  async close(): Promise<void> {
    await this.#lines.close();
  }

  async #readRun(): Promise<boolean> {
    for (;;) {
      const line = await this.#lines.next();
      if (line === null) return false;
      const fields = this.#parse(line);
      if ('text' in fields) {
        this.#reasons[fields.reason] = fields.text;
        continue;
      }
      const [first, last] = fields.objects;
      const lastReason = fields.reason === undefined ? null : this.#reasons[fields.reason];
      if (first !== this.#nextOrdinal || last < first || lastReason === undefined) throw this.#damaged();
      this.#state = {
        label: fields.label ?? null,
        attempts: fields.attempts ?? [],
        forgiven: fields.forgiven ?? [],
        lastReason,
        setAside: fields.setAside ?? false,
        doubled: fields.doubled ?? [],
      };
      this.#left = last - first + 1;
      this.#nextOrdinal = last + 1;
      return true;
    }
  }

  #parse(line: Buffer): z.infer<typeof stateLine> {
    try {
      return stateLine.parse(JSON.parse(line.toString('utf8')));
    } catch (thrown) {
      throw this.#damaged(thrown);
    }
  }

  #damaged(cause?: unknown): OperationError {
    return new OperationError(
      `the object states file is damaged at line ${this.#lines.lines}; restore that version of it and try again`,
      { cause },
    );
  }
}

/** Copies the states of the next `count` objects, each run changed by `change`; says how many there were. */
export const copyStates = async (
  from: StatesReader,
  to: StatesWriter,
  most: number,
  change: (run: StateRun) => ObjectState,
): Promise<number> => {
  let copied = 0;
  while (copied < most) {
    const run = await from.take(most - copied);
    if (run === null) break;
    to.add(run.count, change(run));
    if (to.isFull) await to.drain();
    copied += run.count;
  }
  return copied;
};

/**
 * Gives set-aside objects another chance: their attempts so far count no more. They stay known, so that no later merge of the
 * same generation counts them again.
 */
export const retrySetAside = async (
  states: ByteSource,
  to: ByteSink,
): Promise<{ retried: number; counts: StateCounts }> => {
  const writer = new StatesWriter(to);
  let retried = 0;
  await copyStates(new StatesReader(states), writer, Infinity, ({ count: objects, state }) => {
    if (!state.setAside) return state;
    retried += objects;
    return { ...state, setAside: false, attempts: [], forgiven: [...state.forgiven, ...state.attempts] };
  });
  return { retried, counts: await writer.finish() };
};
