/**
 * A simulation of the Describe calls that many open chains make together, with the product's own rule for the next look.
 * No server takes part: it answers how the reconciles of 100,000 jobs fall when they begin together, spread, or after an outage.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../decisions/durations.ts';
import { newFollow, nextLookMs, type Follow } from '../../decisions/follow.ts';
import { resolvePolicy } from '../../decisions/policy-schema.ts';
import { figure, type Figure, type Part } from '../figures.ts';
import { inProgress } from '../open-jobs.ts';

const CHAINS = 100_000;
const policy = resolvePolicy({}, { taskType: null, hasAlgorithms: false });
const context = { policy, streaming: false, sentObjects: 1_000 };

/** A job in progress at an age; its workers are slow enough that it will be handed over. */
const followAt = (createdAtMs: number, nowMs: number): Follow => ({
  ...newFollow(),
  observation: { ...inProgress('job', createdAtMs, nowMs), lastModifiedAtMs: createdAtMs },
});

/** Chance that is the same in every run. */
const createChance = (): (() => number) => {
  let seed = 1;
  return () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
};

type Load = { perSecond: number; busiestSecond: number; busiestMinute: number };

/** Looks in a span of days, of chains whose jobs begin within `startsMs`. */
const simulate = (startsMs: number, fromMs: number, toMs: number): Load => {
  const chance = createChance();
  const seconds = new Uint32Array((toMs - fromMs) / SECOND_MS);
  for (let chain = 0; chain < CHAINS; chain += 1) {
    const createdAtMs = chance() * startsMs;
    for (let nowMs = createdAtMs; nowMs < toMs && nowMs < createdAtMs + policy.lifetimeMs - HOUR_MS;) {
      nowMs += nextLookMs(followAt(createdAtMs, nowMs), context, chance());
      const second = Math.floor((nowMs - fromMs) / SECOND_MS);
      if (second >= 0 && second < seconds.length) seconds[second] = (seconds[second] ?? 0) + 1;
    }
  }
  let busiestMinute = 0;
  for (let second = 0; second + 60 <= seconds.length; second += 60) {
    busiestMinute = Math.max(
      busiestMinute,
      seconds.subarray(second, second + 60).reduce((sum, count) => sum + count, 0),
    );
  }
  const total = seconds.reduce((sum, count) => sum + count, 0);
  return {
    perSecond: total / seconds.length,
    busiestSecond: seconds.reduce((most, count) => Math.max(most, count), 0),
    busiestMinute: busiestMinute / (MINUTE_MS / SECOND_MS),
  };
};

/** See the head of this file. */
export const run: Part = ({ quick }): Promise<Figure[]> => {
  const days = quick ? 1 : 4;
  const together = simulate(HOUR_MS, 0, DAY_MS);
  const later = simulate(HOUR_MS, (days - 1) * DAY_MS, days * DAY_MS);
  const spread = simulate(DAY_MS, DAY_MS / 2, DAY_MS);
  const name = (what: string): string => `describes: ${CHAINS.toLocaleString('en')} open chains, ${what}`;
  const load = (what: string, { perSecond, busiestSecond, busiestMinute }: Load): Figure =>
    figure(name(what), busiestMinute, '/s', {
      note: `in the busiest minute; on average ${perSecond.toFixed(1)}, in the busiest second ${busiestSecond}`,
    });
  const limitPerSecond = 20;
  return Promise.resolve([
    load('all begun within one hour, first day', together),
    load(`all begun within one hour, day ${days}`, later),
    load('begun over a day, second half of that day', spread),
    figure(
      name(`all due at once after an outage, at ${limitPerSecond} Describes per second`),
      CHAINS / limitPerSecond / 3600,
      'h',
      {
        note: 'until each was looked at once; must stay below the reconcile period of 6 h (I7)',
      },
    ),
  ]);
};
