/** docs/outcomes.md holds every outcome and every reason for attention, and its "default" is what the core does. */
import { readFile } from 'node:fs/promises';
import { jobEnded, jobInTrouble } from '../../decisions/after-job.ts';
import { ATTENTION_REASONS, LIVE_JOB_REASONS, attention, type AttentionReason } from '../../decisions/attention.ts';
import { formatDuration } from '../../decisions/durations.ts';
import { nextOrder, type Order } from '../../decisions/next-order.ts';
import { OUTCOMES, type Outcome } from '../../decisions/outcome.ts';
import { T0, chainOf, datasetOf, endedOf, jobOf, specOf, streamingJob } from './builders.ts';

const page = await readFile('docs/outcomes.md', 'utf8');

/** The rows of the table under a heading: the name without its back-ticks, then the other cells. */
const rowsUnder = (heading: string): string[][] => {
  const section = page.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()))
    .map(([name = '', ...rest]) => [name.replaceAll('`', ''), ...rest]);
};

const orderAfter = (outcome: Outcome, timesInRow: number): Order => {
  const failed = outcome.startsWith('failed-');
  return nextOrder(
    chainOf({
      ...(outcome === 'streaming' ? { spec: specOf({ job: streamingJob }), dataset: null } : {}),
      ...(outcome === 'labeled' ? { dataset: datasetOf({ total: 9, labeled: 9 }) } : {}),
      generations: [jobOf({ outcome })],
      failuresInRow: failed ? timesInRow : 0,
      unknownFailuresInRow: outcome === 'failed-unknown' ? timesInRow : 0,
    }),
  );
};

/** What the core does by default, in the words of the page. */
const defaultOf = (outcome: Outcome): string => {
  const delays: string[] = [];
  for (let times = 1; times <= 10; times += 1) {
    const order = orderAfter(outcome, times);
    switch (order.kind) {
      case 'end':
        return `the chain ends \`${order.status}\``;
      case 'ask': {
        const ask = `attention \`${order.attention.reason}\``;
        return delays.length === 0 ? ask : `retried after ${delays.join(', ')}; then ${ask}`;
      }
      case 'run-job':
        delays.push(formatDuration(order.delayMs));
    }
  }
  return delays.every((delay) => delay === '0s') ? 'next job at once' : `after ${delays.join(', ')}`;
};

/** What a reason for attention does, in the words of the page. */
const effectOf = (reason: AttentionReason): string => {
  const asked = attention(reason, 'birds', 'x', { sinceMs: T0, generation: 1 });
  if (nextOrder(chainOf({ attention: asked })).kind !== 'ask') return 'nothing';
  const live = chainOf({
    generations: [jobOf({ outcome: null, endedAtMs: null })],
    phase: { kind: 'job', generation: 1 },
  });
  const over = jobEnded(jobInTrouble(live, 1, reason, 'x'), 1, endedOf());
  return over.attention === null ? 'shown until the job is over' : 'no job until an answer';
};

test('every outcome is on the page, in the order in which they are tried', () => {
  expect(rowsUnder('Outcomes').map(([name]) => name)).toEqual([...OUTCOMES]);
});

test.each(OUTCOMES)('the default of %s is what the core does', (outcome) => {
  const row = rowsUnder('Outcomes').find(([name]) => name === outcome);
  expect(row?.[3]).toBe(defaultOf(outcome));
});

test('every reason for attention is on the page', () => {
  expect(rowsUnder('Reasons').map(([name]) => name)).toEqual([...ATTENTION_REASONS]);
});

test.each(ATTENTION_REASONS)('what %s does, and what a person can do, is what the core says', (reason) => {
  const row = rowsUnder('Reasons').find(([name]) => name === reason);
  expect(row?.[3]).toBe(effectOf(reason));
  const { actions } = attention(reason, 'birds', 'x', { sinceMs: null, generation: null });
  const text = actions.join('\n');
  const commands = new Set([...text.matchAll(/label-relay (\w+) birds/g)].map((match) => match[1]));
  const told = new Set([...(row?.[4] ?? '').matchAll(/`(\w+)[^`]*`/g)].map((match) => match[1]));
  expect(told).toEqual(commands);
  for (const [flag] of text.matchAll(/--[a-z-]+/g)) expect(row?.[4]).toContain(flag);
  expect(commands).toContain('stop');
});

test('a reason that is over with the job is exactly one that speaks of a live job', () => {
  const live = ATTENTION_REASONS.filter((reason) => effectOf(reason) === 'shown until the job is over');
  expect(live).toEqual([...LIVE_JOB_REASONS]);
});

test('no cell of the page is empty', () => {
  for (const row of [...rowsUnder('Outcomes'), ...rowsUnder('Reasons')]) {
    expect(row).toHaveLength(5);
    expect(row.every((cell) => cell !== '')).toBe(true);
  }
});

test.each(ATTENTION_REASONS)('%s carries its message, its time and its generation', (reason) => {
  expect(attention(reason, 'birds', 'what happened', { sinceMs: T0, generation: 3 })).toMatchObject({
    reason,
    message: 'what happened',
    sinceMs: T0,
    generation: 3,
  });
});

test('what a person can do about each reason, word for word', () => {
  const actions = Object.fromEntries(
    ATTENTION_REASONS.map((reason) => [
      reason,
      attention(reason, 'birds', '', { sinceMs: null, generation: null }).actions,
    ]),
  );
  const resume = 'label-relay resume birds';
  const end = 'label-relay stop birds  to end the chain here';
  const amend = 'label-relay amend birds --set';
  const mend = [`${amend} <path>=<value>  if the cause is in the spec`, `${resume}  once the cause is mended`, end];
  const raised = [`${resume}  once it is raised`, end];
  const again = [`${resume}  to try again`, end];
  const anew = [`${resume}  to go on with a new job`, end];
  const named = [`${resume}  once the cause named above is mended`, end];
  const look = ['look at the job in the SageMaker console; it is still followed', 'label-relay stop birds  to stop it'];
  expect(actions).toEqual({
    'stopped-outside': [`${resume}  to go on with what is unlabeled`, end],
    'failed-input': mend,
    'failed-unknown': again,
    'too-many-failures': again,
    'no-progress': [
      'see whether the work team has the job in its portal and can do the tasks',
      `${resume}  to go on`,
      end,
    ],
    'max-objects-sent': [`${amend} policy.maxObjectsSent=<more>  to raise the limit`, ...raised],
    'max-cost': [`${amend} policy.maxCost=<more>  to raise the limit`, ...raised],
    'many-set-aside': [
      `${resume}  to go on without these objects`,
      `${resume} --retry-set-aside  to give them new attempts`,
      end,
    ],
    'labels-missing': [
      `${resume}  to look again`,
      `${resume} --accept-missing  to go on with the labels that are there`,
      end,
    ],
    'unreadable-output': ["mend the lines named above in the job's output", `${resume}  once they are mended`, end],
    'unmatched-label': [
      'look at the unmatched file named above: these labels belong to no object of the dataset',
      `${resume}  to go on without them`,
      end,
    ],
    'create-refused': mend,
    'name-taken': anew,
    'job-gone': anew,
    'job-workflow-failed': named,
    'storage-refused': named,
    'unusable-input': named,
    'initializing-too-long': look,
    'stop-unconfirmed': look,
    'past-deadline': look,
    'unknown-status': look,
    'describe-refused': [
      'give the worker back what the message names; the job is looked at again every few minutes',
      'label-relay stop birds  to stop it',
    ],
  });
});
