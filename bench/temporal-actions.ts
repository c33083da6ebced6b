/**
 * What a workflow's history costs on Temporal Cloud. It owns the table from events to billable actions
 * (https://docs.temporal.io/cloud/actions): start, timer, each attempt of an activity, heartbeat, signal, update, child
 * workflow (two), search attributes, marker, continue-as-new. Queries leave no event and are not counted.
 */

/** The parts of a history event that are counted; as `WorkflowHandle.fetchHistory` gives them. */
type HistoryEvent = {
  eventType?: number | null;
  activityTaskStartedEventAttributes?: { attempt?: number | null } | null;
};

/** Event types by number (temporal.api.enums.v1.EventType). */
const ACTIONS: Readonly<Record<number, number>> = {
  1: 1, // workflow started
  10: 1, // activity scheduled; further attempts are added below
  17: 1, // timer started
  22: 1, // cancellation of another workflow asked for
  25: 1, // marker
  26: 1, // signal received
  28: 1, // continued as new
  29: 1, // child to be started; the child's own start is the second action
  37: 1, // signal sent to another workflow
  40: 1, // search attributes
  41: 1, // update accepted
};
const ACTIVITY_STARTED = 11;
/** Made by `local advance`, and by nothing on a real server. */
const OF_THE_MOVED_CLOCK = new Set([55, 60]);

/** The events that a workflow would have on a real server. */
export const withoutMovedClock = <Event extends HistoryEvent>(history: readonly Event[]): Event[] =>
  history.filter(({ eventType }) => !OF_THE_MOVED_CLOCK.has(eventType ?? 0));

export type HistoryCounts = { actions: number; events: number; signals: number; timers: number; activities: number };

export const countHistory = (history: readonly HistoryEvent[]): HistoryCounts => {
  const counts = { actions: 0, events: 0, signals: 0, timers: 0, activities: 0 };
  for (const event of withoutMovedClock(history)) {
    const type = event.eventType ?? 0;
    counts.events += 1;
    counts.actions += ACTIONS[type] ?? 0;
    if (type === ACTIVITY_STARTED) counts.actions += (event.activityTaskStartedEventAttributes?.attempt ?? 1) - 1;
    if (type === 26) counts.signals += 1;
    if (type === 17) counts.timers += 1;
    if (type === 10) counts.activities += 1;
  }
  return counts;
};
