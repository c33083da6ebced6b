/** What must hold of the simulator whatever the script says: otherwise it could not judge anything. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { parseScript, type ScriptSource } from '../../simulator/script.ts';
import { createRequest, DAY, HOUR, openAccount, withHuman } from './support/fixtures.ts';

const fraction = fc.constantFrom(0, 0.1, 0.5, 1);
const age = fc.constantFrom('5m', '20m', '3h', '2d');

const script: fc.Arbitrary<ScriptSource> = fc.record({
  jobs: fc.tuple(
    fc.record(
      {
        workers: fc.record(
          {
            count: fc.integer({ min: 0, max: 6 }),
            answerTime: fc.constantFrom('10s', '60s', '9m', '20m'),
            hoursPerDay: fc.constantFrom(4, 24),
            until: age,
          },
          { requiredKeys: [] },
        ),
        declines: fc.record({ fraction }),
        returns: fc.record({ fraction }),
        broken: fc.record({ fraction }),
        fail: fc.record({ after: age, reason: fc.constant('x') }),
        stop: fc.record({ after: age }),
        expiry: fc.constantFrom('Failed' as const, 'Completed' as const, {
          status: 'Stopped' as const,
          openTasks: 'expired' as const,
        }),
        openTasks: fc.constantFrom('never' as const, 'at-end' as const, 'late' as const),
        output: fc.record({ short: fc.constantFrom(0.5, 1), shuffled: fc.boolean(), late: age }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    ),
  ),
});

const human = fc.record(
  {
    NumberOfHumanWorkersPerDataObject: fc.integer({ min: 1, max: 4 }),
    MaxConcurrentTaskCount: fc.constantFrom(1, 7, 1000),
    TaskAvailabilityLifetimeInSeconds: fc.constantFrom(600, 86_400, 2_592_000),
  },
  { requiredKeys: ['NumberOfHumanWorkersPerDataObject'] },
);

const run = async (source: ScriptSource, humanTask: object, seed: number) => {
  const account = openAccount({ objects: 15, script: source, seed });
  await account.create(withHuman(createRequest(), humanTask));
  await account.advance(40 * DAY);
  return account;
};

const runs = fc.asyncProperty;
const parameters = { numRuns: 300, seed: 20261124 };

describe('whatever the script says', () => {
  test('the job ends, once, within 30 days and the minutes of a stop (I3)', async () => {
    await fc.assert(
      runs(script, human, fc.nat(), async (source, humanTask, seed) => {
        const account = await run(source, humanTask, seed);
        const ends = account.records('status').filter(({ to }) => ['Completed', 'Failed', 'Stopped'].includes(to));
        expect(ends).toHaveLength(1);
        const livedMs = (ends[0]?.atMs ?? 0) - (account.records('created')[0]?.atMs ?? 0);
        expect(livedMs).toBeLessThanOrEqual(30 * DAY + HOUR);
      }),
      parameters,
    );
  });

  test('an object gets at most one label, and the counters and the manifest agree with the ledger (I2)', async () => {
    await fc.assert(
      runs(script, human, fc.nat(), async (source, humanTask, seed) => {
        const account = await run(source, humanTask, seed);
        const { LabelCounters: counters } = await account.describe();
        const labeled = account.records('labeled');
        expect(new Set(labeled.map(({ objectIndex }) => objectIndex)).size).toBe(labeled.length);
        expect(labeled.filter(({ late }) => !late)).toHaveLength(counters.TotalLabeled);
        expect(account.records('object-failed')).toHaveLength(counters.FailedNonRetryableError);
        const started = account.records('started')[0]?.unlabeledIndices.length ?? 0;
        expect(counters.TotalLabeled + counters.FailedNonRetryableError + counters.Unlabeled).toBe(started);
        const readable = account.records('published').flatMap(({ newlyReadable }) => newlyReadable);
        expect(account.output().filter((line) => 'species' in line)).toHaveLength(readable.length);
      }),
      parameters,
    );
  });

  test('no worker gets an object twice, none more answers than asked for, and none anything after the end (I1)', async () => {
    await fc.assert(
      runs(script, human, fc.nat(), async (source, humanTask, seed) => {
        const account = await run(source, humanTask, seed);
        const accepted = account.records('answer').filter(({ action }) => action === 'accepted');
        const pairs = accepted.map(({ objectIndex, workerId }) => `${objectIndex} ${workerId}`);
        expect(new Set(pairs).size).toBe(pairs.length);
        const finished = account.records('answer').filter(({ action }) => action !== 'accepted');
        expect(finished).toHaveLength(accepted.length);
        const closed = account.records('status').find(({ from }) => from === 'InProgress')?.atMs ?? Infinity;
        expect(accepted.every(({ atMs }) => atMs <= closed)).toBe(true);
        const answers = account.records('labeled').map(({ answers: count }) => count);
        expect(Math.max(0, ...answers)).toBeLessThanOrEqual(humanTask.NumberOfHumanWorkersPerDataObject);
      }),
      parameters,
    );
  });
});

describe('the README', () => {
  test('shows a script that the simulator takes', () => {
    const readme = readFileSync(new URL('../../simulator/README.md', import.meta.url), 'utf8');
    const block = /```jsonc\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    const json = block.replaceAll(/ \/\/ .*$/gm, '').replaceAll(/,(\s*[}\]])/g, '$1');
    expect(parseScript(JSON.parse(json)).jobs).toHaveLength(1);
  });
});
