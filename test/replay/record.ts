/**
 * `npm run record-histories`: tells the demo's story on the local stack, then the stories of `stories.test.ts`, and saves the histories of
 * their workflows, for `replay.test.ts`. To be run for each release: the files stay, so that newer code is held against what
 * older code began. What this version has recorded before is left as it is; `--only stories` leaves out the demo.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { runDemo } from '../../demo/run.ts';
import { saveHistory } from './history-files.ts';

const ignore = (): void => undefined;

const recordDemo = async (): Promise<void> => {
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
    for await (const { workflowId, runId, type } of client.workflow.list()) {
      if (!type.startsWith('labeling')) continue;
      const generation = /-(\d{3,})$/.exec(workflowId)?.[1];
      const story =
        type === 'labelingJob'
          ? `demo-job-${generation ?? runId}`
          : `demo-${type === 'labelingChain' ? 'chain' : 'preflight'}`;
      await saveHistory(story, await client.workflow.getHandle(workflowId, runId).fetchHistory());
    }
    await connection.close();
  } finally {
    await stack.stop();
  }
};

const { values } = parseArgs({ options: { only: { type: 'string' } } });
if (values.only !== 'stories') await recordDemo();
execFileSync('npm', ['test', '--', 'test/replay/stories.test.ts'], {
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  env: { ...process.env, RECORD_HISTORIES: '1' },
  stdio: 'inherit',
});
