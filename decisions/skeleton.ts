/**
 * What `aws sagemaker create-labeling-job --generate-cli-skeleton` prints holds every optional field: texts as `""`,
 * numbers as 0, lists with one empty member. Where such a value cannot be meant, it is read as "not given".
 */

/** Optional numbers whose smallest allowed value is above 0 (API shapes): a 0 is the skeleton's. */
const OPTIONAL_NUMBERS: readonly string[] = [
  'MaxHumanLabeledObjectCount',
  'MaxPercentageOfInputDatasetLabeled',
  'TaskAvailabilityLifetimeInSeconds',
  'MaxConcurrentTaskCount',
];

const isNothing = (key: string, value: unknown): boolean =>
  value === '' || (value === 0 && OPTIONAL_NUMBERS.includes(key));

/** A price of nothing at all, which is how the skeleton shows it. */
const isZeroPrice = (key: string, value: object): boolean =>
  key === 'AmountInUsd' && Object.values(value).every((amount) => amount === 0);

const filled = (key: string, value: unknown): unknown => {
  if (isNothing(key, value)) return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => filled(key, item)).filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }
  if (isZeroPrice(key, value)) return undefined;
  const entries = Object.entries(value).flatMap(([name, inner]) => {
    const kept: unknown = filled(name, inner);
    return kept === undefined ? [] : [[name, kept] as const];
  });
  if (entries.length === 0) return undefined;
  // The value of a tag may be empty, if the tag has a key.
  return key === 'Tags' && entries.some(([name]) => name === 'Key')
    ? { ...value, ...Object.fromEntries(entries) }
    : Object.fromEntries(entries);
};

/** The job part of a spec without what the skeleton left empty; undefined if nothing is left. */
export const filledIn = (job: unknown): unknown => filled('job', job);
