/**
 * Which line of a job's output belongs to which line of its input. It owns the pairing rule (DESIGN, section 6): output line i is input
 * line i if all attributes but the chain's own are equal, otherwise the identity decides; identical lines are separate
 * objects, told apart by order.
 *
 * Where the input holds labels, identical lines are told apart by their labels before their order: a shuffled output
 * would otherwise make new labels of those that were only carried along. A line with a new label then waits until the end
 * (labeled-twins.ts).
 *
 * In order, one pass holds one line of each. A line out of order waits for its counterpart: a digest of it in memory, what
 * is needed later in a temporary file.
 */
import { OperationError } from '../errors.ts';
import { readAddedAttributes, readObjectLine, type ObjectLine } from './attributes.ts';
import type { ByteSource } from './byte-streams.ts';
import { digestOfLine, sameBytes } from './identity.ts';
import type { WaitingLine } from './identity-pool.ts';
import { labelValue, type OwnAttributes } from './label-state.ts';
import { pairTwins } from './labeled-twins.ts';
import { LineReader, LineTooLongError } from './lines.ts';
import { labeledKey } from './pairing-key.ts';
import { WaitingLines } from './waiting-lines.ts';

/** What a pass over an output tells. The `line` of an output line has at least the chain's own attributes. */
export type PairVisitor = {
  paired(input: WaitingLine, output: ObjectLine): void;
  /** An output line that no input line is left for, and its 1-based number. */
  unmatched(output: ObjectLine, number: number): void;
  unreadable(number: number, problem: string): void;
};

export type PairRequest = {
  input: ByteSource;
  output: ByteSource;
  own: OwnAttributes;
  /** Whose output it is. */
  jobName: string;
  /** The input may hold labels: a job that was sent the whole dataset. False is quicker. */
  labeledInput: boolean;
  /** An existing directory for what is out of order. */
  temporaryDirectory: string;
  /** Told in error messages: whose input and output. */
  title: string;
};

/** What the pass counted. Labeled input lines without an output line still hold their label, so they are no loss. */
export type PairCounts = { inputLines: number; outputLines: number; labeledInputLines: number };

type InputLine = { line: ObjectLine; waiting: WaitingLine };

/** One pass over input and output, side by side. */
class SideBySide {
  readonly counts: PairCounts = { inputLines: 0, outputLines: 0, labeledInputLines: 0 };
  readonly #request: PairRequest;
  readonly #visitor: PairVisitor;
  readonly #input: LineReader;
  readonly #output: LineReader;
  readonly #waiting: WaitingLines;

  constructor(request: PairRequest, visitor: PairVisitor) {
    this.#request = request;
    this.#visitor = visitor;
    this.#input = new LineReader(request.input);
    this.#output = new LineReader(request.output);
    this.#waiting = new WaitingLines(request.temporaryDirectory, request.own);
  }

  async run(): Promise<void> {
    for (;;) {
      const input = this.#input.nextOfManifestNow() ?? (await this.#input.nextOfManifest());
      const output = this.#output.nextOfManifestNow() ?? (await this.#nextOutput());
      if (input === null && output === null) break;
      if (input !== null) this.counts.inputLines += 1;
      if (output !== null) this.counts.outputLines += 1;
      if (input === null || output === null || !this.#pairCopied(input, output)) this.#pairRead(input, output);
    }
    if (this.#request.labeledInput) return pairTwins(this.#waiting, this.#request, this.#visitor);
    for (const { number, line } of this.#waiting.outputsLeft()) this.#visitor.unmatched(line, number);
  }

  /** The usual case, quickly: AWS copied the line and added to it. */
  #pairCopied(input: Buffer, output: Buffer): boolean {
    const { own, labeledInput } = this.#request;
    const added = labeledInput || own.mayHold(input) ? null : readAddedAttributes(input, output);
    if (added === null || !added.attributes.every(({ name }) => own.isOwn(name))) return false;
    this.#visitor.paired({ number: this.#input.lines, label: null }, added);
    return true;
  }

  #pairRead(inputBytes: Buffer | null, outputBytes: Buffer | null): void {
    const { isOwn } = this.#request.own;
    const input = inputBytes === null ? null : this.#readInput(inputBytes);
    const output = outputBytes === null ? null : this.#readOutput(outputBytes);
    if (this.#request.labeledInput) return this.#pairLabeled(input, output);
    if (input !== null && output !== null && sameBytes(input.line, output, isOwn)) {
      this.#visitor.paired(input.waiting, output);
      return;
    }
    const ofInput = input === null ? null : digestOfLine(input.line, isOwn);
    const ofOutput = output === null ? null : digestOfLine(output, isOwn);
    if (input !== null && output !== null && ofInput === ofOutput) {
      this.#visitor.paired(input.waiting, output);
      return;
    }
    if (input !== null && ofInput !== null) this.#meetInput(input.waiting, ofInput);
    if (output !== null && ofOutput !== null) this.#meetOutput(output, ofOutput);
  }

  #pairLabeled(input: InputLine | null, output: ObjectLine | null): void {
    const { own } = this.#request;
    const ofInput = input === null ? null : labeledKey(input.line, own);
    const ofOutput = output === null ? null : labeledKey(output, own);
    if (input !== null && output !== null && ofInput?.key === ofOutput?.key) {
      this.#visitor.paired(input.waiting, output);
      return;
    }
    if (input !== null && ofInput !== null) this.#meetInput(input.waiting, ofInput.key, ofInput.identity);
    if (output !== null && ofOutput !== null) this.#meetOutput(output, ofOutput.key);
  }

  #meetInput(input: WaitingLine, digest: string, identity?: string): void {
    const output = this.#waiting.takeOutput(digest);
    if (output === null) this.#waiting.addInput(input, digest, identity);
    else this.#visitor.paired(input, output.line);
  }

  #meetOutput(line: ObjectLine, digest: string): void {
    const input = this.#waiting.takeInput(digest);
    if (input === null) this.#waiting.addOutput({ number: this.#output.lines, line }, digest);
    else this.#visitor.paired(input, line);
  }

  #readInput(bytes: Buffer): InputLine {
    const line = readObjectLine(bytes);
    if (line.kind === 'fault') {
      const { title } = this.#request;
      throw new OperationError(`${title}: line ${this.#input.lines} of the job's input is damaged (${line.problem})`);
    }
    const label = labelValue(line, this.#request.own);
    if (label !== null) this.counts.labeledInputLines += 1;
    return { line, waiting: { number: this.#input.lines, label } };
  }

  #readOutput(bytes: Buffer): ObjectLine | null {
    const line = readObjectLine(bytes);
    if (line.kind === 'object') return line;
    this.#visitor.unreadable(this.#output.lines, line.problem);
    return null;
  }

  async #nextOutput(): Promise<Buffer | null> {
    try {
      return await this.#output.nextOfManifest();
    } catch (thrown) {
      if (!(thrown instanceof LineTooLongError)) throw thrown;
      this.counts.outputLines += 1;
      this.#visitor.unreadable(thrown.line, thrown.message);
      await this.#output.close();
      return null;
    }
  }

  async close(): Promise<void> {
    await this.#input.close();
    await this.#output.close();
    this.#waiting.close();
  }
}

/** Pairs an output with its input. Throws OperationError if the input, which is ours, is damaged. */
export const pairOutput = async (request: PairRequest, visitor: PairVisitor): Promise<PairCounts> => {
  const files = new SideBySide(request, visitor);
  try {
    await files.run();
  } finally {
    await files.close();
  }
  return files.counts;
};
