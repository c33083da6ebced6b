/**
 * What the steps of the runbook are run on: the local stack without worker and consumer, its Temporal server behind a TLS server that asks
 * for API keys as a Temporal service does, a second Temporal server to restore to, and somebody who takes webhooks.
 */
import { createHmac } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Client, type Connection } from '@temporalio/client';
import { z } from 'zod';
import { LabelRelay } from '../../client.ts';
import { SEARCH_ATTRIBUTES } from '../../decisions/search-attributes.ts';
import { OperationError } from '../../errors.ts';
import { advance } from '../../local/advance.ts';
import { putExampleFiles } from '../../local/example-files.ts';
import { connectToLocalTemporal, localAwsConfig } from '../../local/local-clients.ts';
import { startStack } from '../../local/stack.ts';
import { findTemporalExecutable, startTemporalServer } from '../../local/temporal-server.ts';
import type { LedgerRecord } from '../../simulator/ledger.ts';
import type { ScriptSource } from '../../simulator/script.ts';
import { root } from '../docs/pages.ts';
import { cleanEnvironment } from '../end-to-end/run-cli.ts';
import { makeCertificates } from '../support/certificates.ts';
import { startTlsFront } from '../support/tls-front.ts';

/** The chain of examples/image-classification.json. */
export const CHAIN = 'example-images';

const API_KEYS = { old: 'runbook-key-one', new: 'runbook-key-two' };
const WEBHOOK_SECRETS = { first: 'runbook-secret-one', second: 'runbook-secret-two' };

/** A webhook as it came: about what, and signed with the secret of which name; null for none that we know. */
export type Post = { kind: string; signedBy: string | null };

const startReceiver = async (posts: Post[]): Promise<{ url: string; close: () => Promise<void> }> => {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const signed = `${String(request.headers['label-relay-timestamp'])}.${body}`;
      const signature = request.headers['label-relay-signature'];
      const found = Object.entries(WEBHOOK_SECRETS).find(
        ([, secret]) => signature === `sha256=${createHmac('sha256', secret).update(signed).digest('hex')}`,
      );
      const { kind } = z.looseObject({ kind: z.string() }).parse(JSON.parse(body));
      posts.push({ kind, signedBy: found?.[0] ?? null });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise<unknown>((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${address.port}/hook`, close };
};

/** `label-relay` and `temporal` as commands, as a person has them. */
const putCommands = async (folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true });
  const commands = {
    'label-relay': `"${process.execPath}" "${join(root, 'cli.ts')}"`,
    temporal: `"${await findTemporalExecutable()}"`,
  };
  for (const [name, command] of Object.entries(commands)) {
    await writeFile(join(folder, name), `#!/bin/sh\nexec ${command} "$@"\n`);
    await chmod(join(folder, name), 0o755);
  }
};

const PATIENCE_MS = 120_000;

/** Asks until it is so. @throws OperationError with `what` after two minutes. */
export const until = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
  const lastMs = Date.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (Date.now() > lastMs) throw new OperationError(`it never was so: ${what}`);
    await sleep(250);
  }
};

export type RunbookWorld = Awaited<ReturnType<typeof openWorld>>;

export const openWorld = async (dir: string) => {
  const closes: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closes.splice(0).toReversed()) await one().catch(() => undefined);
  };
  try {
    const stack = await startStack({ dir: join(dir, 'stack'), clock: 'stopped', without: ['worker', 'consumer'] });
    closes.push(stack.stop);
    const { facts } = stack;
    await putExampleFiles(facts.awsEndpoint, facts.bucket);
    // The first labeling job takes ten days, and some objects are declined in it: there is something left to go on with.
    const slow: ScriptSource = {
      jobs: [{ match: { name: '*-001' }, workers: { ratePerHour: 0.1 }, declines: { fraction: 0.3 } }],
    };
    const script = { method: 'PUT', body: JSON.stringify(slow) };
    const answer = await fetch(`${facts.sagemakerEndpoint}/_simulator/script`, script);
    if (!answer.ok) throw new Error(await answer.text());
    const spare = await startTemporalServer({
      logFile: join(dir, 'spare-temporal.log'),
      searchAttributes: SEARCH_ATTRIBUTES,
    });
    closes.push(spare.stop);
    const certificates = await makeCertificates(join(dir, 'certificates'));
    const front = await startTlsFront(facts.temporalAddress, certificates, { kind: 'api-key', key: API_KEYS.old });
    closes.push(front.close);
    const spareFront = await startTlsFront(spare.address, certificates, { kind: 'api-key', key: API_KEYS.new });
    closes.push(spareFront.close);

    const posts: Post[] = [];
    const receiver = await startReceiver(posts);
    closes.push(receiver.close);
    const example = await readFile(join(root, 'examples/image-classification.json'), 'utf8');
    const spec = z.looseObject({ policy: z.looseObject({}) }).parse(JSON.parse(example));
    const notify = { webhook: { url: receiver.url, secretName: 'first' } };
    await writeFile(join(dir, 'spec.json'), JSON.stringify({ ...spec, policy: { ...spec.policy, notify } }));
    await putCommands(join(dir, 'bin'));

    const connections: Connection[] = [];
    for (const { address } of [{ address: facts.temporalAddress }, spare]) {
      const connection = await connectToLocalTemporal(address);
      connections.push(connection);
      closes.push(() => connection.close());
    }
    /** Where the chain is now. */
    let place = { server: 0, namespace: 'default' };
    const connection = (): Connection => {
      const found = connections[place.server];
      if (found === undefined) throw new Error('there is no such server');
      return found;
    };
    const client = (): Client => new Client({ connection: connection(), namespace: place.namespace });
    const relay = (): LabelRelay => new LabelRelay({ client: client() });
    const s3 = new S3Client({ ...localAwsConfig(facts.awsEndpoint), forcePathStyle: true });
    const { PATH = '' } = process.env;

    return {
      facts,
      posts,
      front,
      client,
      relay,
      close,
      moveTo: (next: typeof place): void => {
        place = next;
      },
      /** For the shell of the steps. */
      env: {
        ...cleanEnvironment(facts.env),
        PATH: `${join(dir, 'bin')}${delimiter}${PATH}`,
        HOME: dir,
        TEMPORAL_CONFIG_FILE: '/dev/null',
        TEMPORAL_ADDRESS: front.address,
        TEMPORAL_API_KEY: API_KEYS.old,
        TEMPORAL_TLS_SERVER_CA_CERT_PATH: certificates('authority').cert,
        LABEL_RELAY_WEBHOOK_SECRET_FIRST: WEBHOOK_SECRETS.first,
        NEW_API_KEY: API_KEYS.new,
        NEW_WEBHOOK_SECRET: WEBHOOK_SECRETS.second,
        WEBHOOK_URL: receiver.url,
        NEW_TEMPORAL_ADDRESS: spareFront.address,
      },
      /** What the person who hands out keys does: takes both, or only the new one. */
      acceptBothKeys: (): void => front.acceptKeys(API_KEYS.old, API_KEYS.new),
      withdrawOldKey: (): void => front.acceptKeys(API_KEYS.new),
      oldKey: API_KEYS.old,
      advance: (durationMs: number): Promise<number> =>
        advance({
          connection: connection(),
          namespace: place.namespace,
          simulatorEndpoint: facts.sagemakerEndpoint,
          durationMs,
          queue: { endpoint: facts.awsEndpoint, url: facts.queueUrl },
        }),
      read: async (uri: string): Promise<string> => {
        const Key = uri.slice(`s3://${facts.bucket}/`.length);
        const { Body } = await s3.send(new GetObjectCommand({ Bucket: facts.bucket, Key }));
        return (await Body?.transformToString()) ?? '';
      },
      /** The simulator's own, about the chain's jobs. */
      ledger: async (): Promise<LedgerRecord[]> => {
        const response = await fetch(`${facts.sagemakerEndpoint}/_simulator/ledger`);
        return (await response.json()) as LedgerRecord[];
      },
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
};
