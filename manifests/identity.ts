/**
 * What makes two lines the same data object: JSON value equality of all attributes but the chain's own. Numbers are
 * equal by exact decimal value (1.0 = 1 = 1e0, and 12345678901234567890 is not its neighbour); text is compared as it
 * is, without Unicode normalisation; the order of names is irrelevant. It owns the canonical text and its short key.
 */
import type { Attribute, ObjectLine } from './attributes.ts';

/** Whether an attribute is the chain's own, so no part of an object's identity. */
export type IsOwn = (name: string) => boolean;

const withoutZerosAtEnd = (digits: string): string => {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end -= 1;
  return digits.slice(0, end);
};

const withoutZerosAtStart = (digits: string): string => {
  let start = 0;
  while (digits[start] === '0') start += 1;
  return digits.slice(start);
};

const numberPattern = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** One text for each decimal value: `<digits>e<exponent>`, no zero at either end. Exponents of any length are exact. */
export const canonicalNumber = (text: string): string => {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = numberPattern.exec(text) ?? [];
  const significant = withoutZerosAtStart(whole + fraction);
  const digits = withoutZerosAtEnd(significant);
  if (digits === '') return '0';
  const shift = significant.length - digits.length - fraction.length;
  const power = exponent.length < 15 ? String(Number(exponent) + shift) : String(BigInt(exponent) + BigInt(shift));
  return `${sign}${digits}e${power}`;
};

/** Unescaped strings already are what JSON.stringify would write: it escapes only what must be escaped. */
const canonicalString = (text: string): string => (text.includes('\\') ? JSON.stringify(JSON.parse(text)) : text);

/** The order of names is that of their code units: the default of sort. */
const joinMembers = (members: ReadonlyMap<string, string>): string => {
  let text = '{';
  for (const name of [...members.keys()].toSorted()) text += `${name}:${members.get(name) ?? ''},`;
  return `${text}}`;
};

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Whether a character can stand in a number, `true`, `false` or `null`: none of them is white space or structure. */
const isScalarCharacter = (code: number): boolean =>
  code > 0x20 && code !== COMMA && code !== CLOSE_BRACKET && code !== CLOSE_BRACE;

/** Rewrites JSON that is known to be valid. */
class CanonicalWriter {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): string {
    this.#space();
    switch (this.#text.charCodeAt(this.#at)) {
      case QUOTE:
        return this.#string();
      case OPEN_BRACE:
        return this.#object();
      case OPEN_BRACKET:
        return this.#array();
      default:
        return this.#scalar();
    }
  }

  #space(): void {
    while (this.#text.charCodeAt(this.#at) <= 0x20) this.#at += 1;
  }

  /** Steps over white space and one character if it is the one asked for. */
  #skip(character: number): boolean {
    this.#space();
    if (this.#text.charCodeAt(this.#at) !== character) return false;
    this.#at += 1;
    return true;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at;
    let at = start + 1;
    for (let code = text.charCodeAt(at); code !== QUOTE && at < text.length; code = text.charCodeAt(at)) {
      at += code === BACKSLASH ? 2 : 1;
    }
    this.#at = at + 1;
    return canonicalString(text.slice(start, this.#at));
  }

  #scalar(): string {
    const start = this.#at;
    while (isScalarCharacter(this.#text.charCodeAt(this.#at))) this.#at += 1;
    const scalar = this.#text.slice(start, this.#at);
    return scalar === 'true' || scalar === 'false' || scalar === 'null' ? scalar : canonicalNumber(scalar);
  }

  #array(): string {
    const elements: string[] = [];
    this.#at += 1;
    if (this.#skip(CLOSE_BRACKET)) return '[]';
    do elements.push(this.value());
    while (this.#skip(COMMA));
    this.#skip(CLOSE_BRACKET);
    return `[${elements.join(',')}]`;
  }

  #object(): string {
    const members = new Map<string, string>();
    this.#at += 1;
    if (this.#skip(CLOSE_BRACE)) return '{}';
    do {
      this.#space();
      const name = this.#string();
      this.#skip(COLON);
      members.set(name, this.value());
    } while (this.#skip(COMMA));
    this.#skip(CLOSE_BRACE);
    return joinMembers(members);
  }
}

/** One text for each JSON value. The bytes must be valid JSON without white space around it. */
export const canonicalValue = (bytes: Buffer): string => {
  const text = bytes.toString('utf8');
  return bytes[0] === QUOTE ? canonicalString(text) : new CanonicalWriter(text).value();
};

/** One text for each object identity, as UTF-8: equal bytes, same object. (Lone surrogates stay escaped, so nothing is lost.) */
export const canonicalIdentity = (line: ObjectLine, isOwn: IsOwn): Buffer => {
  const members = new Map<string, string>();
  for (const { name, valueStart, valueEnd } of line.attributes) {
    if (!isOwn(name)) members.set(JSON.stringify(name), canonicalValue(line.bytes.subarray(valueStart, valueEnd)));
  }
  return Buffer.from(joinMembers(members));
};

/** A 32-bit key of a canonical identity (FNV-1a). Different ones may share it: a match must be verified. */
export const identityKey = (canonical: Buffer): number => {
  let key = 0x811c9dc5;
  for (let index = 0; index < canonical.length; index += 1) {
    key = Math.imul(key ^ (canonical[index] ?? 0), 0x01000193);
  }
  return key;
};

const nextForeign = (attributes: readonly Attribute[], from: number, isOwn: IsOwn): number => {
  let index = from;
  while (index < attributes.length && isOwn(attributes[index]?.name ?? '')) index += 1;
  return index;
};

/**
 * Whether two lines hold the same names with the same bytes in the same order, the chain's own left out. True means same
 * identity; false means nothing, the canonical texts decide. The usual case: AWS copies a line and adds to it.
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
