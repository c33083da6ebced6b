/**
 * The result of a chain held against the simulator's own ledger (I1, I2, I3): what workers were really shown, what they
 * answered, when labels could be read, which jobs were live. Nothing of the chain's own state is believed.
 */
import { createHash } from 'node:crypto';
import type { LedgerRecord } from '../simulator/ledger.ts';

export type LedgerInput = {
  ledger: readonly LedgerRecord[];
  labelAttribute: string;
  /** The texts of the person's manifest, the final manifest and the leftover report. */
  manifest: string;
  finalManifest: string;
  leftoverReport: string;
};

export type LedgerCheck = { invariant: 'I1' | 'I2' | 'I3'; holds: boolean; text: string; violations: string[] };

const linesOf = (text: string): string[] => text.split(/\r?\n/).filter((line) => line !== '');

const sortKeys = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
};

const parseObject = (line: string): Record<string, unknown> => {
  const value: unknown = JSON.parse(line);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`not an object: ${line}`);
  return Object.fromEntries(Object.entries(value));
};

/** As the simulator makes it: the SHA-256 of the object without the label attribute and its metadata, keys sorted. */
export const identityOf = (line: string, label: string): string => {
  const { [label]: _value, [`${label}-metadata`]: _metadata, ...rest } = parseObject(line);
  return createHash('sha256')
    .update(JSON.stringify(sortKeys(rest)))
    .digest('hex');
};

const count = (map: Map<string, number>, key: string, by = 1): void => void map.set(key, (map.get(key) ?? 0) + by);

/** One object of the person's manifest; identical lines are separate objects, told apart by their order. */
type Copy = { labels: number; givenLabeled: boolean };

/** Identical objects. */
type Twins = {
  /** In the order of the manifest. */
  copies: Copy[];
  /** By job, how many of its labels for them could be read: each for another of them. */
  labelsOfJobs: Map<string, number>;
  /** A job that labeled some of them published again: which label is whose may look otherwise then. */
  isToldAgain: boolean;
  /** One may have failed and been set aside, and then the ledger does not say which of them later jobs were sent. */
  isUnclear: boolean;
};

type SentJob = {
  job: string;
  /** By identity, the copies without a readable label when the job was created, in order; at most so many lacked one; so many were sent. */
  lacking: Map<string, Copy[]>;
  lackingAtMost: Map<string, number>;
  shown: Map<string, number>;
  identityOf: Map<number, string>;
  /** The copy that each line of the job's input stands for; none: it had its label. */
  copyOf: Map<number, Copy>;
};

export type Placed = {
  /** By identity. */
  twins: Map<string, Twins>;
  jobs: SentJob[];
};

/** How many have a label, at least: what one job labeled are different objects. */
const labeledAtLeast = ({ copies, labelsOfJobs, isUnclear }: Twins): number => {
  const given = copies.filter(({ givenLabeled }) => givenLabeled).length;
  if (isUnclear) return given + Math.max(0, ...labelsOfJobs.values());
  return copies.filter(({ labels, givenLabeled }) => givenLabeled || labels > 0).length;
};

/** Walks the ledger once, and says for every line that was sent and every label that could be read which object it belongs to. */
export const placeLabels = ({
  ledger,
  labelAttribute,
  manifest,
}: Pick<LedgerInput, 'ledger' | 'labelAttribute' | 'manifest'>): Placed => {
  const twins = new Map<string, Twins>();
  for (const line of linesOf(manifest)) {
    const identity = identityOf(line, labelAttribute);
    const copy = { labels: 0, givenLabeled: labelAttribute in parseObject(line) };
    const known = twins.get(identity);
    if (known === undefined)
      twins.set(identity, { copies: [copy], labelsOfJobs: new Map(), isToldAgain: false, isUnclear: false });
    else known.copies.push(copy);
  }
  const failed = (some: Iterable<Twins | undefined>): void => {
    for (const one of some) if (one !== undefined && one.copies.length > 1) one.isUnclear = true;
  };
  const jobs = new Map<string, SentJob>();
  for (const record of ledger) {
    if (record.kind === 'created') {
      const lacking = new Map(
        [...twins].map(([identity, { copies }]) => [
          identity,
          copies.filter(({ labels, givenLabeled }) => labels === 0 && !givenLabeled),
        ]),
      );
      const lackingAtMost = new Map(
        [...twins].map(([identity, all]) => [identity, all.copies.length - labeledAtLeast(all)]),
      );
      const { job } = record;
      jobs.set(job, { job, lacking, lackingAtMost, shown: new Map(), identityOf: new Map(), copyOf: new Map() });
    }
    const job = jobs.get(record.job);
    if (job === undefined) continue;
    if (record.kind === 'sent') {
      for (const { index, identity } of record.objects) {
        const copy = job.lacking.get(identity)?.[job.shown.get(identity) ?? 0];
        count(job.shown, identity);
        job.identityOf.set(index, identity);
        if (copy !== undefined) job.copyOf.set(index, copy);
      }
    }
    if (record.kind === 'object-failed') {
      const identity = job.identityOf.get(record.objectIndex);
      // Never sent (it could not be read, say): it may be any object.
      failed(identity === undefined ? twins.values() : [twins.get(identity)]);
    }
    if (record.kind === 'published') {
      for (const all of twins.values())
        if (all.copies.length > 1 && all.labelsOfJobs.has(job.job)) all.isToldAgain = true;
      for (const index of record.newlyReadable) {
        const copy = job.copyOf.get(index);
        if (copy !== undefined) copy.labels += 1;
        const labelsOfJobs = twins.get(job.identityOf.get(index) ?? '')?.labelsOfJobs;
        if (labelsOfJobs !== undefined) count(labelsOfJobs, job.job);
      }
    }
  }
  return { twins, jobs: [...jobs.values()] };
};

const mostDoubled = ({ copies, labelsOfJobs, isToldAgain, isUnclear }: Twins, labels: number): number => {
  if (isToldAgain) return labels;
  if (isUnclear) return labels - Math.max(0, ...labelsOfJobs.values());
  return copies.reduce((sum, copy) => sum + Math.max(0, copy.labels - 1), 0);
};

/**
 * Labels that became readable for an object that had one: paid for, kept apart, and counted as `doubled`. A number, but for identical
 * objects: an output in another order does not say which of them it labeled, so that as few as do not fit on them may be doubled, and
 * one that is published again may seem to say something else of each.
 */
export const doubledLabels = (
  ledger: readonly LedgerRecord[],
  manifest: string,
  labelAttribute: string,
): { least: number; most: number } => {
  let [least, most] = [0, 0];
  const { twins } = placeLabels({ ledger, labelAttribute, manifest });
  for (const all of twins.values()) {
    const labels = [...all.labelsOfJobs.values()].reduce((sum, ofJob) => sum + ofJob, 0);
    least += Math.max(0, labels - all.copies.filter(({ givenLabeled }) => !givenLabeled).length);
    most += mostDoubled(all, labels);
  }
  return { least, most };
};

/** What is wrong with a count of doubled labels; null: nothing. */
export const wrongDoubled = (
  counted: number | undefined,
  { least, most }: ReturnType<typeof doubledLabels>,
): string | null =>
  counted !== undefined && counted >= least && counted <= most
    ? null
    : `${counted} labels are counted as doubled, the ledger says ${least === most ? most : `${least} to ${most}`}`;

/** I1: no object is sent again once a label for it could be read when the next job was created. */
const checkSentOnce = ({ jobs }: Placed): LedgerCheck => {
  const violations: string[] = [];
  let sent = 0;
  for (const { job, lackingAtMost, shown } of jobs) {
    for (const [identity, times] of shown) {
      sent += times;
      const allowed = lackingAtMost.get(identity) ?? 0;
      if (times > allowed)
        violations.push(`${job} sent an object ${times} times although only ${allowed} of it lacked a label`);
    }
  }
  return {
    invariant: 'I1',
    holds: violations.length === 0,
    text: `${sent} objects were sent to workers, none of them with a label that could be read`,
    violations,
  };
};

/** I2: every object ends labeled or in the leftover report, exactly once; and no published label is missing. */
const checkEveryObject = (input: LedgerInput, { twins }: Placed): LedgerCheck => {
  const { labelAttribute: label } = input;
  const violations: string[] = [];
  const given = linesOf(input.manifest);
  const final = linesOf(input.finalManifest);
  if (given.length !== final.length)
    violations.push(`the final manifest has ${final.length} lines, the input ${given.length}`);
  const reported = new Map<number, number>();
  for (const line of linesOf(input.leftoverReport)) {
    const { line: number } = parseObject(line);
    if (typeof number === 'number') reported.set(number, (reported.get(number) ?? 0) + 1);
  }
  const labels = new Map<string, number>();
  let labeled = 0;
  for (const [index, line] of final.entries()) {
    const identity = identityOf(line, label);
    if (identity !== identityOf(given[index] ?? '{}', label))
      violations.push(`line ${index + 1} of the final manifest is another object than in the input`);
    const isLabeled = label in parseObject(line);
    if (isLabeled) {
      labeled += 1;
      count(labels, identity);
    }
    const times = (isLabeled ? 1 : 0) + (reported.get(index + 1) ?? 0);
    if (times !== 1) violations.push(`the object of line ${index + 1} is ${times} times in the result`);
  }
  for (const [identity, all] of twins) {
    if ((labels.get(identity) ?? 0) < labeledAtLeast(all))
      violations.push(`a published label is not in the final manifest (object ${identity.slice(0, 12)})`);
  }
  const text = `${final.length} objects: ${labeled} labeled, ${reported.size} in the leftover report, each exactly once`;
  return { invariant: 'I2', holds: violations.length === 0, text, violations };
};

/** I3: at most one live job. */
const checkOneLiveJob = (input: LedgerInput): LedgerCheck => {
  const live = new Set<string>();
  const violations: string[] = [];
  let jobs = 0;
  for (const record of input.ledger) {
    if (record.kind === 'created') {
      jobs += 1;
      live.add(record.job);
      if (live.size > 1) violations.push(`${[...live].join(' and ')} were live together`);
    }
    if (record.kind === 'status' && ['Completed', 'Failed', 'Stopped'].includes(record.to)) live.delete(record.job);
  }
  return {
    invariant: 'I3',
    holds: violations.length === 0,
    text: `${jobs} labeling jobs, never two live at once`,
    violations,
  };
};

/** The three checks, for a ledger that holds the jobs of one chain only. */
export const checkLedger = (input: LedgerInput): LedgerCheck[] => {
  const placed = placeLabels(input);
  return [checkSentOnce(placed), checkEveryObject(input, placed), checkOneLiveJob(input)];
};
