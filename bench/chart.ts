/**
 * The figures that have a bar, as one chart: how far each is from its bar. It owns the drawing, an SVG without scripts
 * and fonts of its own.
 */
import type { Figure } from './figures.ts';
import { barText } from './table.ts';

const ROW = 26;
const LEFT = 430;
const WIDTH = 980;
const PLOT = 330;
/** Five times better or worse than the bar reaches the edge; beyond it a bar is cut. */
const EDGE = Math.log(8);

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Above 1: better than the bar by that factor. */
const advantage = ({ value, bar }: Figure): number => {
  if (bar === null) return 1;
  const factor = bar.kind === 'at most' ? bar.value / value : value / bar.value;
  return Number.isFinite(factor) && factor > 0 ? factor : bar.kind === 'at most' ? 1000 : 0.001;
};

/** An SVG; the line in the middle is the bar, to the right of it is better. */
export const chartOf = (figures: readonly Figure[]): string => {
  const shown = figures.filter(({ bar }) => bar !== null);
  const middle = LEFT + PLOT / 2;
  const rows = shown.map((each, index) => {
    const y = 40 + index * ROW;
    const reach = Math.max(-1, Math.min(1, Math.log(advantage(each)) / EDGE)) * (PLOT / 2);
    const x = reach < 0 ? middle + reach : middle;
    const fill = each.met === true ? '#2f7d4f' : '#b3472d';
    const value = `${each.value.toLocaleString('en', { maximumSignificantDigits: 4 })} ${each.unit}`;
    return [
      `<text x="${LEFT - 10}" y="${y + 14}" text-anchor="end">${escaped(each.name)}</text>`,
      `<rect x="${x}" y="${y + 3}" width="${Math.max(2, Math.abs(reach)).toFixed(1)}" height="${ROW - 10}" fill="${fill}"/>`,
      `<text x="${LEFT + PLOT + 12}" y="${y + 14}">${escaped(`${value} (${barText(each)})`)}</text>`,
    ].join('\n');
  });
  const height = 40 + shown.length * ROW + 12;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${middle}" y="22" text-anchor="middle">← misses its bar | better than its bar →</text>
<line x1="${middle}" x2="${middle}" y1="30" y2="${height - 10}" stroke="#666666"/>
${rows.join('\n')}
</svg>
`;
};
