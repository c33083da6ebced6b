/**
 * A chain: a dataset brought to fully labeled by one labeling job after another. Here are the messages that a chain takes
 * and the order of its steps; what is decided stands in `decisions/`, the steps in the files beside this one.
 *
 * I3: a job runs only in `runJob`, one at a time. I5: nothing is created once a stop is known. I8: all decisions are pure
 * functions of carried state.
 */
import {
  CancellationScope,
  CancelledFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  currentUpdateInfo,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { jobDecided, jobEnded, jobInTrouble, jobObserved, jobSeen } from '../decisions/after-job.ts';
import {
  generationOf,
  withGeneration,
  type EndStatus,
  type Generation,
  type JobInput,
} from '../decisions/chain-state.ts';
import { formatDuration } from '../decisions/durations.ts';
import { mayHaveOutput } from '../decisions/known-outputs.ts';
import { isAskedAnew, nextOrder, type JobOrder, type Order } from '../decisions/next-order.ts';
import { amendmentRefusal, type Amendment } from '../decisions/amendment.ts';
import { resume, type ResumeOptions } from '../decisions/resume.ts';
import { amendedText } from '../decisions/view.ts';
import { call } from './calls.ts';
import { decided } from './causes.ts';
import { ChainRun, Reset, Superseded, type LabelingChainInput, type LabelingChainResult } from './chain-run.ts';
import { applyPending } from './changes.ts';
import { runJob } from './job-run.ts';
import { lookForLateLabels, mergePublished } from './late-labels.ts';
import {
  amendChain,
  jobReport,
  labelingChainState,
  resumeChain,
  stopChain,
  type CommandResult,
  type JobReport,
} from './messages.ts';
import { adoptChain, amendRecord, openChain, reloadAfterReset, resumeChainFromRecord } from './opening.ts';
import { isPatched } from './patches.ts';
import { askToMend, blockOf, waitForPerson } from './person.ts';
import { countJobs, settle } from './settling.ts';

export type { LabelingChainInput, LabelingChainResult } from './chain-run.ts';

/** A reset repeats signals that an earlier run had, and another chain had this name before: only what speaks of the job that runs now is heard. */
const hear = (run: ChainRun, report: JobReport): void => {
  const { state } = run;
  const { phase } = state;
  if (phase.kind !== 'job' || phase.generation !== report.generation) return;
  const { name = generationOf(state, report.generation)?.name } = report;
  if (name !== generationOf(state, report.generation)?.name) return;
  switch (report.kind) {
    case 'ended':
      run.endingReported = { generation: report.generation, ending: report.ending };
      return;
    case 'stopping':
      run.set(withGeneration(state, report.generation, { stop: report.stop }));
      run.unrecorded = true;
      return;
    case 'observed':
      run.set(jobSeen(jobObserved(state, report.generation, report.observation)));
      return;
    case 'trouble': {
      const { generation, observation, reason, message } = report;
      const seen = observation === null ? state : jobObserved(state, generation, observation);
      run.set(jobInTrouble(seen, generation, reason, message));
    }
  }
};

const handleMessages = (run: ChainRun): void => {
  const accepted: CommandResult = { kind: 'accepted' };
  const notLoaded: CommandResult = {
    kind: 'refused',
    message: 'the chain is still reading its record; try again in a moment',
  };
  const closing: CommandResult = {
    kind: 'refused',
    message: `this run of the chain ${run.chain} is closing; try again in a moment`,
  };
  const amending: CommandResult = {
    kind: 'refused',
    message: `the chain ${run.chain} has ended and is being amended; try again in a moment`,
  };
  const onlyAmends = (): boolean => run.onlyAmends && isPatched('an-amend-run-only-amends');
  /** Why no command is taken now; null: it is. */
  const refusal = (): CommandResult | null => (run.over ? closing : run.loaded ? null : notLoaded);
  setHandler(labelingChainState, () => run.state);
  setHandler(jobReport, (report) => hear(run, report));
  /** Takes a command if one can be taken now; after a reset it is known again by its id. */
  const command =
    <Args>(obey: (args: Args) => CommandResult) =>
    (args: Args): CommandResult => {
      const answer = refusal() ?? obey(args);
      if (answer.kind === 'accepted') run.took(currentUpdateInfo()?.id ?? null, () => obey(args));
      return answer;
    };
  const stop = ({ reason }: { reason: string }): CommandResult => {
    if (onlyAmends()) return amending;
    if (run.state.phase.kind === 'ended') {
      return { kind: 'refused', message: `the chain ${run.chain} has ended already` };
    }
    if (run.stopped && isPatched('a-stop-again-tries-again')) run.stopsAgain += 1;
    run.requestStop(reason);
    return accepted;
  };
  const goOn = (options: ResumeOptions): CommandResult => {
    if (onlyAmends()) return amending;
    const { pending, askedBefore } = run.carried;
    const asksFirst =
      askedBefore !== null &&
      run.state.phase.kind !== 'ended' &&
      isPatched('a-limit-is-asked-about-anew-after-s3-was-mended');
    const resumed = resume(run.state, options, pending.manifestUris.length > 0 || asksFirst);
    if (resumed.kind === 'refused') return resumed;
    if (options.retrySetAside) run.carried.pending = { ...pending, retrySetAside: true };
    // A person who mended S3 or a file has not yet answered the question that stood before.
    const answersAll =
      askedBefore === null || (run.state.phase.kind === 'ended' && isPatched('a-resume-of-an-ended-chain-answers-all'));
    const back = asksFirst && isAskedAnew(askedBefore) ? null : askedBefore;
    run.set(answersAll ? resumed.state : { ...run.state, attention: back });
    run.carried.askedBefore = null;
    run.resumes += 1;
    run.showEnd();
    return accepted;
  };
  const amend = (amendment: Amendment): CommandResult => {
    const message = amendmentRefusal(run.state, amendment);
    if (message !== null && isPatched('some-amendments-are-refused')) return { kind: 'refused', message };
    run.amend(amendment);
    return accepted;
  };
  setHandler(stopChain, command(stop));
  setHandler(resumeChain, command(goOn));
  setHandler(amendChain, command(amend));
  // A cancel is a stop: the paid job is stopped and confirmed, the final manifest written, then the workflow ends.
  void CancellationScope.current().cancelRequested.catch(() => {
    run.cancelled = true;
    run.stopAsCancelled();
    // An ended chain has nothing to stop; it may wait for its last record, and nobody is asked about that any more.
    if (run.state.phase.kind === 'ended') run.set({ ...run.state, attention: null });
  });
};

/** Writes the job's input and the record; the job itself is created by its own workflow. */
const decideJob = async (run: ChainRun, order: JobOrder): Promise<void> => {
  const stopped = (): boolean => run.stopped;
  const { spec } = run.state;
  // I6: an order is only good for the spec that it was made from; after an amendment the next one is made anew.
  const isOutdated = (): boolean => stopped() || run.state.spec !== spec;
  if (order.delayMs > 0) {
    await run.pause(stopped, order.delayMs, `Back-off of ${formatDuration(order.delayMs)} after a failed job`);
  }
  if (stopped()) return;
  if (run.state.spec !== spec) return decideAgain(run);
  // Answers published while a person or a back-off was waited for: their objects are not sent again (I1).
  if (await mergePublished(run)) return;
  if (isOutdated()) return;
  const inOneTurn = isPatched('input-and-record-in-one-turn');
  const input = await (inOneTurn ? run.writeInputAndRecord(order) : writeInput(run, order));
  // The job stands in a record, and is not created: the record of what is decided instead follows.
  if (isOutdated()) return;
  run.decided = { generation: order.generation, spec };
  run.set(jobDecided(run.state, order, input));
  run.showInList();
  if (!inOneTurn) await run.writeRecord(`${order.name} is decided`);
  if (order.generation > 1) run.tell.continued(order.generation, order.name);
};

/** For histories from before both were written in one turn. */
const writeInput = async ({ state: { spec, dataset } }: ChainRun, order: JobOrder): Promise<JobInput | null> =>
  spec.streaming || dataset === null
    ? null
    : call('writeJobInput', `Write the input of ${order.name}`, { spec, dataset, order });

/** What is next, with all that a person gave and all that AWS counts by now. */
const decideNext = async (run: ChainRun): Promise<Order> => {
  await countJobs(run);
  // Last: what a person gives while it waits is done before anything is decided.
  if (!run.stopped) await applyPending(run);
  return nextOrder(run.state);
};

/** After a back-off during which the chain was amended: what is next is decided anew, without waiting again. */
const decideAgain = async (run: ChainRun): Promise<void> => {
  const order = await decideNext(run);
  if (order.kind === 'run-job') await decideJob(run, { ...order, delayMs: 0 });
};

const endChain = async (run: ChainRun, status: EndStatus, reason: string): Promise<void> => {
  const { dataset } = run.state;
  const written =
    dataset === null
      ? null
      : await call('writeFinal', 'Write the final manifest and the leftover report', { state: run.state, dataset });
  // Objects that were added meanwhile are work, unless the chain is to stop.
  if (dataset !== null && run.carried.pending.manifestUris.length > 0 && !run.stopped) return;
  const { state } = run;
  const end = {
    status,
    reason,
    atMs: state.lastHeardMs,
    finalManifestUri: written?.finalManifestUri ?? null,
    leftoverReportUri: written?.leftoverReportUri ?? null,
  };
  const neverHad = (job: Generation): boolean =>
    job.output === null &&
    job.createdAtMs === null &&
    !(mayHaveOutput(job) && isPatched('a-job-that-was-never-seen-may-have-an-output'));
  const lateLookDone = state.generations.every((job) => job.complete || neverHad(job));
  run.set({ ...state, phase: { kind: 'ended', lateLookDone }, attention: null, end });
  run.showInList();
  await run.recordEnd(`the chain is ${status}`, end);
};

/** One step of the chain; true when the chain is over. */
const step = async (run: ChainRun): Promise<boolean> => {
  if (run.isReset) await reloadAfterReset(run);
  const { state } = run;
  const { phase } = state;
  switch (phase.kind) {
    case 'deciding': {
      const order = await decideNext(run);
      decided('what is next', { order: order.kind });
      if (order.kind === 'ask') {
        run.set({ ...run.state, attention: order.attention });
        await waitForPerson(run);
      } else if (order.kind === 'end') await endChain(run, order.status, order.reason);
      else await decideJob(run, order);
      return false;
    }
    case 'job': {
      const job = generationOf(state, phase.generation);
      if (job === null) throw new Error(`generation ${phase.generation} is not in the state`);
      const ending = await runJob(run, job);
      run.set(jobEnded(run.state, job.generation, ending));
      run.showInList();
      return false;
    }
    case 'settling':
      await settle(run, phase);
      run.tell.jobEnded(phase.generation);
      return false;
    case 'ended':
      if (!phase.lateLookDone) await lookForLateLabels(run);
      else if (run.unrecorded) await run.writeRecord('written after the end');
      else return true;
      return false;
  }
};

/** Whoever resumed this chain elsewhere goes on with it; here nothing more is stopped, created or written. */
const leaveToOther = (run: ChainRun, recordUri: string): void => {
  run.over = true;
  const reason = `the chain was resumed elsewhere, or amended there after its end (${recordUri}): this run of it left everything to that one; if none goes on: label-relay resume ${run.chain}`;
  run.set({
    ...run.state,
    attention: null,
    phase: { kind: 'ended', lateLookDone: true },
    end: { status: 'stopped', reason, atMs: run.state.lastHeardMs, finalManifestUri: null, leftoverReportUri: null },
  });
  run.showInList();
};

/** Whatever is under way, it ends where a record shows that the chain goes on elsewhere, or went another way before a reset. */
const heedingRecords = async (run: ChainRun, work: () => Promise<void>): Promise<void> => {
  try {
    await work();
  } catch (error) {
    if (error instanceof Superseded) leaveToOther(run, error.message);
    else if (error instanceof Reset) run.isReset = true;
    else throw error;
  }
};

/** Resumed in the run that was cancelled: only a new one can be cancelled again. */
const isResumedAfterCancel = (run: ChainRun): boolean =>
  run.state.phase.kind === 'deciding' && run.cancelled && !run.stopped;

const goOnInNewRun = async (run: ChainRun): Promise<void> => {
  await condition(allHandlersFinished);
  await continueAsNew<typeof labelingChain>({ kind: 'continued', carried: run.carried });
};

const runToEnd = async (run: ChainRun): Promise<void> => {
  if (isResumedAfterCancel(run) && isPatched('resumed-after-the-end-of-a-cancelled-run')) await goOnInNewRun(run);
  for (let tries = 0; ;) {
    try {
      if (await step(run)) return;
      tries = 0;
    } catch (error) {
      const block = blockOf(error);
      if (block === null) throw error;
      await askToMend(run, block, tries).catch(async (again: unknown) => {
        // The record of the question cannot be written either: then that is the question.
        const second = blockOf(again);
        if (second === null) throw again;
        await askToMend(run, second, tries);
      });
      tries += 1;
    }
    const needsNewRun = isResumedAfterCancel(run) && isPatched('resumed-after-a-cancel-in-a-new-run');
    const isDeciding = run.state.phase.kind === 'deciding';
    if (needsNewRun || (isDeciding && workflowInfo().continueAsNewSuggested)) await goOnInNewRun(run);
  }
};

/** False: there is nothing to run. */
const begin = async (run: ChainRun, input: LabelingChainInput): Promise<boolean> => {
  switch (input.kind) {
    case 'start':
      await openChain(run);
      break;
    case 'adopt':
      await adoptChain(run, input);
      break;
    case 'resume':
      if (!(await resumeChainFromRecord(run, input))) return false;
      break;
    case 'amend':
      await amendRecord(run, input);
      run.showInList();
      return false;
    case 'continued':
      return true;
  }
  run.showInList();
  return true;
};

export async function labelingChain(input: LabelingChainInput): Promise<LabelingChainResult> {
  const run = new ChainRun(input);
  handleMessages(run);
  return CancellationScope.nonCancellable(async () => {
    await heedingRecords(run, async () => {
      run.over = !(await begin(run, input));
    });
    do {
      if (!run.over) await heedingRecords(run, () => runToEnd(run));
      // A receiver of news may be away for a day: what a person gives the chain meanwhile is done in this run.
      await condition(() => run.hasMore || (run.outbox.isEmpty && allHandlersFinished()));
    } while (run.hasMore);
    const { end } = run.state;
    if (run.cancelled && end?.status === 'stopped') throw new CancelledFailure(end.reason);
    return {
      status: end?.status ?? 'failed',
      reason: end?.reason ?? amendedText(run.chain),
      finalManifest: end?.finalManifestUri ?? null,
      leftoverReport: end?.leftoverReportUri ?? null,
    };
  });
}
