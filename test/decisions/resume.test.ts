/** What `resume` does, and when it cannot: every case that the design names. */
import { jobEnded, jobMerged } from '../../decisions/after-job.ts';
import { ATTENTION_REASONS, attention, type AttentionReason } from '../../decisions/attention.ts';
import type { ChainState } from '../../decisions/chain-state.ts';
import { DAY_MS } from '../../decisions/durations.ts';
import { nextOrder } from '../../decisions/next-order.ts';
import { resume, type ResumeOptions } from '../../decisions/resume.ts';
import { T0, chainOf, counters, datasetOf, endedOf, jobOf, mergeOf, specOf, streamingJob } from './builders.ts';

const plain: ResumeOptions = { acceptMissing: false, retrySetAside: false };
const asking = (reason: AttentionReason, change: Partial<ChainState> = {}): ChainState =>
  chainOf({
    generations: [jobOf()],
    attention: attention(reason, 'birds', reason, { sinceMs: T0, generation: 1 }),
    ...change,
  });
const ended = (status: 'labeled' | 'finished' | 'stopped', change: Partial<ChainState> = {}): ChainState =>
  chainOf({
    generations: [jobOf()],
    phase: { kind: 'ended', lateLookDone: true },
    end: { status, reason: 'it was over', atMs: T0, finalManifestUri: 's3://f', leftoverReportUri: 's3://l' },
    ...change,
  });
const resumed = (state: ChainState, options = plain, hasNewObjects = false): ChainState => {
  const result = resume(state, options, hasNewObjects);
  if (result.kind === 'refused') throw new Error(result.message);
  return result.state;
};
const refusal = (...args: Parameters<typeof resume>): string | null => {
  const result = resume(...args);
  return result.kind === 'refused' ? result.message : null;
};

test('a running chain is not resumed', () => {
  expect(refusal(chainOf(), plain, false)).toBe('the chain birds is running; nothing waits for a person');
  expect(refusal(chainOf({ phase: { kind: 'job', generation: 1 }, generations: [jobOf()] }), plain, true)).toContain(
    'is running',
  );
});

test.each(ATTENTION_REASONS.filter((reason) => reason !== 'max-cost' && reason !== 'max-objects-sent'))(
  'a chain that asks about %s goes on',
  (reason) => {
    expect(resumed(asking(reason)).attention).toBeNull();
  },
);

test('a chain that was stopped goes on with its name, generation and suffix', () => {
  const state = resumed(ended('stopped', { stopRequested: { atMs: T0, reason: 'enough' } }));
  expect(state).toMatchObject({
    phase: { kind: 'deciding' },
    end: null,
    stopRequested: null,
    suffix: 'abcde',
    clearedGeneration: 1,
  });
  expect(nextOrder(state)).toMatchObject({ kind: 'run-job', name: 'birds-abcde-002' });
});

test('a chain that a brake finished goes on', () => {
  const state = ended('finished', { generations: [jobOf({ outcome: 'stopping-condition' })] });
  expect(nextOrder(resumed(state)).kind).toBe('run-job');
});

test('a chain that a limit finished is refused until the limit is raised', () => {
  const spec = specOf({ policy: { maxJobs: 1 } });
  expect(refusal(ended('finished', { spec }), plain, false)).toBe(
    'the chain would end again at once: the limit of 1 jobs is reached; raise policy.maxJobs or policy.maxDuration first: label-relay amend birds --set <path>=<value>',
  );
  expect(resumed(ended('finished', { spec: specOf({ policy: { maxJobs: 2 } }) })).end).toBeNull();
});

describe('a labeled chain', () => {
  const labeled = (setAside = 0) =>
    ended('labeled', { dataset: datasetOf({ total: 10, labeled: 10 - setAside, setAside }) });

  test('is refused, and the message says what would give it work', () => {
    expect(refusal(labeled(), plain, false)).toBe(
      'the chain birds is labeled; give it further objects first: label-relay amend birds --manifest s3://…',
    );
    expect(refusal(labeled(2), plain, false)).toBe(
      'the chain birds is labeled; give it further objects first: label-relay amend birds --manifest s3://… (or use --retry-set-aside for the objects set aside)',
    );
  });

  test('goes on when amend gave it objects', () => {
    expect(resumed(labeled(), plain, true).phase).toEqual({ kind: 'deciding' });
    const grown = ended('labeled', { dataset: datasetOf({ total: 12, labeled: 10 }) });
    expect(nextOrder(resumed(grown))).toMatchObject({ kind: 'run-job', maxObjects: 2 });
  });

  test('goes on when set-aside objects are to be tried again; the activity changes the dataset, not the decision', () => {
    const state = resumed(labeled(2), { ...plain, retrySetAside: true });
    expect(state.dataset).toMatchObject({ remaining: 0, setAside: 2 });
    expect(refusal(labeled(), { ...plain, retrySetAside: true }, false)).toBe(
      '--retry-set-aside: no object is set aside',
    );
    expect(
      refusal(
        chainOf({ dataset: null, attention: asking('no-progress').attention }),
        { ...plain, retrySetAside: true },
        false,
      ),
    ).toContain('no object');
  });
});

test('--accept-missing is only for a chain that waits because labels are missing', () => {
  const accept = { ...plain, acceptMissing: true };
  expect(refusal(asking('no-progress'), accept, false)).toBe(
    '--accept-missing is for a chain that waits because labels are missing, or was stopped while it did',
  );
  const phase = { kind: 'settling', generation: 1, ending: endedOf(), sinceMs: T0, acceptMissing: false } as const;
  const state = asking('labels-missing', { phase, lastHeardMs: T0 + DAY_MS });
  expect(resumed(state, accept).phase).toEqual({ ...phase, acceptMissing: true, sinceMs: T0 + DAY_MS });
  expect(resumed(state).phase).toEqual({ ...phase, sinceMs: T0 + DAY_MS });
  expect(resumed({ ...state, lastHeardMs: null }).phase).toEqual(phase);
});

test('law 2: labels that were missing when a stop came stay awaited through a resume, unless it accepts that they are missing', () => {
  const awaiting = ended('stopped', { generations: [jobOf({ awaitedLabels: 10 })] });
  expect(resumed(awaiting).generations[0]?.awaitedLabels).toBe(10);
  expect(resumed(awaiting, { ...plain, acceptMissing: true }).generations[0]?.awaitedLabels).toBeNull();
});

test('a limit of money or objects is refused until it is raised, with the command', () => {
  const spec = specOf({ policy: { maxObjectsSent: 100 } });
  expect(refusal(asking('max-objects-sent', { spec }), plain, false)).toBe(
    'the chain would wait again at once: 100 objects were sent to workers; the limit is 100, and with all 100 that remain it would be 200; label-relay amend birds --set policy.maxObjectsSent=<more> to raise the limit',
  );
  const money = specOf({ policy: { price: { perObject: 1 }, maxCost: 10 } });
  const paid = [jobOf({ counters: counters({ totalLabeled: 10, humanLabeled: 10 }) })];
  expect(refusal(asking('max-cost', { spec: money, generations: paid }), plain, false)).toContain(
    'label-relay amend birds --set policy.maxCost=<more> to raise the limit',
  );
  expect(
    resumed(asking('max-objects-sent', { spec: specOf({ policy: { maxObjectsSent: 101 } }) })).attention,
  ).toBeNull();
});

test('I6: a limit of money is no reason to refuse while a job is not counted: AWS is asked again before the next one', () => {
  const spec = specOf({ policy: { price: { perObject: 1 }, maxCost: 100 } });
  const state = asking('max-cost', { spec, generations: [jobOf()] });
  expect(resumed(state).attention).toBeNull();
  expect(nextOrder({ ...state, attention: null })).toMatchObject({ attention: { reason: 'max-cost' } });
});

test('the counts in a row begin anew', () => {
  const state = resumed(
    asking('no-progress', { failuresInRow: 4, unknownFailuresInRow: 2, jobsWithoutProgressInRow: 2 }),
  );
  expect(state).toMatchObject({ failuresInRow: 0, unknownFailuresInRow: 0, jobsWithoutProgressInRow: 0 });
  expect(nextOrder(state)).toMatchObject({ kind: 'run-job', delayMs: 0 });
});

describe('an ending is answered only by the person who was asked about it', () => {
  const outside = [jobOf({ outcome: 'stopped-outside' })];

  test.each(['stopped-outside', 'failed-input', 'failed-unknown', 'too-many-failures'] as const)(
    '%s: the next job',
    (reason) => {
      const state = resumed(
        asking(reason, {
          generations: [jobOf({ outcome: reason === 'too-many-failures' ? 'failed-transient' : reason })],
        }),
      );
      expect(state.clearedGeneration).toBe(1);
      expect(nextOrder(state).kind).toBe('run-job');
    },
  );

  test('a resume about odd labels does not restart a job that somebody stopped', () => {
    const state = resumed(asking('unmatched-label', { generations: outside }));
    expect(nextOrder(state)).toMatchObject({ kind: 'ask', attention: { reason: 'stopped-outside' } });
  });

  test('a resume in the middle of a live job says nothing of how it will end', () => {
    const state = resumed(asking('past-deadline', { phase: { kind: 'job', generation: 1 } }));
    expect(state).toMatchObject({ phase: { kind: 'job', generation: 1 }, clearedGeneration: 0 });
    expect(nextOrder({ ...state, generations: outside, phase: { kind: 'deciding' } })).toMatchObject({ kind: 'ask' });
  });

  test('after a question from a merge the chain may well end', () => {
    const labeled = datasetOf({ total: 30, labeled: 5, setAside: 25 });
    expect(nextOrder(resumed(asking('many-set-aside', { dataset: labeled })))).toMatchObject({
      kind: 'end',
      status: 'labeled',
    });
    const state = resumed(asking('unmatched-label', { generations: [jobOf({ outcome: 'stopping-condition' })] }));
    expect(nextOrder(state)).toMatchObject({ kind: 'end', status: 'finished' });
  });
});

test('an ended chain whose last record could not be written stays ended once that is mended', () => {
  const { attention: question } = asking('storage-refused');
  const state = ended('labeled', { dataset: datasetOf({ total: 1, labeled: 1 }), attention: question });
  expect(resumed(state)).toEqual({ ...state, attention: null });
  expect(resumed(state, plain, true).phase).toEqual({ kind: 'deciding' });
});

test('I5: while the chain is being stopped it is not resumed', () => {
  const stopRequested = { atMs: T0, reason: 'enough' };
  expect(
    refusal(asking('stop-unconfirmed', { phase: { kind: 'job', generation: 1 }, stopRequested }), plain, false),
  ).toBe('the chain birds is being stopped; resume it when it has ended');
});

test('a streaming job that ended is not continued', () => {
  const state = ended('finished', {
    spec: specOf({ job: streamingJob }),
    dataset: null,
    generations: [jobOf({ outcome: 'streaming', status: 'Stopped' })],
  });
  expect(refusal(state, plain, false)).toMatch(
    /^the streaming job birds-abcde-001 ended \(Stopped.*; a streaming job is not continued: start another chain$/,
  );
});

describe('the record of a chain whose workflow is over (terminated, cancelled, failed)', () => {
  test('goes on from wherever it was; a live job is followed first', () => {
    const state = chainOf({
      phase: { kind: 'job', generation: 1 },
      generations: [jobOf({ outcome: null })],
      stopRequested: { atMs: T0, reason: 'enough' },
    });
    const result = resume(state, plain, false, 'closed');
    expect(result).toMatchObject({
      kind: 'resumed',
      state: { phase: { kind: 'job', generation: 1 }, stopRequested: null, suffix: 'abcde', clearedGeneration: 0 },
    });
  });

  test('a person’s stop that was under way is taken back: the job is followed to its end, then the next one comes', () => {
    const stop = { by: 'person', requestedAtMs: T0 } as const;
    const state = chainOf({
      phase: { kind: 'job', generation: 1 },
      generations: [jobOf({ outcome: null, stop })],
      stopRequested: { atMs: T0, reason: 'enough' },
    });
    const result = resume(state, plain, false, 'closed');
    if (result.kind === 'refused') throw new Error(result.message);
    const ending = endedOf({ status: 'Stopped', stop });
    const merged = jobMerged(jobEnded(result.state, 1, ending), ending, 1, mergeOf());
    expect(merged.generations[0]?.outcome).toBe('stopped-by-us');
    expect(nextOrder(merged)).toMatchObject({ kind: 'run-job', generation: 2 });
  });

  test('between two jobs it decides the next one', () => {
    const result = resume(chainOf({ generations: [jobOf()] }), plain, false, 'closed');
    expect(result.kind === 'resumed' && nextOrder(result.state)).toMatchObject({ kind: 'run-job', generation: 2 });
  });

  test('a labeled one is refused all the same', () => {
    expect(
      refusal(ended('labeled', { dataset: datasetOf({ total: 1, labeled: 1 }) }), plain, false, 'closed'),
    ).toContain('is labeled');
  });
});
