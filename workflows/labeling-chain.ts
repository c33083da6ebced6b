/**
 * A chain: a dataset brought to fully labeled by one labeling job after another. Runs a job as a child workflow, settles
 * and merges its manifest, decides, and runs the next. What is decided stands in `decisions/`; here are the order of
 * things, the waits, and the record that is written before each create.
 *
 * I3: a job runs only inside `runJob`, one at a time. I5: nothing is created once a stop is known. I8: all decisions are
 * pure functions of carried state.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ChildWorkflowFailure,
  TerminatedFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  log,
  setCurrentDetails,
  setHandler,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import {
  jobDecided,
  jobEnded,
  jobInTrouble,
  jobMerged,
  jobObserved,
  lateLabelsMerged,
  mergeBlocked,
  streamingJobEnded,
} from '../decisions/after-job.ts';
import {
  lastGeneration,
  newChain,
  type ChainState,
  type EndStatus,
  type Generation,
  type Phase,
} from '../decisions/chain-state.ts';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { Attention } from '../decisions/attention.ts';
import { HOUR_MS, MINUTE_MS, formatDuration } from '../decisions/durations.ts';
import type { Ending } from '../decisions/ending.ts';
import { labelingJobRequest } from '../decisions/job-request.ts';
import { labelingJobWorkflowId } from '../decisions/names.ts';
import { nextOrder, type JobOrder } from '../decisions/next-order.ts';
import { resume, type ResumeOptions } from '../decisions/resume.ts';
import type { Spec } from '../decisions/spec.ts';
import { call } from './calls.ts';
import { chainDetails } from './details.ts';
import { labelingJob, type LabelingJobInput } from './labeling-job.ts';
import {
  amendChain,
  jobReport,
  labelingChainState,
  reportEnding,
  resumeChain,
  stopChain,
  stopLabelingJob,
} from './messages.ts';
import { notifications } from './notifications.ts';
import { searchAttributes } from './search-attributes.ts';

export type LabelingChainInput =
  | { kind: 'start'; spec: Spec }
  | { kind: 'adopt'; spec: Spec; jobName: string; manifestUri: string }
  /** From the record in S3: of an ended chain, or of one that Temporal has forgotten. */
  | { kind: 'resume'; spec: Spec; options: ResumeOptions }
  | { kind: 'continued'; carried: Carried };

type Carried = {
  state: ChainState;
  /** The number of the next record to write. */
  recordSequence: number;
  pendingManifests: string[];
  retrySetAside: boolean;
};

export type LabelingChainResult = {
  status: EndStatus;
  reason: string;
  finalManifest: string | null;
  leftoverReport: string | null;
};

/** Looks at an output that does not yet hold what AWS counted: after these waits, then every half hour. */
const SETTLE_WAITS_MS = [MINUTE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS, 10 * MINUTE_MS];

/** A chain that waits for the ending of a job it did not start makes sure this often that the follower lives. */
const ATTACHED_CHECK_MS = 6 * HOUR_MS;

/** The sentence of a refusal by S3, or null if the error is something else. */
const storageRefusal = (error: unknown): string | null =>
  error instanceof ActivityFailure &&
  error.cause instanceof ApplicationFailure &&
  error.cause.type === 'storage-refused'
    ? error.cause.message
    : null;

export async function labelingChain(input: LabelingChainInput): Promise<LabelingChainResult> {
  const carried: Carried =
    input.kind === 'continued'
      ? input.carried
      : {
          state: newChain(input.spec, workflowInfo().firstExecutionRunId),
          recordSequence: 0,
          pendingManifests: [],
          retrySetAside: false,
        };
  let loaded = input.kind !== 'resume';
  let cancelled = false;
  let endingReported: { generation: number; ending: Ending } | null = null;
  /** The generation that an earlier run of this chain decided and may have created. */
  let inheritedGeneration: number | null = null;

  const chain = input.kind === 'continued' ? input.carried.state.chain : input.spec.chain;
  const set = (state: ChainState): void => {
    carried.state = state;
    setCurrentDetails(chainDetails(state));
  };

  const requestStop = (reason: string): void => {
    const { state } = carried;
    if (state.phase.kind === 'ended') return;
    set({ ...state, stopRequested: state.stopRequested ?? { atMs: state.lastHeardMs, reason } });
  };

  setHandler(labelingChainState, () => carried.state);
  setHandler(jobReport, (report) => {
    const { state } = carried;
    const { phase } = state;
    if (report.kind === 'ended') {
      endingReported = { generation: report.generation, ending: report.ending };
      return;
    }
    if (phase.kind !== 'job' || phase.generation !== report.generation) return;
    const seen = jobObserved(state, report.generation, report.observation);
    set(report.kind === 'trouble' ? jobInTrouble(seen, report.generation, report.reason, report.message) : seen);
  });
  setHandler(stopChain, ({ reason }) => {
    if (!loaded) return { kind: 'refused', message: 'the chain is still reading its record; try again in a moment' };
    if (carried.state.phase.kind === 'ended')
      return { kind: 'refused', message: `the chain ${chain} has ended already` };
    requestStop(reason);
    return { kind: 'accepted' };
  });
  setHandler(resumeChain, (options) => {
    if (!loaded) return { kind: 'refused', message: 'the chain is still reading its record; try again in a moment' };
    const resumed = resume(carried.state, options, carried.pendingManifests.length > 0);
    if (resumed.kind === 'refused') return resumed;
    carried.retrySetAside ||= options.retrySetAside;
    set(resumed.state);
    return { kind: 'accepted' };
  });
  setHandler(amendChain, ({ spec, manifestUri }) => {
    if (!loaded) return { kind: 'refused', message: 'the chain is still reading its record; try again in a moment' };
    if (spec !== null) set({ ...carried.state, spec });
    if (manifestUri !== null) carried.pendingManifests.push(manifestUri);
    return { kind: 'accepted' };
  });
  // A cancel is a stop: the paid job is stopped and confirmed, the final manifest written, then the workflow ends.
  void CancellationScope.current().cancelRequested.catch(() => {
    cancelled = true;
    requestStop('the workflow was cancelled');
  });

  const writeRecord = async (why: string): Promise<void> => {
    const { state, recordSequence } = carried;
    const written = await call('writeRecord', `Write the chain's record: ${why}`, { state, sequence: recordSequence });
    carried.recordSequence = written.sequence + 1;
  };

  const showInList = (): void => {
    const { state } = carried;
    const last = lastGeneration(state);
    upsertSearchAttributes(
      searchAttributes({
        LabelingGeneration: last?.generation ?? 0,
        LabelingJobName: last?.name ?? '',
        LabelingJobStatus: last?.status ?? '',
        LabelingRemaining: state.dataset?.remaining ?? 0,
        LabelingAttention: state.attention?.reason ?? '',
      }),
    );
  };

  const tell = notifications(() => carried.state);

  const stopped = (): boolean => carried.state.stopRequested !== null;

  /** Waits for a person: for resume, stop, or objects added by amend. Reminds daily. */
  const waitForPerson = async (): Promise<void> => {
    const { attention } = carried.state;
    if (attention === null) return;
    showInList();
    // Where the record cannot be written, that is what the person is asked about.
    if (attention.reason !== 'storage-refused') await writeRecord(`attention, ${attention.reason}`);
    for (let day = 0; ; day += 1) {
      await tell.attention(attention, day);
      const answered = await condition(() => stopped() || carried.state.attention === null, '1 day', {
        summary: `Waits for a person: ${attention.reason}`,
      });
      if (answered) break;
    }
    if (stopped()) set({ ...carried.state, attention: null });
    showInList();
  };

  const openChain = async (): Promise<void> => {
    const { state } = carried;
    await writeRecord('the name is taken');
    const { spec } = state;
    const job = await call('copyAssets', "Copy the category file and the UI template into the chain's folder", {
      spec,
    });
    set({ ...carried.state, spec: { ...carried.state.spec, job } });
    const manifestUri =
      input.kind === 'adopt' ? input.manifestUri : job.InputConfig.DataSource.S3DataSource?.ManifestS3Uri;
    if (spec.streaming || manifestUri === undefined) return;
    const dataset = await call('openDataset', `Read the dataset ${manifestUri}`, { spec, manifestUri });
    set({ ...carried.state, dataset, manifestUris: [manifestUri] });
  };

  const changeDataset = async (): Promise<void> => {
    for (
      let manifestUri = carried.pendingManifests[0];
      manifestUri !== undefined;
      manifestUri = carried.pendingManifests[0]
    ) {
      const { state } = carried;
      if (state.dataset === null) return;
      const { dataset } = await call('addObjects', `Add the objects of ${manifestUri}`, {
        spec: state.spec,
        dataset: state.dataset,
        manifestUri,
      });
      set({ ...carried.state, dataset, manifestUris: [...carried.state.manifestUris, manifestUri] });
      carried.pendingManifests.shift();
    }
    if (carried.retrySetAside && carried.state.dataset !== null) {
      const dataset = await call('retrySetAside', 'Give set-aside objects new attempts', {
        spec: carried.state.spec,
        dataset: carried.state.dataset,
      });
      set({ ...carried.state, dataset });
      carried.retrySetAside = false;
    }
  };

  const decideJob = async (order: JobOrder): Promise<void> => {
    if (order.delayMs > 0) {
      await condition(stopped, order.delayMs, {
        summary: `Back-off of ${formatDuration(order.delayMs)} after a failed job`,
      });
    }
    if (stopped()) return;
    const { spec, dataset } = carried.state;
    const jobInput =
      spec.streaming || dataset === null
        ? null
        : await call('writeJobInput', `Write the input of ${order.name}`, { spec, dataset, order });
    if (stopped()) return;
    set(jobDecided(carried.state, order, jobInput));
    showInList();
    await writeRecord(`${order.name} is decided`);
  };

  /** Runs one labeling job to its ending. Attaches to its workflow if that is already there. */
  const runJob = async (job: Generation): Promise<Ending> => {
    const { state } = carried;
    const workflowId = labelingJobWorkflowId({
      account: state.spec.account,
      region: state.spec.region,
      jobName: job.name,
    });
    const adopted = input.kind === 'adopt' && job.generation === 1 && state.resumption === 0;
    const args: LabelingJobInput = {
      chain,
      generation: job.generation,
      region: state.spec.region,
      request: labelingJobRequest(state, job),
      policy: state.spec.policy,
      streaming: state.spec.streaming,
      sentObjects: job.input?.sentObjects ?? null,
      begin: adopted ? 'follow-only' : inheritedGeneration === job.generation ? 'follow' : 'create',
      stopAskedFor: null,
    };
    const mine = (): Ending | null => (endingReported?.generation === job.generation ? endingReported.ending : null);
    for (let begin = args.begin; ; begin = adopted ? 'follow-only' : 'follow') {
      // Known before the job was begun: it never is (I5). A job that may exist is followed and stopped.
      if (stopped() && begin === 'create')
        return { kind: 'not-created', why: { kind: 'stop-requested' }, observedAtMs: null };
      try {
        const child = await startChild(labelingJob, {
          workflowId,
          args: [{ ...args, begin, stopAskedFor: state.stopRequested?.reason ?? null }],
          parentClosePolicy: 'ABANDON',
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          typedSearchAttributes: searchAttributes({
            LabelingChain: chain,
            LabelingJobName: job.name,
            LabelingGeneration: job.generation,
            LabelingJobStatus: 'Deciding',
          }),
          staticSummary: `Generation ${job.generation} of ${chain}: ${job.input?.sentObjects ?? '?'} objects`,
        });
        let ending: Ending | null = null;
        let failure: unknown = null;
        void child.result().then(
          (result) => (ending = result),
          (error: unknown) => (failure = error ?? new Error('unknown')),
        );
        await whileJobRuns(workflowId, () => ending !== null || failure !== null);
        if (ending !== null) return ending;
        throw failure;
      } catch (error) {
        if (error instanceof WorkflowExecutionAlreadyStartedError) {
          const reported = await attach(workflowId, mine);
          if (reported !== null) return reported;
        } else if (error instanceof ChildWorkflowFailure && error.cause instanceof TerminatedFailure) {
          log.warn('The workflow of the labeling job was terminated; a new one follows the same job', { workflowId });
        } else if (error instanceof ChildWorkflowFailure) {
          const message = `the workflow that follows ${job.name} failed: ${error.cause?.message ?? error.message}`;
          set(mergeBlocked(carried.state, job.generation, 'job-workflow-failed', message));
          await waitForPerson();
          // A stop is not an answer to a lost follower: only a new one can stop the paid job.
        } else {
          throw error;
        }
      }
    }
  };

  /** Until the job's workflow is over: passes a stop on, and speaks up (again daily) about trouble that it reports. */
  const whileJobRuns = async (workflowId: string, over: () => boolean): Promise<void> => {
    let toldToStop = carried.state.stopRequested !== null;
    let toldAttention: Attention | null = null;
    for (let day = 0; ;) {
      const { attention } = carried.state;
      if (attention !== toldAttention) {
        toldAttention = attention;
        day = 0;
        showInList();
        if (attention !== null) await tell.attention(attention, day);
      }
      const changed = (): boolean => over() || (stopped() && !toldToStop) || carried.state.attention !== toldAttention;
      if (toldAttention === null) await condition(changed);
      else if (!(await condition(changed, '1 day', { summary: 'Remind of the trouble with the job' }))) {
        await tell.attention(toldAttention, (day += 1));
      }
      if (over()) return;
      if (stopped() && !toldToStop) {
        toldToStop = true;
        await tellJobToStop(workflowId);
      }
    }
  };

  const tellJobToStop = async (workflowId: string): Promise<void> => {
    try {
      await getExternalWorkflowHandle(workflowId).signal(stopLabelingJob, {
        reason: carried.state.stopRequested?.reason ?? 'asked by a person',
      });
    } catch (error) {
      log.info('The job workflow had ended before it could be told to stop', { workflowId, error: String(error) });
    }
  };

  /** Waits for the ending of a job workflow that an earlier run of this chain started; null if it closed unheard. */
  const attach = async (workflowId: string, mine: () => Ending | null): Promise<Ending | null> => {
    let toldToStop = false;
    for (;;) {
      try {
        await getExternalWorkflowHandle(workflowId).signal(reportEnding);
      } catch {
        return mine();
      }
      if (stopped() && !toldToStop) {
        toldToStop = true;
        await tellJobToStop(workflowId);
      }
      await condition(() => mine() !== null || (stopped() && !toldToStop), ATTACHED_CHECK_MS, {
        summary: 'Waits for the ending of the job; then makes sure that its follower lives',
      });
      const ending = mine();
      if (ending !== null) return ending;
    }
  };

  /** Waits until the output holds what AWS counted, then merges it. */
  const settle = async (phase: Extract<Phase, { kind: 'settling' }>): Promise<void> => {
    const { ending, generation } = phase;
    if (ending.kind !== 'ended') return;
    if (carried.state.spec.streaming) {
      set(streamingJobEnded(carried.state, generation));
      return;
    }
    for (let look = 0, waitedMs = 0; ; look += 1) {
      const current = carried.state.phase;
      const acceptMissing = current.kind === 'settling' && current.acceptMissing;
      const result = await call('settleAndMerge', `Merge the output of ${ending.observation.name}`, {
        state: carried.state,
        generation,
        ending,
        acceptMissing,
      });
      if (result.kind === 'merged') {
        const { state } = carried;
        // Older outputs that AWS has written again were merged on the way.
        const withLate = lateLabelsMerged(state, result.merge.dataset, result.lateOutputs);
        set(jobMerged(withLate, ending, generation, result.merge));
        return;
      }
      const blocked =
        result.kind === 'unreadable'
          ? 'unreadable-output'
          : waitedMs >= carried.state.spec.policy.settleWithinMs
            ? 'labels-missing'
            : null;
      if (blocked !== null) {
        set(mergeBlocked(carried.state, generation, blocked, result.message));
        await waitForPerson();
        if (stopped()) {
          // The person ends the chain: what can be read is kept.
          const { phase: now } = carried.state;
          if (now.kind === 'settling') set({ ...carried.state, phase: { ...now, acceptMissing: true } });
          if (blocked === 'unreadable-output') {
            set({ ...carried.state, phase: { kind: 'deciding' } });
            return;
          }
        }
        waitedMs = 0;
        look = -1;
        continue;
      }
      const waitMs = SETTLE_WAITS_MS[look] ?? 30 * MINUTE_MS;
      await condition(() => false, waitMs, { summary: `The output is not complete yet: ${result.message}` });
      waitedMs += waitMs;
    }
  };

  const endChain = async (status: EndStatus, reason: string): Promise<void> => {
    const { state } = carried;
    const written =
      state.dataset === null
        ? null
        : await call('writeFinal', 'Write the final manifest and the leftover report', {
            state,
            dataset: state.dataset,
          });
    set({
      ...carried.state,
      phase: {
        kind: 'ended',
        lateLookDone: state.generations.every(
          (job) => job.complete || (job.output === null && job.createdAtMs === null),
        ),
      },
      attention: null,
      end: {
        status,
        reason,
        atMs: state.lastHeardMs,
        finalManifestUri: written?.finalManifestUri ?? null,
        leftoverReportUri: written?.leftoverReportUri ?? null,
      },
    });
    showInList();
    await writeRecord(`the chain is ${status}`);
    await tell.finished(status, reason);
  };

  /** Answers in flight at a stop may be published later: one look, some time after the last job. */
  const lookForLateLabels = async (): Promise<void> => {
    const { policy } = carried.state.spec;
    const resumed = (): boolean => carried.state.phase.kind !== 'ended';
    await condition(() => resumed() || cancelled, policy.lateLabelsMs, {
      summary: `The chain is ${carried.state.end?.status ?? 'over'}; one more look for late labels, then it closes`,
    });
    if (resumed()) return;
    const { state } = carried;
    const late = state.dataset === null ? null : await call('mergeLateLabels', 'Look for late labels', { state });
    if (resumed()) return;
    if (late !== null && late.kind === 'merged') {
      set(lateLabelsMerged(carried.state, late.dataset, late.outputs));
      const written = await call('writeFinal', 'Write the final manifest with the late labels', {
        state: carried.state,
        dataset: late.dataset,
      });
      const { end } = carried.state;
      if (end !== null) set({ ...carried.state, end: { ...end, ...written } });
    }
    if (resumed()) return;
    set({ ...carried.state, phase: { kind: 'ended', lateLookDone: true } });
    showInList();
    await writeRecord('looked for late labels');
  };

  const run = async (): Promise<void> => {
    if (input.kind === 'resume') {
      const record = await call('readRecord', "Read the chain's record", { spec: input.spec });
      const resumed = resume(
        { ...record.state, resumption: record.state.resumption + 1 },
        input.options,
        carried.pendingManifests.length > 0,
        'closed',
      );
      carried.retrySetAside ||= input.options.retrySetAside;
      // A record of a chain that was terminated while it ran: it simply goes on.
      set(resumed.kind === 'resumed' ? resumed.state : { ...record.state, resumption: record.state.resumption + 1 });
      if (carried.state.phase.kind === 'job') inheritedGeneration = carried.state.phase.generation;
      loaded = true;
      await writeRecord('resumed');
      showInList();
    } else if (input.kind !== 'continued') {
      await openChain();
      if (input.kind === 'adopt') adoptFirst(input);
      showInList();
    }
    for (;;) {
      try {
        if (await step()) return;
      } catch (error) {
        const message = storageRefusal(error);
        if (message === null) throw error;
        await askAboutStorage(message);
      }
      if (carried.state.phase.kind === 'deciding' && workflowInfo().continueAsNewSuggested) {
        await condition(allHandlersFinished);
        await continueAsNew<typeof labelingChain>({ kind: 'continued', carried });
      }
    }
  };

  /** AWS refuses our reads or writes in S3 (permissions, a bucket that is gone): a person has to mend it. */
  const askAboutStorage = async (message: string): Promise<void> => {
    const generation = lastGeneration(carried.state)?.generation ?? 0;
    if (stopped()) await condition(() => false, '10 minutes', { summary: `Tries again: ${message}` });
    else {
      set(mergeBlocked(carried.state, generation, 'storage-refused', message));
      await waitForPerson();
    }
  };

  /** One step of the chain; true when the chain is over. */
  const step = async (): Promise<boolean> => {
    const { state } = carried;
    const { phase } = state;
    switch (phase.kind) {
      case 'deciding': {
        await changeDataset();
        const order = nextOrder(carried.state);
        if (order.kind === 'ask') {
          set({ ...carried.state, attention: order.attention });
          await waitForPerson();
        } else if (order.kind === 'end') {
          await endChain(order.status, order.reason);
        } else {
          await decideJob(order);
        }
        break;
      }
      case 'job': {
        const job = state.generations.find((one) => one.generation === phase.generation);
        if (job === undefined) throw new Error(`generation ${phase.generation} is not in the state`);
        const ending = await runJob(job);
        set(jobEnded(carried.state, job.generation, ending));
        showInList();
        break;
      }
      case 'settling':
        await settle(phase);
        await tell.jobEnded(phase.generation);
        break;
      case 'ended':
        if (phase.lateLookDone || cancelled) return true;
        await lookForLateLabels();
        break;
    }
    return false;
  };

  const adoptFirst = (adoption: Extract<LabelingChainInput, { kind: 'adopt' }>): void => {
    const { state } = carried;
    const order: JobOrder = {
      kind: 'run-job',
      generation: 1,
      name: adoption.jobName,
      mode: 'unlabeled',
      maxObjects: state.dataset?.remaining ?? 0,
      withoutAlgorithms: false,
      note: 'adopted',
      delayMs: 0,
    };
    set(jobDecided(state, order, null));
  };

  return CancellationScope.nonCancellable(async () => {
    await run();
    await condition(allHandlersFinished);
    const { end } = carried.state;
    if (cancelled && end?.status === 'stopped') throw new CancelledFailure(end.reason);
    return {
      status: end?.status ?? 'finished',
      reason: end?.reason ?? '',
      finalManifest: end?.finalManifestUri ?? null,
      leftoverReport: end?.leftoverReportUri ?? null,
    };
  });
}
