/** Inputs that are almost right: a good JSON value with some of its parts replaced, removed, renamed or added. */
import fc from 'fast-check';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

type Path = readonly string[];

const pathsOf = (value: Json, path: Path = []): Path[] =>
  typeof value !== 'object' || value === null
    ? [path]
    : [path, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))];

/** A step: what happens at a place. */
type Step = { place: number; change: 'replace' | 'remove' | 'rename' | 'add'; value: Json; key: string };

const nasty: fc.Arbitrary<Json> = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
  fc.constantFrom<Json>(
    '',
    ' ',
    '__proto__',
    'constructor',
    '\u0000',
    '\ud800',
    '💥',
    's3://',
    's3://b',
    '../../etc',
    'a'.repeat(3_000),
  ),
  fc.constantFrom<Json>(-1, 0, 1e308, -0, Number.MAX_SAFE_INTEGER, 0.1, [], {}, [[]], { '': '' }, null, true),
  fc.constantFrom<Json>(
    '30d',
    '-1h',
    '1h1h',
    '99999999999d',
    'arn:aws:iam::1:role/x',
    'arn:aws:sagemaker:::',
    '(',
    '(a+)+$',
  ),
);

const stepArbitrary: fc.Arbitrary<Step> = fc.record({
  place: fc.nat(),
  change: fc.constantFrom('replace', 'remove', 'rename', 'add'),
  value: nasty,
  key: fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.constantFrom('__proto__', 'constructor', 'toString', 'LabelingJobName', 'Tags'),
  ),
});

const withKey = (object: { [key: string]: Json }, key: string, value: Json): { [key: string]: Json } =>
  Object.fromEntries([...Object.entries(object), [key, value]]);

const changed = (value: Json, path: Path, step: Step): Json | undefined => {
  const [key, ...rest] = path;
  if (key === undefined) {
    if (step.change === 'remove') return undefined;
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return step.change === 'add' && isObject ? withKey(value, step.key, step.value) : step.value;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value))
    return value.flatMap((item, index) => (String(index) === key ? (changed(item, rest, step) ?? []) : [item]));
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => {
      if (name !== key) return [[name, inner] as const];
      if (rest.length === 0 && step.change === 'rename') return [[step.key, inner] as const];
      const next = changed(inner, rest, step);
      return next === undefined ? [] : [[name, next] as const];
    }),
  );
};

/** The good value after one to four changes. */
export const mutationsOf = (good: Json): fc.Arbitrary<Json> =>
  fc.array(stepArbitrary, { minLength: 1, maxLength: 4 }).map((steps) =>
    steps.reduce<Json>((value, step) => {
      const paths = pathsOf(value);
      return changed(value, paths[step.place % paths.length] ?? [], step) ?? null;
    }, good),
  );

/** Text that is almost the JSON of a value: cut, doubled, with bytes changed. */
export const textsOf = (good: Json): fc.Arbitrary<string> =>
  fc.oneof(
    mutationsOf(good).map((value) => JSON.stringify(value)),
    fc.tuple(mutationsOf(good), fc.nat(2_000)).map(([value, at]) => JSON.stringify(value).slice(0, at)),
    fc.tuple(fc.nat(2_000), fc.string({ maxLength: 5, unit: 'binary' })).map(([at, text]) => {
      const whole = JSON.stringify(good);
      return whole.slice(0, at) + text + whole.slice(at);
    }),
    fc.string({ maxLength: 300, unit: 'binary' }),
  );
