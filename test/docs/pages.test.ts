/** The pages agree with the code and with each other. */
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ATTENTION_REASONS } from '../../decisions/attention.ts';
import { SEARCH_ATTRIBUTES } from '../../decisions/search-attributes.ts';
import { SAVED_VIEWS } from '../web-ui/saved-views.ts';
import { pages, root } from './pages.ts';

const all = await pages();

const page = (path: string): string => {
  const found = all.find((one) => one.path === path);
  if (found === undefined) throw new Error(`there is no ${path}`);
  return found.text;
};

test('every attention reason has one row that says what to do, and there is no other', () => {
  const rows = [...page('docs/attention.md').matchAll(/^\| `([a-z-]+)` *\|/gm)].map(([, reason]) => reason);
  expect(rows).toEqual([...ATTENTION_REASONS]);
});

test('the saved views are the queries that the browser test tries, on search attributes that exist', () => {
  const rows = Object.fromEntries(
    [...page('docs/watch-over-chains.md').matchAll(/^\| ([A-Z][\w ]+?) +\| `(.+?)` *\|$/gm)].map(([, name, query]) => [
      name,
      query,
    ]),
  );
  expect(rows).toEqual(SAVED_VIEWS);
  const used = Object.values(SAVED_VIEWS).flatMap((query) => query.match(/\bLabeling\w+/g) ?? []);
  for (const name of used) expect(Object.keys(SEARCH_ATTRIBUTES)).toContain(name);
});

const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');

test('every link inside the documentation leads somewhere', async () => {
  const broken: string[] = [];
  for (const { path, text } of all) {
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const to = file === '' ? path : join(dirname(path), file);
      const exists = await access(join(root, to)).then(
        () => true,
        () => false,
      );
      const headings = all.find((one) => one.path === to)?.text.match(/^#+ .+$/gm) ?? [];
      const leads = anchor === undefined || headings.some((line) => anchorOf(line.replace(/^#+ /, '')) === anchor);
      if (!exists || !leads) broken.push(`${path}: ${target}`);
    }
  }
  expect(broken).toEqual([]);
});

test('the index leads to every page', () => {
  const index = page('docs/README.md');
  const missing = all
    .map(({ path }) => path)
    .filter((path) => path.startsWith('docs/') && path !== 'docs/README.md')
    .filter((path) => !index.includes(`](${path.slice('docs/'.length)})`));
  expect(missing).toEqual([]);
});
