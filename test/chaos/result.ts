/** What a long run came to: the file `result.json`, from which the figures in docs/promises.md are made. */
import { z } from 'zod';
import { FAULT_KINDS, type FaultKind } from './schedule.ts';

const whole = z.int().min(0);
const counts = z.record(z.string(), whole);

/** As `npm run chaos -- --out` writes it; what else is in the file is for the eye. */
export const chaosResultSchema = z.object({
  /** The commit whose code ran. */
  commit: z.string(),
  /** When it began. */
  date: z.iso.datetime(),
  seed: whole,
  /** Of the disturbed phase. */
  minutes: z.number(),
  /** With start, quiet phase and verdict. */
  minutesInAll: z.number(),
  /** By how they ended. */
  chains: counts,
  objects: whole,
  jobs: whole,
  labels: whole,
  lost: whole,
  doubled: whole,
  events: whole,
  eventsDropped: whole,
  deadLetters: whole,
  faults: z.partialRecord(z.enum(FAULT_KINDS), whole),
  disturbedRequests: z.object({ s3: whole, queue: whole }),
  person: z.looseObject({ stops: whole, resumes: whole, attentions: whole }),
  violations: z.array(z.string()),
});
export type ChaosDocument = z.infer<typeof chaosResultSchema>;

const WHAT: Record<FaultKind, string> = {
  'kill-worker': '`kill -9` of the worker',
  'kill-consumer': '`kill -9` of the consumer',
  'kill-simulator': '`kill -9` of the simulator',
  'kill-temporal': '`kill -9` of the Temporal server',
  'freeze-worker': 'worker stopped for a minute (SIGSTOP)',
  'freeze-consumer': 'consumer stopped for a minute',
  'freeze-simulator': 'simulator stopped for a minute',
  'freeze-temporal': 'Temporal server stopped for a minute',
  'queue-away': 'queue away',
  's3-away': 'S3 away',
  'two-versions': 'two builds of the worker at once, the old one killed',
};

const sum = (of: Readonly<Record<string, number>>): number => Object.values(of).reduce((all, one) => all + one, 0);

/** The figures as Markdown. */
export const chaosFigures = (result: ChaosDocument): string => {
  const { commit, date, seed, minutes, chains, faults, violations } = result;
  const made = FAULT_KINDS.filter((kind) => (faults[kind] ?? 0) > 0);
  return [
    `Last run: ${minutes} minutes at commit \`${commit}\` (${date.slice(0, 10)}, seed ${seed}), then quiet until nothing was open:`,
    `${sum(chains)} chains with ${result.objects} objects, ${result.jobs} labeling jobs, ${result.labels} published labels;`,
    `${result.events} events, of which ${result.eventsDropped} were never sent; ${result.person.stops} stops and`,
    `${result.person.resumes} resumes by a person. ${result.disturbedRequests.s3} requests to S3 and`,
    `${result.disturbedRequests.queue} to the queue were refused, cut or left without an answer.`,
    `**Labels lost: ${result.lost}. Promises broken: ${violations.length}.**`,
    ...(violations.length === 0 ? [] : ['', ...violations.slice(0, 20).map((text) => `- broken: ${text}`)]),
    '',
    '| Fault | Times |',
    '| --- | --- |',
    ...made.map((kind) => `| ${WHAT[kind]} | ${faults[kind] ?? 0} |`),
  ].join('\n');
};

const burst = z.object({ jobs: whole, events: whole, lost: whole, unheard: z.array(z.string()) });

/** As `npm run bursts -- --out` writes it. */
export const burstsResultSchema = z.object({
  commit: z.string(),
  date: z.iso.datetime(),
  many: burst,
  one: z.object({ ...burst.shape, perRun: z.array(whole), refusedAtCap: whole }),
});

/** The figures as Markdown. */
export const burstsFigures = ({ commit, date, many, one }: z.infer<typeof burstsResultSchema>): string =>
  [
    `Last run at commit \`${commit}\` (${date.slice(0, 10)}): ${many.events} events for ${many.jobs} labeling jobs while the worker was`,
    `away, lost: ${many.lost}; ${one.events} events for one job, taken by ${one.perRun.length} runs`,
    `(${one.perRun.join(', ')}), lost: ${one.lost}.`,
  ].join('\n');
