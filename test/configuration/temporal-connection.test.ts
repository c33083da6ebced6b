/** Temporal behind TLS, by a configuration file or by variables: client certificates and API keys, for commands and for workers. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http2';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { runCli, spawnCli } from '../end-to-end/run-cli.ts';
import { makeCertificates, type Certificates } from '../support/certificates.ts';
import { stopAfterTests, temporalDevServer, temporaryFolder } from '../support/servers.ts';
import { startTlsFront, type TlsFront } from '../support/tls-front.ts';

let folder: string;
let certificates: Certificates;
let mutual: TlsFront;
let keyed: TlsFront;

beforeAll(async () => {
  const { server } = await temporalDevServer();
  folder = await temporaryFolder();
  certificates = await makeCertificates(join(folder, 'certificates'));
  mutual = await startTlsFront(server.address, certificates, { kind: 'certificate' });
  stopAfterTests(mutual.close);
  keyed = await startTlsFront(server.address, certificates, { kind: 'api-key', key: 'first-key' });
  stopAfterTests(keyed.close);
}, 90_000);

const configFile = async (): Promise<string> => {
  const path = join(folder, 'temporal.toml');
  const { cert, key } = certificates('client');
  const stranger = certificates('stranger');
  const authority = certificates('authority').cert;
  const text = `
[profile.mutual]
address = "${mutual.address}"
namespace = "default"
[profile.mutual.tls]
client_cert_path = "${cert}"
client_key_path = "${key}"
server_ca_cert_path = "${authority}"
server_name = "temporal.test"

[profile.stranger]
address = "${mutual.address}"
namespace = "default"
[profile.stranger.tls]
client_cert_path = "${stranger.cert}"
client_key_path = "${stranger.key}"
server_ca_cert_path = "${authority}"

[profile.keyed]
address = "${keyed.address}"
namespace = "default"
api_key = "first-key"
[profile.keyed.tls]
server_ca_cert_path = "${authority}"
`;
  await writeFile(path, text);
  return path;
};

/** Starts a worker and ends it once it is ready; what it printed first, and its exit code. */
const runWorkerOnce = async (env: Record<string, string>): Promise<{ first: string; code: number | null }> => {
  const child = spawnCli(['worker', '--only', 'workflows,activities'], { AWS_REGION: 'us-east-1', ...env });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const closed = once(child, 'close');
  const ready = once(createInterface({ input: child.stdout }), 'line').then(([line]) => String(line));
  const first = await Promise.race([ready, closed.then(() => log)]);
  child.kill('SIGTERM');
  await closed;
  return { first, code: child.exitCode };
};

test.each(['mutual', 'keyed'])(
  'the profile %s of a configuration file serves commands and workers',
  async (profile) => {
    const env = { TEMPORAL_CONFIG_FILE: await configFile(), TEMPORAL_PROFILE: profile };
    expect(await runCli(['list', '--json'], env)).toMatchObject({ code: 0, stdout: '[]\n' });
    const { first, code } = await runWorkerOnce(env);
    expect(JSON.parse(first)).toMatchObject({ ready: true });
    expect(code).toBe(0);
  },
  60_000,
);

test('the same by variables alone', async () => {
  const { cert, key } = certificates('client');
  const authority = certificates('authority').cert;
  const none = { TEMPORAL_CONFIG_FILE: '/dev/null', TEMPORAL_TLS_SERVER_CA_CERT_PATH: authority };
  const byCertificate = { TEMPORAL_TLS_CLIENT_CERT_PATH: cert, TEMPORAL_TLS_CLIENT_KEY_PATH: key };
  const environments = [
    { ...none, ...byCertificate, TEMPORAL_ADDRESS: mutual.address },
    { ...none, TEMPORAL_ADDRESS: keyed.address, TEMPORAL_API_KEY: 'first-key' },
  ];
  for (const env of environments) expect(await runCli(['list', '--json'], env)).toMatchObject({ code: 0 });
  expect(keyed.keys).toEqual(new Set(['first-key']));
});

test('a certificate that the server does not know and a wrong key are refused, in words', async () => {
  const file = await configFile();
  const stranger = { TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'stranger' };
  const wrongKey = { TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'keyed', TEMPORAL_API_KEY: 'wrong-key' };
  const worker = ['worker', '--only', 'workflows'];
  const results = await Promise.all([
    runCli(['list'], stranger),
    runCli(worker, stranger),
    runCli(['list'], wrongKey),
    runCli(worker, wrongKey),
  ]);
  const said = results.map(({ code, stderr }) => [
    code,
    /\((with TLS)\): (.*)\. Set TEMPORAL_ADDRESS/.exec(stderr)?.[2],
  ]);
  expect(said).toEqual([
    [2, expect.stringMatching(/no connection within 10 s \(.*TLS is not as expected\)/)],
    // Whether the refusal is read before the connection breaks is a race of the library's.
    [2, expect.stringMatching(/^the TLS connection was refused$|TLS is not as expected$/)],
    [2, 'the API key or certificate was refused'],
    [2, 'the API key or certificate was refused'],
  ]);
  for (const { stderr } of results) expect(stderr).not.toContain('wrong-key');
}, 60_000);

test('a variable goes before the file: a rotated API key needs no new file', async () => {
  const base = { TEMPORAL_CONFIG_FILE: await configFile(), TEMPORAL_PROFILE: 'keyed' };
  keyed.acceptKeys('second-key');
  expect(await runCli(['list'], base)).toMatchObject({ code: 2 });
  expect(await runCli(['list'], { ...base, TEMPORAL_API_KEY: 'second-key' })).toMatchObject({ code: 0 });
}, 60_000);

test('who is no operator, as on Temporal Cloud, runs workers, is told by setup how to register, and doctor passes over it', async () => {
  const { server } = await temporalDevServer();
  const front = await startTlsFront(server.address, certificates, { kind: 'api-key', key: 'role' });
  stopAfterTests(front.close);
  front.keepFrom('OperatorService');
  const env = {
    TEMPORAL_CONFIG_FILE: '/dev/null',
    TEMPORAL_ADDRESS: front.address,
    TEMPORAL_API_KEY: 'role',
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: certificates('authority').cert,
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
  };
  expect(await runWorkerOnce(env)).toMatchObject({ first: expect.stringContaining('"ready":true'), code: 0 });
  const setup = await runCli(['setup'], env);
  expect(setup.code).toBe(1);
  expect(setup.stderr).toContain('tcld namespace search-attributes add --namespace default --sa LabelingChain=Keyword');
  const { stdout } = await runCli(['doctor'], env);
  expect(stdout).toMatch(/^skipped {2}search-attributes +not checked, this identity may not list them/m);
}, 120_000);

test('a server that takes the connection and never answers is told as one that does not answer in time', async () => {
  const silent = createServer();
  silent.on('stream', (stream) => stream.on('error', () => undefined));
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  stopAfterTests(async () => void silent.close());
  const address = silent.address();
  const port = address === null || typeof address === 'string' ? 0 : address.port;
  const { code, stderr } = await runCli(['list'], {
    TEMPORAL_CONFIG_FILE: '/dev/null',
    TEMPORAL_ADDRESS: `127.0.0.1:${port}`,
  });
  expect(code).toBe(2);
  expect(stderr).toContain('there was no connection within 10 s');
}, 60_000);
