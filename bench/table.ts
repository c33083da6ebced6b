/** The figures as a table for a terminal. */
import type { Figure } from './figures.ts';

const amount = (value: number, unit: string): string =>
  `${value.toLocaleString('en', { maximumSignificantDigits: 4 })} ${unit}`;

const verdictOf = ({ met }: Figure): string => (met === null ? '' : met ? 'met' : 'MISSED');

/** A bar as people read it. */
export const barText = ({ bar, unit }: Figure): string =>
  bar === null ? 'reported' : `${bar.kind === 'at most' ? '≤' : '≥'} ${amount(bar.value, unit)}`;

/** One line for each figure: name, value, bar, whether it is met, baseline. */
export const tableOf = (figures: readonly Figure[]): string => {
  const rows = figures.map((each) => [
    each.name,
    amount(each.value, each.unit),
    barText(each),
    verdictOf(each),
    each.baseline === null ? '' : `${each.baseline.what}: ${amount(each.baseline.value, each.baseline.unit)}`,
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};
