/**
 * Writes the figures of the last benchmark into docs/performance.md, between its marks. Run by `npm run performance-page` and at the
 * end of `npm run bench`; a test holds the page to the result files.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import type { Figure } from '../bench/figures.ts';
import { isPartName } from '../bench/parts.ts';
import { partOf, readRepeats, readResults, type Repeats, type Results } from '../bench/results.ts';
import { barText } from '../bench/table.ts';

/** The page. */
export const PERFORMANCE_PAGE = fileURLToPath(new URL('../docs/performance.md', import.meta.url));

const MARKED = /(<!-- figures: (\S+) -->\n)[\s\S]*?(<!-- \/figures -->)/g;

const amount = (value: number, unit: string): string =>
  `${value.toLocaleString('en', { maximumSignificantDigits: 4 })} ${unit}`;

const cell = (text: string): string => text.replaceAll('|', '\\|');

const rowOf = (each: Figure): string => {
  const { name, value, unit, baseline, met, note } = each;
  const verdict = met === null ? 'reported' : `${barText(each)}: ${met ? 'met' : '**missed**'}`;
  const against = baseline === null ? '' : `${baseline.what}: ${amount(baseline.value, baseline.unit)}`;
  const what = name.slice(name.indexOf(':') + 2);
  return `| ${[what, amount(value, unit), verdict, against, note ?? ''].map(cell).join(' | ')} |`;
};

const partTable = (figures: readonly Figure[]): string =>
  figures.length === 0
    ? 'Not measured yet.'
    : ['| What | Figure | Bar | Baseline | Note |', '|---|---|---|---|---|', ...figures.map(rowOf)].join('\n');

const summary = ({ commit, date, cores, parts }: Results, whole: Repeats[number] | undefined): string => {
  const held = parts.filter(({ met }) => met !== null);
  const missed = held.filter(({ met }) => met === false).map(({ name }) => `“${name}”`);
  const ofSomeParts =
    whole === undefined || whole.date >= date
      ? ''
      : ` It was of some parts; the others are of the last whole run: commit \`${whole.commit}\`, ${whole.date.slice(0, 10)}.`;
  return [
    `Last run: commit \`${commit}\`, ${date.slice(0, 10)}, ${cores} cores. ${held.length - missed.length} of ${held.length} bars met.${ofSomeParts}`,
    missed.length === 0 ? '' : `Missed: ${missed.join(', ')}.`,
  ].join('\n');
};

const repeatTable = (repeats: Repeats): string => {
  if (repeats.length === 0) return 'No whole run is on record.';
  const names = Object.keys(repeats.at(-1)?.values ?? {});
  return [
    `| Figure | ${repeats.map(({ commit, date }) => `${commit}, ${date.slice(0, 16)}`).join(' | ')} |`,
    `|---|${repeats.map(() => '---').join('|')}|`,
    ...names.map((name) => `| ${cell(name)} | ${repeats.map(({ values }) => values[name] ?? '').join(' | ')} |`),
  ].join('\n');
};

/** The page with the figures on record in it. Throws if a name in a mark is unknown, or nothing is on record. */
export const withBenchFigures = async (page: string): Promise<string> => {
  const results = await readResults();
  if (results === null) throw new Error('bench/results.json is missing or unreadable; run `npm run bench`');
  const repeats = await readRepeats();
  const figuresOf = (name: string): string => {
    if (name === 'summary') return summary(results, repeats.at(-1));
    if (name === 'repeats') return repeatTable(repeats);
    if (isPartName(name)) return partTable(results.parts.filter((each) => partOf(each) === name));
    throw new Error(`docs/performance.md wants the figures of "${name}", which nobody makes`);
  };
  const text = page.replaceAll(
    MARKED,
    (_, begin: string, name: string, end: string) => `${begin}\n${figuresOf(name)}\n\n${end}`,
  );
  return format(text, { ...(await resolveConfig(PERFORMANCE_PAGE)), parser: 'markdown' });
};

/** Puts the figures on record into the page. */
export const writePerformancePage = async (): Promise<void> =>
  writeFile(PERFORMANCE_PAGE, await withBenchFigures(await readFile(PERFORMANCE_PAGE, 'utf8')));

if (import.meta.main) await writePerformancePage();
