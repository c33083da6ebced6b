/**
 * The files that a whole run of the benchmark leaves: `results.json`, the figures of the last run, and `results-repeats.json`,
 * the figures with a bar of the last three whole runs. It owns their shapes and how a run's figures take the place of older ones.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { figureShape, type Figure } from './figures.ts';
import { isOfWholeRun, isPartName, PARTS } from './parts.ts';

/** `results.json`. A run of some parts replaces their figures and keeps the others. */
export const resultsShape = z.strictObject({
  /** Of the last run; with a `+` if files were changed. */
  commit: z.string(),
  /** ISO 8601. */
  date: z.string(),
  cores: z.int(),
  quick: z.boolean(),
  parts: z.array(figureShape),
});
export type Results = z.infer<typeof resultsShape>;

/** `results-repeats.json`: by the name of a figure, its value. The oldest run comes first. */
export const repeatsShape = z.array(
  z.strictObject({ commit: z.string(), date: z.string(), values: z.record(z.string(), z.number()) }),
);
export type Repeats = z.infer<typeof repeatsShape>;

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
export const RESULTS = path('./results.json');
export const CHART = path('./results.svg');
export const REPEATS = path('./results-repeats.json');
const REPEATS_KEPT = 3;

const readJson = async (file: string): Promise<unknown> => {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? null : JSON.parse(text);
};

/** The results on record; null if there are none that can be read. */
export const readResults = async (): Promise<Results | null> =>
  resultsShape.safeParse(await readJson(RESULTS)).data ?? null;

/** The last whole runs on record, none if there are none that can be read. */
export const readRepeats = async (): Promise<Repeats> => repeatsShape.safeParse(await readJson(REPEATS)).data ?? [];

/** The part that a figure belongs to. */
export const partOf = ({ name }: Figure): string => name.slice(0, name.indexOf(':'));

/** The figures of the former results with those of the parts that ran now, in the order of the parts. */
export const merged = (former: readonly Figure[], measured: readonly Figure[]): Figure[] => {
  const replaced = new Set(measured.map(partOf));
  const kept = former.filter((each) => !replaced.has(partOf(each)) && isPartName(partOf(each)));
  const names: readonly string[] = Object.keys(PARTS);
  return [...kept, ...measured].toSorted((a, b) => names.indexOf(partOf(a)) - names.indexOf(partOf(b)));
};

/** Puts a whole run behind the others on record; the oldest beyond three goes. */
export const recordRepeat = async ({ commit, date, parts }: Results): Promise<void> => {
  const isMeasured = (each: Figure): boolean => {
    const part = partOf(each);
    return each.bar !== null && isPartName(part) && isOfWholeRun(part);
  };
  const values = Object.fromEntries(parts.filter(isMeasured).map(({ name, value }) => [name, value]));
  const repeats = [...(await readRepeats()), { commit, date, values }].slice(-REPEATS_KEPT);
  await writeFile(REPEATS, `${JSON.stringify(repeats, null, 2)}\n`);
};
