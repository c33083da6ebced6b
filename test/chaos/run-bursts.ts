/**
 * `npm run bursts -- [--jobs 1000] [--each 10] [--out <file>]`: the bursts in full, on a server with its own caps: `each` events for
 * every job while the worker is away, and more events for one job than one run takes. Exit 1 if anything was lost.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../decisions/search-attributes.ts';
import { connectToLocalTemporal } from '../../local/local-clients.ts';
import { startTemporalServer } from '../../local/temporal-server.ts';
import { workflowBundle } from '../workflows/support/bundle.ts';
import { burstOfMany, burstOfOne } from './bursts.ts';
import { writeResult } from '../support/result-file.ts';
import { commitId } from './snapshot.ts';

/** Signals that a run takes on a server with its own settings. https://docs.temporal.io/cloud/limits#per-workflow-execution-signal-limit */
const CAP = 10_000;
const BEYOND = 500;

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { jobs: text, each: text, out: text } });
const [jobs, each] = [Number(values.jobs ?? 1_000), Number(values.each ?? 10)];
const commit = await commitId('HEAD');
const dir = await mkdtemp(join(tmpdir(), 'label-relay-bursts-'));
const server = await startTemporalServer({ logFile: join(dir, 'temporal.log'), searchAttributes: SEARCH_ATTRIBUTES });
const connection = await connectToLocalTemporal(server.address);
try {
  const client = new Client({ connection });
  const stage = { client, address: server.address, workflowBundle: await workflowBundle() };
  const date = new Date().toISOString();
  const many = await burstOfMany(stage, { jobs, each });
  process.stderr.write(`${JSON.stringify(many)}\n`);
  const one = await burstOfOne(stage, { cap: CAP, beyond: BEYOND });
  const document = { commit, date, many, one };
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  if (values.out !== undefined) await writeResult(values.out, document);
  const broken = [many, one].some(({ lost, unheard }) => lost > 0 || unheard.length > 0) || one.perRun.length < 2;
  process.exitCode = broken ? 1 : 0;
} finally {
  await connection.close();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
}
