/**
 * The signals, queries and updates of our workflows: names and shapes, no behaviour. Shared by workflows, the client
 * and the event consumer.
 */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Amendment } from '../decisions/amendment.ts';
import type { AttentionReason } from '../decisions/attention.ts';
import type { ChainState } from '../decisions/chain-state.ts';
import type { Ending, Observation, StopRequest } from '../decisions/ending.ts';
import type { ProgressSample } from '../decisions/forecast.ts';
import type { ResumeOptions } from '../decisions/resume.ts';
import type { ActivityWindow, WorkerTotals } from '../decisions/worker-activity.ts';

export type { WorkerTotals } from '../decisions/worker-activity.ts';

/**
 * A state-change event about this labeling job arrived (DESIGN, law 1: it only wakes; Describe decides).
 * `status` is whatever the event said, any short string. `eventId` is for logs only.
 */
export type StateChange = { status: string; eventId: string };
export const stateChange = defineSignal<[StateChange]>('stateChange');

/**
 * What a work team did on this labeling job in one window. Estimates: worker events are best effort.
 * Times are milliseconds since the epoch, from the events themselves.
 */
export type WorkerActivity = ActivityWindow & { workteamArn: string };
export const workerActivity = defineSignal<[WorkerActivity]>('workerActivity');

/** What the reader of the worker activity log reads: the log of one region, lines about jobs of these accounts. */
export type WorkerLogSettings = { region: string; accounts: readonly string[]; windowMs: number };
/** To the reader of the worker activity log, with each start of a process that wants it. */
export const followWorkerLog = defineSignal<[WorkerLogSettings]>('followWorkerLog');

/** To a job's workflow: stop the labeling job, for a person. */
export const stopLabelingJob = defineSignal<[{ reason: string }]>('stopLabelingJob');

/**
 * To a job's workflow from a chain that did not start it (resumed, or reset): the chain listens. `greet`: tell it now how
 * the job stands, troubles included; without it the signal only shows that the workflow is there.
 */
export const reportEnding = defineSignal<[{ greet: boolean }]>('reportEnding');

/**
 * From a job's workflow to its chain: what the job looks like now. The ending comes as the workflow's result too. `name`: the job's, since an
 * earlier chain of the same name may have one that lives on; absent in reports from before it was told.
 */
export type JobReport = { name?: string } & JobNews;

type JobNews =
  | { kind: 'observed'; generation: number; observation: Observation }
  /** Our own stop was sent: kept by the chain, because a follower that comes after this one must know it. */
  | { kind: 'stopping'; generation: number; stop: StopRequest }
  /** `observation` null: the job was never seen. */
  | { kind: 'trouble'; generation: number; reason: AttentionReason; message: string; observation: Observation | null }
  | { kind: 'ended'; generation: number; ending: Ending };
export const jobReport = defineSignal<[JobReport]>('jobReport');

/** What the workflow of a labeling job knows. */
export type JobView = {
  name: string;
  generation: number;
  observation: Observation | null;
  stop: StopRequest | null;
  deadlineMs: number | null;
  /** When it would be done at its rate so far; null if nothing can be said or it never would. */
  forecastEndMs: number | null;
  /** How many objects were done when: the first look, and the last days. */
  samples: ProgressSample[];
  describes: number;
  events: number;
  workers: WorkerTotals;
};
export const labelingJobView = defineQuery<JobView>('labelingJob');

export const labelingChainState = defineQuery<ChainState>('labelingChain');

/** What became of a command. `refused` changed nothing. */
export type CommandResult = { kind: 'accepted' } | { kind: 'refused'; message: string };
export const stopChain = defineUpdate<CommandResult, [{ reason: string }]>('stopChain');
export const resumeChain = defineUpdate<CommandResult, [ResumeOptions]>('resumeChain');
export const amendChain = defineUpdate<CommandResult, [Amendment]>('amendChain');
