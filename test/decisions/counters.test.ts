/** When the counters of an ended job are asked for again before anything is made of them: I1, I6. */
import { awaitingCounted, countersHeard, lateCountersHeard } from '../../decisions/after-job.ts';
import { withGeneration, type Generation } from '../../decisions/chain-state.ts';
import { countersDoubtedMs, countersLookMs, jobsToCount, type CountersFacts } from '../../decisions/counters.ts';
import { HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import { chainOf, counters, endedOf, inputOf, jobOf, observationOf, policyOf, specOf } from './builders.ts';

const facts = (change: Partial<CountersFacts> = {}): CountersFacts => ({
  ending: endedOf({ ageMs: 5 * MINUTE_MS }),
  input: inputOf(),
  stopped: false,
  policy: policyOf(),
  ...change,
});

/** All waits, in minutes, while the counters stay as they are. */
const waits = (of: CountersFacts): number[] => {
  const found: number[] = [];
  for (let wait = countersLookMs(of, 0); wait !== null; wait = countersLookMs(of, found.length))
    found.push(wait / MINUTE_MS);
  return found;
};

test('I1, I6: a completed job whose counters are all zero is asked again until its output would be late too', () => {
  expect(waits(facts())).toEqual([1, 2, 5, 10, 30, 30, 30, 30]);
  expect(waits(facts({ policy: policyOf({ settleWithin: '10m' }) }))).toEqual([1, 2, 5, 10]);
});

test('I1, I6: a failed or stopped job may have done nothing; it is asked again for less long', () => {
  for (const status of ['Failed', 'Stopped'] as const)
    expect(waits(facts({ ending: endedOf({ status }) }))).toEqual([1, 2, 5, 10]);
});

test.each(['totalLabeled', 'failed', 'unlabeled'] as const)('counters that say anything (%s) are believed', (name) => {
  const ending = endedOf({ observation: { counters: counters({ [name]: 1 }) } });
  expect(countersLookMs(facts({ ending }), 0)).toBeNull();
});

test('a job that nothing was sent to, or whose input is not known, has nothing to count', () => {
  expect(countersLookMs(facts({ input: inputOf({ sentObjects: 0 }) }), 0)).toBeNull();
  expect(countersLookMs(facts({ input: null }), 0)).toBeNull();
});

test('a chain that is to stop does not wait: no job follows, and the late look merges what comes', () => {
  expect(countersLookMs(facts({ stopped: true }), 0)).toBeNull();
});

test('an input that AWS refused was never shown to anybody', () => {
  const observation = { failureReason: 'ClientError: Access Denied: s3://data/birds.manifest' };
  expect(countersLookMs(facts({ ending: endedOf({ status: 'Failed', observation }) }), 0)).toBeNull();
});

describe('what they say in the end', () => {
  const ending = endedOf();
  const settling = chainOf({
    generations: [jobOf({ generation: 1, outcome: null })],
    phase: { kind: 'settling', generation: 1, ending, sinceMs: 0, acceptMissing: false },
  });
  const seen = observationOf({
    status: 'Completed',
    counters: counters({ totalLabeled: 7, humanLabeled: 7 }),
    serviceNowMs: ending.observation.serviceNowMs + HOUR_MS,
  });

  test('I6: stands in the ending that is merged and in the generation that is paid for', () => {
    const state = countersHeard(settling, 1, seen);
    expect(state.generations[0]?.counters).toMatchObject({ totalLabeled: 7 });
    expect(state.phase).toMatchObject({ kind: 'settling', ending: { observation: { counters: { totalLabeled: 7 } } } });
    expect(state.lastHeardMs).toBe(seen.serviceNowMs);
  });

  test('is no news if it speaks of another status or generation, or comes when nothing is settled', () => {
    expect(countersHeard(settling, 1, { ...seen, status: 'InProgress' })).toBe(settling);
    expect(countersHeard(settling, 2, seen)).toBe(settling);
    const deciding = chainOf();
    expect(countersHeard(deciding, 1, seen)).toBe(deciding);
  });
});

describe('before the next job is decided', () => {
  const spec = specOf({ policy: { price: { perObject: 1 }, maxCost: 5 } });
  const uncounted = jobOf({ generation: 2, status: 'Stopped' });
  const generations = [
    jobOf({ generation: 1, counters: counters({ unlabeled: 100 }) }),
    uncounted,
    jobOf({ generation: 3, complete: true, newLabels: 100 }),
    jobOf({ generation: 4, input: inputOf({ sentObjects: 0 }) }),
    jobOf({ generation: 5, endedAtMs: null, outcome: 'gone' }),
  ];

  test('I6: AWS is asked once more about every ended job whose counters said nothing', () => {
    expect(jobsToCount(chainOf({ spec, generations }))).toEqual([uncounted]);
  });

  test('law 2: also where money is not limited, since labels may have come; not where no job is to follow', () => {
    expect(jobsToCount(chainOf({ generations }))).toEqual([uncounted]);
    expect(jobsToCount(chainOf({ spec, generations, stopRequested: { atMs: null, reason: 'enough' } }))).toEqual([]);
  });

  test('I6: what AWS counts by then is paid for; the job stays as it was judged', () => {
    const state = chainOf({ spec, generations });
    const seen = observationOf({ status: 'Stopped', counters: counters({ totalLabeled: 7 }) });
    expect(lateCountersHeard(state, 2, seen).generations[1]).toEqual({ ...uncounted, counters: seen.counters });
    expect(lateCountersHeard(state, 2, { ...seen, status: 'Stopping' })).toBe(state);
    expect(lateCountersHeard(state, 5, { ...seen, status: 'Completed' })).toBe(state);
  });

  test('I1: zeros are doubted as long after the end of a job as they would have been without a stop, and then believed', () => {
    const policy = policyOf();
    const doubted = (minutes: number, change: Partial<Generation> = {}): number | null => {
      const job = jobOf({ status: 'Stopped', ...change });
      return countersDoubtedMs(job, (job.endedAtMs ?? 0) + minutes * MINUTE_MS, policy);
    };
    expect([doubted(0), doubted(10), doubted(17.5), doubted(18)]).toEqual([
      10 * MINUTE_MS,
      8 * MINUTE_MS,
      MINUTE_MS,
      null,
    ]);
    expect(doubted(119, { status: 'Completed' })).toBe(MINUTE_MS);
    expect(doubted(120, { status: 'Completed' })).toBeNull();
    expect(doubted(0, { counters: counters({ unlabeled: 1 }) })).toBeNull();
    expect(doubted(0, { status: 'Failed', failureReason: 'AccessDenied' })).toBeNull();
    expect(doubted(0, { endedAtMs: null })).toBeNull();
  });

  test('law 2: of what AWS counts by then, labels that nobody could read are awaited', () => {
    const seen = observationOf({ status: 'Stopped', counters: counters({ totalLabeled: 7 }) });
    const counted = lateCountersHeard(chainOf({ generations }), 2, seen);
    expect(awaitingCounted(counted, 2).generations[1]).toEqual({
      ...uncounted,
      counters: seen.counters,
      awaitedLabels: 7,
    });
    const read = withGeneration(counted, 2, { newLabels: 6, unmatched: { labels: 1, told: 1, uri: null } });
    expect(awaitingCounted(read, 2)).toBe(read);
  });
});
