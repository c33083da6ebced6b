/**
 * Reading one job's output for a merge. It owns the step from lines to findings and the counts of one source.
 */
import { OperationError } from '../errors.ts';
import type { ByteSource } from './byte-streams.ts';
import type { Findings } from './findings.ts';
import { broughtBy, OutputCounter, type OutputCounts } from './inspection.ts';
import { OrdinalsReader } from './job-input.ts';
import { labelMembers, labelStateOf, type OwnAttributes } from './label-state.ts';
import { ProblemList } from './manifest-rules.ts';
import { pairOutput } from './pairing.ts';
import type { Spool } from './spool.ts';

/** One job's files. */
export type MergeSource = {
  generation: number;
  jobName: string;
  input: ByteSource;
  /** The input may hold labels. */
  labeledInput: boolean;
  /** The ordinals file of the input. */
  ordinals: ByteSource;
  output: ByteSource;
  /** Merged before; now again for what came late. */
  late: boolean;
};

/** What one source brought. */
export type MergedSource = OutputCounts & {
  generation: number;
  late: boolean;
  /** Labels that this merge put into the dataset. */
  added: number;
  /** Second labels that are new in this merge. */
  doubled: number;
  attemptsCounted: number;
  /** The 20 most frequent failure reasons, S3 URIs in them replaced by `s3://…`. */
  reasons: { reason: string; objects: number }[];
};

/** An output line that cannot be read; `line` is 1-based. */
export type UnreadableLine = { generation: number; line: number; problem: string };

const REASONS_SHOWN = 20;
const REASONS_COUNTED = 10_000;
const OTHER_REASONS = '(other reasons)';

/** Counts of one source while it is merged. */
export class SourceTally {
  readonly source: MergeSource;
  counts: OutputCounts | null = null;
  added = 0;
  doubled = 0;
  attemptsCounted = 0;
  readonly #reasons = new Map<string, number>();

  constructor(source: MergeSource) {
    this.source = source;
  }

  /** Some reasons name the object's URI; without it they add up. */
  countReason(reason: string): void {
    const general = reason.replaceAll(/s3:\/\/[^\s"',;)]+/g, 's3://…');
    const isNew = !this.#reasons.has(general);
    const key = isNew && this.#reasons.size >= REASONS_COUNTED ? OTHER_REASONS : general;
    this.#reasons.set(key, (this.#reasons.get(key) ?? 0) + 1);
  }

  result(): MergedSource {
    const { counts, added, doubled, attemptsCounted } = this;
    if (counts === null) throw new Error('the source has not been read');
    const reasons = [...this.#reasons]
      .map(([reason, objects]) => ({ reason, objects }))
      .toSorted((a, b) => b.objects - a.objects)
      .slice(0, REASONS_SHOWN);
    const { generation, late } = this.source;
    return { generation, late, ...counts, added, doubled, attemptsCounted, reasons };
  }
}

/** Ordinals by input line, in memory: four bytes for each line of one job. */
const readOrdinals = async (source: MergeSource): Promise<Uint32Array> => {
  const reader = new OrdinalsReader(source.ordinals);
  let ordinals = new Uint32Array(1024);
  let length = 0;
  for (let ordinal = await reader.next(); ordinal !== null; ordinal = await reader.next()) {
    if (length === ordinals.length) {
      const longer = new Uint32Array(length * 2);
      longer.set(ordinals);
      ordinals = longer;
    }
    ordinals[length] = ordinal;
    length += 1;
  }
  return ordinals.subarray(0, length);
};

export type ReadSourceRequest = {
  source: MergeSource;
  index: number;
  own: OwnAttributes;
  temporaryDirectory: string;
  findings: Findings;
  unmatched: Spool;
};

export type ReadSource = { tally: SourceTally; unreadable: UnreadableLine[]; unreadableTotal: number };

/** Reads one output into findings. */
export const readSource = async ({
  source,
  index,
  own,
  temporaryDirectory,
  findings,
  unmatched,
}: ReadSourceRequest): Promise<ReadSource> => {
  const { generation } = source;
  const title = `merge of job ${generation}`;
  const tally = new SourceTally(source);
  const counter = new OutputCounter();
  const unreadable = new ProblemList();
  const ordinals = await readOrdinals(source);
  const mismatch = (inputLines: number): OperationError =>
    new OperationError(
      `${title}: the input has ${inputLines} lines and the ordinals file ${ordinals.length}; they do not belong together`,
    );
  const counts = await pairOutput(
    {
      input: source.input,
      jobName: source.jobName,
      labeledInput: source.labeledInput,
      output: source.output,
      own,
      temporaryDirectory,
      title,
    },
    {
      paired: (input, output) => {
        const ordinal = ordinals[input.number - 1];
        if (ordinal === undefined) throw mismatch(input.number);
        const brought = broughtBy(input, output, own);
        counter.paired(brought, input.label !== null);
        if (brought.kind === 'new-label') findings.addLabel(ordinal, index, labelMembers(output, own));
        if (brought.kind === 'failed') {
          tally.countReason(brought.reason);
          findings.addFailure(ordinal, index, brought.reason);
        }
      },
      unmatched: (line, number) => {
        counter.unmatched(labelStateOf(line, own));
        unmatched.append(Buffer.from(`{"generation":${generation},"line":${number},"object":`));
        unmatched.append(line.bytes.subarray(line.bytes.indexOf('{'), line.bytes.lastIndexOf('}') + 1));
        unmatched.append(Buffer.from('}\n'));
      },
      unreadable: (line, problem) => unreadable.add(line, problem),
    },
  );
  if (counts.inputLines !== ordinals.length) throw mismatch(counts.inputLines);
  tally.counts = counter.finish(counts);
  return {
    tally,
    unreadable: unreadable.list.map((each) => ({ generation, ...each })),
    unreadableTotal: unreadable.total,
  };
};
