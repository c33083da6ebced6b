/**
 * Every change of the workflows that histories begun before it must not see, with its reason and the version that brought it. The only
 * file that knows Temporal's `patched` (a test holds it): a step that is new stands behind `isPatched('its-id')`. An id is taken
 * out, by `deprecatePatch` first, when no open history lacks it.
 */
import { patched } from '@temporalio/workflow';

/** By id: since which version, and why. */
export const PATCHES: Readonly<Record<string, { since: string; why: string }>> = {
  'no-look-right-after-a-merge': {
    since: '0.1.0',
    why: 'a merge looks at the outputs of all jobs itself; a second look right after it only delayed the next job',
  },
  'input-and-record-in-one-turn': {
    since: '0.1.0',
    why: 'one activity writes both: a turn fewer before the next job, and no job may exist before its record does',
  },
  'zeros-doubted-though-cancelled': {
    since: '0.1.0',
    why: 'a cancelled chain takes its late look at once, so counters that say nothing must not end its wait for labels',
  },
  'news-before-the-last-look': {
    since: '0.1.0',
    why: 'a cancelled chain stays open until its news is delivered: what AWS publishes meanwhile is in its final manifest',
  },
};

/** Whether this history has the change. @throws for an id that is not in the list: the workflow task fails, and no command is taken. */
export const isPatched = (id: string): boolean => {
  if (!Object.hasOwn(PATCHES, id)) throw new Error(`the patch ${id} is not in the list`);
  return patched(id);
};
