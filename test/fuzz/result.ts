/** What a long run of the fuzz tests came to: the file `result.json`, from which the figures in docs/promises.md are made. */
import { z } from 'zod';

export const fuzzResultSchema = z.object({
  /** The commit whose code ran. */
  commit: z.string(),
  /** False: files differed from that commit. */
  clean: z.boolean(),
  /** UTC, when it ended. */
  date: z.string(),
  seed: z.int(),
  seconds: z.number(),
  results: z.array(z.object({ name: z.string(), runs: z.int(), failed: z.boolean() })).min(1),
});

export type FuzzResult = z.infer<typeof fuzzResultSchema>;

export const fuzzFigures = ({ commit, date, seed, results }: FuzzResult): string => {
  const least = Math.min(...results.map(({ runs }) => runs));
  const failed = results.filter((one) => one.failed).map(({ name }) => name);
  return [
    `Last run at commit \`${commit.slice(0, 7)}\` (${date.slice(0, 10)}, seed ${seed}): ${least} inputs or more for each of`,
    `${results.length} readers. ${failed.length === 0 ? 'None failed.' : `Failed: ${failed.join('; ')}.`}`,
  ].join('\n');
};
