/** After a labeling job: its output is waited for until it holds what AWS counted, then merged. */
import {
  awaitingCounted,
  countersHeard,
  jobInTrouble,
  jobMerged,
  jobSeen,
  lateCountersHeard,
  lateLabelsMerged,
  mergeBlocked,
  stoppedWithoutLabels,
  streamingJobEnded,
} from '../decisions/after-job.ts';
import { generationOf, type ChainState, type Phase } from '../decisions/chain-state.ts';
import { countersDoubtedMs, countersLookMs, jobsToCount } from '../decisions/counters.ts';
import { DAY_MS, MINUTE_MS, formatDuration } from '../decisions/durations.ts';
import type { Ending } from '../decisions/ending.ts';
import { REFUSED_LOOKS_TOLD, unseenLookMs } from '../decisions/follow.ts';
import { outputsThatMayChange } from '../decisions/known-outputs.ts';
import { call } from './calls.ts';
import type { ChainRun } from './chain-run.ts';
import { askAboutUnreadable } from './late-labels.ts';
import { isPatched } from './patches.ts';
import { waitForPerson } from './person.ts';

type EndedJob = Extract<Ending, { kind: 'ended' }>;

/** Looks at an output that does not yet hold what AWS counted: after these waits, then every half hour. */
const SETTLE_WAITS_MS = [MINUTE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS, 10 * MINUTE_MS];

/** How long to wait before counters that say nothing are asked for again; null: they are believed. */
const waitForCountersMs = (
  { state }: ChainRun,
  generation: number,
  ending: EndedJob,
  stopped: boolean,
  looks: number,
) => {
  const input = generationOf(state, generation)?.input ?? null;
  return countersLookMs({ ending, input, stopped, policy: state.spec.policy }, looks);
};

/** Waits, and asks for the counters; the ending with what they say then, or why AWS shows nothing. */
const askForCounters = async (
  run: ChainRun,
  generation: number,
  ending: EndedJob,
  waitMs: number,
  stopped: () => boolean,
): Promise<{ ending: EndedJob; refusal: string | null }> => {
  const { name } = ending.observation;
  const summary = `Asks again in ${formatDuration(waitMs)}: ${name} is ${ending.status}, and its counters are all zero`;
  await run.pause(stopped, waitMs, summary);
  const job = { region: run.state.spec.region, name };
  const found = await call('describeLabelingJob', `See the counters of ${name} again`, job);
  if (found.kind === 'observed') run.set(countersHeard(run.state, generation, found));
  const { phase } = run.state;
  return {
    ending: phase.kind === 'settling' && phase.ending.kind === 'ended' ? phase.ending : ending,
    refusal: found.kind === 'refused' ? found.message : null,
  };
};

const LOOKS_A_DAY = DAY_MS / unseenLookMs(Infinity);

/** AWS hides the ended job: a person is told, at first and daily. The question goes away by itself once it can be seen. */
const tellHidden = (run: ChainRun, generation: number, name: string, refusals: number, refusal: string): void => {
  const sinceTold = refusals - REFUSED_LOOKS_TOLD;
  if (sinceTold < 0 || sinceTold % LOOKS_A_DAY !== 0) return;
  const message = `AWS refuses to show the labeling job ${name}, so nobody sees how many labels it counted: ${refusal}`;
  run.set(jobInTrouble(run.state, generation, 'describe-refused', message));
  run.showInList();
  const { attention } = run.state;
  if (attention !== null) run.tell.attention(attention, sinceTold / LOOKS_A_DAY);
};

/**
 * Counters that say nothing are asked for again before they are believed. A look that AWS refuses says nothing of them
 * either: however many there are, the zeros are not believed for them (I1, I6). A stop ends this, since a late look follows, and a
 * resume doubts them again; after a cancel no look is later.
 */
const heardCounters = async (run: ChainRun, generation: number, given: EndedJob): Promise<EndedJob> => {
  const isDoubted = waitForCountersMs(run, generation, given, false, 0) !== null;
  const doubtedThoughCancelled = isDoubted && isPatched('zeros-doubted-though-cancelled');
  const stopped = (): boolean => run.stopped && !(doubtedThoughCancelled && run.cancelled);
  let ending = given;
  let refusals = 0;
  for (let looks = 0; ;) {
    const waitMs = waitForCountersMs(run, generation, ending, stopped(), looks);
    if (waitMs === null) break;
    // Of a cancelled chain nobody is asked for long: it closes after as many looks, refused or not.
    const isClosing = doubtedThoughCancelled && run.cancelled;
    const nextLookMs = refusals > 0 && !isClosing ? unseenLookMs(refusals) : waitMs;
    const asked = await askForCounters(run, generation, ending, nextLookMs, stopped);
    ({ ending } = asked);
    if (asked.refusal === null || isClosing) looks += 1;
    if (asked.refusal === null) {
      refusals = 0;
      run.set(jobSeen(run.state));
    } else {
      refusals += 1;
      tellHidden(run, generation, ending.observation.name, refusals, asked.refusal);
    }
  }
  run.set(jobSeen(run.state));
  return ending;
};

/** Asks once more for the counters of a job that AWS never showed; with `doubts` again and again as long as zeros are doubted. */
const countJob = async (run: ChainRun, generation: number, name: string, doubts: boolean): Promise<void> => {
  const { region, policy } = run.state.spec;
  for (;;) {
    const found = await call('describeLabelingJob', `See what AWS counts of ${name} by now`, { region, name });
    if (found.kind !== 'observed') return;
    run.set(lateCountersHeard(run.state, generation, found));
    if (!doubts) return;
    run.set(awaitingCounted(run.state, generation));
    const job = generationOf(run.state, generation);
    const waitMs = job === null ? null : countersDoubtedMs(job, found.serviceNowMs, policy);
    if (waitMs === null) return;
    const summary = `Asks again in ${formatDuration(waitMs)}: ${name} is ${found.status}, and its counters are all zero`;
    await run.pause(() => run.stopped, waitMs, summary);
    if (run.stopped) return;
  }
};

/** Before the next job is decided: hours may have passed since the last look, or a stop ended the doubt about zeros (I1, I6). */
export const countJobs = async (run: ChainRun): Promise<void> => {
  const { policy } = run.state.spec;
  const jobs = jobsToCount(run.state);
  const isMoneyLimited = policy.maxCost !== null && policy.price !== null;
  const doubts = jobs.length > 0 && isPatched('jobs-without-counters-are-asked-for');
  if (!doubts && !isMoneyLimited) return;
  for (const { generation, name } of jobs) await countJob(run, generation, name, doubts);
};

/** The chain goes on with the labels that are there. */
const acceptingMissing = (state: ChainState): ChainState =>
  state.phase.kind === 'settling' ? { ...state, phase: { ...state.phase, acceptMissing: true } } : state;

/**
 * Waits until the output holds what AWS counted, then merges it. A stop does not shorten this: labels that are paid for
 * are waited for. What a stop does end is the question to a person: then what is there is kept.
 */
export const settle = async (run: ChainRun, phase: Extract<Phase, { kind: 'settling' }>): Promise<void> => {
  const { generation } = phase;
  if (phase.ending.kind !== 'ended') throw new Error(`generation ${generation} has no ending to settle`);
  if (run.state.spec.streaming) {
    run.set(streamingJobEnded(run.state, generation));
    return;
  }
  const ending = await heardCounters(run, generation, phase.ending);
  /** This job, and earlier ones whose outputs AWS has written again: of the others a merge need not know more than their outputs. */
  let merged: readonly number[] = [generation];
  for (let look = 0, waitedMs = 0; ; look += 1) {
    const { phase: current } = run.state;
    const nowMs = Date.now();
    const result = await call('settleAndMerge', `Merge the output of ${ending.observation.name}`, {
      state: { ...run.state, generations: run.state.generations.filter((job) => merged.includes(job.generation)) },
      generation,
      ending,
      acceptMissing: current.kind === 'settling' && current.acceptMissing,
      others: outputsThatMayChange(run.state, generation),
    });
    if (result.kind === 'late-outputs') {
      merged = [...merged, ...result.generations];
      look -= 1;
      continue;
    }
    if (result.kind === 'merged') {
      const merged = jobMerged(run.state, ending, generation, result.merge);
      // Older outputs that AWS has written again were merged on the way.
      const { dataset, unmatchedUri, newlySetAside } = result.merge;
      run.set(lateLabelsMerged(merged, { dataset, outputs: result.lateOutputs, unmatchedUri }));
      run.outputsSeenMs = nowMs;
      const { unreadable = null } = result;
      run.unreadableOutputs = unreadable?.outputs ?? [];
      if (unreadable !== null) askAboutUnreadable(run, unreadable);
      if (newlySetAside > 0) run.tell.setAside(generation, newlySetAside);
      return;
    }
    const isLate = waitedMs >= run.state.spec.policy.settleWithinMs;
    const blocked = result.kind === 'unreadable' ? 'unreadable-output' : isLate ? 'labels-missing' : null;
    if (blocked === null) {
      const waitMs = SETTLE_WAITS_MS[look] ?? 30 * MINUTE_MS;
      const summary = `Looks again in ${formatDuration(waitMs)}, the output is not complete: ${result.message}`;
      await run.pause(() => false, waitMs, summary);
      waitedMs += waitMs;
      continue;
    }
    if (result.kind === 'waiting' && result.found >= result.expected) {
      // No label is missing: what is there, or the input, stands in for the output, which is merged if it comes after all.
      run.set(acceptingMissing(run.state));
      continue;
    }
    run.set(mergeBlocked(run.state, generation, blocked, result.message));
    await waitForPerson(run);
    if (run.stopped) {
      const { totalLabeled } = ending.observation.counters;
      if (totalLabeled > 0 && isPatched('labels-awaited-after-a-stop'))
        run.set(stoppedWithoutLabels(run.state, generation, totalLabeled));
      // Unreadable: the output stays where it is, and the late look merges it if it was mended by then.
      if (blocked === 'unreadable-output') {
        run.set({ ...run.state, phase: { kind: 'deciding' } });
        return;
      }
      run.set(acceptingMissing(run.state));
    }
    waitedMs = 0;
    look = -1;
  }
};
