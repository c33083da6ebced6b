/**
 * Which line of a job's output belongs to which line of its input. It owns the pairing rule (DESIGN, section 6): output line i is input
 * line i if all attributes but the chain's own are equal, otherwise the identity decides; identical lines are separate
 * objects, told apart by order.
 *
 * In order, one pass holds one line of each. Lines out of order are put aside in a temporary file; a 32-bit key of each
 * such input line stays in memory and every match is verified on the lines themselves.
 */
import { OperationError } from '../errors.ts';
import { readObjectLine, type FaultyLine, type ObjectLine } from './attributes.ts';
import type { ByteSource } from './byte-streams.ts';
import { canonicalIdentity, identityKey, sameBytes } from './identity.ts';
import { AsideLines, IdentityPool, type NumberedLine } from './identity-pool.ts';
import { labelStateOf, type OwnAttributes } from './label-state.ts';
import { LineReader, LineTooLongError } from './lines.ts';

/** What a pass over an output tells. Lines must be used or copied before the call returns. */
export type PairVisitor = {
  paired(input: NumberedLine, output: NumberedLine): void;
  /** An output line that no input line is left for. */
  unmatched(output: NumberedLine): void;
  unreadable(line: number, problem: string): void;
};

export type PairRequest = {
  input: ByteSource;
  output: ByteSource;
  own: OwnAttributes;
  /** An existing directory for what is out of order. */
  temporaryDirectory: string;
  /** Told in error messages: whose input and output. */
  title: string;
};

/** What the pass counted. Labeled input lines without an output line still hold their label, so they are no loss. */
export type PairCounts = { inputLines: number; outputLines: number; labeledInputLines: number };

/** Reads input and output once, side by side. */
class SideBySide {
  readonly counts: PairCounts = { inputLines: 0, outputLines: 0, labeledInputLines: 0 };
  readonly #request: PairRequest;
  readonly #visitor: PairVisitor;
  readonly #input: LineReader;
  readonly #output: LineReader;

  constructor(request: PairRequest, visitor: PairVisitor) {
    this.#request = request;
    this.#visitor = visitor;
    this.#input = new LineReader(request.input);
    this.#output = new LineReader(request.output);
  }

  async nextInput(): Promise<NumberedLine | null> {
    const bytes = await this.#input.nextOfManifest();
    if (bytes === null) return null;
    const line = readObjectLine(bytes);
    if (line.kind === 'fault') {
      throw new OperationError(
        `${this.#request.title}: line ${this.#input.lines} of the job's input is damaged (${line.problem})`,
      );
    }
    this.counts.inputLines += 1;
    if (labelStateOf(line, this.#request.own).kind === 'labeled') this.counts.labeledInputLines += 1;
    return { number: this.#input.lines, line };
  }

  /** The next output line; `unreadable` has been told already; null at the end. */
  async nextOutput(): Promise<NumberedLine | 'unreadable' | null> {
    const line = await this.#readOutput();
    if (line === null) return null;
    this.counts.outputLines += 1;
    const number = this.#output.lines;
    if (line.kind === 'object') return { number, line };
    this.#visitor.unreadable(number, line.problem);
    return 'unreadable';
  }

  async #readOutput(): Promise<ObjectLine | FaultyLine | null> {
    try {
      const bytes = await this.#output.nextOfManifest();
      return bytes === null ? null : readObjectLine(bytes);
    } catch (thrown) {
      if (!(thrown instanceof LineTooLongError)) throw thrown;
      await this.#output.close();
      return { kind: 'fault', problem: thrown.message };
    }
  }

  async close(): Promise<void> {
    await this.#input.close();
    await this.#output.close();
  }
}

/** Pairs an output with its input. Throws OperationError if the input, which is ours, is damaged. */
export const pairOutput = async (request: PairRequest, visitor: PairVisitor): Promise<PairCounts> => {
  const { isOwn } = request.own;
  const files = new SideBySide(request, visitor);
  const inputs = new IdentityPool(request.temporaryDirectory, isOwn);
  const outputs = new AsideLines(request.temporaryDirectory);
  try {
    for (;;) {
      const input = await files.nextInput();
      const output = await files.nextOutput();
      if (input === null && output === null) break;
      const readable = output === 'unreadable' ? null : output;
      if (input !== null && readable !== null && sameBytes(input.line, readable.line, isOwn)) {
        visitor.paired(input, readable);
        continue;
      }
      const ofInput = input === null ? null : canonicalIdentity(input.line, isOwn);
      const ofOutput = readable === null ? null : canonicalIdentity(readable.line, isOwn);
      if (input !== null && readable !== null && ofInput === ofOutput) {
        visitor.paired(input, readable);
        continue;
      }
      if (input !== null && ofInput !== null) inputs.add(input, identityKey(ofInput));
      if (readable !== null && ofOutput !== null) outputs.add(readable, identityKey(ofOutput));
    }
    for (let index = 0; index < outputs.length; index += 1) {
      const output = outputs.read(index);
      const input = inputs.take(output.line, outputs.key(index));
      if (input === null) visitor.unmatched(output);
      else visitor.paired(input, output);
    }
  } finally {
    await files.close();
    inputs.close();
    outputs.close();
  }
  return files.counts;
};
