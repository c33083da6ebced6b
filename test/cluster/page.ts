/** `node test/cluster/page.ts`: writes the figures of result.json into docs/operate.md, between its two marks. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { pageOf, resultShape } from './result.ts';

export const PAGE = fileURLToPath(new URL('../../docs/operate.md', import.meta.url));
const RESULT = fileURLToPath(new URL('./result.json', import.meta.url));

const MARKED = /(<!-- cluster-check -->\n)[\s\S]*?(<!-- \/cluster-check -->)/;

/** The page with the figures of the result in it. Throws if it has no marks. */
export const withFigures = async (page: string): Promise<string> => {
  if (!MARKED.test(page)) throw new Error(`${PAGE} has no place for the figures of the cluster`);
  const figures = pageOf(resultShape.parse(JSON.parse(await readFile(RESULT, 'utf8'))));
  const options = await resolveConfig(PAGE);
  const text = page.replace(MARKED, (_, begin: string, end: string) => `${begin}\n${figures}\n${end}`);
  return format(text, { ...options, parser: 'markdown' });
};

if (import.meta.main) await writeFile(PAGE, await withFigures(await readFile(PAGE, 'utf8')));
