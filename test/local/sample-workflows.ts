/**
 * Workflows for the tests of `advance`: they wait as ours do, and note the service's time at each wake.
 */
import {
  ParentClosePolicy,
  continueAsNew,
  executeChild,
  proxyActivities,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';

/** What the workflows ask of the test. */
export type SampleActivities = {
  /** Notes a wake and tells the service's time, in milliseconds since the epoch. */
  note: (name: string) => Promise<number>;
  /** Fails the first time that it is called for a name, then succeeds. */
  stumble: (name: string) => Promise<void>;
};

const { note } = proxyActivities<SampleActivities>({ startToCloseTimeout: '1 minute' });
const { stumble } = proxyActivities<SampleActivities>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '1 hour', backoffCoefficient: 1 },
});

const HOUR_MS = 3_600_000;

/** Wakes every 6 h until the service's clock is `lastsMs` further. */
export async function sampleJob(name: string, lastsMs: number, lifetimeMs?: number): Promise<number> {
  const startedMs = await note(name);
  if (lifetimeMs !== undefined) {
    upsertSearchAttributes({ LabelingDeadline: [new Date(startedMs + lifetimeMs)] });
  }
  let nowMs = startedMs;
  let wakes = 0;
  while (nowMs < startedMs + lastsMs) {
    await sleep(Math.min(6 * HOUR_MS, startedMs + lastsMs - nowMs));
    nowMs = await note(name);
    wakes += 1;
  }
  return wakes;
}

/** Runs jobs one after another, as a chain does. */
export async function sampleChain(name: string, lastsMs: readonly number[]): Promise<number[]> {
  const wakes: number[] = [];
  for (const [index, each] of lastsMs.entries()) {
    wakes.push(
      await executeChild(sampleJob, {
        workflowId: `${workflowInfo().workflowId}-${index}`,
        args: [name, each, 30 * 24 * HOUR_MS],
        parentClosePolicy: ParentClosePolicy.ABANDON,
      }),
    );
  }
  return wakes;
}

/** Fails once with an hour of back-off, then waits for ever. */
export async function sampleStumbler(name: string): Promise<void> {
  await sleep(HOUR_MS);
  await stumble(name);
  await sleep('10 years');
}

/** Continues as new every third wake, carrying no time. */
export async function sampleLongRunner(name: string, wakesLeft: number): Promise<void> {
  for (let wake = 0; wake < 3 && wakesLeft - wake > 0; wake += 1) {
    await sleep(6 * HOUR_MS);
    await note(name);
  }
  if (wakesLeft > 3) await continueAsNew<typeof sampleLongRunner>(name, wakesLeft - 3);
}
