/**
 * The phase without faults: everything is up, time moves by the means of `local advance`, a person answers, and every chain has
 * to come to its end, also those that wait hours for a back-off or a day for late answers.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import { OperationError } from '../../errors.ts';
import { advance } from '../../local/advance.ts';
import { connectToLocalTemporal } from '../../local/local-clients.ts';
import type { Operator } from './operator.ts';
import type { ChaosStack } from './stack.ts';

/** Steps of the clock: short ones at first, while jobs and messages are under way. */
const STEPS_MS = [10 * MINUTE_MS, 10 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, HOUR_MS, 3 * HOUR_MS];
const LONG_STEP_MS = 6 * HOUR_MS;
/** Far more than back-offs, late answers and the last look at them need. */
const MOST_STEPS = 40;

const countOpen = async (stack: ChaosStack): Promise<number> =>
  (await stack.client.workflow.count(`ExecutionStatus = 'Running' AND WorkflowType STARTS_WITH 'labeling'`)).count;

/** Visibility lags behind: what is open is asked until the number stands. */
const openNow = async (stack: ChaosStack): Promise<number> => {
  for (let before = -1; ;) {
    const open = await countOpen(stack);
    if (open === before) return open;
    before = open;
    await sleep(1_000);
  }
};

/** Ends everything that was done to the stack. */
export const calm = async (stack: ChaosStack): Promise<void> => {
  for (const gate of Object.values(stack.gates)) gate.setMode('open');
  for (const process of Object.values(stack.processes)) process.thaw();
  for (const process of [
    stack.processes.temporal,
    stack.processes.simulator,
    stack.processes.worker,
    stack.processes.consumer,
  ])
    await process.up();
};

/** Lets everything come to rest. Resolves with the workflows that are still open, none if all is well, and the time that passed on the clock. */
export const comeToRest = async (
  stack: ChaosStack,
  operator: Operator,
  say: (line: string) => void,
): Promise<{ open: number; passedMs: number }> => {
  const connection = await connectToLocalTemporal(stack.facts.temporalAddress);
  try {
    let passedMs = 0;
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const asked = await operator.answerAll();
      // One that is over and still listed costs a step; one that is not listed yet must not end the run.
      const open = (await countOpen(stack)) || (await openNow(stack));
      say(
        `${open} workflows open, ${asked} asked a person, ${Math.round(passedMs / MINUTE_MS)} min passed on the clock`,
      );
      if (open === 0) return { open, passedMs };
      const durationMs = STEPS_MS[step] ?? LONG_STEP_MS;
      try {
        await advance({
          connection,
          simulatorEndpoint: stack.facts.sagemakerEndpoint,
          durationMs,
          queue: { endpoint: stack.facts.awsEndpoint, url: stack.facts.queueUrl },
        });
      } catch (thrown) {
        // A workflow gets nowhere: that is a finding, and the others are to be judged too.
        if (!(thrown instanceof OperationError)) throw thrown;
        say(thrown.message);
        return { open: await openNow(stack), passedMs };
      }
      passedMs += durationMs;
    }
    return { open: await openNow(stack), passedMs };
  } finally {
    await connection.close();
  }
};
