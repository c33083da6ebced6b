/** I8: the workflows of this code go on with what older code began. The histories are recorded by `npm run record-histories`. */
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DeterminismViolationError } from '@temporalio/workflow';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type WorkflowBundle } from '@temporalio/worker';
import { z } from 'zod';
import { workflowFiles } from '../../worker/workflow-code.ts';

const folder = fileURLToPath(new URL('./histories/', import.meta.url));
const historySchema = z.looseObject({ events: z.array(z.looseObject({ eventType: z.unknown() })) });
type History = z.infer<typeof historySchema>;

let workflowBundle: WorkflowBundle;
let histories: { file: string; history: History }[] = [];

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
  const { workflowsPath, workflowInterceptorModules } = workflowFiles();
  const logger = new DefaultLogger('ERROR');
  workflowBundle = await bundleWorkflowCode({ workflowsPath, workflowInterceptorModules, logger });
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json'));
  histories = await Promise.all(
    files.map(async (file) => ({
      file,
      history: historySchema.parse(JSON.parse(await readFile(`${folder}/${file}`, 'utf8'))),
    })),
  );
}, 120_000);

const replay = (history: History): Promise<void> => Worker.runReplayHistory({ workflowBundle }, history);

test('there is a chain, a preflight and four jobs of the demo at least', () => {
  const stories = histories.map(({ file }) => file.replace(/^\d+\.\d+\.\d+-/, ''));
  expect(stories).toEqual(
    expect.arrayContaining(['demo-chain.json', 'demo-preflight.json', 'demo-job-001.json', 'demo-job-004.json']),
  );
});

test('I8: every recorded history replays on this code', async () => {
  for (const { file, history } of histories) {
    await replay(history).catch((thrown: unknown) => {
      throw new Error(`${file} does not replay: ${String(thrown)}`, { cause: thrown });
    });
  }
  expect(histories.length).toBeGreaterThan(0);
}, 120_000);

test('I8: a history in which another activity was called is refused', async () => {
  const chain = histories.find(({ file }) => file.endsWith('demo-chain.json'))?.history;
  if (chain === undefined) throw new Error('no chain recorded');
  const edited = historySchema.parse(JSON.parse(JSON.stringify(chain).replaceAll('"openDataset"', '"closeDataset"')));
  expect(edited).not.toEqual(chain);
  await expect(replay(edited)).rejects.toThrow(DeterminismViolationError);
}, 60_000);
