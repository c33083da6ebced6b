/**
 * `npm run record-histories`: tells the demo's story on the local stack and saves the histories of its chain and jobs, for
 * `replay.test.ts`. To be run for each release: the files stay, so that newer code is held against what older code began.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { z } from 'zod';
import { runDemo } from '../../demo/run.ts';

const folder = new URL('./histories/', import.meta.url);
const packageFile = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
const { version } = z.object({ version: z.string() }).parse(JSON.parse(packageFile));

const ignore = (): void => undefined;
const { stack } = await runDemo({
  seed: 1,
  onProgress: (what) => console.error(what),
  onReady: ignore,
  onChange: ignore,
  signal: new AbortController().signal,
});
try {
  const { temporalAddress, namespace } = stack.facts;
  const connection = await Connection.connect({ address: temporalAddress });
  const client = new Client({ connection, namespace });
  await mkdir(folder, { recursive: true });
  for await (const { workflowId, runId, type } of client.workflow.list()) {
    if (!type.startsWith('labeling')) continue;
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const generation = /-(\d{3,})$/.exec(workflowId)?.[1];
    const story =
      type === 'labelingJob'
        ? `demo-job-${generation ?? runId}`
        : `demo-${type === 'labelingChain' ? 'chain' : 'preflight'}`;
    const text = historyToJSON(history).replaceAll(`@${hostname()}`, '@recorder');
    await writeFile(new URL(`${version}-${story}.json`, folder), `${text}\n`);
    console.error(`${version}-${story}.json`);
  }
  await connection.close();
} finally {
  await stack.stop();
}
