/** What a chain tells people, as calls of the notify activity. Stable ids: a receiver drops repeats. */
import { CancellationScope, log, workflowInfo } from '@temporalio/workflow';
import type { Notification } from '../activities/notifications.ts';
import type { Attention } from '../decisions/attention.ts';
import { countersOf, generationOf, type ChainState, type EndStatus } from '../decisions/chain-state.ts';
import {
  notificationTargets,
  type NotificationKind,
  type NotificationTarget,
  type Policy,
} from '../decisions/policy.ts';
import { call } from './calls.ts';

/** One notification on its way to one place. */
export type Outgoing = { target: NotificationTarget; notification: Notification };

/**
 * News on its way. Nobody waits for it: a receiver that is out for hours holds up no chain. What is not delivered when a run
 * continues as new is carried over and sent again, with the same id; what cannot be delivered for a day is lost, with a line in the
 * log.
 */
export class Outbox {
  readonly #waiting: Outgoing[];

  /** @param waiting what the run before could not deliver; part of what is carried on, and kept up to date. */
  constructor(waiting: Outgoing[]) {
    this.#waiting = waiting;
    for (const outgoing of waiting) void this.#deliver(outgoing);
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Starts to send it to every place that the policy names for its kind. */
  send(policy: Policy, notification: Notification): void {
    for (const target of notificationTargets(policy, notification.kind)) {
      const outgoing = { target, notification };
      this.#waiting.push(outgoing);
      void this.#deliver(outgoing);
    }
  }

  async #deliver(outgoing: Outgoing): Promise<void> {
    const { target, notification } = outgoing;
    try {
      const summary = `Notify (${target.kind}): ${notification.subject}`;
      // Also after a cancel: it is a stop, and people are told of it.
      await CancellationScope.nonCancellable(() => call('notify', summary, outgoing));
    } catch (error) {
      log.warn('A notification could not be delivered', { id: notification.id, to: target.kind, error: String(error) });
    }
    this.#waiting.splice(this.#waiting.indexOf(outgoing), 1);
  }
}

type Facts = Record<string, string | number | null>;

export type Notifications = ReturnType<typeof notifications>;

/**
 * What a chain tells; each returns at once.
 * @param nextNumber a number that no other news has in this execution, for news that may come again in the same words.
 */
export const notifications = (current: () => ChainState, outbox: Outbox, nextNumber: () => number) => {
  // Of a chain that is resumed after its end, the state may be what it was: what it tells then is news all the same.
  const execution = workflowInfo().firstExecutionRunId.slice(-12);
  const send = (kind: NotificationKind, id: string, subject: string, text: string, facts: Facts): void => {
    const { chain, spec, firstRunId } = current();
    outbox.send(spec.policy, { id: `${chain}:${firstRunId}:${id}`, kind, chain, subject, text, facts });
  };

  return {
    attention: (attention: Attention, day: number): void => {
      const { chain } = current();
      const again = day === 0 ? '' : ` (day ${day + 1})`;
      send(
        'attention',
        // Asked anew after a resume that changed nothing, the same question is no repeat.
        `attention:${attention.reason}:${attention.generation ?? 0}:${execution}:${nextNumber()}`,
        `${chain} asks for attention${again}: ${attention.reason}`,
        [attention.message, '', 'What you can do:', ...attention.actions.map((action) => `  ${action}`)].join('\n'),
        { reason: attention.reason, generation: attention.generation },
      );
    },
    jobEnded: (generation: number): void => {
      const { chain, dataset } = current();
      const job = generationOf(current(), generation);
      if (job === null || job.outcome === null) return;
      const kind: NotificationKind =
        job.outcome === 'expired'
          ? 'job-expired'
          : job.status === 'Failed'
            ? 'job-failed'
            : job.status === 'Stopped'
              ? 'job-stopped'
              : 'job-completed';
      const remaining = dataset?.remaining ?? 0;
      const labels = job.outcome === 'streaming' ? countersOf(job).totalLabeled : job.newLabels;
      const reason = job.failureReason === null ? '' : ` Reason: ${job.failureReason}`;
      send(
        kind,
        `job:${generation}`,
        `${chain}: ${job.name} ${job.status.toLowerCase()} (${job.outcome})`,
        // A streaming job's labels are merged into no dataset of ours.
        job.outcome === 'streaming'
          ? `${labels} labels by AWS's count.${reason}`
          : `${labels} new labels; ${remaining} objects remain.${reason}`,
        { job: job.name, outcome: job.outcome, newLabels: labels, remaining },
      );
    },
    /** Attempts are used up, by declines above all: these objects go to no later job. */
    setAside: (generation: number, newlySetAside: number): void => {
      const { chain, dataset } = current();
      const name = generationOf(current(), generation)?.name ?? `generation ${generation}`;
      send(
        'objects-set-aside',
        // More of the same job may follow with a later version of the dataset.
        `set-aside:${generation}:${dataset?.version ?? 0}`,
        `${chain}: ${newlySetAside} objects have used up their attempts`,
        `Declines and failures in ${name} used up the attempts of ${newlySetAside} objects; they go to no later job and will stand in the leftover report. To try them again: label-relay resume ${chain} --retry-set-aside`,
        { generation, newlySetAside, setAside: dataset?.setAside ?? 0 },
      );
    },
    continued: (generation: number, name: string): void =>
      send(
        'chain-continued',
        `continued:${generation}`,
        `${current().chain} goes on with ${name}`,
        `Generation ${generation} is ${name}.`,
        {
          job: name,
          generation,
        },
      ),
    finished: (status: EndStatus, reason: string): void => {
      const { chain, end } = current();
      send(
        'chain-finished',
        `finished:${current().generations.length}:${status}:${execution}:${nextNumber()}`,
        `${chain} is ${status}`,
        reason,
        {
          status,
          finalManifest: end?.finalManifestUri ?? null,
          leftoverReport: end?.leftoverReportUri ?? null,
        },
      );
    },
  };
};
