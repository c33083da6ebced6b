/** Another account by a profile that assumes a role with an external id: the SDK's standard chain, nothing of ours. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { runCli } from '../end-to-end/run-cli.ts';
import { motoServer, stopAfterTests, temporaryFolder } from '../support/servers.ts';

const ROLE = 'arn:aws:iam::222233334444:role/label-relay';

/** The emulator behind a server that writes down what each call was. */
const startRecorder = async (target: string): Promise<{ endpoint: string; calls: URLSearchParams[] }> => {
  const calls: URLSearchParams[] = [];
  const forward = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    calls.push(new URLSearchParams(body));
    const headers = new Headers();
    for (const name of ['authorization', 'content-type', 'x-amz-target', 'x-amz-date', 'x-amz-security-token']) {
      const value = request.headers[name];
      if (typeof value === 'string') headers.set(name, value);
    }
    const answer = await fetch(`${target}${request.url}`, { method: 'POST', headers, body });
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/xml' });
    response.end(await answer.text());
  };
  const server = createServer((request, response) => void forward(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stopAfterTests(async () => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { endpoint: `http://127.0.0.1:${address.port}`, calls };
};

const profiles = `
[profile base]
aws_access_key_id = base-key
aws_secret_access_key = base-secret

[profile labels]
role_arn = ${ROLE}
source_profile = base
external_id = what-we-agreed-on
role_session_name = label-relay
`;

const answerSchema = z.object({
  checks: z.array(z.object({ check: z.string(), status: z.string(), message: z.string() })),
});

test('AWS_PROFILE with role_arn and external_id: the role is assumed with that id, and every call is of the other account', async () => {
  const folder = await temporaryFolder();
  const config = join(folder, 'aws-config');
  await writeFile(config, profiles);
  const { endpoint, calls } = await startRecorder((await motoServer()).endpoint);
  const env = {
    AWS_CONFIG_FILE: config,
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_PROFILE: 'labels',
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL: endpoint,
    LABEL_RELAY_ACCOUNTS: '222233334444',
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    TEMPORAL_CONFIG_FILE: '/dev/null',
  };
  const { checks } = answerSchema.parse(JSON.parse((await runCli(['doctor', '--json'], env)).stdout));
  expect(checks).toContainEqual({
    check: 'credentials',
    status: 'passed',
    message: expect.stringContaining('arn:aws:sts::222233334444:assumed-role/label-relay/label-relay'),
  });
  expect(checks).toContainEqual({
    check: 'account',
    status: 'passed',
    message: expect.stringContaining('222233334444'),
  });
  const assumed = calls.filter((call) => call.get('Action') === 'AssumeRole');
  expect(assumed.length).toBeGreaterThan(0);
  for (const call of assumed) {
    expect(call.get('RoleArn')).toBe(ROLE);
    expect(call.get('ExternalId')).toBe('what-we-agreed-on');
  }
}, 90_000);
