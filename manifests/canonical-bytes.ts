/**
 * One sequence of bytes for each JSON value, written without building the value. It owns the canonical form: members
 * sorted by the bytes of their names, of a repeated name the last, numbers as {@link canonicalNumber}, text with no escape that
 * need not be one, no white space.
 */
import { canonicalNumber, canonicalString } from './canonical-text.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LETTER_E = 0x65;
const LETTER_F = 0x66;
const LETTER_N = 0x6e;
const LETTER_T = 0x74;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** A canonical form is at most so many times as long as its source: `1` becomes `1e0`. */
const GROWTH = 3;
const KEPT_BYTES = 1024 * 1024;
const SPARE_BYTES = 64;

/** Where a member lies in what was written: its name, then a colon, its value and a comma. */
type Member = { readonly start: number; readonly nameEnd: number; readonly end: number };

/** Writes one value after another into a buffer of its own. The sources must be valid JSON. */
export class CanonicalWriter {
  #out = Buffer.allocUnsafeSlow(64 * 1024);
  #end = 0;
  #source: Buffer = this.#out;

  /** Begins anew, for sources of so many bytes together. */
  begin(sourceBytes: number): void {
    const needed = sourceBytes * GROWTH + SPARE_BYTES;
    if (this.#out.length < needed || this.#out.length > Math.max(KEPT_BYTES, needed)) {
      this.#out = Buffer.allocUnsafeSlow(Math.max(needed, 64 * 1024));
    }
    this.#end = 0;
  }

  /** What was written since {@link begin}; valid until the next one. */
  get written(): Buffer {
    return this.#out.subarray(0, this.#end);
  }

  /** Where the next byte goes. */
  get position(): number {
    return this.#end;
  }

  open(): void {
    this.#put(OPEN_BRACE);
  }

  /** One member, its name at `nameStart` and its value at `valueStart` of the source. */
  member(source: Buffer, nameStart: number, valueStart: number): Member {
    this.#source = source;
    const start = this.#end;
    this.#string(nameStart);
    const nameEnd = this.#end;
    this.#put(COLON);
    this.#value(valueStart);
    this.#put(COMMA);
    return { start, nameEnd, end: this.#end };
  }

  /** Brings the members that were just written into their order and closes the object. */
  close(members: readonly Member[]): void {
    if (!this.#isInOrder(members)) this.#sort(members);
    this.#put(CLOSE_BRACE);
  }

  /** Writes one value and gives the offset just after it in the source. */
  value(source: Buffer, at: number): number {
    this.#source = source;
    return this.#value(at);
  }

  #put(byte: number): void {
    this.#out[this.#end] = byte;
    this.#end += 1;
  }

  #putText(text: string): void {
    this.#end += this.#out.write(text, this.#end);
  }

  #at(offset: number): number {
    return this.#source[offset] ?? 0;
  }

  #space(at: number): number {
    let here = at;
    while (here < this.#source.length && this.#at(here) <= 0x20) here += 1;
    return here;
  }

  #value(at: number): number {
    switch (this.#at(at)) {
      case QUOTE:
        return this.#string(at);
      case OPEN_BRACE:
        return this.#object(at);
      case OPEN_BRACKET:
        return this.#array(at);
      case LETTER_T:
      case LETTER_N:
        return this.#word(at, 4);
      case LETTER_F:
        return this.#word(at, 5);
      default:
        return this.#number(at);
    }
  }

  #word(at: number, length: number): number {
    for (let index = 0; index < length; index += 1) this.#put(this.#at(at + index));
    return at + length;
  }

  #string(at: number): number {
    const source = this.#source;
    const out = this.#out;
    const started = this.#end;
    let to = started;
    let here = at;
    // Copied while its end is looked for; a backslash ends the easy way.
    do {
      const byte = source[here] ?? QUOTE;
      if (byte === BACKSLASH) {
        this.#end = started;
        return this.#escapedString(at, here);
      }
      out[to] = byte;
      to += 1;
      here += 1;
    } while (source[here] !== QUOTE && here < source.length);
    out[to] = QUOTE;
    this.#end = to + 1;
    return here + 1;
  }

  #escapedString(at: number, firstEscape: number): number {
    let here = firstEscape;
    while (here < this.#source.length && this.#at(here) !== QUOTE) here += this.#at(here) === BACKSLASH ? 2 : 1;
    this.#putText(canonicalString(this.#source.toString('utf8', at, here + 1)));
    return here + 1;
  }

  #number(at: number): number {
    let here = this.#at(at) === MINUS ? at + 1 : at;
    const digits = here;
    while (this.#at(here) >= ZERO && this.#at(here) <= NINE) here += 1;
    const next = this.#at(here);
    const isInteger = next <= 0x20 || next === COMMA || next === CLOSE_BRACE || next === CLOSE_BRACKET;
    if (isInteger && this.#at(digits) !== ZERO) {
      let last = here;
      while (this.#at(last - 1) === ZERO) last -= 1;
      this.#word(at, last - at);
      this.#put(LETTER_E);
      if (here - last < 10) this.#put(ZERO + (here - last));
      else this.#putText(String(here - last));
      return here;
    }
    while (here < this.#source.length && !this.#endsNumber(this.#at(here))) here += 1;
    this.#putText(canonicalNumber(this.#source.toString('latin1', at, here)));
    return here;
  }

  #endsNumber(byte: number): boolean {
    return byte <= 0x20 || byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET;
  }

  #array(at: number): number {
    this.#put(OPEN_BRACKET);
    let here = this.#space(at + 1);
    while (this.#at(here) !== CLOSE_BRACKET) {
      here = this.#space(this.#value(here));
      this.#put(COMMA);
      if (this.#at(here) === COMMA) here = this.#space(here + 1);
    }
    this.#put(CLOSE_BRACKET);
    return here + 1;
  }

  #object(at: number): number {
    this.open();
    const members: Member[] = [];
    let here = this.#space(at + 1);
    while (this.#at(here) !== CLOSE_BRACE) {
      const start = this.#end;
      here = this.#space(this.#string(here));
      const nameEnd = this.#end;
      this.#put(COLON);
      here = this.#space(this.#value(this.#space(here + 1)));
      this.#put(COMMA);
      members.push({ start, nameEnd, end: this.#end });
      if (this.#at(here) === COMMA) here = this.#space(here + 1);
    }
    this.close(members);
    return here + 1;
  }

  /** Names end with a quotation mark that stands nowhere else unescaped, so none is the beginning of another. */
  #compareNames(a: Member, b: Member): number {
    const out = this.#out;
    let left = a.start;
    let right = b.start;
    while (left < a.nameEnd && right < b.nameEnd) {
      const difference = (out[left] ?? 0) - (out[right] ?? 0);
      if (difference !== 0) return difference;
      left += 1;
      right += 1;
    }
    return a.nameEnd - left - (b.nameEnd - right);
  }

  #isInOrder(members: readonly Member[]): boolean {
    for (let index = 1; index < members.length; index += 1) {
      const before = members[index - 1];
      const here = members[index];
      if (before !== undefined && here !== undefined && this.#compareNames(before, here) >= 0) return false;
    }
    return true;
  }

  #sort(members: readonly Member[]): void {
    const first = members[0]?.start ?? this.#end;
    const unsorted = Buffer.from(this.#out.subarray(first, this.#end));
    const order = members.toSorted((a, b) => this.#compareNames(a, b));
    // Of equal names, which stand in their first order, the last holds.
    const kept = order.filter((member, index) => {
      const next = order[index + 1];
      return next === undefined || this.#compareNames(member, next) !== 0;
    });
    let to = first;
    for (const { start, end } of kept) to += unsorted.copy(this.#out, to, start - first, end - first);
    this.#end = to;
  }
}
