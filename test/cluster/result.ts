/** `result.json` of a run, and its figures as docs/operate.md shows them. */
import { z } from 'zod';
import { figureShape, type Figure } from '../../bench/figures.ts';
import { TARGET_NAMES, killShape, type Kill } from './kills.ts';

const counts = z.record(z.string(), z.int());

/** What a run leaves behind. */
export const resultShape = z.strictObject({
  commit: z.string(),
  /** ISO 8601, of the start. */
  date: z.iso.datetime(),
  seed: z.int(),
  cores: z.int(),
  temporalServer: z.string(),
  postgresql: z.string(),
  requestedChains: z.int(),
  /** Of the phase with kills. */
  minutes: z.number(),
  quietMinutes: z.int(),
  chains: counts,
  objects: z.int(),
  jobs: z.int(),
  labels: z.int(),
  lost: z.int(),
  doubled: z.int(),
  events: z.int(),
  eventsDropped: z.int(),
  workflows: counts,
  workflowTaskFailures: counts,
  deadLetters: z.int(),
  kills: z.array(killShape),
  endedByThemselves: counts,
  person: counts,
  /** Smaller amounts than those of `npm run bench`. */
  quickFigures: z.boolean(),
  /** Null where they were not measured. */
  figures: z.strictObject({ devServer: z.array(figureShape), cluster: z.array(figureShape) }).nullable(),
  violations: z.array(z.string()),
});
export type ClusterResult = z.infer<typeof resultShape>;

const NAMES: Record<(typeof TARGET_NAMES)[number], string> = {
  history: 'a history process, of two',
  worker: 'a worker, of two',
  consumer: 'a consumer, of two',
  postgresql: 'PostgreSQL',
  matching: 'the matching process',
  frontend: 'the frontend',
};

const sum = (of: Record<string, number>): number => Object.values(of).reduce((total, each) => total + each, 0);

/** The middle one and the largest. */
const spread = (kills: readonly Kill[], what: 'readyS' | 'workS' | 'queueS'): string => {
  const sorted = kills.map((kill) => kill[what]).toSorted((a, b) => a - b);
  return `${sorted[Math.floor((sorted.length - 1) / 2)] ?? '–'} / ${sorted.at(-1) ?? '–'} s`;
};

const row = (...cells: (string | number)[]): string => `| ${cells.join(' | ')} |`;

const killTable = (kills: readonly Kill[]): string[] => [
  row('killed with -9', 'times', 'ready again', 'work done', 'queue empty'),
  row('---', '--:', '--:', '--:', '--:'),
  ...TARGET_NAMES.flatMap((target) => {
    const of = kills.filter((kill) => kill.target === target);
    return of.length === 0
      ? []
      : [row(NAMES[target], of.length, spread(of, 'readyS'), spread(of, 'workS'), spread(of, 'queueS'))];
  }),
];

const shown = ({ value, unit, note }: Figure): string => `${value} ${unit}${note === undefined ? '' : ` (${note})`}`;
const baselineOf = ({ baseline }: Figure): string => (baseline === null ? '' : `${baseline.value} ${baseline.unit}`);

const figureTable = ({ devServer, cluster }: NonNullable<ClusterResult['figures']>): string[] => [
  row('figure', 'dev server', 'its baseline', 'cluster', 'its baseline'),
  row('---', '---', '--:', '---', '--:'),
  ...devServer.flatMap((one) => {
    const other = cluster.find(({ name }) => name === one.name);
    return other === undefined ? [] : [row(one.name, shown(one), baselineOf(one), shown(other), baselineOf(other))];
  }),
];

/** The generated part of the page, as Markdown; Prettier has the last word on its spaces. */
export const pageOf = (result: ClusterResult): string => {
  const { kills, chains, figures, violations } = result;
  const ended = Object.entries(chains).map(([status, count]) => `${count} ${status}`);
  return [
    `Last run: commit \`${result.commit}\`, ${result.date.slice(0, 10)}, seed ${result.seed}, ${result.cores} cores, Temporal ${result.temporalServer}, ${result.postgresql}. ` +
      `${sum(chains)} chains (${ended.join(', ')}) with ${result.objects} objects and ${result.jobs} labeling jobs; ${kills.length} kills in ${result.minutes} minutes, ` +
      `then ${result.quietMinutes} minutes of quiet. ${result.labels} labels were published, ${result.lost} lost; ${sum(result.workflowTaskFailures)} workflow tasks failed; ` +
      `${result.deadLetters} messages in the dead-letter queue, all of them meant for it. Promises broken: ${violations.length}.`,
    '',
    ...killTable(kills),
    ...(figures === null ? [] : ['', ...figureTable(figures)]),
    '',
  ].join('\n');
};
