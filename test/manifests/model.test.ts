/**
 * The engine against a plain model on random chains. The model never reads JSON: the generator knows which spellings
 * mean the same object, and the model works with those numbers.
 */
import fc from 'fast-check';
import { ChainFiles, linesOf, type JobFiles } from './chain-files.ts';

/** Each entry is one object identity; its variants are spellings of it, as lists of members. */
const identities: readonly (readonly (readonly string[])[])[] = [
  [['"source-ref":"s3://a/1"'], ['"source-ref" : "s3:\\/\\/a\\/1"'], ['"source\\u002dref":"s3://a/1"']],
  [
    ['"source-ref":"s3://a/1"', '"page":1'],
    ['"page":1.0', '"source-ref":"s3://a/1"'],
    ['"page": 10e-1', '"source-ref":"s3://a/1"'],
  ],
  [
    ['"source-ref":"s3://a/1"', '"page":1e3'],
    ['"source-ref":"s3://a/1"', '"page":1000.00'],
  ],
  [
    ['"source":"n"', '"id":12345678901234567890'],
    ['"id":1234567890123456789E1', '"source":"n"'],
  ],
  [
    ['"source":"n"', '"id":12345678901234567891'],
    ['"id":12345678901234567891.0', '"source":"n"'],
  ],
  [['"source":"caf\u00e9 \u{1f426}"'], ['"source":"caf\\u00E9 \\ud83d\\udc26"']],
  [['"source":"cafe\u0301 \u{1f426}"'], ['"source":"cafe\\u0301 \u{1f426}"']],
  [
    ['"source":"x"', '"box":{"a":[1,{"b":null,"c":true}],"d":-0}'],
    ['"box": { "d" : 0.0e7, "a":[ 1.0 ,{"c":true,"b":null}] }', '"source":"x"'],
  ],
  [['"source":""', '"__proto__":{"L":1}', '"M":"\\"L\\":0"']],
];

type Outcome = { kind: 'none' } | { kind: 'label'; value: number } | { kind: 'failure'; reason: 'declined' | 'nobody' };

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({ kind: fc.constant('none' as const) }),
  fc.record({ kind: fc.constant('label' as const), value: fc.nat(3) }),
  fc.record({ kind: fc.constant('failure' as const), reason: fc.constantFrom('declined' as const, 'nobody' as const) }),
);

const ownMembers = (of: Outcome): string[] => {
  switch (of.kind) {
    case 'none':
      return [];
    case 'label':
      return [`"L": ${of.value}`, `"L-metadata":{"job-name":"j", "human-annotated":"yes"}`];
    case 'failure':
      return [`"L-metadata":{"retry-count":1,"failure-reason":"${of.reason}"}`];
  }
};

/** An object of the model: what it is, how it is spelled, what the user's manifest said of it. */
type ModelObject = {
  identity: number;
  members: readonly string[];
  ownFirst: boolean;
  own: Outcome;
  separator: string;
  terminator: string;
  label: { generation: number; members: string[] } | null;
  attempts: Set<number>;
  setAside: boolean;
  doubled: Set<number>;
};

const lineOf = ({ members, ownFirst, separator, terminator }: ModelObject, own: readonly string[]): string =>
  `{${(ownFirst ? [...own, ...members] : [...members, ...own]).join(separator)}}${terminator}`;

const datasetLineOf = (object: ModelObject): string => {
  if (object.label === null || object.label.generation === 0) return lineOf(object, ownMembers(object.own));
  const { members, separator, terminator } = object;
  return `{${members.join(separator)},${object.label.members.join(',')}}${terminator}`;
};

const modelObject: fc.Arbitrary<ModelObject> = fc
  .record({
    identity: fc.nat(identities.length - 1),
    variant: fc.nat(9),
    ownFirst: fc.boolean(),
    own: fc.oneof({ weight: 4, arbitrary: fc.constant<Outcome>({ kind: 'none' }) }, { weight: 1, arbitrary: outcome }),
    separator: fc.constantFrom(',', ', '),
    terminator: fc.constantFrom('\n', '\r\n'),
  })
  .map(({ identity, variant, ...rest }) => {
    const variants = identities[identity] ?? [];
    return {
      ...rest,
      identity,
      members: variants[variant % variants.length] ?? [],
      label: rest.own.kind === 'label' ? { generation: 0, members: [] } : null,
      attempts: new Set<number>(),
      setAside: false,
      doubled: new Set<number>(),
    };
  });

type Answer = { outcome: Outcome; lateOutcome: Outcome; variant: number; respell: boolean; rank: number };
/** `members`: the chain's own members, with the white space before them as in the text. */
type OutputLine = { identity: number; text: string; outcome: Outcome; members: string[] };

const answer: fc.Arbitrary<Answer> = fc.record({
  outcome,
  lateOutcome: outcome,
  variant: fc.nat(9),
  respell: fc.boolean(),
  rank: fc.nat(5),
});

type Job = {
  mode: 'unlabeled' | 'dataset';
  maxObjects: number | null;
  answers: Answer[];
  shuffled: boolean;
  kept: number;
  foreign: number | null;
  mergeLate: boolean;
};

const job: fc.Arbitrary<Job> = fc.record({
  mode: fc.constantFrom('unlabeled' as const, 'dataset' as const),
  maxObjects: fc.option(fc.nat(6)),
  answers: fc.array(answer, { minLength: 12, maxLength: 12 }),
  shuffled: fc.boolean(),
  kept: fc.integer({ min: 4, max: 20 }),
  foreign: fc.option(fc.nat(identities.length - 1)),
  mergeLate: fc.boolean(),
});

type SentLine = { ordinal: number; object: ModelObject; labelValue: number | null; text: string };

const valueOf = (object: ModelObject): number | null => {
  if (object.own.kind === 'label') return object.own.value;
  const [member] = object.label?.members ?? [];
  return member === undefined ? null : Number(member.split(':')[1]);
};

const selectInModel = (objects: readonly ModelObject[], { mode, maxObjects }: Job): SentLine[] =>
  objects
    .map((object, ordinal) => ({
      ordinal,
      object,
      labelValue: valueOf(object),
      text:
        object.label !== null || object.own.kind !== 'failure'
          ? datasetLineOf(object)
          : lineOf(object, ownMembers({ kind: 'none' })),
    }))
    .filter(({ object }) =>
      mode === 'unlabeled' ? object.label === null && !object.setAside : object.label !== null || !object.setAside,
    )
    .slice(0, maxObjects ?? objects.length);

/** How a labeled line spells its label. */
const labelMembersOf = ({ own, ownFirst, separator, label }: ModelObject): string[] => {
  const space = separator.slice(1);
  return label?.generation === 0
    ? ownMembers(own).map((member, index) => (ownFirst && index === 0 ? member : space + member))
    : (label?.members ?? []);
};

/** AWS's side: labeled lines are copied, the others get their answer; then the order, the length and strangers. */
const outputOf = (sent: readonly SentLine[], of: Job, late: boolean): OutputLine[] => {
  const lines = sent.map(({ object, labelValue, text }, index) => {
    const {
      outcome: first,
      lateOutcome,
      variant,
      respell,
      rank,
    } = of.answers[index % of.answers.length] ?? of.answers[0] ?? fail();
    if (labelValue !== null) {
      return {
        rank,
        identity: object.identity,
        text: text.endsWith('\n') ? text : `${text}\n`,
        outcome: { kind: 'label' as const, value: labelValue },
        members: labelMembersOf(object),
      };
    }
    const given = late && first.kind !== 'label' ? lateOutcome : first;
    const variants = identities[object.identity] ?? [];
    const members = respell ? (variants[variant % variants.length] ?? []) : object.members;
    return {
      rank,
      identity: object.identity,
      text: `{${[...members, ...ownMembers(given)].join(', ')}}\n`,
      outcome: given,
      members: ownMembers(given).map((member) => ` ${member}`),
    };
  });
  const ordered = of.shuffled ? lines.toSorted((a, b) => a.rank - b.rank) : lines;
  const strangers =
    of.foreign === null
      ? []
      : [
          {
            identity: -1,
            text: `{"source":"stranger","L":${of.foreign}}\n`,
            outcome: { kind: 'label' as const, value: of.foreign },
            members: [],
          },
        ];
  return [...strangers, ...ordered.slice(0, of.kept)];
};

const fail = (): never => {
  throw new Error('the generator gave no answers');
};

type Free = Set<number>;

/** The first free line of the input that fits; it is free no more. */
const takeFirst = (free: Free, fits: (index: number) => boolean): number | null => {
  const found = [...free].toSorted((a, b) => a - b).find(fits);
  if (found !== undefined) free.delete(found);
  return found ?? null;
};

/**
 * Position first, then the first free line. Equal are lines of one identity, where the input holds labels also of one label;
 * there a label then goes to a twin with the same label, to one without, to any.
 */
const pairInModel = (
  mode: Job['mode'],
  sent: readonly SentLine[],
  output: readonly OutputLine[],
): (number | null)[] => {
  const free: Free = new Set(sent.keys());
  const labelOf = ({ outcome: of }: OutputLine): number | null => (of.kind === 'label' ? of.value : null);
  const isTwin = (index: number, line: OutputLine): boolean => sent[index]?.object.identity === line.identity;
  const isEqual = (index: number, line: OutputLine): boolean =>
    isTwin(index, line) && (mode === 'unlabeled' || sent[index]?.labelValue === labelOf(line));
  const steps: ((line: OutputLine, index: number) => number | null)[] = [
    (line, index) => (isEqual(index, line) ? takeFirst(free, (each) => each === index) : null),
    (line) => takeFirst(free, (each) => isEqual(each, line)),
    (line) => takeFirst(free, (each) => isTwin(each, line) && sent[each]?.labelValue === null),
    (line) => takeFirst(free, (each) => isTwin(each, line)),
  ];
  const pairs: (number | null)[] = output.map(() => null);
  for (const step of steps) {
    output.forEach((line, index) => {
      pairs[index] ??= step(line, index);
    });
  }
  return pairs;
};

type ModelTally = { added: number; doubled: number; attempts: number; unmatched: number };

const mergeInModel = (
  { generation, mode }: { generation: number; mode: Job['mode'] },
  sent: readonly SentLine[],
  output: readonly OutputLine[],
  tally: ModelTally,
): void => {
  pairInModel(mode, sent, output).forEach((pair, index) => {
    const line = output[index] ?? fail();
    const source = pair === null ? undefined : sent[pair];
    if (source === undefined) {
      tally.unmatched += 1;
      return;
    }
    const { object, labelValue } = source;
    if (line.outcome.kind === 'label' && line.outcome.value !== labelValue) {
      if (object.label === null) {
        object.label = { generation, members: line.members };
        object.setAside = false;
        tally.added += 1;
      } else if (
        !object.doubled.has(generation) &&
        (object.label.generation !== generation || valueOf(object) !== line.outcome.value)
      ) {
        object.doubled.add(generation);
        tally.doubled += 1;
      }
    }
    if (line.outcome.kind === 'failure' && line.outcome.reason === 'declined' && object.label === null) {
      if (!object.attempts.has(generation)) tally.attempts += 1;
      object.attempts.add(generation);
    }
  });
};

const MAX_ATTEMPTS = 2;

describe('the manifest engine against a plain model', () => {
  it('I1, I2: random chains of jobs give the same inputs, datasets, counts and leftovers as the model', async () => {
    const chain = fc.record({
      marked: fc.boolean(),
      lastFeed: fc.boolean(),
      objects: fc.array(modelObject, { minLength: 1, maxLength: 14 }),
      jobs: fc.array(job, { minLength: 1, maxLength: 4 }),
      chunkSizes: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(chain, async ({ marked, lastFeed, objects: generated, jobs, chunkSizes }) => {
        const objects = generated.map((object, index) => ({
          ...object,
          terminator: index === generated.length - 1 && !lastFeed ? '' : object.terminator,
          attempts: new Set<number>(),
          doubled: new Set<number>(),
        }));
        const files = new ChainFiles(chunkSizes);
        const manifest = objects.map(datasetLineOf).join('');
        const counts = await files.start(marked ? `\ufeff${manifest}` : manifest);
        expect(files.dataset.toString()).toBe(manifest);
        expect(counts).toEqual({
          total: objects.length,
          labeled: objects.filter(({ own }) => own.kind === 'label').length,
          remaining: objects.filter(({ own }) => own.kind !== 'label').length,
          failedMetadata: objects.filter(({ own }) => own.kind === 'failure').length,
          odd: 0,
        });

        const past: { files: JobFiles; sent: SentLine[]; job: Job; generation: number }[] = [];
        for (const [index, of] of jobs.entries()) {
          const generation = index + 1;
          const selected = await files.select(generation, of.mode, of.maxObjects);
          const sent = selectInModel(objects, of);
          expect(linesOf(selected.manifest.toString())).toEqual(sent.map(({ text }) => text));
          expect(selected.selected.sentObjects).toBe(sent.filter(({ labelValue }) => labelValue === null).length);

          const late = of.mergeLate ? past : [];
          past.push({ files: selected, sent, job: of, generation });
          const merged = [
            ...late.map((each) => ({ ...each, output: outputOf(each.sent, each.job, true), late: true })),
            { files: selected, sent, generation, output: outputOf(sent, of, false), late: false },
          ];
          const tally = await files.merge(
            merged.map((each) =>
              files.sourceOfJob(each.files, each.output.map(({ text }) => text).join(''), each.late),
            ),
            { countsAttempt: (_, reason) => reason === 'declined', maxAttempts: MAX_ATTEMPTS },
          );

          const expected = merged.map((each) => {
            const sums = { added: 0, doubled: 0, attempts: 0, unmatched: 0 };
            return { ...each, sums };
          });
          // The engine takes the findings object by object, sources in order; the model source by source: the same.
          for (const each of expected)
            mergeInModel({ generation: each.generation, mode: each.files.mode }, each.sent, each.output, each.sums);
          for (const object of objects) {
            if (object.label === null && object.attempts.size >= MAX_ATTEMPTS) object.setAside = true;
          }
          expect(files.datasetLines).toEqual(objects.map(datasetLineOf));
          expect(
            tally.perSource.map(({ added, doubled, attemptsCounted, unmatched }) => ({
              added,
              doubled,
              attempts: attemptsCounted,
              unmatched,
            })),
          ).toEqual(expected.map(({ sums }) => sums));
          expect(files.unmatched.lines).toHaveLength(expected.reduce((sum, { sums }) => sum + sums.unmatched, 0));
          expect(files.doubled.lines).toHaveLength(expected.reduce((sum, { sums }) => sum + sums.doubled, 0));
          const labeled = objects.filter(({ label }) => label !== null).length;
          const setAside = objects.filter((object) => object.label === null && object.setAside).length;
          expect(tally).toMatchObject({
            total: objects.length,
            labeled,
            setAside,
            remaining: objects.length - labeled - setAside,
            doubled: objects.reduce((sum, { doubled }) => sum + doubled.size, 0),
          });
          const leftovers = objects.flatMap((object, ordinal) => (object.label === null ? [{ object, ordinal }] : []));
          expect(await files.leftovers()).toMatchObject(
            leftovers.map(({ object, ordinal }) => ({
              line: ordinal + 1,
              attempts: object.attempts.size,
              jobs: [...object.attempts].map((each) => `job-${each}`),
              setAside: object.setAside,
            })),
          );
        }
      }),
      { numRuns: 300 },
    );
  });
});
