/**
 * What one line says about its label. It owns the key-presence rule (DESIGN, section 6): label key present, whatever its value:
 * labeled; no label but metadata with `failure-reason`: failed, expired or declined; neither: not attempted. What does
 * not fit is marked odd and still classified by that rule, never guessed.
 */
import { findAttribute, memberBytes, valueBytes, type Attribute, type ObjectLine } from './attributes.ts';
import { canonicalValue, type IsOwn } from './identity.ts';

/** The chain's two attributes on a line. */
export type OwnAttributes = {
  readonly label: string;
  readonly metadata: string;
  readonly isOwn: IsOwn;
  /** False only if a valid line surely has neither of them: quicker than reading it. Names may be written with escapes. */
  readonly mayHold: (bytes: Buffer) => boolean;
};

/** The names for a LabelAttributeName; AWS puts what it knows of a label into `<label>-metadata`. */
export const ownAttributes = (label: string): OwnAttributes => {
  const metadata = `${label}-metadata`;
  const opening = Buffer.from(`"${label}`);
  return {
    label,
    metadata,
    isOwn: (name) => name === label || name === metadata,
    mayHold: (bytes) => bytes.includes(opening) || bytes.includes(BACKSLASH),
  };
};

const BACKSLASH = 0x5c;
const COMMA = Buffer.from(',');

/** `odd`: label beside a failure-reason, metadata without one and without label, a reason that is no text, a repeated name. */
export type LabelState =
  | { readonly kind: 'labeled'; readonly odd: boolean; readonly label: Attribute }
  | { readonly kind: 'failed'; readonly odd: boolean; readonly reason: string }
  | { readonly kind: 'not-attempted'; readonly odd: boolean };

const failureKey = 'failure-reason';
const failureKeyBytes = Buffer.from(failureKey);

/** The failure-reason in a metadata value; undefined if the key is not there. */
const readFailureReason = (metadata: Buffer): unknown => {
  if (!metadata.includes(failureKeyBytes) && !metadata.includes(BACKSLASH)) return undefined;
  const value: unknown = JSON.parse(metadata.toString('utf8'));
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, failureKey)) {
    return undefined;
  }
  return Reflect.get(value, failureKey);
};

/** Classifies a line. */
export const labelStateOf = (line: ObjectLine, own: OwnAttributes): LabelState => {
  const label = findAttribute(line, own.label);
  const metadata = findAttribute(line, own.metadata);
  const repeated =
    line.attributes.filter(({ name }) => own.isOwn(name)).length > Number(label !== null) + Number(metadata !== null);
  const reason = metadata === null ? undefined : readFailureReason(valueBytes(line, metadata));
  if (label !== null) return { kind: 'labeled', odd: repeated || reason !== undefined, label };
  if (reason === undefined) return { kind: 'not-attempted', odd: repeated || metadata !== null };
  if (typeof reason === 'string') return { kind: 'failed', odd: repeated, reason };
  return { kind: 'failed', odd: true, reason: JSON.stringify(reason) };
};

/** The label and its metadata as AWS wrote them, joined by a comma. White space before the names is kept. */
export const labelMembers = (line: ObjectLine, own: OwnAttributes): Buffer => {
  const label = findAttribute(line, own.label);
  const metadata = findAttribute(line, own.metadata);
  if (label === null || metadata === null) {
    const only = label ?? metadata;
    return only === null ? Buffer.alloc(0) : memberBytes(line, only);
  }
  const [first, second] = label.start < metadata.start ? [label, metadata] : [metadata, label];
  const betweenNames = line.bytes.subarray(first.valueEnd, second.start);
  if (betweenNames.length === 1) return line.bytes.subarray(first.start, second.valueEnd);
  return Buffer.concat([memberBytes(line, first), COMMA, memberBytes(line, second)]);
};

const JOB_PREFIX = 'labeling-job/';

/**
 * The labeling job that a label comes from, by the `job-name` of its metadata, which AWS writes with and without `labeling-job/` before
 * it (guide: sms-data-output); null if there is none.
 */
export const jobOfLabel = (line: ObjectLine, own: OwnAttributes): string | null => {
  const metadata = findAttribute(line, own.metadata);
  const value: unknown = metadata === null ? null : JSON.parse(valueBytes(line, metadata).toString('utf8'));
  const name: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'job-name') : null;
  if (typeof name !== 'string') return null;
  return name.startsWith(JOB_PREFIX) ? name.slice(JOB_PREFIX.length) : name;
};

/** The label's value bytes; null if there is no label. */
export const labelValue = (line: ObjectLine, own: OwnAttributes): Buffer | null => {
  const label = findAttribute(line, own.label);
  return label === null ? null : valueBytes(line, label);
};

/** Whether two label values are the same JSON value. */
export const sameLabel = (a: Buffer, b: Buffer): boolean => a.equals(b) || canonicalValue(a) === canonicalValue(b);
