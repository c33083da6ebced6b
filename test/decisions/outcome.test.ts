/** How a job ended: every row of the table of outcomes, and that the first that fits wins. */
import { DAY_MS, HOUR_MS } from '../../decisions/durations.ts';
import {
  OUTCOMES,
  classifyEnding,
  reachedStoppingCondition,
  type Outcome,
  type OutcomeFacts,
} from '../../decisions/outcome.ts';
import { T0, counters, endedOf, policyOf } from './builders.ts';

const facts = (change: Partial<OutcomeFacts> = {}): OutcomeFacts => ({
  ending: endedOf(),
  streaming: false,
  remaining: 10,
  inputObjects: 100,
  stoppingConditions: undefined,
  policy: policyOf(),
  ...change,
});

const person = { by: 'person', requestedAtMs: T0 } as const;
const handOver = { by: 'hand-over', requestedAtMs: T0 } as const;
const failed = (failureReason: string | null, ageMs = DAY_MS) =>
  endedOf({ status: 'Failed', ageMs, observation: { failureReason } });

const rows: [Outcome, string, OutcomeFacts][] = [
  [
    'streaming',
    'the input is an SNS topic, whatever else',
    facts({ streaming: true, remaining: 0, ending: failed('x') }),
  ],
  ['labeled', 'nothing remains after the merge', facts({ remaining: 0 })],
  ['labeled', 'nothing remains, although AWS calls it Failed', facts({ remaining: 0, ending: failed('AccessDenied') })],
  [
    'labeled',
    'the last label came before our stop took hold',
    facts({ remaining: 0, ending: endedOf({ stop: person }) }),
  ],
  ['stopped-by-us', 'a person asked for the stop', facts({ ending: endedOf({ status: 'Stopped', stop: person }) })],
  ['stopped-by-us', 'the job completed while the stop was on its way', facts({ ending: endedOf({ stop: person }) })],
  [
    'stopped-by-us',
    'a person asked for the stop and the job expired first',
    facts({ ending: endedOf({ status: 'Failed', stop: person, ageMs: 30 * DAY_MS }) }),
  ],
  ['expired', 'our hand-over stop', facts({ ending: endedOf({ status: 'Stopped', stop: handOver }) })],
  ['expired', 'the job completed while the hand-over was on its way', facts({ ending: endedOf({ stop: handOver }) })],
  ['expired', 'Failed at the age of its lifetime less an hour', facts({ ending: failed(null, 30 * DAY_MS - HOUR_MS) })],
  ['expired', 'Stopped at that age', facts({ ending: endedOf({ status: 'Stopped', ageMs: 30 * DAY_MS }) })],
  ['expired', 'Completed at that age', facts({ ending: endedOf({ ageMs: 30 * DAY_MS }) })],
  ['expired', 'a young job with a reason of expiry', facts({ ending: failed('Labeling jobs fail after 30 days') })],
  [
    'expired',
    'a reason of expiry beside another status',
    facts({ ending: endedOf({ status: 'Stopped', observation: { failureReason: 'The labeling job expired' } }) }),
  ],
  [
    'expired',
    'a reason that the policy calls expiry',
    facts({ ending: failed('Zeit um'), policy: policyOf({ failureReasons: { expired: ['zeit um'] } }) }),
  ],
  [
    'stopping-condition',
    'Stopped with its count of people’s labels reached',
    facts({
      ending: endedOf({ status: 'Stopped', observation: { counters: counters({ humanLabeled: 50 }) } }),
      stoppingConditions: { MaxHumanLabeledObjectCount: 50 },
    }),
  ],
  [
    'stopping-condition',
    'Completed with its percentage reached',
    facts({
      ending: endedOf({ observation: { counters: counters({ totalLabeled: 90 }) } }),
      stoppingConditions: { MaxPercentageOfInputDatasetLabeled: 90 },
    }),
  ],
  ['stopped-outside', 'Stopped and nobody asked us', facts({ ending: endedOf({ status: 'Stopped' }) })],
  [
    'stopped-outside',
    'Stopped a moment before it counts as expired',
    facts({ ending: endedOf({ status: 'Stopped', ageMs: 30 * DAY_MS - HOUR_MS - 1 }) }),
  ],
  ['failed-transient', 'a fault of the service', facts({ ending: failed('InternalServerError') })],
  [
    'failed-transient',
    'a fault of the service that speaks of the manifest too',
    facts({ ending: failed('Internal error while reading the manifest') }),
  ],
  ['failed-input', 'no access', facts({ ending: failed('AccessDenied for s3://data/birds.manifest') })],
  [
    'failed-input',
    'Failed although a brake was reached too',
    facts({
      ending: endedOf({
        status: 'Failed',
        observation: { failureReason: 'AccessDenied', counters: counters({ humanLabeled: 50 }) },
      }),
      stoppingConditions: { MaxHumanLabeledObjectCount: 50 },
    }),
  ],
  ['failed-unknown', 'a reason that nobody knows', facts({ ending: failed('Something else') })],
  ['failed-unknown', 'no reason at all', facts({ ending: failed(null) })],
  ['leftovers', 'Completed, and objects remain', facts({})],
  [
    'leftovers',
    'a percentage of 100 is no brake',
    facts({
      ending: endedOf({ observation: { counters: counters({ totalLabeled: 100 }) } }),
      stoppingConditions: { MaxPercentageOfInputDatasetLabeled: 100 },
    }),
  ],
];

test.each(rows)('%s: %s', (outcome, _, given) => {
  expect(classifyEnding(given)).toBe(outcome);
});

test('every outcome has a row here', () => {
  expect(new Set(rows.map(([outcome]) => outcome))).toEqual(new Set(OUTCOMES));
});

test('the lifetime of the policy is the measure of expiry, not AWS’s 30 days', () => {
  const policy = policyOf({ lifetime: '10d' });
  expect(classifyEnding(facts({ policy, ending: failed(null, 10 * DAY_MS - HOUR_MS) }))).toBe('expired');
  expect(classifyEnding(facts({ policy, ending: failed(null, 10 * DAY_MS - HOUR_MS - 1) }))).toBe('failed-unknown');
});

test.each([
  ['no conditions', undefined, { humanLabeled: 100, totalLabeled: 100 }, 100, false],
  ['a count reached', { MaxHumanLabeledObjectCount: 50 }, { humanLabeled: 50 }, 100, true],
  ['a count not reached', { MaxHumanLabeledObjectCount: 50 }, { humanLabeled: 49, totalLabeled: 90 }, 100, false],
  ['a count of all objects is no brake', { MaxHumanLabeledObjectCount: 100 }, { humanLabeled: 100 }, 100, false],
  ['a percentage reached', { MaxPercentageOfInputDatasetLabeled: 50 }, { totalLabeled: 50 }, 100, true],
  ['a percentage rounded down', { MaxPercentageOfInputDatasetLabeled: 50 }, { totalLabeled: 50 }, 101, true],
  ['a percentage not reached', { MaxPercentageOfInputDatasetLabeled: 50 }, { totalLabeled: 49 }, 100, false],
  ['a percentage of one object, without a label', { MaxPercentageOfInputDatasetLabeled: 50 }, {}, 1, false],
  ['99 %', { MaxPercentageOfInputDatasetLabeled: 99 }, { totalLabeled: 99 }, 100, true],
  ['100 %', { MaxPercentageOfInputDatasetLabeled: 100 }, { totalLabeled: 100 }, 100, false],
  [
    'either of two',
    { MaxHumanLabeledObjectCount: 90, MaxPercentageOfInputDatasetLabeled: 10 },
    { totalLabeled: 10 },
    100,
    true,
  ],
  [
    'an input that is not known: by the counters',
    { MaxPercentageOfInputDatasetLabeled: 50 },
    { totalLabeled: 5, failed: 1, unlabeled: 4 },
    0,
    true,
  ],
  [
    'an input that is not known, not reached',
    { MaxHumanLabeledObjectCount: 10 },
    { humanLabeled: 10, totalLabeled: 10 },
    0,
    false,
  ],
])('a brake: %s', (_, conditions, counted, inputObjects, reached) => {
  expect(reachedStoppingCondition(conditions, counters(counted), inputObjects)).toBe(reached);
});
