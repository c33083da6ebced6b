/** The baseline workflows: the least that Temporal can do with a signal. */
import { condition, defineSignal, proxyActivities, setHandler } from '@temporalio/workflow';

/** The signal of every workflow here. */
export const poke = defineSignal<[{ status: string; eventId: string }]>('poke');

const { answer } = proxyActivities<{ answer: () => Promise<string> }>({ startToCloseTimeout: '1 minute' });

/** Waits for a signal, runs one activity, returns its result. */
export const signalThenActivity = async (): Promise<string> => {
  let poked = false;
  setHandler(poke, () => {
    poked = true;
  });
  await condition(() => poked);
  return answer();
};

/** Takes signals and counts them by event id; never ends by itself. */
export const collect = async (): Promise<void> => {
  const seen = new Set<string>();
  setHandler(poke, ({ eventId }) => {
    seen.add(eventId);
  });
  await condition(() => false);
};
