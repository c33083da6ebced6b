/**
 * Labels that AWS publishes late (law 2: they are merged and counted, never dropped): one look before each job that is created, and one
 * a day after the chain's end.
 */
import { log } from '@temporalio/workflow';
import type { LateResult, UnreadableOutputs } from '../activities/merging.ts';
import { askForAwaited, lateLabelsMerged, mergeBlocked } from '../decisions/after-job.ts';
import { generationOf, type Generation } from '../decisions/chain-state.ts';
import { mayHaveOutput } from '../decisions/known-outputs.ts';
import { DAY_MS, HOUR_MS, SECOND_MS } from '../decisions/durations.ts';
import { call } from './calls.ts';
import type { ChainRun } from './chain-run.ts';
import { isPatched } from './patches.ts';
import { blockOf } from './person.ts';

/** News is given up after a day. */
const NEWS_WITHIN_MS = DAY_MS + HOUR_MS;

/** The late look is tried so often, an hour apart, before the chain closes without it. */
const LATE_LOOK_TRIES = 24;

type MergedLate = Extract<LateResult, { kind: 'merged' }>;

/** What of a late merge could not be read. */
const unreadableOf = (late: LateResult): UnreadableOutputs | null =>
  late.kind === 'unreadable' ? late : late.kind === 'merged' ? (late.unreadable ?? null) : null;

/** Earlier outputs that AWS has written again and that cannot be read: everything else was merged. */
export const askAboutUnreadable = (run: ChainRun, { message, outputs }: UnreadableOutputs): void => {
  const generation = outputs[0]?.generation ?? 0;
  if (run.state.attention === null) run.set(mergeBlocked(run.state, generation, 'unreadable-output', message));
};

/** One look, some time after the last job; S3 that refuses is tried again for a day, then the chain closes without it. */
export const lookForLateLabels = async (run: ChainRun): Promise<void> => {
  const { policy } = run.state.spec;
  const resumed = (): boolean => run.state.phase.kind !== 'ended';
  const pause = async (waitMs: number, why: string): Promise<boolean> => {
    await run.pause(() => resumed() || run.cancelled, waitMs, why);
    return !resumed();
  };
  const before = run.state.end;
  const status = before?.status ?? 'over';
  if (!(await pause(policy.lateLabelsMs, `The chain is ${status}; one more look for late labels, then it closes`)))
    return;
  // Until its news is delivered a cancelled chain stays open: the look comes after that, as late as it can.
  if (run.cancelled && !run.outbox.isEmpty && isPatched('news-before-the-last-look')) {
    const why = `The chain is ${status}; one more look for late labels once its news is delivered, then it closes`;
    await run.pause(() => run.outbox.isEmpty || resumed(), NEWS_WITHIN_MS, why);
    if (resumed()) return;
  }
  // A cancelled chain looks now, and once: what AWS has published by now is in the final manifest (law 2).
  for (let triesLeft = run.cancelled ? 1 : LATE_LOOK_TRIES; triesLeft > 0;) {
    triesLeft -= 1;
    try {
      await mergeLateLabels(run, resumed);
      break;
    } catch (error) {
      const block = blockOf(error);
      const looksAgain = (): boolean => run.cancelled && isPatched('a-refused-late-look-is-none');
      if (block === null || looksAgain()) throw error;
      if (!(await pause(HOUR_MS, `Looks for late labels again in an hour: ${block.message}`))) return;
      if (run.cancelled) triesLeft = looksAgain() ? 1 : 0;
    }
  }
  if (resumed()) return;
  run.set({ ...run.state, phase: { kind: 'ended', lateLookDone: true } });
  run.showInList();
  const why = 'looked for late labels';
  const { end } = run.state;
  const isNews = end !== null && end.finalManifestUri !== before?.finalManifestUri;
  if (isNews && isPatched('a-late-end-is-told')) await run.recordEnd(why, end);
  else await run.writeRecord(why);
};

const tellSetAside = (run: ChainRun, { newlySetAside = 0, outputs }: MergedLate): void => {
  if (newlySetAside > 0) run.tell.setAside(outputs[0]?.generation ?? 0, newlySetAside);
};

const mergeLateLabels = async (run: ChainRun, resumed: () => boolean): Promise<void> => {
  const { state } = run;
  const late = state.dataset === null ? null : await call('mergeLateLabels', 'Look for late labels', { state });
  const unreadable = late === null ? null : unreadableOf(late);
  if (unreadable !== null) log.warn('Late labels cannot be read', { message: unreadable.message });
  if (late?.kind !== 'merged' || resumed()) return;
  const written = await call('writeFinal', 'Write the final manifest with the late labels', {
    state: run.state,
    dataset: late.dataset,
  });
  // A resume meanwhile goes on from the dataset before: the next merge finds the same late labels again.
  if (resumed()) return;
  const next = lateLabelsMerged(run.state, late);
  run.set({ ...next, end: next.end === null ? null : { ...next.end, ...written } });
  const isNewlySetAside = (late.newlySetAside ?? 0) > 0;
  if (isNewlySetAside && isPatched('objects-set-aside-after-the-end-are-told')) tellSetAside(run, late);
};

/** All outputs were looked at less than this before: what changed since is found by whoever creates the next job. */
const JUST_SEEN_MS = 10 * SECOND_MS;

const wasSeen = ({ createdAtMs }: Generation): boolean => createdAtMs !== null;

/** Merges what AWS has published since the last merge. True if there was something, or something to ask. */
const mergeNews = async (run: ChainRun): Promise<boolean> => {
  const { state } = run;
  const nowMs = Date.now();
  const justSeen = run.outputsSeenMs !== null && nowMs - run.outputsSeenMs < JUST_SEEN_MS;
  if (justSeen && isPatched('no-look-right-after-a-merge')) return false;
  run.unreadableOutputs = [];
  const open = state.generations.filter(mayHaveOutput);
  const mayCome = open.some(wasSeen) || (open.length > 0 && isPatched('a-job-that-was-never-seen-may-have-an-output'));
  if (state.dataset === null || !mayCome) return false;
  const late = await call('mergeLateLabels', 'Look for labels published since the last merge', { state });
  if (late.kind === 'merged') {
    run.set(lateLabelsMerged(run.state, late));
    tellSetAside(run, late);
  }
  const unreadable = unreadableOf(late);
  if (unreadable === null) run.outputsSeenMs = nowMs;
  else {
    // A stop ended the question about an output of which nothing was read: its labels are not paid for again (I1).
    const unread = unreadable.outputs.find((one) => generationOf(state, one.generation)?.output === null);
    if (unread !== undefined) {
      askAboutUnreadable(run, { ...unreadable, outputs: [unread] });
      return true;
    }
    run.unreadableOutputs = unreadable.outputs;
  }
  return late.kind === 'merged';
};

/**
 * Merges what AWS has published since the last merge: labels may come late while the chain waits between two jobs. True if
 * there was something, or something to ask, as about labels that are still missing; the next order is then decided anew.
 */
export const mergePublished = async (run: ChainRun): Promise<boolean> => {
  if (await mergeNews(run)) return true;
  const asking = askForAwaited(run.state);
  if (asking === run.state) return false;
  run.set(asking);
  return true;
};
