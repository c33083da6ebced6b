import { readFile } from 'node:fs/promises';
import { PROMISES_PAGE, withFigures } from '../../scripts/promises-page.ts';

test('the figures of docs/promises.md are those of the result files of the last long runs', async () => {
  const page = await readFile(PROMISES_PAGE, 'utf8');
  for (const name of ['simulation', 'chaos', 'bursts', 'fuzz']) expect(page).toContain(`<!-- figures: ${name} -->`);
  // `npm run promises-page` makes it so.
  expect(page).toBe(await withFigures(page));
});

test('a mark whose figures nobody makes is refused', async () => {
  const page = '<!-- figures: guesses -->\n<!-- /figures -->\n';
  await expect(withFigures(page)).rejects.toThrow('wants the figures of "guesses"');
});
