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

type SentJob = { job: string; createdAtMs: number; identities: Map<number, string> };

const jobsOf = (ledger: readonly LedgerRecord[]): Map<string, SentJob> => {
  const jobs = new Map<string, SentJob>();
  for (const record of ledger) {
    if (record.kind === 'created')
      jobs.set(record.job, { job: record.job, createdAtMs: record.atMs, identities: new Map() });
    if (record.kind === 'sent')
      for (const { index, identity } of record.objects) jobs.get(record.job)?.identities.set(index, identity);
  }
  return jobs;
};

/** I1: no object is sent again once a label for it could be read when the next job was created. */
const checkSentOnce = (input: LedgerInput, jobs: Map<string, SentJob>): LedgerCheck => {
  const copies = new Map<string, number>();
  const labeledBefore = new Map<string, number>();
  for (const line of linesOf(input.manifest)) {
    const identity = identityOf(line, input.labelAttribute);
    count(copies, identity);
    if (input.labelAttribute in parseObject(line)) count(labeledBefore, identity);
  }
  const violations: string[] = [];
  let sent = 0;
  for (const { job, createdAtMs, identities } of jobs.values()) {
    const readable = new Map(labeledBefore);
    for (const record of input.ledger) {
      if (record.kind !== 'published' || record.atMs > createdAtMs || record.job === job) continue;
      for (const index of record.newlyReadable) {
        const identity = jobs.get(record.job)?.identities.get(index);
        if (identity !== undefined) count(readable, identity);
      }
    }
    const shown = new Map<string, number>();
    for (const identity of identities.values()) count(shown, identity);
    for (const [identity, times] of shown) {
      sent += times;
      // Identical lines are separate objects: as many may be sent as there are copies without a readable label.
      const allowed = (copies.get(identity) ?? 0) - (readable.get(identity) ?? 0);
      if (times > allowed)
        violations.push(
          `${job} sent an object ${times} times although only ${Math.max(0, allowed)} of it lacked a label`,
        );
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
const checkEveryObject = (input: LedgerInput, jobs: Map<string, SentJob>): LedgerCheck => {
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
  const published = new Map<string, number>();
  for (const record of input.ledger) {
    if (record.kind !== 'published') continue;
    for (const index of record.newlyReadable) {
      const identity = jobs.get(record.job)?.identities.get(index);
      if (identity !== undefined) count(published, identity);
    }
  }
  const copies = new Map<string, number>();
  for (const line of given) count(copies, identityOf(line, label));
  for (const [identity, times] of published) {
    const expected = Math.min(times, copies.get(identity) ?? 0);
    if ((labels.get(identity) ?? 0) < expected)
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
  const jobs = jobsOf(input.ledger);
  return [checkSentOnce(input, jobs), checkEveryObject(input, jobs), checkOneLiveJob(input)];
};
