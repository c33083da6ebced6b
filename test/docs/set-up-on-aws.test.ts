/** The page about the set-up on AWS, followed line by line against the emulator and a real Temporal server; and what a person is told who goes wrong. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { DeleteQueueCommand, SQSClient, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { LOCAL_CREDENTIALS, LOCAL_REGION } from '../../local/child-environment.ts';
import { localAwsConfig } from '../../local/local-clients.ts';
import { startMotoServer } from '../../local/moto-server.ts';
import { ensurePythonEnvironment } from '../../local/python-environment.ts';
import { cleanEnvironment, runCli } from '../end-to-end/run-cli.ts';
import { stopAfterTests, temporalDevServer, temporaryFolder } from '../support/servers.ts';
import { root } from './pages.ts';

/** The page's blocks, in its order. `except`: why the emulator cannot do it. */
const blocks = async (): Promise<{ text: string; except: string | null }[]> => {
  const page = await readFile(join(root, 'docs/set-up-on-aws.md'), 'utf8');
  return [...page.matchAll(/(?:<!-- not on the emulator: (.+?) -->\s*)?^```sh\n(.*?)^```$/gms)].map(
    ([, except, text = '']) => ({ text, except: except ?? null }),
  );
};

let env: Record<string, string>;
let binaries: string;

beforeAll(async () => {
  const { python, bin } = await ensurePythonEnvironment('test');
  const moto = await startMotoServer({ python, logFile: join(await temporaryFolder(), 'moto-of-the-page.log') });
  stopAfterTests(moto.stop);
  binaries = bin;
  env = {
    AWS_ENDPOINT_URL: moto.endpoint,
    AWS_REGION: LOCAL_REGION,
    AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
    LABEL_RELAY_POLL_SECONDS: '1',
  };
}, 300_000);

/** The page's commands as one shell session. Only what belongs to a reader's own world is put in. */
const sessionOf = (texts: readonly string[], temporalAddress: string): string =>
  `set -euo pipefail
label-relay() { "${process.execPath}" "${join(root, 'cli.ts')}" "$@"; }
start_worker() {
  "${process.execPath}" "${join(root, 'cli.ts')}" worker > worker.out 2> worker.log & worker=$!
  trap 'kill -TERM $worker; wait $worker' EXIT
  for _ in $(seq 600); do grep -q ready worker.out && return; sleep 0.1; done
  cat worker.log; return 1
}
${texts.join('\necho "--- next block"\n')}
for _ in $(seq 100); do
  left="$(aws sqs get-queue-attributes --queue-url "$LABEL_RELAY_QUEUE_URL" --attribute-names All --output text \\
    --query 'Attributes.[ApproximateNumberOfMessages,ApproximateNumberOfMessagesNotVisible]' | tr -d '[:space:]')"
  [ "$left" = 00 ] && break
  sleep 0.2
done
echo "left in the queue: $left"
`
    .replace('temporal.example.com:7233', temporalAddress)
    .replace(/^label-relay worker$/m, 'start_worker')
    // The emulator's stack answers with the URL that the queue would have at AWS.
    .replace('"$(output QueueUrl)"', '"$(output QueueUrl | sed "s|https://sqs[^/]*|$AWS_ENDPOINT_URL|")"');

const bash = async (script: string): Promise<{ code: number | null; output: string }> => {
  const path = [binaries, dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
  // The AWS CLI takes SQS's old address for us-east-1 in spite of AWS_ENDPOINT_URL.
  const child = spawn('bash', ['-c', `aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }\n${script}`], {
    cwd: await temporaryFolder(),
    env: cleanEnvironment({ ...env, PATH: path }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
};

test('the page explains every statement of the template by its name, and names no other', async () => {
  const page = await readFile(join(root, 'docs/set-up-on-aws.md'), 'utf8');
  const template = await readFile(join(root, 'infra/template.yaml'), 'utf8');
  const section = page.slice(page.indexOf('## Permissions, line by line'), page.indexOf('## Encryption'));
  const explained = [...section.matchAll(/^\|([^|]+)\|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );
  const statements = [...template.matchAll(/Sid: (\w+)/g)].map(([, sid]) => sid);
  expect(new Set(explained)).toEqual(new Set(statements));
});

test('every command of the page runs in its order, from the stack to a first event that the worker takes', async () => {
  const { server } = await temporalDevServer();
  const all = await blocks();
  const run = all.filter(({ except }) => except === null).map(({ text }) => text);
  expect(all.length - run.length).toBe(2);
  const { code, output } = await bash(sessionOf(run, server.address));
  expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('left in the queue: 00') });
  expect(output).toMatch(/Stack label-relay: created/);
  expect(output).not.toMatch(/does not let the rule/);
}, 240_000);

describe('one line for', () => {
  const fails = async (words: string[], more: Record<string, string> = {}) => {
    const { code, stdout, stderr } = await runCli(['aws', ...words], { ...env, ...more });
    return { code, stdout, stderr };
  };
  const queueArn = (name: string, region = LOCAL_REGION): string => `arn:aws:sqs:${region}:123456789012:${name}`;

  test.each<[string, string[], Record<string, string>, number, RegExp]>([
    [
      'a queue that is not there',
      ['rule', 'create', '--name', 'late', '--queue', queueArn('nope')],
      {},
      2,
      /There is no queue nope in account 123456789012, region us-east-1; create it first/,
    ],
    [
      'a queue in another region',
      ['rule', 'create', '--queue', queueArn('q', 'eu-west-1')],
      {},
      2,
      /is in another region than the rule \(us-east-1\)/,
    ],
    ['a region that is none', ['rule', 'show'], { AWS_REGION: 'mars' }, 2, /"mars" is no AWS region/],
    [
      'a status that is none',
      ['rule', 'create', '--statuses', 'Done', '--queue', queueArn('q')],
      {},
      2,
      /"Done": valid values/,
    ],
    [
      'a parameter that the template refuses',
      ['deploy', '--input-bucket', 'My_Bucket'],
      {},
      2,
      /--input-bucket "My_Bucket"/,
    ],
    [
      'an endpoint that does not answer',
      ['rule', 'show'],
      { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_MAX_ATTEMPTS: '1' },
      1,
      /AWS did not answer for the region us-east-1 .*check --region or AWS_REGION/,
    ],
  ])('%s', async (_what, words, more, code, text) => {
    const result = await fails(words, more);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toMatch(text);
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test('a rule that was refused for its queue does not stay behind', async () => {
    expect((await fails(['rule', 'show', 'late'])).stderr).toMatch(/There is no rule late/);
  });

  test('a queue that is closed to its rule, or gone', async () => {
    const sqs = new SQSClient(localAwsConfig(env['AWS_ENDPOINT_URL'] ?? ''));
    const { stdout } = await bash(
      `aws --region ${LOCAL_REGION} sqs create-queue --queue-name mine --query QueueUrl --output text`,
    ).then(({ output }) => ({ stdout: output.trim() }));
    expect(await fails(['rule', 'create', '--name', 'mine', '--queue', stdout])).toMatchObject({ code: 0 });
    expect((await fails(['rule', 'show', 'mine'])).stderr).toBe('');
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: stdout, Attributes: { Policy: '' } }));
    expect((await fails(['rule', 'show', 'mine'])).stderr).toMatch(
      /:mine does not let the rule mine send: every event is lost/,
    );
    await sqs.send(new DeleteQueueCommand({ QueueUrl: stdout }));
    expect((await fails(['rule', 'show', 'mine'])).stderr).toMatch(
      /:mine does not exist: every event of the rule mine is lost/,
    );
  });
});
