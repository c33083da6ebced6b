/**
 * The attributes of one manifest line, found in its bytes. It owns the strict reading of JSON (RFC 8259) without
 * building values, and the editing of a line that leaves every other byte as it was.
 */
import { isUtf8 } from 'node:buffer';

/** One top-level name and value of a line, as offsets into its bytes. */
export type Attribute = {
  readonly name: string;
  /** Just after the comma or brace before it, so white space included. */
  readonly start: number;
  /** At the quotation mark that opens the name. */
  readonly nameStart: number;
  readonly valueStart: number;
  /** Just after the value. */
  readonly valueEnd: number;
};

/** A line that is one JSON object. */
export type ObjectLine = { readonly kind: 'object'; readonly bytes: Buffer; readonly attributes: readonly Attribute[] };

/** A line that cannot be read; `problem` is a sentence for people, without the line's number. */
export type FaultyLine = { readonly kind: 'fault'; readonly problem: string };

/** Deeper values are refused, so that no reader of a line can run out of stack. Labels of AWS's are a few levels deep. */
export const DEPTH_MAX = 500;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const END = -1;

class Fault extends Error {}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isHex = (byte: number): boolean =>
  isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
/** The bytes that may follow a backslash, other than `u`: " \ / b f n r t. */
const simpleEscapes = new Set(Buffer.from('"\\/bfnrt'));

/** Walks one line. Each method takes the offset where its part begins and returns the offset just after it. */
class Walker {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  at(offset: number): number {
    return this.#bytes[offset] ?? END;
  }

  fault(offset: number): Fault {
    const byte = this.at(offset);
    if (byte === END) return new Fault('not JSON: it ends in the middle');
    const shown = byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte 0x${byte.toString(16)}`;
    return new Fault(`not JSON: ${shown} at byte ${offset + 1} is not expected`);
  }

  space(offset: number): number {
    let here = offset;
    for (;;) {
      const byte = this.at(here);
      if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d && byte !== 0x0a) return here;
      here += 1;
    }
  }

  string(offset: number): number {
    const bytes = this.#bytes;
    const { length } = bytes;
    if (this.at(offset) !== QUOTE) throw this.fault(offset);
    let here = offset + 1;
    while (here < length) {
      const byte = bytes[here] ?? END;
      if (byte === QUOTE) return here + 1;
      if (byte < 0x20) throw this.fault(here);
      here = byte === BACKSLASH ? this.#escape(here + 1) : here + 1;
    }
    throw this.fault(length);
  }

  #escape(offset: number): number {
    const byte = this.at(offset);
    if (simpleEscapes.has(byte)) return offset + 1;
    if (byte !== 0x75) throw this.fault(offset);
    for (let digit = offset + 1; digit <= offset + 4; digit += 1) if (!isHex(this.at(digit))) throw this.fault(digit);
    return offset + 5;
  }

  #digits(offset: number): number {
    let here = offset;
    while (isDigit(this.at(here))) here += 1;
    if (here === offset) throw this.fault(here);
    return here;
  }

  #number(offset: number): number {
    let here = this.at(offset) === 0x2d ? offset + 1 : offset;
    here = this.at(here) === 0x30 ? here + 1 : this.#digits(here);
    if (this.at(here) === 0x2e) here = this.#digits(here + 1);
    if (this.at(here) === 0x65 || this.at(here) === 0x45) {
      const sign = this.at(here + 1);
      here = this.#digits(sign === 0x2b || sign === 0x2d ? here + 2 : here + 1);
    }
    return here;
  }

  #word(offset: number, word: string): number {
    for (let index = 0; index < word.length; index += 1) {
      if (this.at(offset + index) !== word.charCodeAt(index)) throw this.fault(offset + index);
    }
    return offset + word.length;
  }

  value(offset: number, depth: number): number {
    if (depth > DEPTH_MAX) throw new Fault(`nested deeper than ${DEPTH_MAX} levels`);
    switch (this.at(offset)) {
      case QUOTE:
        return this.string(offset);
      case OPEN_BRACE:
        return this.members(offset, depth, null);
      case OPEN_BRACKET:
        return this.#elements(offset, depth);
      case 0x74:
        return this.#word(offset, 'true');
      case 0x66:
        return this.#word(offset, 'false');
      case 0x6e:
        return this.#word(offset, 'null');
      default:
        return this.#number(offset);
    }
  }

  #elements(offset: number, depth: number): number {
    let here = this.space(offset + 1);
    if (this.at(here) === CLOSE_BRACKET) return here + 1;
    for (;;) {
      here = this.space(this.value(this.space(here), depth + 1));
      if (this.at(here) === CLOSE_BRACKET) return here + 1;
      if (this.at(here) !== COMMA) throw this.fault(here);
      here += 1;
    }
  }

  /** An object, from its brace. With a list, its members are noted there. */
  members(offset: number, depth: number, found: Attribute[] | null): number {
    const first = this.space(offset + 1);
    return this.at(first) === CLOSE_BRACE ? first + 1 : this.furtherMembers(offset + 1, depth, found);
  }

  /** The members of an object from just after its brace or a comma. */
  furtherMembers(offset: number, depth: number, found: Attribute[] | null): number {
    let here = offset;
    for (;;) {
      const start = here;
      const nameStart = this.space(start);
      const nameEnd = this.string(nameStart);
      here = this.space(nameEnd);
      if (this.at(here) !== COLON) throw this.fault(here);
      const valueStart = this.space(here + 1);
      const valueEnd = this.value(valueStart, depth + 1);
      found?.push({ name: this.#name(nameStart, nameEnd), start, nameStart, valueStart, valueEnd });
      here = this.space(valueEnd);
      if (this.at(here) === CLOSE_BRACE) return here + 1;
      if (this.at(here) !== COMMA) throw this.fault(here);
      here += 1;
    }
  }

  /** The name between two quotation marks. */
  #name(start: number, end: number): string {
    const text = this.#bytes.toString('utf8', start + 1, end - 1);
    return text.includes('\\') ? String(JSON.parse(`"${text}"`)) : text;
  }
}

/** Reads one line (its terminator may be there). Never throws: whatever the bytes are, the answer names the fault. */
export const readObjectLine = (bytes: Buffer): ObjectLine | FaultyLine => {
  const walker = new Walker(bytes);
  const start = walker.space(0);
  if (start === bytes.length) return { kind: 'fault', problem: 'blank line' };
  if (!isUtf8(bytes)) return { kind: 'fault', problem: 'not valid UTF-8' };
  const attributes: Attribute[] = [];
  try {
    const isObject = walker.at(start) === OPEN_BRACE;
    const end = walker.space(isObject ? walker.members(start, 1, attributes) : walker.value(start, 1));
    if (end !== bytes.length) throw walker.fault(end);
    if (!isObject) return { kind: 'fault', problem: 'JSON, but not an object in braces' };
  } catch (thrown) {
    if (thrown instanceof Fault) return { kind: 'fault', problem: thrown.message };
    throw thrown;
  }
  return { kind: 'object', bytes, attributes };
};

/** Where the last value of an object's line ends; -1 if the bytes do not end like one. The line must be known to be valid. */
const endOfLastValue = (bytes: Buffer): number => {
  let end = bytes.length;
  const skipSpace = (): void => {
    while (end > 0 && (bytes[end - 1] ?? END) <= 0x20) end -= 1;
  };
  skipSpace();
  if (bytes[end - 1] !== CLOSE_BRACE) return -1;
  end -= 1;
  skipSpace();
  return end > 1 && bytes[end - 1] !== OPEN_BRACE ? end : -1;
};

/**
 * The quick way for a line that is a valid line with attributes added: reads only what was added. Null if it is not so simple; then
 * read both. Offsets are those of the whole line.
 */
export const readAddedAttributes = (valid: Buffer, longer: Buffer): ObjectLine | null => {
  const end = endOfLastValue(valid);
  if (end === -1 || longer.length < end || valid.compare(longer, 0, end, 0, end) !== 0) return null;
  const walker = new Walker(longer);
  const next = walker.space(end);
  const attributes: Attribute[] = [];
  try {
    if (walker.at(next) !== CLOSE_BRACE && walker.at(next) !== COMMA) return null;
    const closed = walker.at(next) === CLOSE_BRACE ? next + 1 : walker.furtherMembers(next + 1, 1, attributes);
    if (walker.space(closed) !== longer.length || !isUtf8(longer.subarray(end))) return null;
  } catch (thrown) {
    if (thrown instanceof Fault) return null;
    throw thrown;
  }
  return { kind: 'object', bytes: longer, attributes };
};

/** The two parts of a valid line between which further members go; null if the bytes do not end like an object. */
export const splitAtEnd = (valid: Buffer): readonly [Buffer, Buffer] | null => {
  const end = endOfLastValue(valid);
  return end === -1 ? null : [valid.subarray(0, end), valid.subarray(end)];
};

/** The attribute of a name; the last one if there are several, as JSON parsers take it. Null if there is none. */
export const findAttribute = (line: ObjectLine, name: string): Attribute | null =>
  line.attributes.findLast((attribute) => attribute.name === name) ?? null;

/** The bytes of an attribute's value. */
export const valueBytes = (line: ObjectLine, attribute: Attribute): Buffer =>
  line.bytes.subarray(attribute.valueStart, attribute.valueEnd);

/** The bytes of name and value, white space before them included. */
export const memberBytes = (line: ObjectLine, attribute: Attribute): Buffer =>
  line.bytes.subarray(attribute.start, attribute.valueEnd);

/**
 * The line without the attributes that `drop` names and with `added` (members joined by commas) after its last one. All other
 * bytes, white space and terminator included, stay as they are.
 */
export const editLine = (line: ObjectLine, drop: (name: string) => boolean, added: Buffer | null): Buffer => {
  const { bytes, attributes } = line;
  const pieces: Buffer[] = [];
  let here = 0;
  const cut = (from: number, to: number): void => {
    pieces.push(bytes.subarray(here, from));
    here = to;
  };
  const firstKept = attributes.findIndex(({ name }) => !drop(name));
  const lastKept = attributes.findLastIndex(({ name }) => !drop(name));
  const first = attributes[0];
  const kept = attributes[firstKept];
  if (first !== undefined && kept === undefined) cut(first.nameStart, attributes.at(-1)?.valueEnd ?? first.valueEnd);
  if (first !== undefined && kept !== undefined && firstKept > 0) cut(first.nameStart, kept.nameStart);
  if (kept === undefined) {
    if (first === undefined) cut(bytes.indexOf(OPEN_BRACE) + 1, bytes.indexOf(OPEN_BRACE) + 1);
    if (added !== null) pieces.push(added);
  }
  attributes.forEach((attribute, index) => {
    if (firstKept === -1 || index < firstKept) return;
    if (drop(attribute.name)) cut(attribute.start - 1, attribute.valueEnd);
    if (index === lastKept && added !== null) {
      cut(attribute.valueEnd, attribute.valueEnd);
      pieces.push(Buffer.from(','), added);
    }
  });
  pieces.push(bytes.subarray(here));
  return Buffer.concat(pieces);
};
