/** Durations as people write them in a script: a number and a unit. */

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export const MINUTE_MS = unitMs.m;
export const HOUR_MS = unitMs.h;
export const DAY_MS = unitMs.d;

/** `90s`, `30m`, `1h`, `2.5d` in milliseconds; null if the text is not a duration. */
export const parseDuration = (text: string): number | null => {
  const match = /^(\d+(?:\.\d+)?)(s|m|h|d)$/.exec(text);
  if (match === null) return null;
  const unit = match[2];
  if (unit !== 's' && unit !== 'm' && unit !== 'h' && unit !== 'd') return null;
  return Math.round(Number(match[1]) * unitMs[unit]);
};
