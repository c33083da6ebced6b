/** What a chain tells people, as calls of the notify activity. Stable ids: a receiver drops repeats. */
import { log } from '@temporalio/workflow';
import type { Notification } from '../activities/notifications.ts';
import type { Attention } from '../decisions/attention.ts';
import type { ChainState, EndStatus } from '../decisions/chain-state.ts';
import { wantsNotification, type NotificationKind, type Policy } from '../decisions/policy.ts';
import { call } from './calls.ts';

/** News that cannot be delivered (the receiver is out for long) is lost with a line in the log: it never holds up a chain. */
export const notify = async (policy: Policy, notification: Notification): Promise<void> => {
  try {
    await call('notify', `Notify: ${notification.subject}`, { policy, notification });
  } catch (error) {
    log.warn('A notification could not be delivered', { id: notification.id, error: String(error) });
  }
};

type Facts = Record<string, string | number | null>;

export type Notifications = ReturnType<typeof notifications>;

export const notifications = (current: () => ChainState) => {
  const send = async (
    kind: NotificationKind,
    id: string,
    subject: string,
    text: string,
    facts: Facts,
  ): Promise<void> => {
    const { chain, spec, firstRunId } = current();
    if (!wantsNotification(spec.policy, kind)) return;
    const notification = { id: `${chain}:${firstRunId}:${id}`, kind, chain, subject, text, facts };
    await notify(spec.policy, notification);
  };

  return {
    attention: (attention: Attention, day: number): Promise<void> => {
      const { chain } = current();
      const again = day === 0 ? '' : ` (day ${day + 1})`;
      return send(
        'attention',
        `attention:${attention.reason}:${attention.generation ?? 0}:${attention.sinceMs ?? 0}:${day}`,
        `${chain} asks for attention${again}: ${attention.reason}`,
        [attention.message, '', 'What you can do:', ...attention.actions.map((action) => `  ${action}`)].join('\n'),
        { reason: attention.reason, generation: attention.generation },
      );
    },
    jobEnded: async (generation: number): Promise<void> => {
      const { chain, generations, dataset } = current();
      const job = generations.find((one) => one.generation === generation);
      if (job === undefined || job.outcome === null) return;
      const kind: NotificationKind =
        job.outcome === 'expired'
          ? 'job-expired'
          : job.status === 'Failed'
            ? 'job-failed'
            : job.status === 'Stopped'
              ? 'job-stopped'
              : 'job-completed';
      const remaining = dataset?.remaining ?? 0;
      const reason = job.failureReason === null ? '' : ` Reason: ${job.failureReason}`;
      await send(
        kind,
        `job:${generation}`,
        `${chain}: ${job.name} ${job.status.toLowerCase()} (${job.outcome})`,
        `${job.newLabels} new labels; ${remaining} objects remain.${reason}`,
        { job: job.name, outcome: job.outcome, newLabels: job.newLabels, remaining },
      );
    },
    /** Attempts are used up, by declines above all: these objects go to no later job. */
    setAside: (generation: number, newlySetAside: number): Promise<void> => {
      const { chain, generations, dataset } = current();
      const name = generations.find((one) => one.generation === generation)?.name ?? `generation ${generation}`;
      return send(
        'objects-set-aside',
        `set-aside:${generation}`,
        `${chain}: ${newlySetAside} objects have used up their attempts`,
        `Declines and failures in ${name} used up the attempts of ${newlySetAside} objects; they go to no later job and will stand in the leftover report. To try them again: label-relay resume ${chain} --retry-set-aside`,
        { generation, newlySetAside, setAside: dataset?.setAside ?? 0 },
      );
    },
    continued: (generation: number, name: string): Promise<void> =>
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
    finished: (status: EndStatus, reason: string): Promise<void> => {
      const { chain, end } = current();
      return send(
        'chain-finished',
        `finished:${current().generations.length}:${status}`,
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
