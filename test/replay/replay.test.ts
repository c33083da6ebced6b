/**
 * I8: the workflows of this code go on with what older code began. The histories are recorded by `npm run record-histories`, and replayed
 * as `label-relay replay` does it: with the code, and whatever is laid over it, that a worker runs.
 */
import { readdir, readFile } from 'node:fs/promises';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { z } from 'zod';
import { replayHistories, type ReplayFinding } from '../../cli/commands/replay.ts';
import { HISTORIES } from './history-files.ts';

const historySchema = z.looseObject({ events: z.array(z.looseObject({ eventType: z.unknown() })) });
type History = z.infer<typeof historySchema>;

let histories: { file: string; history: History }[] = [];

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
  const files = (await readdir(HISTORIES)).filter((file) => file.endsWith('.json'));
  histories = await Promise.all(
    files.map(async (file) => ({
      file,
      history: historySchema.parse(JSON.parse(await readFile(`${HISTORIES}/${file}`, 'utf8'))),
    })),
  );
}, 120_000);

const replay = async (given: { file: string; history: History }[]): Promise<ReplayFinding[]> => {
  const all = async function* () {
    for (const { file, history } of given) yield { workflowId: file, history };
  };
  const findings: ReplayFinding[] = [];
  for await (const finding of replayHistories(all())) findings.push(finding);
  return findings;
};

test('every story is there: the demo, and what it does not tell', () => {
  const stories = histories.map(({ file }) => file.replace(/^\d+\.\d+\.\d+-|\.json$/g, ''));
  expect(stories).toEqual(
    expect.arrayContaining([
      'demo-chain',
      'demo-preflight',
      'demo-job-001',
      'demo-job-004',
      'attention-chain',
      'stop-chain',
      'stop-chain-run-2',
      'cancel-chain',
      'adopt-chain',
      'adopt-lookup',
      'late-chain',
      'amend-chain',
      'amend-chain-run-2',
      'failures-chain',
      'signals-job-001',
    ]),
  );
});

test('I8: every recorded history replays on this code', async () => {
  const findings = await replay(histories);
  expect(findings).toHaveLength(histories.length);
  expect(findings.filter(({ problem }) => problem !== null)).toEqual([]);
}, 300_000);

test.each([
  ['another activity was called', '"openDataset"', '"closeDataset"'],
  ['another child was started', '"name": "labelingJob"', '"name": "labelingTask"'],
  ['another timer was started', '"timerId": "2"', '"timerId": "7"'],
])(
  'I8: a history in which %s is refused',
  async (_what, then, otherwise) => {
    const chain = histories.find(({ file }) => file.endsWith('attention-chain.json'));
    if (chain === undefined) throw new Error('no chain recorded');
    const text = JSON.stringify(chain.history, null, 1);
    const edited = historySchema.parse(JSON.parse(text.replaceAll(then, otherwise)));
    expect(edited).not.toEqual(chain.history);
    const [finding] = await replay([{ file: chain.file, history: edited }]);
    expect(finding?.problem).toMatch(/nondeterminism/i);
  },
  120_000,
);
