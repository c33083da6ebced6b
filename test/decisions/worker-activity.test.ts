import fc from 'fast-check';
import {
  NO_ACTIVITY,
  activityLine,
  silenceNotice,
  surgeAfter,
  surgeNotice,
  withWindow,
  type ActivityWindow,
  type Surge,
} from '../../decisions/worker-activity.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';

const START_MS = Date.UTC(2026, 10, 1, 9);

/** A window of an hour, `hour` hours after the start. */
const windowAt = (hour: number, counts: Partial<ActivityWindow> = {}): ActivityWindow => ({
  windowStartMs: START_MS + hour * HOUR_MS,
  windowEndMs: START_MS + (hour + 1) * HOUR_MS,
  accepted: 0,
  submitted: 0,
  declined: 0,
  returned: 0,
  activeWorkers: null,
  lastActivityMs: START_MS + (hour + 1) * HOUR_MS,
  ...counts,
});

const policy = { jobName: 'birds-001', declineSurge: 10 };

/** The ids of the surges that are told over these windows, one after another, each time that there is one to tell. */
const toldSurges = (windows: readonly ActivityWindow[]): string[] => {
  const told = new Set<string>();
  let surge: Surge | null = null;
  for (const window of windows) {
    surge = surgeAfter(surge, window);
    const notice = surgeNotice(surge, policy);
    if (notice !== null) told.add(notice.id);
  }
  return [...told];
};

describe('totals', () => {
  test('add up over windows, with the active workers of the last one', () => {
    const first = withWindow(NO_ACTIVITY, windowAt(0, { accepted: 3, submitted: 2, activeWorkers: 4 }));
    const second = withWindow(first, windowAt(1, { accepted: 1, declined: 1, returned: 1, activeWorkers: 2 }));
    expect(second).toEqual({
      accepted: 4,
      submitted: 2,
      declined: 1,
      returned: 1,
      activeWorkers: 2,
      lastActivityMs: START_MS + 2 * HOUR_MS,
    });
  });

  test('a window that comes late is counted and turns no time back', () => {
    const latest = withWindow(NO_ACTIVITY, windowAt(5, { submitted: 1, activeWorkers: 3 }));
    const late = withWindow(latest, windowAt(1, { submitted: 7, activeWorkers: 9 }));
    expect(late).toMatchObject({ submitted: 8, activeWorkers: 3, lastActivityMs: START_MS + 6 * HOUR_MS });
  });

  test('are the same in whatever order the windows come', () => {
    const counts = fc.record({
      accepted: fc.nat(50),
      submitted: fc.nat(50),
      declined: fc.nat(50),
      returned: fc.nat(50),
    });
    fc.assert(
      fc.property(fc.array(counts, { minLength: 1, maxLength: 12 }), fc.infiniteStream(fc.nat()), (all, keys) => {
        const windows = all.map((one, hour) => windowAt(hour, one));
        const shuffled = windows
          .map((window) => ({ window, key: Number(keys.next().value) }))
          .toSorted((a, b) => a.key - b.key)
          .map(({ window }) => window);
        expect(shuffled.reduce(withWindow, NO_ACTIVITY)).toEqual(windows.reduce(withWindow, NO_ACTIVITY));
      }),
    );
  });
});

describe('a surge of declines', () => {
  test('is told once, however long it lasts and however many windows it takes', () => {
    const hours = Array.from({ length: 72 }, (_, hour) => windowAt(hour, { declined: 4, submitted: 1 }));
    expect(toldSurges(hours)).toEqual([`decline-surge:${START_MS}`]);
  });

  test('is told from its tenth decline on, whether in one window or in several', () => {
    expect(toldSurges([windowAt(0, { declined: 9 })])).toEqual([]);
    expect(toldSurges([windowAt(0, { declined: 10 })])).toHaveLength(1);
    expect(toldSurges([windowAt(0, { declined: 5 }), windowAt(1, { declined: 4 })])).toEqual([]);
    expect(toldSurges([windowAt(0, { declined: 5 }), windowAt(1, { declined: 5 })])).toHaveLength(1);
  });

  test('is none while answers are at least as many', () => {
    expect(toldSurges([windowAt(0, { declined: 100, submitted: 100 })])).toEqual([]);
    expect(toldSurges([windowAt(0, { declined: 100, submitted: 99 })])).toHaveLength(1);
  });

  test('ends with a window of answers; the next one is told again', () => {
    const windows = [windowAt(0, { declined: 20 }), windowAt(1, { submitted: 3 }), windowAt(2, { declined: 20 })];
    expect(toldSurges(windows)).toEqual([`decline-surge:${START_MS}`, `decline-surge:${START_MS + 2 * HOUR_MS}`]);
  });

  test('goes on through a window in which tasks were only accepted or returned', () => {
    const windows = [
      windowAt(0, { declined: 6 }),
      windowAt(1, { accepted: 5, returned: 1 }),
      windowAt(2, { declined: 6 }),
    ];
    expect(toldSurges(windows)).toEqual([`decline-surge:${START_MS}`]);
  });

  test('is told with its numbers and how long it took', () => {
    const surge = surgeAfter(
      surgeAfter(null, windowAt(0, { declined: 8, submitted: 1 })),
      windowAt(1, { declined: 4 }),
    );
    expect(surgeNotice(surge, policy)?.message).toBe('12 tasks of birds-001 were declined and 1 answered within 2h');
  });
});

describe('silence', () => {
  const at = (lastActivityMs: number | null, serviceNowMs: number) =>
    silenceNotice({ lastActivityMs }, { jobName: 'birds-001', serviceNowMs, silenceWithinMs: 3 * DAY_MS });

  test('is told at the set time after the last activity, not before', () => {
    expect(at(START_MS, START_MS + 3 * DAY_MS - 1)).toBeNull();
    expect(at(START_MS, START_MS + 3 * DAY_MS)).toEqual({
      kind: 'silence',
      id: `silence:workers:${START_MS}`,
      message: 'no worker did anything on birds-001 for 3d',
    });
  });

  test('has one id until somebody works again, then another', () => {
    const first = at(START_MS, START_MS + 3 * DAY_MS)?.id;
    expect(at(START_MS, START_MS + 9 * DAY_MS)?.id).toBe(first);
    expect(at(START_MS + DAY_MS, START_MS + 9 * DAY_MS)?.id).not.toBe(first);
  });

  test('is never told where no worker event was seen: worker events may be off', () => {
    expect(at(null, START_MS + 300 * DAY_MS)).toBeNull();
  });
});

describe('the line for a terminal', () => {
  test('names accepted, submitted, declined, returned, the active workers and the time since the last activity', () => {
    const totals = {
      accepted: 40,
      submitted: 31,
      declined: 5,
      returned: 4,
      activeWorkers: 3,
      lastActivityMs: START_MS,
    };
    expect(activityLine(totals, START_MS + 12 * MINUTE_MS)).toBe(
      'workers: 40 accepted, 31 submitted, 5 declined, 4 returned; 3 active; last activity 12m ago',
    );
    expect(activityLine({ ...totals, activeWorkers: null }, START_MS + 12 * MINUTE_MS)).not.toContain('active;');
  });

  test('is missing before the first window', () => {
    expect(activityLine(NO_ACTIVITY, START_MS)).toBeNull();
  });
});
