/** `label-relay replay`: whether this code can go on with the workflows of the connected namespace (I8). Changes nothing. */
import type { Client } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker, type ReplayHistoriesIterable } from '@temporalio/worker';
import { explained } from '../../client/context.ts';
import { loadConfig } from '../../config.ts';
import { connect } from '../../connection.ts';
import { messageOf } from '../../errors.ts';
import { encryptionOf, type PayloadKey } from '../../payload-encryption.ts';
import { workflowCode, workflowOptions } from '../../worker/workflow-code.ts';
import { EXIT, print, printJson, say } from '../output.ts';
import { numberFrom } from '../numbers.ts';

/** One workflow run and what a replay of it said; `problem` is null where the same commands came. */
export type ReplayFinding = { workflowId: string; runId: string; problem: string | null };

const OUR_TYPES = `WorkflowType IN ('labelingChain', 'labelingJob', 'labelingPreflight', 'labelingLookup', 'labelingReport', 'workerActivityLog')`;

/** Temporal lists the open ones first, then those that were closed last. */
const newestHistories = async function* (client: Client, limit: number): ReplayHistoriesIterable {
  let count = 0;
  for await (const { workflowId, runId } of client.workflow.list({ query: OUR_TYPES })) {
    if ((count += 1) > limit) return;
    yield { workflowId, history: await client.workflow.getHandle(workflowId, runId).fetchHistory() };
  }
};

/** Replays histories against the workflows of this code, one after the other, as a worker with these keys would. */
export const replayHistories = async function* (
  histories: ReplayHistoriesIterable,
  payloadKeys: readonly PayloadKey[] = [],
): AsyncGenerator<ReplayFinding> {
  const code = workflowCode(payloadKeys.length > 0);
  const options = { ...workflowOptions(code), ...encryptionOf(payloadKeys), replayName: 'label-relay' };
  for await (const { workflowId, runId, error } of Worker.runReplayHistories(options, histories)) {
    yield { workflowId, runId, problem: error === undefined ? null : messageOf(error) };
  }
};

export const replay = async (options: { last: string; json?: boolean }): Promise<number> => {
  const limit = numberFrom('last', options.last);
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined), shutdownSignals: [] });
  const config = loadConfig(process.env);
  const { client, connection } = await connect(config);
  const findings: ReplayFinding[] = [];
  try {
    for await (const finding of replayHistories(newestHistories(client, limit), config.payloadKeys)) {
      findings.push(finding);
      if (finding.problem !== null && options.json !== true)
        say(`${finding.workflowId} (${finding.runId}) fails: ${finding.problem}`);
    }
  } catch (thrown) {
    throw explained(thrown);
  } finally {
    await connection.close();
  }
  const failed = findings.filter(({ problem }) => problem !== null);
  if (options.json === true) printJson({ replayed: findings.length, failed });
  else if (failed.length === 0) print(`${findings.length} histories replayed; this code goes on with all of them`);
  else
    print(`${failed.length} of ${findings.length} histories fail: keep the old workers until those workflows are over`);
  return failed.length === 0 ? EXIT.done : EXIT.failed;
};
