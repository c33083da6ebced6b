/** Durations as people write them: a number and a unit (`90s`, `30m`, `1h`, `2d`). */

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

const unitMs: Record<string, number> = { s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };

export const DURATION_HELP = 'a number and a unit, such as 90s, 30m, 1h or 2d';

/** Milliseconds of a written duration; null if the text is not {@link DURATION_HELP}. */
export const parseDurationMs = (text: string): number | null => {
  const match = /^(\d+(?:\.\d+)?)(s|m|h|d)$/.exec(text.trim());
  const [, amount, unit] = match ?? [];
  if (amount === undefined || unit === undefined) return null;
  const ms = Number(amount) * (unitMs[unit] ?? 0);
  return Number.isSafeInteger(Math.round(ms)) ? Math.round(ms) : null;
};

/** The two largest units that are not zero: `29d 22h`, `2h`, `45s`. Less than a second is `0s`. */
export const formatDuration = (ms: number): string => {
  let restMs = Math.max(0, ms);
  const parts: string[] = [];
  for (const unit of ['d', 'h', 'm', 's']) {
    const size = unitMs[unit] ?? 1;
    const count = Math.floor(restMs / size);
    restMs -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0s' : parts.join(' ');
};
