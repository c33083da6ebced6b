/**
 * Running one labeling job from the chain's side: starts the workflow that creates and follows it, or attaches to one
 * that is already there, passes a stop on, speaks up about trouble, and returns the ending.
 *
 * I3: a job runs only here, one at a time. A follower that is lost is replaced by another for the same job, never by a
 * new job.
 */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ChildWorkflowFailure,
  TerminatedFailure,
  condition,
  getExternalWorkflowHandle,
  log,
  startChild,
} from '@temporalio/workflow';
import { mergeBlocked } from '../decisions/after-job.ts';
import { isLiveTrouble, type Attention } from '../decisions/attention.ts';
import { generationOf, lastGeneration, type Generation } from '../decisions/chain-state.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../decisions/durations.ts';
import type { Ending } from '../decisions/ending.ts';
import { labelingJobRequest } from '../decisions/job-request.ts';
import { outputsThatMayChange, type KnownOutput } from '../decisions/known-outputs.ts';
import { labelingJobName, labelingJobWorkflowId } from '../decisions/names.ts';
import type { Spec } from '../decisions/spec.ts';
import type { ChainRun } from './chain-run.ts';
import { labelingJob, type LabelingJobInput } from './labeling-job.ts';
import { reportEnding, stopLabelingJob } from './messages.ts';
import { isPatched } from './patches.ts';
import { waitForPerson } from './person.ts';
import { searchAttributes } from './search-attributes.ts';

/** A chain that waits for the ending of a job whose follower it did not start makes sure this often that it lives. */
const ATTACHED_CHECK_MS = 6 * HOUR_MS;

/** A follower that fails while a stop is asked for is replaced after these waits, then after the last. */
const LOST_FOLLOWER_WAITS_MS = [MINUTE_MS, 10 * MINUTE_MS, HOUR_MS];

/** A job that bears a name we did not give was adopted: it is never created by us. */
const isAdopted = (run: ChainRun, job: Generation): boolean =>
  job.name !== labelingJobName(run.chain, run.state.suffix, job.generation);

const beginOf = (run: ChainRun, job: Generation): LabelingJobInput['begin'] => {
  if (isAdopted(run, job)) return 'follow-only';
  if (run.inheritedGeneration !== job.generation) return 'create';
  // By which request it was decided, only the run knew that decided it.
  return job.amendedSince === true && run.decided?.generation !== job.generation ? 'find' : 'follow';
};

/** Outputs that may still change, as they were when the job was decided; those that nobody could read, as they were seen. */
const knownOutputsOf = (run: ChainRun, spec: Spec, job: Generation): KnownOutput[] =>
  outputsThatMayChange({ ...run.state, spec }, job.generation).map((known) => {
    const seen = run.unreadableOutputs.find(({ generation }) => generation === known.generation);
    return seen === undefined ? known : { ...known, uri: seen.uri, etag: seen.etag };
  });

const inputOf = (run: ChainRun, job: Generation, begin: LabelingJobInput['begin']): LabelingJobInput => {
  const { stopRequested } = run.state;
  const { spec } = run.decided?.generation === job.generation ? run.decided : run.state;
  return {
    chain: run.chain,
    generation: job.generation,
    region: spec.region,
    request: labelingJobRequest({ ...run.state, spec }, job),
    policy: spec.policy,
    streaming: spec.streaming,
    sentObjects: job.input?.sentObjects ?? null,
    knownOutputs: knownOutputsOf(run, spec, job),
    begin,
    stop: generationOf(run.state, job.generation)?.stop ?? null,
    stopAskedFor: stopRequested?.reason ?? null,
  };
};

const workflowIdOf = ({ state: { spec } }: ChainRun, job: Generation): string =>
  labelingJobWorkflowId({ account: spec.account, region: spec.region, jobName: job.name });

/** Runs one labeling job to its ending. */
export const runJob = async (run: ChainRun, job: Generation): Promise<Ending> => {
  const { spec } = run.state;
  const workflowId = workflowIdOf(run, job);
  let failures = 0;
  const first = beginOf(run, job);
  // The request that whoever follows creates it with, if it is not there: what is amended from now on holds from the next job on (I6).
  if (first === 'follow' && run.decided?.generation !== job.generation)
    run.decided = { generation: job.generation, spec };
  for (let begin = first; ; begin = begin === 'create' ? 'follow' : begin) {
    // Known before the job was begun: it never is (I5). A job that may exist is followed and stopped.
    if (run.stopped && begin === 'create') {
      return { kind: 'not-created', why: { kind: 'stop-requested' }, observedAtMs: null };
    }
    // What an earlier follower said (before a reset of this chain, perhaps) does not hold for the one that starts now.
    run.endingReported = null;
    const input = inputOf(run, job, begin);
    // From here on the job may exist: whoever comes here again looks for it first.
    run.inheritedGeneration = job.generation;
    try {
      return await follow(run, job, workflowId, input);
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) {
        const reported = await attach(run, job, workflowId);
        if (reported !== null) return reported;
      } else if (error instanceof ChildWorkflowFailure && error.cause instanceof TerminatedFailure) {
        log.warn('The workflow of the labeling job was terminated; a new one follows the same job', { workflowId });
      } else if (error instanceof ChildWorkflowFailure) {
        failures += 1;
        await askAboutFollower(run, job, rootMessage(error), failures);
      } else {
        throw error;
      }
    }
  }
};

/** The sentence at the bottom of a chain of failures. */
const rootMessage = (error: Error): string => (error.cause instanceof Error ? rootMessage(error.cause) : error.message);

/** A stop is no answer to a lost follower: only a new one can stop the paid job. */
const askAboutFollower = async (run: ChainRun, job: Generation, why: string, failures: number): Promise<void> => {
  if (run.stopped) {
    const waitMs = LOST_FOLLOWER_WAITS_MS[failures - 1] ?? HOUR_MS;
    await condition(() => false, waitMs, { summary: `The workflow that follows ${job.name} failed: ${why}` });
    return;
  }
  const message = `the workflow that follows ${job.name} failed: ${why}`;
  run.set(mergeBlocked(run.state, job.generation, 'job-workflow-failed', message));
  await waitForPerson(run);
};

const reported = (run: ChainRun, job: Generation): Ending | null =>
  run.endingReported?.generation === job.generation ? run.endingReported.ending : null;

/** @throws WorkflowExecutionAlreadyStartedError if a follower lives, ChildWorkflowFailure if it is lost. */
const follow = async (run: ChainRun, job: Generation, workflowId: string, input: LabelingJobInput): Promise<Ending> => {
  const child = await startChild(labelingJob, {
    workflowId,
    args: [input],
    parentClosePolicy: 'ABANDON',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    typedSearchAttributes: searchAttributes({
      LabelingChain: run.chain,
      LabelingJobName: job.name,
      LabelingGeneration: job.generation,
      LabelingJobStatus: 'Deciding',
    }),
    staticSummary: `Generation ${job.generation} of ${run.chain}: ${job.input?.sentObjects ?? '?'} objects`,
  });
  let ending: Ending | null = null;
  let failure: unknown = null;
  void child.result().then(
    (result) => (ending = result),
    (error: unknown) => (failure = error ?? new Error('unknown')),
  );
  // The ending comes by signal too: a chain that was reset may have lost the tie to its child.
  const over = (): Ending | null => ending ?? reported(run, job);
  await watchJob(run, {
    workflowId,
    over: () => over() !== null || failure !== null,
    toldToStop: input.stopAskedFor !== null,
    check: null,
  });
  const result = over();
  if (result !== null) return result;
  throw failure;
};

/** Whether a follower lives that was asked to tell how its job stands (`greet`), or only to report its ending. */
const greets = async (workflowId: string, greet = true): Promise<boolean> => {
  try {
    await getExternalWorkflowHandle(workflowId).signal(reportEnding, { greet });
    return true;
  } catch {
    return false;
  }
};

/** Waits for the ending of a job whose follower an earlier run of this chain started; null if that closed unheard. */
const attach = async (run: ChainRun, job: Generation, workflowId: string): Promise<Ending | null> => {
  if (await greets(workflowId)) {
    await watchJob(run, {
      workflowId,
      over: () => reported(run, job) !== null,
      toldToStop: false,
      check: () => greets(workflowId, false),
    });
  }
  return reported(run, job);
};

type Watch = {
  workflowId: string;
  over: () => boolean;
  toldToStop: boolean;
  /** For a follower that is not our child: whether it lives. */
  check: (() => Promise<boolean>) | null;
};

/** Until the job is over: passes a stop on, shows its status, and speaks up (again daily) about trouble that it reports. */
const watchJob = async (run: ChainRun, watch: Watch): Promise<void> => {
  let { toldToStop } = watch;
  let shownStatus = lastGeneration(run.state)?.status;
  let toldAttention: Attention | null = null;
  let days = 0;
  let sinceTellMs = 0;
  let { resumes } = run;
  const mustTell = (): boolean => run.stopped && !toldToStop;
  /** Passes the stop on; true where that showed that nobody follows the job any more. */
  const isStopUnheard = async (): Promise<boolean> => {
    toldToStop = true;
    const isHeard = await tellToStop(run, watch.workflowId);
    return !isHeard && watch.check !== null && isPatched('a-stop-finds-out-that-nobody-follows');
  };
  for (;;) {
    const { attention } = run.state;
    const status = lastGeneration(run.state)?.status;
    if (attention !== toldAttention || status !== shownStatus) run.showInList();
    shownStatus = status;
    if (attention !== toldAttention) {
      // A resume does not end such trouble: its follower tells of what is still so.
      const isResumed = attention === null && run.resumes !== resumes;
      resumes = run.resumes;
      const isTakenBack = isResumed && toldAttention !== null && isLiveTrouble(toldAttention);
      if (isTakenBack && isPatched('trouble-that-stays-is-told-again')) await greets(watch.workflowId);
      toldAttention = attention;
      days = 0;
      sinceTellMs = 0;
      if (attention !== null) run.tell.attention(attention, days);
    }
    if (run.unrecorded) {
      let isUnheard = false;
      const why = 'a person or a stop changed something while a job is live';
      const tell = async (): Promise<void> => void (isUnheard = await isStopUnheard());
      await recordBesideStop(run, why, { mustTell, tell });
      if (isUnheard) return;
    }
    const changed = (): boolean =>
      watch.over() ||
      mustTell() ||
      run.unrecorded ||
      run.state.attention !== toldAttention ||
      lastGeneration(run.state)?.status !== shownStatus;
    const waitMs = watch.check !== null ? ATTACHED_CHECK_MS : toldAttention !== null ? DAY_MS : null;
    if (waitMs === null) await condition(changed);
    else {
      const summary =
        watch.check === null ? 'Reminds of the trouble with the job' : 'Makes sure that the job is followed';
      if (!(await condition(changed, waitMs, { summary }))) {
        if (watch.check !== null && !(await watch.check())) return;
        sinceTellMs += waitMs;
        if (toldAttention !== null && sinceTellMs >= DAY_MS) {
          sinceTellMs = 0;
          days += 1;
          run.tell.attention(toldAttention, days);
        }
      }
    }
    if (watch.over()) return;
    if (mustTell() && (await isStopUnheard())) return;
  }
};

type PassOn = { mustTell: () => boolean; tell: () => Promise<unknown> };

/** Writes a record while a job is live. A stop is passed on beside it: workers are paid until the job is stopped, whatever S3 says. */
const recordBesideStop = (run: ChainRun, why: string, passOn: PassOn): Promise<void> =>
  isPatched('a-stop-does-not-wait-for-the-record') ? recordAndPassOn(run, why, passOn) : run.writeRecord(why);

const recordAndPassOn = async (run: ChainRun, why: string, { mustTell, tell }: PassOn): Promise<void> => {
  let isWritten = false;
  const written = (): void => void (isWritten = true);
  const writing = run.writeRecord(why);
  void writing.then(written, written);
  await condition(() => isWritten || mustTell());
  if (mustTell()) await tell();
  await writing;
};

/** Writes the first record of a chain that goes on with this job: a stop that is given meanwhile reaches whoever follows it. */
export const recordResumed = (run: ChainRun, job: Generation): Promise<void> =>
  recordBesideStop(run, 'resumed', {
    mustTell: () => run.stopped,
    tell: () => tellToStop(run, workflowIdOf(run, job)),
  });

/** Whether there was anybody to hear it. */
const tellToStop = async (run: ChainRun, workflowId: string): Promise<boolean> => {
  try {
    await getExternalWorkflowHandle(workflowId).signal(stopLabelingJob, {
      reason: run.state.stopRequested?.reason ?? 'asked by a person',
    });
    return true;
  } catch (error) {
    log.info('The job workflow had ended before it could be told to stop', { workflowId, error: String(error) });
    return false;
  }
};
