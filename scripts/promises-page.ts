/**
 * Writes the figures of the last long runs into docs/promises.md, between its marks, from the result files that those runs wrote.
 * Run by `npm run promises-page`; a test holds the page to it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { z } from 'zod';
import { fuzzFigures, fuzzResultSchema } from '../test/fuzz/result.ts';
import { burstsFigures, burstsResultSchema, chaosFigures, chaosResultSchema } from '../test/chaos/result.ts';

/** The page. */
export const PROMISES_PAGE = fileURLToPath(new URL('../docs/promises.md', import.meta.url));

const simulationShape = z.object({
  commit: z.string(),
  date: z.string(),
  seeds: z.object({ count: z.int() }),
  broken: z.array(
    z.object({ seed: z.int(), violations: z.array(z.object({ invariant: z.string(), text: z.string() })) }),
  ),
  counts: z.record(z.string(), z.number()),
});

const simulationFigures = ({ commit, date, seeds, broken, counts }: z.infer<typeof simulationShape>): string => {
  const of = (name: string): number => counts[name] ?? 0;
  const found = broken.map(
    ({ seed, violations: [first] }) =>
      `seed ${seed}${first === undefined ? '' : ` (${first.invariant}: ${first.text})`}`,
  );
  return [
    `Last run: ${seeds.count} seeds at commit \`${commit.slice(0, 7)}\` (${date.slice(0, 10)}): ${of('chains')} chains, ${of('jobs')} jobs,`,
    `${of('labels')} labels in ${of('simulatedDays')} simulated days; ${of('crashes')} crashed and ${of('lostResults')} lost activities,`,
    `${of('replays')} replays, ${of('eventDropped')} lost and ${of('eventForged')} forged events, ${of('lateLabels')} late labels.`,
    found.length === 0 ? 'No promise was broken.' : `Broken: ${found.join('; ')}.`,
  ].join('\n');
};

/** By the name in the mark: the file, and its figures as Markdown. */
const FIGURES: Readonly<Record<string, { file: string; figures: (content: unknown) => string }>> = {
  simulation: {
    file: 'test/simulation/result.json',
    figures: (content) => simulationFigures(simulationShape.parse(content)),
  },
  chaos: { file: 'test/chaos/result.json', figures: (content) => chaosFigures(chaosResultSchema.parse(content)) },
  fuzz: { file: 'test/fuzz/result.json', figures: (content) => fuzzFigures(fuzzResultSchema.parse(content)) },
  bursts: { file: 'test/chaos/bursts.json', figures: (content) => burstsFigures(burstsResultSchema.parse(content)) },
};

const MARKED = /(<!-- figures: (\S+) -->\n)[\s\S]*?(<!-- \/figures -->)/g;

const figuresOf = (name: string): string => {
  const source = FIGURES[name];
  if (source === undefined) throw new Error(`docs/promises.md wants the figures of "${name}", which nobody makes`);
  const path = fileURLToPath(new URL(`../${source.file}`, import.meta.url));
  if (!existsSync(path)) return 'No long run is on record.';
  const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return source.figures(content);
};

/** The page with the newest figures in it. Throws if a name in a mark is unknown. */
export const withFigures = async (page: string): Promise<string> => {
  const text = page.replaceAll(
    MARKED,
    (_, begin: string, name: string, end: string) => `${begin}\n${figuresOf(name)}\n\n${end}`,
  );
  return format(text, { ...(await resolveConfig(PROMISES_PAGE)), parser: 'markdown' });
};

if (import.meta.main) await writeFile(PROMISES_PAGE, await withFigures(await readFile(PROMISES_PAGE, 'utf8')));
