import fc from 'fast-check';
import { editLine, readAddedAttributes, readObjectLine } from '../../manifests/attributes.ts';

const read = (text: string | Buffer) => readObjectLine(Buffer.from(text));
const problemOf = (text: string | Buffer): string => {
  const line = read(text);
  return line.kind === 'fault' ? line.problem : 'no problem';
};
const namesOf = (text: string): string[] => {
  const line = read(text);
  return line.kind === 'object' ? line.attributes.map(({ name }) => name) : [];
};
const edit = (text: string, drop: readonly string[], added: string | null): string => {
  const line = read(text);
  if (line.kind === 'fault') throw new Error(line.problem);
  return editLine(line, (name) => drop.includes(name), added === null ? null : Buffer.from(added)).toString();
};

const parses = (text: string): boolean => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
};

describe('reading the attributes of a line', () => {
  it('accepts exactly the objects that JSON.parse accepts', () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.array(fc.tuple(fc.nat(), fc.constantFrom(...Array.from('{}[]",:\\u0e-.1t \n')))),
        (json, edits) => {
          const characters = Array.from(json);
          for (const [at, character] of edits) characters[at % (characters.length + 1)] = character;
          const text = characters.join('');
          fc.pre(text.isWellFormed());
          expect(read(text).kind === 'object').toBe(parses(text));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('names top-level attributes only, with escapes in names resolved', () => {
    expect(namesOf('{"a":{"b":1},"\\u0063":[{"d":2}],"":null}')).toEqual(['a', 'c', '']);
  });

  it.each([
    ['', 'blank line'],
    [' \r\n', 'blank line'],
    ['[1]', 'JSON, but not an object in braces'],
    ['"{}"', 'JSON, but not an object in braces'],
    ['{"a":1', 'not JSON: it ends in the middle'],
    ['{"a":1}}', 'not JSON: "}" at byte 8 is not expected'],
    ['{"a":01}', 'not JSON: "1" at byte 7 is not expected'],
    ['{"a":"\t"}', 'not JSON: byte 0x9 at byte 7 is not expected'],
    ["{'a':1}", 'not JSON: "\'" at byte 2 is not expected'],
  ])('says what is wrong with %j', (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(problemOf(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toBe('not valid UTF-8');
  });

  it('refuses values nested too deeply instead of running out of stack', () => {
    expect(problemOf(`{"a":${'['.repeat(100_000)}`)).toBe('nested deeper than 500 levels');
    expect(problemOf(`{"a":${'['.repeat(400)}${']'.repeat(400)}}`)).toBe('no problem');
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, braced) => {
        const line = readObjectLine(braced ? Buffer.concat([Buffer.from('{"'), bytes]) : Buffer.from(bytes));
        expect(['object', 'fault']).toContain(line.kind);
      }),
    );
  });
});

describe('editing a line', () => {
  it.each([
    ['{"a":1}\r\n', [], '"L":0', '{"a":1,"L":0}\r\n'],
    ['{ "a" : 1 }', [], ' "L": 0', '{ "a" : 1, "L": 0 }'],
    ['{"a":1 , "M":2 , "b":3}', ['M'], null, '{"a":1  , "b":3}'],
    ['{"M":1,"a":1}', ['M'], '"L":0', '{"a":1,"L":0}'],
    ['{"M":1, "N":1, "a":1, "M":2 }', ['M', 'N'], null, '{"a":1 }'],
    ['{"a":1,"M":1,"N":2}', ['M', 'N'], '"L":0', '{"a":1,"L":0}'],
    ['{"M":1,"N":2}', ['M', 'N'], '"L":0', '{"L":0}'],
    ['{ "M":1 }', ['M'], null, '{  }'],
    ['{}', [], '"L":0', '{"L":0}'],
  ])('of %j without %j and with %j leaves every other byte', (text, drop, added, expected) => {
    expect(edit(text, drop, added)).toBe(expected);
    expect(parses(expected)).toBe(true);
  });
});

describe('reading only what was added to a line', () => {
  it.each([
    ['{"a":1}', '{"a":1,"L":0}', ['L']],
    ['{"a":1 }\n', '{"a":1 , "L":{"x":[]}, "M":2 }\n', ['L', 'M']],
    ['{"a":1}', '{"a":1}\n', []],
  ])('of %j in %j finds %j', (valid, longer, names) => {
    const added = readAddedAttributes(Buffer.from(valid), Buffer.from(longer));
    expect(added?.attributes.map(({ name }) => name)).toEqual(names);
  });

  it.each([
    ['{"a":1}', '{"a":12,"L":0}'],
    ['{"a":1}', '{"a":1'],
    ['{"a":1}', '{"a":1,}'],
    ['{"a":1}', '{"a":1,"L":0}}'],
    ['{"a":1}', '{"b":1,"L":0}'],
    ['{}', '{,"L":0}'],
    ['', '{}'],
  ])('of %j in %j leaves it to the full reading', (valid, longer) => {
    expect(readAddedAttributes(Buffer.from(valid), Buffer.from(longer))).toBeNull();
  });
});
