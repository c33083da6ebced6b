import { readFile } from 'node:fs/promises';
import { PARTS } from '../../bench/parts.ts';
import { PERFORMANCE_PAGE, withBenchFigures } from '../../scripts/performance-page.ts';

test('the figures of docs/performance.md are those of the result files of the last benchmark, of every part', async () => {
  const page = await readFile(PERFORMANCE_PAGE, 'utf8');
  for (const name of ['summary', 'repeats', ...Object.keys(PARTS)]) expect(page).toContain(`<!-- figures: ${name} -->`);
  // `npm run performance-page` makes it so.
  expect(page).toBe(await withBenchFigures(page));
});

test('a mark whose figures nobody makes is refused', async () => {
  const page = '<!-- figures: guesses -->\n<!-- /figures -->\n';
  await expect(withBenchFigures(page)).rejects.toThrow('wants the figures of "guesses"');
});
