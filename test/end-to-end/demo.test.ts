/** The demo as a user runs it: its exit code, its document, and nothing else on stdout. */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { runCli, spawnCli } from './run-cli.ts';

test('the demo brings 120 objects to fully labeled over four jobs, and I1, I2 and I3 hold against the ledger', async () => {
  const { code, stdout, stderr } = await runCli(['demo', '--json', '--seed', '7'], {
    // Settings of the shell that must not matter.
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    TEMPORAL_NAMESPACE: 'not-this-one',
    AWS_PROFILE: 'not-this-one',
    AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
    AWS_REGION: 'eu-central-1',
    LABEL_RELAY_TASK_QUEUE: 'not-this-one',
    http_proxy: 'http://127.0.0.1:1',
    https_proxy: 'http://127.0.0.1:1',
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
  // Not a terminal: plain lines, no colours.
  expect(stderr).not.toContain('\u001B');
}, 240_000);

test('Ctrl-C ends the demo with 130, without a verdict on half a story, and leaves nothing running', async () => {
  const demo = spawnCli(['demo', '--json']);
  const stdout = text(demo.stdout);
  let said = '';
  let stack = '';
  demo.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    const [, webUrl] = /Web UI: (\S+)/.exec(said) ?? [];
    if (webUrl === undefined || stack !== '') return;
    stack = webUrl;
    demo.kill('SIGINT');
  });
  await once(demo, 'close');
  expect({ code: demo.exitCode, stdout: await stdout }).toEqual({ code: 130, stdout: '' });
  expect(said).toContain('nothing is left running');
  expect(said).not.toContain('broken');
  await expect(fetch(stack)).rejects.toThrow('fetch failed');
}, 240_000);
