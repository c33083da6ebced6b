/**
 * What AWS accepts as an input manifest: UTF-8 JSON Lines, each line an object with `source-ref` or `source`, at most
 * 100,000 characters, an attribute at most 20,000, no name that starts with `$` (AWS developer guide,
 * sms-input-data-input-manifest). It owns these checks for one line.
 *
 * Ours beside AWS's: a name that is there twice is refused, since parsers disagree on which one counts; blank lines at the end are
 * ignored, a blank line between others is refused, since it shifts every line number.
 */
import { findAttribute, memberBytes, readObjectLine, valueBytes, type ObjectLine } from './attributes.ts';
import type { OwnAttributes } from './label-state.ts';

/** AWS: characters in a line. Counted as Unicode code points, without the line's terminator. */
export const LINE_MAX_CHARACTERS = 100_000;
/** AWS: characters in a single attribute. Counted on the value's JSON text. */
export const ATTRIBUTE_MAX_CHARACTERS = 20_000;

/** One thing wrong with a manifest. */
export type ManifestProblem = { line: number; problem: string };

/** How many problems a list holds; all are counted. */
export const PROBLEMS_LISTED = 100;

/** Collects problems; the list is capped, the total is not. */
export class ProblemList {
  readonly list: ManifestProblem[] = [];
  total = 0;

  add(line: number, problem: string): void {
    this.total += 1;
    if (this.list.length < PROBLEMS_LISTED) this.list.push({ line, problem });
  }
}

const countCharacters = (bytes: Buffer): number => {
  let characters = 0;
  // Continuation bytes of UTF-8 are 10xxxxxx; every other byte begins a code point.
  for (const byte of bytes) if ((byte & 0xc0) !== 0x80) characters += 1;
  return characters;
};

/** Whether there are more characters than allowed; counts only where the bytes leave a doubt. */
const isLonger = (bytes: Buffer, characters: number): boolean =>
  bytes.length > characters && countCharacters(bytes) > characters;

const withoutTerminator = (bytes: Buffer): Buffer => {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end -= 1;
  return bytes.subarray(0, end);
};

/** Whether a line is beyond AWS's two length limits, labels included. */
export const exceedsLimits = (bytes: Buffer): boolean => {
  if (bytes.length <= ATTRIBUTE_MAX_CHARACTERS) return false;
  const line = readObjectLine(bytes);
  return (
    isLonger(withoutTerminator(bytes), LINE_MAX_CHARACTERS) ||
    (line.kind === 'object' &&
      line.attributes.some((each) => isLonger(valueBytes(line, each), ATTRIBUTE_MAX_CHARACTERS)))
  );
};

const isText = (line: ObjectLine, name: string): boolean => {
  const attribute = findAttribute(line, name);
  return attribute !== null && line.bytes[attribute.valueStart] === 0x22;
};

const shown = (name: string): string => JSON.stringify(name.length > 60 ? `${name.slice(0, 59)}…` : name);

/** Problems of one line that is an object; none if AWS would take it. The chain's own attributes are AWS's and not measured. */
export const problemsOfLine = (line: ObjectLine, own: OwnAttributes): string[] => {
  const problems: string[] = [];
  const hasSource = findAttribute(line, 'source') !== null || findAttribute(line, 'source-ref') !== null;
  if (!hasSource) problems.push('has neither "source-ref" nor "source"; give the S3 URI of the object, or its text');
  else if (!isText(line, 'source') && !isText(line, 'source-ref'))
    problems.push('"source-ref" or "source" is not text; give the S3 URI of the object, or its text');
  const ownBytes = line.attributes
    .filter(({ name }) => own.isOwn(name))
    .reduce((sum, attribute) => sum + memberBytes(line, attribute).length + 1, 0);
  const whole = withoutTerminator(line.bytes);
  if (whole.length - ownBytes > LINE_MAX_CHARACTERS && countCharacters(whole) - ownBytes > LINE_MAX_CHARACTERS) {
    problems.push(`is longer than ${LINE_MAX_CHARACTERS} characters`);
  }
  const seen = new Set<string>();
  for (const attribute of line.attributes) {
    const { name } = attribute;
    if (name.startsWith('$')) problems.push(`the name ${shown(name)} starts with "$"`);
    if (seen.has(name)) problems.push(`the name ${shown(name)} is there twice`);
    seen.add(name);
    if (!own.isOwn(name) && isLonger(valueBytes(line, attribute), ATTRIBUTE_MAX_CHARACTERS)) {
      problems.push(`the attribute ${shown(name)} is longer than ${ATTRIBUTE_MAX_CHARACTERS} characters`);
    }
  }
  return problems;
};
