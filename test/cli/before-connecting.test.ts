/** What is wrong with the words of a command is said before anything is connected; a server that is not there, in words of ours. */
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { LOOPBACK, findFreePort } from '../../local/ports.ts';
import { cleanEnvironment, runCli } from '../end-to-end/run-cli.ts';
import { temporaryFolder } from '../support/servers.ts';

const NOWHERE = { TEMPORAL_ADDRESS: '127.0.0.1:1', TEMPORAL_CONFIG_FILE: '/dev/null' };

test.each([
  [['start', 'no-such-file.json'], /^label-relay: no-such-file\.json cannot be read: .*ENOENT/],
  [['resume', 'birds', '--spec', 'no-such-file.json'], /^label-relay: no-such-file\.json cannot be read/],
  [
    ['amend', 'birds', '--spec', 'no-such-file.json', '--set', 'a=1'],
    /^label-relay: no-such-file\.json cannot be read/,
  ],
  [['amend', 'birds', 'no-such-file.json'], /^label-relay: no-such-file\.json cannot be read/],
  [
    ['resume', 'birds', '--spec', 'examples/text-classification.json'],
    /^label-relay: examples\/text-classification\.json is the spec of the chain example-texts, not of birds/,
  ],
  [
    ['amend', 'birds', '--spec', 'examples/text-classification.json', '--set', 'policy.maxJobs=9'],
    /is the spec of the chain example-texts, not of birds/,
  ],
  [['amend', 'birds', '--set', 'b'], /^label-relay: --set b: expected path=value, such as policy\.maxJobs=30/],
  [['amend', 'birds'], /^label-relay: nothing to amend/],
  [['adopt', 'an-arn', '--chain', 'birds', '--policy', 'no-such-file.json'], /^label-relay: no-such-file\.json cannot/],
  [['events', 'send', 'no-such-file.json'], /^label-relay: no-such-file\.json cannot be read; give a file of events/],
  [['events', 'send', '.'], /^label-relay: \. cannot be read; give a file of events/],
  [['list', '--attention', 'boredom'], /^label-relay: --attention boredom: there is no such reason; there are: /],
  [['list', '--attention', 'max-cots'], /there is no such reason; did you mean max-cost\?/],
  [['local', 'advnce', '1d'], /^label-relay: there is no command local advnce; did you mean local advance\?/],
])('%j is refused without a server', async (args, expected) => {
  const { code, stdout, stderr } = await runCli(args, NOWHERE);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(expected);
  expect(stderr).not.toContain('Temporal');
});

test('ports that are none, one port for two servers, and a port in use start no local stack: one line each', async () => {
  const one = String(await findFreePort());
  const taken = createServer().listen(0, LOOPBACK);
  await once(taken, 'listening');
  const address = taken.address();
  const inUse = String(typeof address === 'object' && address !== null ? address.port : 0);
  const cases: [string[], string][] = [
    [['--temporal-port', '0x10'], '--temporal-port 0x10: expected a port number from 1 to 65535'],
    [['--web-port', '70000'], '--web-port 70000: expected a port number from 1 to 65535'],
    [
      ['--temporal-port', one, '--web-port', one],
      `Port ${one} cannot serve both the Temporal server and the Temporal Web UI. Give two different ports, or none.`,
    ],
    [
      ['--web-port', inUse],
      `Port ${inUse} for the Temporal Web UI is in use. Stop what listens there, choose another port, or give none for any free port.`,
    ],
  ];
  try {
    for (const [args, expected] of cases) {
      expect(await runCli(['local', ...args])).toEqual({ code: 2, stdout: '', stderr: `label-relay: ${expected}\n` });
    }
  } finally {
    taken.close();
  }
}, 60_000);

test('without Python the local stack and the demo say so in one line and leave nothing behind', async () => {
  const folder = await temporaryFolder();
  const env = { PATH: folder, TMPDIR: folder, LABEL_RELAY_CACHE: folder };
  for (const command of ['local', 'demo']) {
    expect(await runCli([command], env)).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'label-relay: No Python was found on PATH: the local stack needs Python 3.10 or newer, with venv and pip, as python3. Install it and try again.\n',
    });
  }
  expect(await readdir(folder)).not.toContainEqual(expect.stringMatching(/^label-relay-/));
}, 60_000);

test('a spec with mistakes is refused without a server, a line for each', async () => {
  const file = join(await temporaryFolder(), 'spec.json');
  await writeFile(file, JSON.stringify({ chain: 'Bad Name', job: {} }));
  const { code, stderr } = await runCli(['start', file], NOWHERE);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^label-relay: chain: .*lower case/m);
  expect(stderr.trimEnd().split('\n').length).toBeGreaterThan(1);
  expect(stderr).not.toContain('Temporal');
});

test('words for TLS and files of profiles that the library would silently pass over are refused', async () => {
  const env = { ...NOWHERE, TEMPORAL_TLS: 'yes', TEMPORAL_CONFIG_FILE: '/no/such/temporal.toml' };
  expect(await runCli(['list'], env)).toEqual({
    code: 2,
    stdout: '',
    stderr:
      'label-relay: TEMPORAL_TLS is "yes", expected true or false\nlabel-relay: TEMPORAL_CONFIG_FILE is "/no/such/temporal.toml", and there is no such file\n',
  });
});

test('a full disk is one line and exit 1; a reader of stderr that goes away changes no exit code', async () => {
  const { spawn } = await import('node:child_process');
  const said = async (command: string): Promise<string> => {
    const child = spawn('bash', ['-c', command], { env: cleanEnvironment(NOWHERE) });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await new Promise((resolve) => child.once('close', resolve));
    return text;
  };
  const cli = `"${process.execPath}" cli.ts`;
  expect(await said(`${cli} --help 2>&1 >/dev/full; echo "code $?"`)).toMatch(
    /^label-relay: the answer cannot be written: .*ENOSPC.*\ncode 1\n$/,
  );
  expect(await said(`${cli} amend birds 2> >(exec true); echo "code $?"`)).toBe('code 2\n');
});

test.each([
  ['127.0.0.1:1', ['list'], 'there was no connection within 10 s (nothing listens there, or TLS is not as expected)'],
  ['127.0.0.1:1', ['worker', '--only', 'workflows'], 'nothing listens there'],
  ['127.0.0.1:port', ['worker', '--only', 'workflows'], 'that is no address'],
])(
  'no server at %s, asked by %j: where, why, what is accepted and what to do',
  async (address, args, why) => {
    const { code, stderr } = await runCli(args, { ...NOWHERE, TEMPORAL_ADDRESS: address });
    expect(code).toBe(2);
    expect(stderr).toBe(
      `label-relay: no Temporal server answers at ${address} (without TLS): ${why}. Set TEMPORAL_ADDRESS to host:port, and for TLS TEMPORAL_TLS, TEMPORAL_API_KEY or a client certificate; or start a server with: label-relay local\n`,
    );
  },
  30_000,
);
