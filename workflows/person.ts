/** Waiting for a person: an attention stands until resume or stop answers it, with a reminder each day. */
import { ActivityFailure, ApplicationFailure, condition, workflowInfo } from '@temporalio/workflow';
import { mergeBlocked } from '../decisions/after-job.ts';
import { lastGeneration } from '../decisions/chain-state.ts';
import { HOUR_MS, MINUTE_MS, formatDuration } from '../decisions/durations.ts';
import type { ChainRun } from './chain-run.ts';
import { isPatched } from './patches.ts';

/** With a stop asked for there is nothing to ask: what failed is tried again after these waits, then at the last. */
const TRIES_AFTER_MS = [10 * MINUTE_MS, HOUR_MS];

/**
 * Returns once the attention is answered or a stop is asked for; between jobs also when the run has to continue as new
 * (the question is then asked again by the next run, without a new notification).
 */
export const waitForPerson = async (run: ChainRun): Promise<void> => {
  const { attention } = run.state;
  if (attention === null) return;
  run.showInList();
  // Where the record cannot be written, that is what the person is asked about; an amendment waits for the answer too.
  const isRecordable = attention.reason !== 'storage-refused';
  if (isRecordable) await run.writeRecord(`attention, ${attention.reason}`);
  /** Another question took its place: whoever called us comes here again for that one, or goes on where it needs no answer. */
  const isReplaced = (): boolean =>
    run.state.attention?.reason !== attention.reason && isPatched('a-question-put-back-is-asked-anew');
  const answered = (): boolean => run.stopped || run.state.attention === null || isReplaced();
  const toRecord = (): boolean => isRecordable && run.unrecorded;
  while (!answered()) {
    run.tell.attention(attention, run.carried.reminders);
    run.carried.reminders += 1;
    for (let isAmended = true; isAmended;) {
      isAmended = await condition(() => answered() || toRecord(), '1 day', {
        summary: `Waits for a person: ${attention.reason}`,
      });
      if (answered()) break;
      if (toRecord()) await run.writeRecord('amended by a person');
    }
    if (!answered() && run.state.phase.kind === 'deciding' && workflowInfo().continueAsNewSuggested) return;
  }
  run.carried.reminders = 0;
  if (run.stopped) run.set({ ...run.state, attention: null });
  run.showInList();
};

/** What stands in the way is a file or S3, not the chain: the sentence for a person, or null if the error is something else. */
export const blockOf = (error: unknown): { reason: 'storage-refused' | 'unusable-input'; message: string } | null => {
  if (!(error instanceof ActivityFailure) || !(error.cause instanceof ApplicationFailure)) return null;
  const { type, message } = error.cause;
  if (type === 'storage-refused') return { reason: 'storage-refused', message };
  return type === 'unusable' ? { reason: 'unusable-input', message } : null;
};

/** Asks a person to mend what stands in the way, then lets the chain try the same again. */
export const askToMend = async (
  run: ChainRun,
  { reason, message }: { reason: 'storage-refused' | 'unusable-input'; message: string },
  tries: number,
): Promise<void> => {
  if (run.stopped || run.cancelled) {
    const waitMs = TRIES_AFTER_MS[tries] ?? 6 * HOUR_MS;
    run.set({ ...run.state, hindrance: message });
    const { stopsAgain } = run;
    const isEnded = (): boolean => run.state.phase.kind === 'ended';
    const wasEnded = isEnded();
    const isResumed = (): boolean => wasEnded && !isEnded() && isPatched('a-resume-ends-the-wait-for-s3');
    const summary = `Tries again in ${formatDuration(waitMs)}: ${message}`;
    await condition(() => run.stopsAgain !== stopsAgain || isResumed(), waitMs, { summary });
    run.set({ ...run.state, hindrance: null });
    return;
  }
  const { attention } = run.state;
  if (attention !== null && attention.reason !== reason) run.carried.askedBefore ??= attention;
  run.set(mergeBlocked({ ...run.state, attention: null }, lastGeneration(run.state)?.generation ?? 0, reason, message));
  await waitForPerson(run);
};
