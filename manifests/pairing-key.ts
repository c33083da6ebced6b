/**
 * What has to be equal for two lines to be paired as soon as they meet. It owns the keys under which lines wait for each other: the
 * identity, and where the input holds labels also the label, so that identical lines are told apart by what they hold.
 */
import { findAttribute, valueBytes, type ObjectLine } from './attributes.ts';
import { canonicalValue, digestOfLine, identityDigest } from './identity.ts';
import type { OwnAttributes } from './label-state.ts';

/** Stands for an identity with a label value: equal digests, same object and same label. */
export const labeledDigest = (identity: string, label: Buffer, metadata: Buffer | null = null): string =>
  // JSON text holds no line feed outside of strings, and in them only escaped.
  identityDigest(
    Buffer.concat([
      Buffer.from(identity, 'latin1'),
      Buffer.from(`${canonicalValue(label)}\n${metadata === null ? '' : canonicalValue(metadata)}`),
    ]),
  );

/** A line's identity and the key under which it waits: of an unlabeled line the identity itself. */
export const labeledKey = (line: ObjectLine, own: OwnAttributes): { identity: string; key: string } => {
  const identity = digestOfLine(line, own.isOwn);
  const label = findAttribute(line, own.label);
  if (label === null) return { identity, key: identity };
  const metadata = findAttribute(line, own.metadata);
  return {
    identity,
    key: labeledDigest(identity, valueBytes(line, label), metadata === null ? null : valueBytes(line, metadata)),
  };
};
