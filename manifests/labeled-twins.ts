/**
 * The last step of pairing where the input holds labels (a job that was sent the whole dataset). Lines that are equal with
 * their labels have met by then. It owns what becomes of the rest: a label goes to the twin that holds the same one already, else to a
 * twin without any; so a label that was only carried along is never taken for a new one, whatever the order. One that AWS says is of
 * this job is new, and goes to a twin without any first: the twin whose label is equal may be missing from the output.
 */
import { readObjectLine } from './attributes.ts';
import { digestOfLine } from './identity.ts';
import type { WaitingLine } from './identity-pool.ts';
import { IdentityQueues } from './identity-queues.ts';
import { jobOfLabel, labelValue, type OwnAttributes } from './label-state.ts';
import type { PairRequest, PairVisitor } from './pairing.ts';
import { labeledDigest } from './pairing-key.ts';
import type { WaitingLines, WaitingOutput } from './waiting-lines.ts';

/** A line that waited has only the chain's own attributes at hand; its identity needs all of them. */
const identityOf = ({ line }: WaitingOutput, own: OwnAttributes): string => {
  const whole = readObjectLine(line.bytes);
  if (whole.kind === 'fault') throw new Error(`a line that was read before cannot be read again: ${whole.problem}`);
  return digestOfLine(whole, own.isOwn);
};

/** Pairs what has not met, and tells which output lines have no input line. */
export const pairTwins = (
  waiting: WaitingLines,
  { own, jobName }: Pick<PairRequest, 'own' | 'jobName'>,
  visitor: PairVisitor,
): void => {
  // The same value under other metadata, as if AWS had rewritten it.
  const sameValue = new IdentityQueues();
  for (const { entry, label, identity } of waiting.labeledInputsLeft()) {
    sameValue.add(labeledDigest(identity, label), entry);
  }
  for (const output of waiting.outputsLeft()) {
    const label = labelValue(output.line, own);
    if (label === null) continue;
    const identity = identityOf(output, own);
    const labeled = labeledDigest(identity, label);
    const takeTwin = (): WaitingLine | null => {
      const twin = sameValue.take(labeled);
      return twin === null ? null : waiting.takeLabeledInput(twin);
    };
    // Only where there is an equal label does it matter whose this one is.
    const isNew = sameValue.peek(labeled) !== null && jobOfLabel(output.line, own) === jobName;
    const input = isNew ? (waiting.takeInput(identity) ?? takeTwin()) : (takeTwin() ?? waiting.takeInput(identity));
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
