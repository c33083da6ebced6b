/**
 * What makes two lines the same data object: JSON value equality of all attributes but the chain's own. Numbers are
 * equal by exact decimal value (1.0 = 1 = 1e0, and 12345678901234567890 is not its neighbour); text is compared as it
 * is, without Unicode normalisation; the order of names is irrelevant. It owns the canonical form of a line and its digest.
 */
import { hash } from 'node:crypto';
import type { Attribute, ObjectLine } from './attributes.ts';
import { CanonicalWriter } from './canonical-bytes.ts';

export { canonicalNumber } from './canonical-text.ts';

/** Whether an attribute is the chain's own, so no part of an object's identity. */
export type IsOwn = (name: string) => boolean;

const writer = new CanonicalWriter();

/** The canonical form of a JSON value, as text. The bytes must be valid JSON without white space around it. */
export const canonicalValue = (bytes: Buffer): string => {
  writer.begin(bytes.length);
  writer.value(bytes, 0);
  return writer.written.toString('utf8');
};

const writeIdentity = (line: ObjectLine, isOwn: IsOwn): Buffer => {
  writer.begin(line.bytes.length);
  writer.open();
  const members = [];
  for (const { name, nameStart, valueStart } of line.attributes) {
    if (!isOwn(name)) members.push(writer.member(line.bytes, nameStart, valueStart));
  }
  writer.close(members);
  return writer.written;
};

/** One sequence of bytes for each object identity: equal bytes, same object. */
export const canonicalIdentity = (line: ObjectLine, isOwn: IsOwn): Buffer => Buffer.from(writeIdentity(line, isOwn));

/** Bytes of a digest. Half of SHA-256: nobody knows two texts that share it, and a search for some takes 2^64 steps. */
export const DIGEST_BYTES = 16;

/** Stands for a canonical identity: equal digests, same object. {@link DIGEST_BYTES} bytes, one in each character. */
export const identityDigest = (canonical: Buffer): string => hash('sha256', canonical, 'binary').slice(0, DIGEST_BYTES);

/** The digest of {@link canonicalIdentity}, without a copy. */
export const digestOfLine = (line: ObjectLine, isOwn: IsOwn): string => identityDigest(writeIdentity(line, isOwn));

const nextForeign = (attributes: readonly Attribute[], from: number, isOwn: IsOwn): number => {
  let index = from;
  while (index < attributes.length && isOwn(attributes[index]?.name ?? '')) index += 1;
  return index;
};

/**
 * Whether two lines hold the same names with the same bytes in the same order, the chain's own left out. True means same
 * identity; false means nothing, the canonical forms decide. The usual case: AWS copies a line and adds to it.
 */
export const sameBytes = (a: ObjectLine, b: ObjectLine, isOwn: IsOwn): boolean => {
  let left = 0;
  let right = 0;
  for (;;) {
    left = nextForeign(a.attributes, left, isOwn);
    right = nextForeign(b.attributes, right, isOwn);
    const one = a.attributes[left];
    const other = b.attributes[right];
    if (one === undefined || other === undefined) return one === other;
    if (one.name !== other.name) return false;
    if (a.bytes.compare(b.bytes, other.valueStart, other.valueEnd, one.valueStart, one.valueEnd) !== 0) return false;
    left += 1;
    right += 1;
  }
};
