/** The demo as a user runs it: its exit code, its document, and nothing else on stdout. */
import { runCli } from './run-cli.ts';

test('the demo brings 120 objects to fully labeled over four jobs, and I1, I2 and I3 hold against the ledger', async () => {
  const { code, stdout, stderr } = await runCli(['demo', '--json', '--seed', '7'], {
    // Settings of the shell that must not matter.
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    TEMPORAL_NAMESPACE: 'not-this-one',
    AWS_PROFILE: 'not-this-one',
    AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
    AWS_REGION: 'eu-central-1',
    LABEL_RELAY_TASK_QUEUE: 'not-this-one',
  });
  expect(stderr).toContain('holds  I1');
  expect(stderr).toContain('holds  I2');
  expect(stderr).toContain('holds  I3');
  const document: unknown = JSON.parse(stdout);
  expect(document).toMatchObject({
    chain: 'demo-birds',
    status: 'labeled',
    objects: { total: 120, labeled: 116, remaining: 0, setAside: 4 },
    jobs: [
      { outcome: 'expired' },
      { outcome: 'failed-transient' },
      { outcome: 'stopping-condition' },
      { outcome: 'labeled' },
    ],
    attention: null,
  });
  expect(code).toBe(0);
}, 240_000);
