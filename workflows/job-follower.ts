/**
 * What the workflow of one labeling job knows and does to its job: everything that it carries through continue-as-new, and
 * the calls to AWS and to its chain.
 */
import {
  condition,
  getExternalWorkflowHandle,
  log,
  setCurrentDetails,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { asTerminal, type StopRequest } from '../decisions/ending.ts';
import {
  absent,
  deadlineOf,
  newFollow,
  observed,
  refused,
  REFUSED_LOOKS_TOLD,
  stopAsked,
  troublesOf,
  unseenLookMs,
  type Follow,
  type FollowContext,
} from '../decisions/follow.ts';
import type { LabelingJobRequest } from '../decisions/job-request.ts';
import type { KnownOutput } from '../decisions/known-outputs.ts';
import { labelingChainWorkflowId } from '../decisions/names.ts';
import { noticesOf, type Notice } from '../decisions/notices.ts';
import type { Policy } from '../decisions/policy.ts';
import type { DescribeResult } from '../activities/labeling-jobs.ts';
import { call, describeJob } from './calls.ts';
import { decided } from './causes.ts';
import { jobDetails } from './details.ts';
import { jobReport, type JobReport } from './messages.ts';
import { Outbox, type Outgoing } from './notifications.ts';
import { isPatched } from './patches.ts';
import { searchAttributes } from './search-attributes.ts';

export type LabelingJobInput = {
  chain: string;
  generation: number;
  region: string;
  request: LabelingJobRequest;
  policy: Policy;
  streaming: boolean;
  /** Objects that workers will see; null if not known. */
  sentObjects: number | null;
  /** Outputs of earlier jobs as they were when this one was decided; absent in a chain that began before they were told. */
  knownOutputs?: readonly KnownOutput[];
  /**
   * `follow`: the job may exist (its former follower was lost): look before creating. `find`: it may exist, and is not created any more, since
   * the chain was amended. `follow-only`: adopted, never created by us.
   */
  begin: 'create' | 'follow' | 'find' | 'follow-only';
  /** A stop that a former follower has asked AWS for. */
  stop: StopRequest | null;
  /** A stop that the chain knew of before this workflow began. */
  stopAskedFor: string | null;
  carried?: CarriedJob;
};

/** Everything that goes through continue-as-new. Plain JSON, whole. */
export type CarriedJob = {
  created: boolean;
  follow: Follow;
  describes: number;
  events: number;
  stopAskedFor: string | null;
  /** An event came and no look has answered it yet. */
  woken: boolean;
  /** The chain has to be told how the job stands. */
  greet: boolean;
  /** By the workflow's clock: only for the 10 s between two looks. */
  lastLookMs: number | null;
  /** AWS did not take our last stop (a job that is still Initializing, say): ask again as soon as it is InProgress. */
  stopRefused: boolean;
  /** Notifications that are not delivered yet. */
  outbox: Outgoing[];
};

const newCarried = (input: LabelingJobInput): CarriedJob => ({
  created: false,
  follow: { ...newFollow(), stop: input.stop },
  describes: 0,
  events: 0,
  stopAskedFor: input.stopAskedFor,
  woken: false,
  greet: false,
  lastLookMs: null,
  stopRefused: false,
  outbox: [],
});

const noticeSubject = (kind: Notice['kind'], name: string): string => {
  switch (kind) {
    case 'deadline-at-risk':
      return `${name} will not make its deadline`;
    case 'silence':
      return `nobody works on ${name}`;
    case 'decline-surge':
      return `many tasks of ${name} are declined`;
  }
};

export class JobFollower {
  readonly input: LabelingJobInput;
  readonly name: string;
  readonly context: FollowContext;
  readonly carried: CarriedJob;
  readonly outbox: Outbox;
  /** A Describe is under way: an event that comes now starts no second one (law 1). */
  looking = false;
  /** Of this run, for continue-as-new. */
  signals = 0;
  /** A Describe of a job that is surely ours has no answer yet. */
  #unanswered = false;
  /** The stop that came meanwhile is under way. */
  #stopping = false;

  constructor(input: LabelingJobInput) {
    this.input = input;
    this.name = input.request.LabelingJobName;
    this.context = { policy: input.policy, streaming: input.streaming, sentObjects: input.sentObjects };
    const { carried } = input;
    // What was carried by a run before may lack what is new since.
    this.carried =
      carried === undefined ? newCarried(input) : { ...carried, follow: { ...newFollow(), ...carried.follow } };
    this.outbox = new Outbox(this.carried.outbox);
  }

  get follow(): Follow {
    return this.carried.follow;
  }

  set follow(follow: Follow) {
    this.carried.follow = follow;
  }

  /** A person wants the job stopped. */
  get personStops(): boolean {
    return this.carried.stopAskedFor !== null;
  }

  /** A person wants the job stopped, and AWS was not asked for that person yet. */
  get stopPending(): boolean {
    return this.personStops && this.follow.stop?.by !== 'person' && !this.#stopping;
  }

  get noticePending(): boolean {
    return noticesOf(this.follow, this.context).length > 0;
  }

  async tellChain(report: JobReport): Promise<void> {
    const { chain } = this.input;
    try {
      await getExternalWorkflowHandle(labelingChainWorkflowId(chain)).signal(jobReport, { name: this.name, ...report });
    } catch (error) {
      log.info('The chain could not be told; it is closed or not there', { chain, error: String(error) });
    }
  }

  showDetails(): void {
    setCurrentDetails(jobDetails(this.follow, this.context, this.input));
  }

  /** One Describe; the chain hears of a new status. */
  async describe(because: 'news' | 'reconcile', why: string): Promise<void> {
    const { input, carried } = this;
    if (this.#stopsFirst) await this.stopForPerson();
    this.looking = true;
    this.#unanswered = true;
    carried.woken = false;
    const before = this.follow.observation;
    try {
      const found = await describeJob(because, why, { region: input.region, name: this.name });
      carried.describes += 1;
      carried.lastLookMs = Date.now();
      this.#hear(found);
    } finally {
      this.looking = false;
      this.#unanswered = false;
    }
    const { observation, refusedLooks } = this.follow;
    if (observation === null || refusedLooks > 0) return;
    await this.#tellSeen();
    if (before?.status !== observation.status) {
      upsertSearchAttributes(
        searchAttributes({
          LabelingJobStatus: observation.status,
          ...(before === null && !input.streaming
            ? { LabelingDeadline: new Date(deadlineOf(observation, input.policy)) }
            : {}),
        }),
      );
      if (asTerminal(observation.status) === null) {
        await this.tellChain({ kind: 'observed', generation: input.generation, observation });
      }
    }
    this.showDetails();
  }

  #hear(found: DescribeResult): void {
    switch (found.kind) {
      case 'observed': {
        this.follow = observed(this.follow, found);
        const { stop } = this.follow;
        // Asked for before anybody had seen the job, and refused: AWS said no time.
        if (stop !== null && stop.requestedAtMs === 0 && isPatched('a-stop-before-any-look-is-dated-by-the-first'))
          this.follow = { ...this.follow, stop: { ...stop, requestedAtMs: found.serviceNowMs } };
        return;
      }
      case 'absent':
        this.follow = absent(this.follow);
        return;
      case 'refused':
        this.follow = refused(this.follow, found.message);
    }
  }

  /** The chain asked a person because nobody could look: it may take that back. */
  async #tellSeen(): Promise<void> {
    const { observation, troublesTold } = this.follow;
    if (observation === null || !troublesTold.includes('describe-refused')) return;
    this.follow = { ...this.follow, troublesTold: troublesTold.filter((reason) => reason !== 'describe-refused') };
    await this.tellChain({ kind: 'observed', generation: this.input.generation, observation });
  }

  /**
   * Whether AWS knows the job. Returns only when AWS lets us look: a guess could cost a second job (I3). How the job is, is left to the
   * look that follows, which tells the chain of a status that is new here.
   */
  async isThere(why: string): Promise<boolean> {
    for (;;) {
      if (this.#isOurs && this.#stopsFirst) await this.stopForPerson();
      else if (this.#isOurs && this.stopsUnseen) await this.stopAgain();
      this.#unanswered = this.#isOurs;
      const found = await describeJob('news', why, { region: this.input.region, name: this.name });
      this.#unanswered = false;
      const isKept = found.kind === 'observed' && !isPatched('a-job-that-is-found-is-told-to-its-chain');
      if (isKept || found.kind === 'refused') this.#hear(found);
      if (found.kind === 'observed') await this.#tellSeen();
      if (found.kind !== 'refused') return found.kind === 'observed';
      await this.waitForSight();
    }
  }

  /** AWS hides the job: after some time a person is asked; meanwhile it is looked at again. */
  async waitForSight(): Promise<void> {
    if (this.carried.greet && isPatched('trouble-that-stays-is-told-again')) await this.greetChain();
    await this.tellTroubles();
    const { refusedLooks, refusal } = this.follow;
    const summary = `AWS refuses to show ${this.name}: ${refusal ?? ''}`;
    const wakes = this.#isOurs && isPatched('a-stop-is-sent-again-to-a-job-that-nobody-may-see');
    await condition(() => wakes && this.stopPending, unseenLookMs(refusedLooks), { summary });
  }

  /** A name that we have not yet asked for may be another's. */
  get #isOurs(): boolean {
    return this.input.begin !== 'create';
  }

  /** AWS refused our stop, as it does while a job is Initializing, and shows nobody whether it would take it by now. */
  get stopsUnseen(): boolean {
    return this.carried.stopRefused && isPatched('a-stop-is-sent-again-to-a-job-that-nobody-may-see');
  }

  /** Its workers are paid until the job is stopped: a stop waits for no answer of Describe, which may be long in coming. */
  get #stopsFirst(): boolean {
    return this.stopPending && isPatched('a-stop-does-not-wait-for-a-look');
  }

  /** To be called when a stop comes: passes it on where a look is under way; else whoever waits for it does. */
  async stopMeanwhile(): Promise<void> {
    if (!this.#unanswered || !this.#stopsFirst) return;
    this.#stopping = true;
    try {
      await this.stopForPerson();
    } finally {
      this.#stopping = false;
    }
    // The look that was under way knows nothing of it.
    this.carried.woken = true;
  }

  stopForPerson(): Promise<void> {
    return this.stop('person', this.carried.stopAskedFor ?? 'asked by a person');
  }

  /** Asks AWS to stop the job. Confirmed only by a later Describe. */
  async stop(by: StopRequest['by'], why: string): Promise<void> {
    const { observation } = this.follow;
    log.info('Stopping the labeling job', { name: this.name, by, why });
    decided('stop', { by, why });
    const { region, generation } = this.input;
    const mark = observation === null ? null : { arn: observation.arn, by };
    const answer = await call('stopLabelingJob', `Stop ${this.name}: ${why}`, { region, name: this.name, mark });
    // The look that was under way may have been answered meanwhile.
    const stop = { by, requestedAtMs: answer.serviceNowMs ?? this.follow.observation?.serviceNowMs ?? 0 };
    this.carried.stopRefused = answer.kind === 'refused';
    this.follow = stopAsked(this.follow, stop);
    await this.tellChain({ kind: 'stopping', generation, stop });
    this.showDetails();
  }

  /** A stop that AWS lost or refused is asked for again. */
  async stopAgain(): Promise<void> {
    const { region } = this.input;
    const why = `Stop ${this.name} again: it is still ${this.follow.observation?.status ?? 'there'}`;
    const answer = await call('stopLabelingJob', why, { region, name: this.name });
    this.carried.stopRefused = answer.kind === 'refused';
  }

  /** To a chain that did not start us: how the job stands, and every trouble once more. */
  async greetChain(): Promise<void> {
    const { observation, stop } = this.follow;
    const { generation } = this.input;
    this.carried.greet = false;
    this.follow = { ...this.follow, troublesTold: [] };
    if (stop !== null) await this.tellChain({ kind: 'stopping', generation, stop });
    // A question stands that nobody can look: what was seen before is no answer to it. The trouble that follows carries it.
    const isHidden =
      this.follow.refusedLooks >= REFUSED_LOOKS_TOLD && isPatched('what-was-seen-before-answers-no-question');
    if (observation !== null && !isHidden) await this.tellChain({ kind: 'observed', generation, observation });
  }

  /** Troubles go to the chain, which asks a person; notices go to people at once. */
  async tellTroubles(): Promise<void> {
    const { input, context, name } = this;
    const { observation } = this.follow;
    for (const { reason, message } of troublesOf(this.follow, context)) {
      this.follow = { ...this.follow, troublesTold: [...this.follow.troublesTold, reason] };
      await this.tellChain({ kind: 'trouble', generation: input.generation, reason, message, observation });
    }
    for (const { kind, id, message } of noticesOf(this.follow, context)) {
      this.follow = { ...this.follow, noticesTold: [...this.follow.noticesTold, id] };
      this.outbox.send(input.policy, {
        id: `${name}:${id}`,
        kind,
        chain: input.chain,
        subject: `${input.chain}: ${noticeSubject(kind, name)}`,
        text: `${message}. The chain goes on by itself; nothing has to be done.`,
        facts: { job: name },
      });
    }
  }
}
