/**
 * What a job's output holds, compared with its input. It owns the counting; nothing is written. `newLabels` and
 * `unmatchedLabeled` together are what the settle rule compares with LabelCounters.TotalLabeled (DESIGN, section 6).
 */
import type { ByteSource } from './byte-streams.ts';
import type { ObjectLine } from './attributes.ts';
import type { WaitingLine } from './identity-pool.ts';
import {
  labelStateOf,
  labelValue,
  ownAttributes,
  sameLabel,
  type LabelState,
  type OwnAttributes,
} from './label-state.ts';
import { ProblemList, type ManifestProblem } from './manifest-rules.ts';
import { pairOutput, type PairCounts } from './pairing.ts';

/** Counts of one output. Input lines = newLabels + failed + notAttempted + carried; lines = those paired + unmatched + unreadable. */
export type OutputCounts = {
  /** Output lines. */
  lines: number;
  /** Labels that their input line did not have (or had with another value). */
  newLabels: number;
  /** Labels that were in the input already. */
  carried: number;
  failed: number;
  /** Neither label nor failure, or absent from the output. */
  notAttempted: number;
  odd: number;
  /** Output lines that belong to no input line, and those of them with a label. */
  unmatched: number;
  unmatchedLabeled: number;
};

/** What a paired output line brought. */
export type Brought = Exclude<LabelState, { kind: 'labeled' }> | { kind: 'new-label' | 'carried'; odd: boolean };

/** Compares a paired output line with its input line. */
export const broughtBy = (input: WaitingLine, output: ObjectLine, own: OwnAttributes): Brought => {
  const state = labelStateOf(output, own);
  if (state.kind !== 'labeled') return state;
  const value = input.label === null ? null : labelValue(output, own);
  const isCarried = input.label !== null && value !== null && sameLabel(input.label, value);
  return { kind: isCarried ? 'carried' : 'new-label', odd: state.odd };
};

/** Adds lines up to {@link OutputCounts}. */
export class OutputCounter {
  readonly #counts = { newLabels: 0, carried: 0, failed: 0, odd: 0, unmatched: 0, unmatchedLabeled: 0 };
  /** Labels that were in the input and are not in the paired output line: AWS is not known to do that. */
  #lostLabels = 0;

  paired(brought: Brought, inputHadLabel: boolean): void {
    if (brought.odd) this.#counts.odd += 1;
    switch (brought.kind) {
      case 'new-label':
        this.#counts.newLabels += 1;
        if (inputHadLabel) this.#lostLabels += 1;
        break;
      case 'carried':
        this.#counts.carried += 1;
        break;
      case 'failed':
        this.#counts.failed += 1;
        if (inputHadLabel) this.#lostLabels += 1;
        break;
      case 'not-attempted':
        break;
    }
  }

  unmatched(state: LabelState): void {
    if (state.odd) this.#counts.odd += 1;
    this.#counts.unmatched += 1;
    if (state.kind === 'labeled') this.#counts.unmatchedLabeled += 1;
  }

  finish({ inputLines, outputLines, labeledInputLines }: PairCounts): OutputCounts {
    const carried = labeledInputLines - this.#lostLabels;
    const notAttempted = inputLines - this.#counts.newLabels - this.#counts.failed - carried;
    return { lines: outputLines, ...this.#counts, carried, notAttempted };
  }
}

export type InspectRequest = {
  label: string;
  jobName: string;
  input: ByteSource;
  /** The input may hold labels. */
  labeledInput: boolean;
  output: ByteSource;
  temporaryDirectory: string;
};

export type OutputInspection = OutputCounts & {
  /** The first 100. */
  unreadable: ManifestProblem[];
  unreadableTotal: number;
};

/** Counts what an output holds; unreadable lines are listed, the others still counted. */
export const inspectOutput = async (request: InspectRequest): Promise<OutputInspection> => {
  const own = ownAttributes(request.label);
  const counter = new OutputCounter();
  const unreadable = new ProblemList();
  const counts = await pairOutput(
    { ...request, own, title: 'inspection of a job output' },
    {
      paired: (input, output) => counter.paired(broughtBy(input, output, own), input.label !== null),
      unmatched: (line) => counter.unmatched(labelStateOf(line, own)),
      unreadable: (line, problem) => unreadable.add(line, problem),
    },
  );
  return { ...counter.finish(counts), unreadable: unreadable.list, unreadableTotal: unreadable.total };
};
