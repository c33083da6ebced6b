/** What a command loads before it runs: a table of heavy libraries, and the commands that have a use for them. */
import { loadedWith } from './imports.ts';

const WORKER = /^@temporalio\/(worker|testing|core-bridge)$/;
const TEMPORAL = /^@temporalio\//;
const AWS = /^@(aws-sdk|smithy)\//;
const CHARTS = /^vega/;
const OWN_RUNNING_PARTS = /^(simulator|local|demo|activities|manifests|doctor|infra|worker)(\/|\.ts$)/;

/** By the file in which a command begins: what it must not load with itself. */
const MUST_NOT_LOAD: Record<string, readonly RegExp[]> = {
  'cli.ts': [TEMPORAL, AWS, CHARTS, OWN_RUNNING_PARTS, /^zod$/],
  'cli/commands/aws.ts': [TEMPORAL, AWS, CHARTS, OWN_RUNNING_PARTS],
  'cli/commands/chains.ts': [WORKER, AWS, CHARTS, OWN_RUNNING_PARTS],
  'cli/commands/report.ts': [WORKER, AWS, CHARTS],
  'cli/commands/events.ts': [WORKER, CHARTS],
  // Activities, the consumer and what they bring are loaded when the first of them runs.
  'cli/commands/worker.ts': [AWS, CHARTS, /^zod$/, /^(simulator|demo|report|manifests)\//],
  'cli/commands/doctor.ts': [WORKER, CHARTS, /^(simulator|demo|report)\//],
  'cli/commands/local.ts': [CHARTS, /^(demo|report)\//],
  'cli/commands/replay.ts': [AWS, CHARTS, /^(simulator|local|demo|report)\//],
};

describe('a command loads nothing that it does not use', () => {
  test('what is loaded is found through files: the commands for chains load the Temporal client', () => {
    expect([...loadedWith('cli/commands/chains.ts')].some((target) => target === '@temporalio/client')).toBe(true);
  });

  test.each(Object.entries(MUST_NOT_LOAD))('%s', (entry, unwanted) => {
    const loaded = [...loadedWith(entry)];
    expect(loaded.length).toBeGreaterThan(1);
    expect(loaded.filter((target) => unwanted.some((pattern) => pattern.test(target)))).toEqual([]);
  });
});
