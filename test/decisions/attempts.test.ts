/** Which failures of an object count as an attempt: every sentence of the paragraph "Attempts". */
import { countsAttempt, type AttemptFacts } from '../../decisions/attempts.ts';
import { jobMerged, setAsideTolerance } from '../../decisions/after-job.ts';
import { DAY_MS } from '../../decisions/durations.ts';
import { nextOrder } from '../../decisions/next-order.ts';
import { chainOf, counters, datasetOf, endedOf, jobOf, mergeOf } from './builders.ts';

const EXPIRED = 'ClientError: Annotation tasks expired.  Probable Reasons are …';
const BROKEN = 'ClientError: the image cannot be read';

/** Nobody was there: the tasks stayed open for all of their time, no label, no decline. */
const nobody = (change: Partial<AttemptFacts> = {}): AttemptFacts => ({
  status: 'Completed',
  counters: counters(),
  ageAtEndMs: 30 * DAY_MS,
  taskAvailabilityMs: 10 * DAY_MS,
  declines: 0,
  ...change,
});

test.each([
  ['a reason of its own counts', nobody(), BROKEN, true],
  ['tasks expired and nobody was there: counts nothing', nobody(), EXPIRED, false],
  [
    'tasks expired in a job younger than they stay open: declined',
    nobody({ ageAtEndMs: 10 * DAY_MS - 1 }),
    EXPIRED,
    true,
  ],
  ['at exactly the time that they stay open they ran out', nobody({ ageAtEndMs: 10 * DAY_MS }), EXPIRED, false],
  ['tasks expired in a job with labels', nobody({ counters: counters({ totalLabeled: 1 }) }), EXPIRED, true],
  ['tasks expired in a job with declines', nobody({ declines: 1 }), EXPIRED, true],
  [
    'tasks expired in a stopped job with labels',
    nobody({ status: 'Stopped', counters: counters({ totalLabeled: 1 }) }),
    EXPIRED,
    true,
  ],
  [
    'a failed job: its open tasks died with it',
    nobody({ status: 'Failed', ageAtEndMs: 0, declines: 5, counters: counters({ totalLabeled: 9 }) }),
    EXPIRED,
    false,
  ],
  ['a failed job: a reason of the object itself counts', nobody({ status: 'Failed' }), BROKEN, true],
])('an attempt: %s', (_, facts, reason, counts) => {
  expect(countsAttempt(facts, reason)).toBe(counts);
});

test('a job in which no object counted an attempt and none was labeled is without progress', () => {
  const state = chainOf({ generations: [jobOf({ outcome: null })] });
  expect(jobMerged(state, endedOf(), 1, mergeOf()).jobsWithoutProgressInRow).toBe(1);
});

test('attempts that counted are progress: they lead to an end', () => {
  const state = chainOf({ generations: [jobOf({ outcome: null })], jobsWithoutProgressInRow: 1 });
  expect(jobMerged(state, endedOf(), 1, mergeOf({ attemptsCounted: 1 })).jobsWithoutProgressInRow).toBe(0);
});

test.each([
  [100, 20],
  [2_000, 20],
  [2_100, 21],
  [2_199, 21],
  [100_000, 1_000],
])('of %d objects one merge may set %d aside', (total, tolerated) => {
  expect(setAsideTolerance(total)).toBe(tolerated);
});

test('more than the tolerated number set aside by one merge asks a person instead of going on', () => {
  const state = chainOf({ generations: [jobOf({ outcome: null })] });
  const merged = jobMerged(
    state,
    endedOf(),
    1,
    mergeOf({ dataset: datasetOf({ total: 100, setAside: 21 }), newlySetAside: 21 }),
  );
  expect(merged.attention).toMatchObject({ reason: 'many-set-aside', generation: 1 });
  expect(merged.attention?.message).toBe('21 objects at once reached 3 failed attempts after birds-abcde-001');
  expect(nextOrder(merged)).toEqual({ kind: 'ask', attention: merged.attention });
});

test('many set aside come before "nothing remains": a person sees them even at the end', () => {
  const state = chainOf({ generations: [jobOf({ outcome: null })] });
  const dataset = datasetOf({ total: 100, labeled: 79, setAside: 21, remaining: 0 });
  const merged = jobMerged(state, endedOf(), 1, mergeOf({ dataset, newlySetAside: 21, newLabels: 79 }));
  expect(nextOrder(merged).kind).toBe('ask');
});

test('as many as tolerated are set aside without a word', () => {
  const state = chainOf({ generations: [jobOf({ outcome: null })] });
  const merged = jobMerged(
    state,
    endedOf(),
    1,
    mergeOf({ dataset: datasetOf({ total: 100, setAside: 20 }), newlySetAside: 20, newLabels: 1 }),
  );
  expect(merged.attention).toBeNull();
  expect(nextOrder(merged).kind).toBe('run-job');
});
