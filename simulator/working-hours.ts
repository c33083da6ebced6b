/** When workers work. Around the clock unless the script says otherwise. */
import { DAY_MS, HOUR_MS } from './duration.ts';

export type WorkingHours = {
  /** The job's creation, from which `fromMs` and `untilMs` count. */
  createdMs: number;
  fromMs: number;
  /** Null: as long as the job lives. */
  untilMs: number | null;
  hoursPerDay: number;
  daysPerWeek: number;
};

const DAY_START_MS = 8 * HOUR_MS;

/** 1970-01-01 was a Thursday: 0 stands for Monday. */
const weekday = (dayNumber: number): number => (dayNumber + 3) % 7;

/** The first moment at or after `nowMs` at which a worker may accept a task; null if there is none any more. */
export const nextWorkingMs = (nowMs: number, hours: WorkingHours): number | null => {
  let candidate = Math.max(nowMs, hours.createdMs + hours.fromMs);
  if (hours.hoursPerDay < 24 || hours.daysPerWeek < 7) {
    let day = Math.floor(candidate / DAY_MS);
    for (;;) {
      const start = day * DAY_MS + (hours.hoursPerDay < 24 ? DAY_START_MS : 0);
      const end = start + hours.hoursPerDay * HOUR_MS;
      // A day that goes past midnight still belongs to the day it began on.
      const previousEnd = hours.hoursPerDay < 24 ? end - DAY_MS : start;
      if (candidate < previousEnd && weekday(day - 1) < hours.daysPerWeek) break;
      if (weekday(day) < hours.daysPerWeek && candidate < end) {
        candidate = Math.max(candidate, start);
        break;
      }
      day++;
    }
  }
  return hours.untilMs !== null && candidate >= hours.createdMs + hours.untilMs ? null : candidate;
};
