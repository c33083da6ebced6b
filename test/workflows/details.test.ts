/** What the Temporal Web UI shows of a chain, as Markdown: how far, until when, and what a person can do. */
import { attention } from '../../decisions/attention.ts';
import { currentTerms } from '../../decisions/chain-state.ts';
import { chainDetails } from '../../workflows/details.ts';
import { chainOf, counters, datasetOf, inputOf, jobOf, specOf, T0 } from '../decisions/builders.ts';

const live = jobOf({
  status: 'InProgress',
  outcome: null,
  createdAtMs: T0,
  endedAtMs: null,
  counters: counters({ totalLabeled: 7 }),
});

test('a running chain: its job with the labels so far, the deadline, and what a person can do', () => {
  const text = chainDetails(
    chainOf({ dataset: datasetOf(), generations: [live], phase: { kind: 'job', generation: 1 } }),
  );
  expect(text).toContain('InProgress, 7 new labels');
  expect(text).toContain("Deadline of the live job: 2026-12-01 00:00 UTC (the service's clock).");
  expect(text).toContain('What you can do:\n\n- `label-relay report birds -o birds.html` for');
  expect(text).toContain('- `label-relay stop birds` to stop the job');
});

test('the deadline of a live job is by the lifetime that it was decided with, not by one amended since', () => {
  const spec = specOf({ policy: { lifetime: '10d' } });
  const terms = currentTerms({ spec: specOf() });
  const state = chainOf({ spec, generations: [{ ...live, terms }], phase: { kind: 'job', generation: 1 } });
  expect(chainDetails(state)).toContain('Deadline of the live job: 2026-12-01 00:00 UTC');
});

test('a chain that asks: the message, then each command to copy with what it is for; nothing beside it', () => {
  const asked = attention('max-cost', 'birds', 'too dear', { sinceMs: null, generation: 1 });
  const text = chainDetails(chainOf({ attention: asked, spec: specOf() }));
  expect(text).toContain(
    '**Attention: too dear**\n\nWhat you can do:\n\n- `label-relay amend birds --set policy.maxCost=<more>` to raise the limit\n- `label-relay resume birds` once it is raised\n',
  );
  expect(text.match(/What you can do/g)).toHaveLength(1);
});

test('an ended chain: why, and how to go on', () => {
  const end = { reason: 'over', atMs: T0, finalManifestUri: 's3://f', leftoverReportUri: null };
  const phase = { kind: 'ended', lateLookDone: true } as const;
  const text = (status: 'labeled' | 'stopped'): string =>
    chainDetails(chainOf({ end: { ...end, status }, phase, generations: [jobOf()] }));
  expect(text('stopped')).toContain('- `label-relay resume birds` to go on with the rest');
  expect(text('labeled')).toContain('- `label-relay resume birds` once `amend --manifest` gave it further objects');
  expect(text('stopped')).not.toMatch(/Deadline|label-relay stop/);
});

test('why a job failed, or was given less, stands on one line behind it', () => {
  const generations = [
    jobOf({ failureReason: 'ClientError:\n access denied' }),
    jobOf({ generation: 2, input: inputOf({ note: 'a smaller slice' }) }),
  ];
  const text = chainDetails(chainOf({ generations }));
  expect(text).toMatch(/^1\. .* – ClientError: access denied$/m);
  expect(text).toMatch(/^2\. .* – a smaller slice$/m);
});
