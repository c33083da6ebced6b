/** The documentation as tests see it: its pages, and the commands in their `sh` blocks. */
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export type Block = {
  /** 1-based, of the opening fence. */
  line: number;
  text: string;
  /** Why it is not run; null if it is. */
  notRun: string | null;
};

export type Page = { path: string; text: string; blocks: Block[] };

/** Commands that need what a test has not: an account, a cluster, this repository's own checks. */
const ELSEWHERE =
  /^\s*(?:[A-Z_]+=\S+ )*(aws|temporal|kubectl|docker|npm ci|npm test|npm run (?!label-relay)|node simulator)\b/m;
const FOREGROUND = /(?:label-relay|label-relay --) (?:worker|demo|local)(?: --\S+)*\s*(?:#.*)?$/m;

const reasonOf = (before: string, text: string): string | null => {
  const marked = /<!-- not run: (.+?) -->\s*$/.exec(before)?.[1];
  if (marked !== undefined) return marked;
  if (ELSEWHERE.test(text)) return 'needs an account, a cluster, or is a check of this repository';
  if (/label-relay aws (?:deploy|rule)/.test(text) || text.includes('…')) return 'needs an account';
  return FOREGROUND.test(text) ? 'stays in the foreground' : null;
};

export const blocksOf = (text: string): Block[] =>
  [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => {
    const before = text.slice(0, match.index);
    const body = match[1] ?? '';
    return { line: before.split('\n').length, text: body, notRun: reasonOf(before.trimEnd(), body) };
  });

/** README.md, docs/*.md and the pages beside the code that they lead to. */
export const pages = async (): Promise<Page[]> => {
  const names = (await readdir(`${root}docs`)).filter((name) => name.endsWith('.md')).toSorted();
  const paths = ['README.md', 'examples/README.md', 'simulator/README.md', ...names.map((name) => `docs/${name}`)];
  return Promise.all(
    paths.map(async (path) => {
      const text = await readFile(`${root}${path}`, 'utf8');
      return { path, text, blocks: blocksOf(text) };
    }),
  );
};
