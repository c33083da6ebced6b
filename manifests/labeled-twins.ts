/**
 * The last step of pairing where the input holds labels (a job that was sent the whole dataset). Lines that are equal with
 * their labels have met by then. It owns what becomes of the rest: a label goes to the twin that holds the same one already, else to a
 * twin without any; so a label that was only carried along is never taken for a new one, whatever the order.
 */
import { readObjectLine } from './attributes.ts';
import { digestOfLine } from './identity.ts';
import { IdentityQueues } from './identity-queues.ts';
import { labelValue, type OwnAttributes } from './label-state.ts';
import type { PairVisitor } from './pairing.ts';
import { labeledDigest } from './pairing-key.ts';
import type { WaitingLines, WaitingOutput } from './waiting-lines.ts';

/** A line that waited has only the chain's own attributes at hand; its identity needs all of them. */
const identityOf = ({ line }: WaitingOutput, own: OwnAttributes): string => {
  const whole = readObjectLine(line.bytes);
  if (whole.kind === 'fault') throw new Error(`a line that was read before cannot be read again: ${whole.problem}`);
  return digestOfLine(whole, own.isOwn);
};

/** Pairs what has not met, and tells which output lines have no input line. */
export const pairTwins = (waiting: WaitingLines, own: OwnAttributes, visitor: PairVisitor): void => {
  // The same value under other metadata, as if AWS had rewritten it.
  const sameValue = new IdentityQueues();
  for (const { entry, label, identity } of waiting.labeledInputsLeft()) {
    sameValue.add(labeledDigest(identity, label), entry);
  }
  for (const output of waiting.outputsLeft()) {
    const label = labelValue(output.line, own);
    if (label === null) continue;
    const identity = identityOf(output, own);
    const twin = sameValue.take(labeledDigest(identity, label));
    const input = twin === null ? waiting.takeInput(identity) : waiting.takeLabeledInput(twin);
    if (input === null) continue;
    waiting.dropOutput(output);
    visitor.paired(input, output.line);
  }
  // A labeled input line without its label in the output: AWS is not known to do that.
  const changed = new IdentityQueues();
  for (const { entry, identity } of waiting.labeledInputsLeft()) changed.add(identity, entry);
  for (const output of waiting.outputsLeft()) {
    const twin = changed.isEmpty ? null : changed.take(identityOf(output, own));
    if (twin === null) visitor.unmatched(output.line, output.number);
    else visitor.paired(waiting.takeLabeledInput(twin), output.line);
  }
};
