import fc from 'fast-check';
import { readObjectLine } from '../../manifests/attributes.ts';
import { canonicalIdentity, canonicalNumber, digestOfLine } from '../../manifests/identity.ts';
import { IdentityPool } from '../../manifests/identity-pool.ts';
import { TemporaryDirectory } from './chain-files.ts';

const identityOf = (text: string): string => {
  const line = readObjectLine(Buffer.from(text));
  if (line.kind === 'fault') throw new Error(line.problem);
  return canonicalIdentity(line, (name) => name === 'L' || name === 'L-metadata').toString();
};

describe('the identity of a line', () => {
  it.each([
    ['1', '1.0', '1e0', '10e-1', '0.1E+1', `1${'0'.repeat(400)}e-400`],
    ['0', '-0', '0.00', '0e99', '-0E-5'],
    ['1e3', '1000', '1000.0', '0.001e6'],
    ['12345678901234567890', '1234567890123456789e1', '12345678901234567890.000'],
    ['-2.50', '-25e-1', '-0.25e1'],
    ['1e99999999999999999999', '10e99999999999999999998', '0.1e+100000000000000000000'],
  ])('takes numbers by exact decimal value: %s', (...spellings) => {
    expect(new Set(spellings.map(canonicalNumber)).size).toBe(1);
    expect(new Set(spellings.map((number) => identityOf(`{"n":[${number}]}`))).size).toBe(1);
  });

  it.each([
    ['{"n":12345678901234567890}', '{"n":12345678901234567891}'],
    ['{"n":0.1}', '{"n":0.10000000000000000001}'],
    ['{"n":1e400}', '{"n":1e401}'],
    ['{"n":1}', '{"n":-1}'],
    ['{"n":1}', '{"n":"1"}'],
    ['{"n":null}', '{}'],
    ['{"n":[1,2]}', '{"n":[2,1]}'],
    ['{"s":"caf\u00e9"}', '{"s":"cafe\u0301"}'],
    ['{"s":"\\ud800"}', '{"s":"\\ud801"}'],
    ['{"s":"\\ud800"}', '{"s":"\ufffd"}'],
    ['{"s":"a\\"b"}', '{"s":"a\\\\b"}'],
    ['{"a":"b\\",\\"c\\":\\"d"}', '{"a":"b","c":"d"}'],
    ['{"a":{"b":1}}', '{"a":{},"b":1}'],
    ['{"a":[[],[]]}', '{"a":[[[]]]}'],
  ])('tells %s from %s', (a, b) => {
    expect(identityOf(a)).not.toBe(identityOf(b));
  });

  it.each([
    ['{"a":1,"b":{"c":2,"d":3}}', ' { "b" : { "d" : 3.0, "c" : 2e0 } , "a" : 1 }\r\n'],
    ['{"s":"s3://a/\u00e9\u{1f426}"}', '{"\\u0073":"s3:\\/\\/a\\/\\u00E9\\uD83D\\udc26"}'],
    ['{"a":1}', '{"L":0,"a":1,"L-metadata":{}}'],
    ['{"a":1,"a":2}', '{"a":2}'],
    ['{"__proto__":{"a":1,"b":2}}', '{"__proto__":{"b":2,"a":1}}'],
    ['{"10":1,"9":2}', '{"9":2,"10":1}'],
  ])('takes %s and %s for one', (a, b) => {
    expect(identityOf(a)).toBe(identityOf(b));
  });
});

/** The same value, spelled at random: order of names, white space, escapes, numbers. */
const spell = (value: unknown, chance: () => number): string => {
  const space = (): string => [' ', '', '\t'][chance() % 3] ?? '';
  if (Array.isArray(value)) {
    return `[${space()}${value.map((each) => spell(each, chance)).join(`${space()},${space()}`)}${space()}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([name, each]) => ({
      text: `${spell(name, chance)}${space()}:${space()}${spell(each, chance)}`,
      at: chance(),
    }));
    return `{${space()}${members
      .toSorted((a, b) => a.at - b.at)
      .map(({ text }) => text)
      .join(`${space()},${space()}`)}${space()}}`;
  }
  if (typeof value === 'number')
    return chance() % 2 === 0 ? JSON.stringify(value) : `${value}${String(value).includes('e') ? '' : 'e0'}`;
  const text = JSON.stringify(value);
  if (typeof value !== 'string' || chance() % 2 === 0) return text;
  const escaped = Array.from(
    { length: value.length },
    (_, at) => `\\u${value.charCodeAt(at).toString(16).padStart(4, '0')}`,
  );
  return `"${escaped.join('')}"`;
};

describe('the digest of a line', () => {
  const line = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue(), { maxKeys: 5 });
  const digest = (text: string): string => {
    const read = readObjectLine(Buffer.from(text));
    if (read.kind === 'fault') throw new Error(`${read.problem}: ${text}`);
    return digestOfLine(read, () => false);
  };

  it('is that of the value however it is written (I1)', () => {
    fc.assert(
      fc.property(line, fc.infiniteStream(fc.nat(1000)), (value, stream) => {
        const chance = (): number => Number(stream.next().value);
        expect(digest(spell(value, chance))).toBe(digest(JSON.stringify(value)));
      }),
    );
  });

  it('differs where JSON values differ (I1)', () => {
    const withoutMinusZero = (value: unknown): string =>
      JSON.stringify(value, (_name, each: unknown) => (each === 0 ? 0 : each));
    fc.assert(
      fc.property(line, line, (a, b) => {
        const same =
          JSON.stringify(sorted(JSON.parse(withoutMinusZero(a)))) ===
          JSON.stringify(sorted(JSON.parse(withoutMinusZero(b))));
        expect(digest(JSON.stringify(a)) === digest(JSON.stringify(b))).toBe(same);
      }),
    );
  });
});

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, each]) => [name, sorted(each)]);
};

describe('the pool of waiting lines', () => {
  it('gives equal lines in their order, each once, and remembers their labels', () => {
    const directory = new TemporaryDirectory();
    const pool = new IdentityPool(directory.path);
    const a = Buffer.from('a');
    pool.add({ number: 1, label: null }, a);
    pool.add({ number: 2, label: Buffer.from('7') }, Buffer.from('b'));
    pool.add({ number: 3, label: Buffer.from('8') }, a);
    expect(pool.take(a)).toEqual({ number: 1, label: null });
    expect(pool.take(a)).toEqual({ number: 3, label: Buffer.from('8') });
    expect(pool.take(a)).toBeNull();
    expect([pool.left, pool.has(0), pool.has(1)]).toEqual([1, false, true]);
    pool.close();
    directory.close();
  });
});
