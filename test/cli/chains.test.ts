/** The commands about chains, each as a process of its own, on one local stack. The tests tell one story, in order. */
import { execFile } from 'node:child_process';
import { lstat, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { cleanEnvironment, spawnCli } from '../end-to-end/run-cli.ts';
import { startLocalStack, type LocalStack } from './local-stack.ts';

let stack: LocalStack;
beforeAll(async () => {
  stack = await startLocalStack();
}, 180_000);
afterAll(() => stack.stop(), 60_000);

const chainDocument = z.object({
  chain: z.string(),
  status: z.string(),
  reason: z.string().nullable(),
  objects: z.object({ total: z.int(), labeled: z.int(), remaining: z.int(), setAside: z.int(), doubled: z.int() }),
  jobs: z.array(z.object({ outcome: z.string().nullable() })),
  attention: z.object({ reason: z.string(), actions: z.array(z.string()) }).nullable(),
});

const showJson = async (chain: string) =>
  chainDocument.parse(JSON.parse((await stack.run(['show', chain, '--json'])).stdout));

/** Refused: exit 2, nothing on stdout, every line of stderr begins with our name. */
const refusal = async (args: readonly string[], stdin?: string): Promise<string> => {
  const { code, stdout, stderr } = await stack.run(args, stdin);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  for (const line of stderr.trimEnd().split('\n')) expect(line).toMatch(/^label-relay: /);
  expect(stderr).not.toMatch(/\n\s+at |\[object /);
  return stderr;
};

const widest = (text: string): number =>
  Math.max(...text.split('\n').map((line) => (/s3:\/\/|https?:\/\//.test(line) ? 0 : line.length)));

test('start --dry-run checks and starts nothing', async () => {
  const { code, stdout } = await stack.run(['start', 'examples/text-classification.json', '--dry-run']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/passed +manifest +12 objects/);
  expect(stdout).toMatch(/nothing was started/);
  expect(stdout).toMatch(/skipped +role +not checked: what answers is not this service of AWS/);
  expect((await stack.run(['list'])).stdout).toBe('no chains\n');
});

test('a spec with mistakes is refused with a line for each, also from standard input', async () => {
  const spec = JSON.parse(await readFile('examples/text-classification.json', 'utf8')) as Record<string, unknown>;
  const text = await refusal(['start', '-'], JSON.stringify({ ...spec, chain: 'Bad Name', policy: { maxJobs: 0 } }));
  expect(text).toMatch(/chain: .*lower case/);
  expect(text).toMatch(/policy\.maxJobs/);
  expect(await refusal(['start', 'no-such-file.json'])).toMatch(/no-such-file\.json cannot be read/);
  expect(await refusal(['start', '-'], '{')).toMatch(/is not JSON/);
  // What somebody else wrote moves no cursor and forges no line.
  const forged = { ...spec, policy: { '\u001B[2Klabel-relay: all is well\n': 1 } };
  expect(await refusal(['start', '-'], JSON.stringify(forged))).toMatch(/^[^\p{Cc}]*all is well[^\p{Cc}]*\n$/u);
});

test('start takes an example as it is; list, show and watch know it', async () => {
  const started = await stack.run(['start', 'examples/text-classification.json']);
  expect(started).toMatchObject({ code: 0 });
  expect(started.stdout).toMatch(/example-texts started: 12 of 12 objects to label/);
  // What could not be looked at is said by --dry-run alone.
  expect(started.stderr).toMatch(/^warning price [^\n]*\n$/);
  const shown = await stack.run(['show', 'example-texts']);
  expect(shown.stdout).toMatch(/example-texts +running/);
  expect(widest(shown.stdout)).toBeLessThanOrEqual(80);
  // Pipes get no colours.
  expect(shown.stdout).not.toContain('\u001B');
  // The list lags a few seconds behind.
  for (let tries = 0; tries < 20; tries += 1) {
    const { stdout } = await stack.run(['list', '--json']);
    if (stdout.includes('example-texts')) return;
  }
  throw new Error('the chain does not appear in the list');
});

test('resume of a running chain, a second start and an ended wait are refused', async () => {
  expect(await refusal(['resume', 'example-texts'])).toMatch(/is running; nothing waits for a person/);
  expect(await refusal(['start', 'examples/text-classification.json'])).toMatch(/is running; see: label-relay show/);
  expect(await refusal(['resume', 'example-texts', '--accept-missing'])).toMatch(/running|accept-missing/);
});

test('amend refuses what cannot change, takes what can, and says what its checks warn of', async () => {
  const fixed = await refusal(['amend', 'example-texts', '--set', 'job.LabelAttributeName=mood']);
  expect(fixed).toMatch(/job\.LabelAttributeName: cannot be amended \(it is tone\)/);
  expect(await refusal(['amend', 'example-texts', '--set', 'policy.maxjobs=3'])).toMatch(
    /policy\.maxjobs: is not a field here; did you mean maxJobs\?/,
  );
  expect(await refusal(['amend', 'example-texts', '--set', 'nothing'])).toMatch(/expected path=value/);
  expect(await refusal(['amend', 'example-texts'])).toMatch(/nothing to amend/);
  const taken = await stack.run(['amend', 'example-texts', '--set', 'policy.maxJobs=9']);
  expect(taken).toMatchObject({ code: 0, stdout: expect.stringContaining('from the next job on') });
  expect(taken.stderr).toMatch(/^warning price [^\n]*\n$/);
});

test('names that are nearly right are met with the right one', async () => {
  expect(await refusal(['show', 'example-text'])).toMatch(
    /there is no chain example-text; did you mean example-texts\?/,
  );
  expect(await refusal(['show', 'Example Texts'])).toMatch(/is no chain name/);
  const command = await stack.run(['shwo', 'example-texts']);
  expect(command.code).toBe(2);
  expect(command.stderr).toMatch(/Did you mean show\?/);
  const option = await stack.run(['show', 'example-texts', '--jsn']);
  expect(option.code).toBe(2);
  expect(option.stderr).toMatch(/Did you mean --json\?/);
  const status = await stack.run(['list', '--status', 'done']);
  expect(status.code).toBe(2);
  expect(status.stderr).toMatch(/running, attention, labeled/);
});

test('a report of an unknown chain, or to where nothing can be written, leaves no file', async () => {
  const target = join(stack.folder, 'none.html');
  expect(await refusal(['report', 'nobody', '-o', target])).toMatch(/there is no chain nobody/);
  expect(await refusal(['report', 'example-texts', '-o', join(stack.folder, 'no', 'such.html')])).toMatch(
    /cannot be written/,
  );
  expect(await refusal(['report', 'example-texts', '-o', stack.folder])).toMatch(/it is a folder; name a file in it/);
  expect(await readdir(stack.folder)).toEqual([]);
});

test('Ctrl-C ends watching with 130 and leaves the chain alone', async () => {
  const child = spawnCli(['watch', 'example-texts'], stack.facts.env);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => {
    child.stdout.once('data', () => child.kill('SIGINT'));
    child.once('close', resolve);
  });
  expect(code).toBe(130);
  expect(said).toMatch(/example-texts goes on/);
  expect((await showJson('example-texts')).status).toBe('running');
});

test('a reader that goes away is no error', async () => {
  const { spawn } = await import('node:child_process');
  const command = `"${process.execPath}" cli.ts list --json | head -c 1; echo " $\{PIPESTATUS[0]}"`;
  const child = spawn('bash', ['-c', command], { env: cleanEnvironment(stack.facts.env) });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await new Promise((resolve) => child.once('close', resolve));
  expect(text).toBe('[ 0\n');
});

test('stop keeps the labels and ends the chain as stopped; resume goes on to the end', async () => {
  expect(await stack.run(['stop', 'example-texts', '--reason', 'lunch'])).toMatchObject({ code: 0 });
  expect(await stack.run(['local', 'advance', '2h'])).toMatchObject({ code: 0 });
  expect(await showJson('example-texts')).toMatchObject({ status: 'stopped' });
  expect(await stack.run(['watch', 'example-texts'])).toMatchObject({ code: 0 });
  expect(await refusal(['resume', 'example-texts', '--retry-set-aside'])).toMatch(/no object is set aside/);
  expect(await stack.run(['resume', 'example-texts'])).toMatchObject({ code: 0 });
  expect(await stack.run(['local', 'advance', '1d'])).toMatchObject({ code: 0 });
  expect(await showJson('example-texts')).toMatchObject({
    status: 'labeled',
    objects: { total: 12, labeled: 12, remaining: 0 },
  });
  const list = await stack.run(['list', '--status', 'labeled']);
  expect(list.stdout).toMatch(/example-texts +labeled/);
  expect(widest(list.stdout)).toBeLessThanOrEqual(80);
}, 120_000);

test('a chain that asks for a person ends watch with 3 and says what can be done; show exits 0', async () => {
  await stack.script([
    {
      match: { name: 'example-images-*' },
      workers: { ratePerHour: 2 },
      fail: { after: '1h', reason: 'AccessDenied: no access to s3://label-relay' },
    },
  ]);
  expect(await stack.run(['start', 'examples/image-classification.json', '--json'])).toMatchObject({ code: 0 });
  expect(await stack.run(['local', 'advance', '1d'])).toMatchObject({ code: 0 });
  const document = await showJson('example-images');
  expect(document).toMatchObject({ status: 'attention', attention: { reason: 'failed-input' } });
  const watched = await stack.run(['watch', 'example-images', '--json']);
  expect(watched.code).toBe(3);
  expect(chainDocument.parse(JSON.parse(watched.stdout))).toEqual(document);
  const shown = await stack.run(['show', 'example-images']);
  expect(shown.code).toBe(0);
  expect(shown.stdout).toMatch(/Attention: .*AccessDenied/s);
  expect(shown.stdout).toMatch(/label-relay resume example-images/);
  expect(widest(shown.stdout)).toBeLessThanOrEqual(80);
}, 120_000);

test('stop --wait goes on waiting while the chain asks a person about its live job', async () => {
  const file = join(stack.folder, 'waiting.json');
  const spec: unknown = JSON.parse(await readFile('examples/text-classification.json', 'utf8'));
  // With a byte order mark, as some editors write one.
  await writeFile(file, `\uFEFF${JSON.stringify({ ...(spec as object), chain: 'waiting' })}`);
  await stack.script([{ match: { name: 'waiting-*' }, initializing: '1d', stop: { takes: '1s' } }]);
  expect(await stack.run(['start', file])).toMatchObject({ code: 0 });
  expect(await stack.run(['local', 'advance', '4h'])).toMatchObject({ code: 0 });
  expect(await showJson('waiting')).toMatchObject({ attention: { reason: 'initializing-too-long' } });
  const stopped = await stack.run(['stop', 'waiting', '--wait']);
  expect(stopped).toMatchObject({ code: 0, stdout: expect.stringMatching(/^waiting attention .*\nwaiting stopped /s) });
}, 120_000);

test('report writes one page, Markdown and JSON of what happened', async () => {
  const page = join(stack.folder, 'report.html');
  const written = await stack.run(['report', 'example-images', '-o', page]);
  expect(written).toMatchObject({ code: 0, stdout: `the report on example-images is in ${page}\n` });
  const html = await readFile(page, 'utf8');
  expect(html).toMatch(/^<!doctype html>[^]*AccessDenied[^]*<\/html>\n$/);
  // A link stays one, and a pipe is written to.
  const link = join(stack.folder, 'latest.html');
  await symlink(page, link);
  expect(await stack.run(['report', 'example-texts', '-o', link])).toMatchObject({ code: 0 });
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  expect(await readFile(page, 'utf8')).toMatch(/<title>example-texts/);
  expect((await promisify(execFile)('mkfifo', [join(stack.folder, 'pipe')])).stderr).toBe('');
  const read = readFile(join(stack.folder, 'pipe'), 'utf8');
  expect(await stack.run(['report', 'example-texts', '-o', join(stack.folder, 'pipe')])).toMatchObject({ code: 0 });
  expect(await read).toMatch(/<title>example-texts/);
  const markdown = await stack.run(['report', 'example-images', '--format', 'md']);
  expect(markdown.stdout).toMatch(/^# example-images: attention/);
  const json = await stack.run(['report', 'example-texts', '--json']);
  expect(JSON.parse(json.stdout)).toMatchObject({
    chain: 'example-texts',
    notes: [],
    objectsSummary: { setAsideTotal: 0 },
    labeledBefore: 0,
  });
}, 60_000);

test('events send counts what became of each line, and says which are unusable', async () => {
  const { jobs } = z
    .object({ jobs: z.array(z.object({ arn: z.string() })) })
    .parse(JSON.parse((await stack.run(['show', 'example-images', '--json'])).stdout));
  const event = {
    version: '0',
    id: 'b1e5d5a0-0000-4000-8000-000000000001',
    'detail-type': 'SageMaker Ground Truth Labeling Job State Change',
    source: 'aws.sagemaker',
    account: '123456789012',
    time: '2026-11-24T00:00:00Z',
    region: 'us-east-1',
    resources: [jobs[0]?.arn],
    detail: { LabelingJobStatus: 'Failed' },
  };
  const file = join(stack.folder, 'events.jsonl');
  await writeFile(file, `${JSON.stringify(event)}\n`);
  const sent = await stack.run(['events', 'send', file, '--json']);
  expect(sent).toMatchObject({ code: 0 });
  expect(JSON.parse(sent.stdout)).toMatchObject({ complete: true, problems: [] });
  const broken = await stack.run(['events', 'send', '-'], 'not an event\n');
  expect(broken.code).toBe(1);
  expect(broken.stderr).toBe('line 1 was not sent: it is no JSON (poison: not-json)\n');
  expect(await refusal(['events', 'send', stack.folder])).toMatch(/cannot be read; give a file of events/);
  expect(await refusal(['events', 'send', join(stack.folder, 'none.jsonl')])).toMatch(/cannot be read/);
});

test('local advance --json says what time it is on the service', async () => {
  const { code, stdout } = await stack.run(['local', 'advance', '1s', '--json']);
  expect(code).toBe(0);
  expect(z.object({ now: z.iso.datetime() }).parse(JSON.parse(stdout)).now > '2026').toBe(true);
});

test('local advance refuses what is no duration', async () => {
  expect(await refusal(['local', 'advance', 'tomorrow'])).toMatch(
    /tomorrow is no duration; expected a number and a unit/,
  );
});
