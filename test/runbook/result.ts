/** `result.json`: what the last run of the runbook found. */
import { z } from 'zod';

export const resultShape = z.strictObject({
  commit: z.string(),
  /** ISO 8601, of the start. */
  date: z.iso.datetime(),
  steps: z.array(
    z.strictObject({
      name: z.string(),
      /** The block as it ran. */
      text: z.string(),
      seconds: z.number(),
      /** What was looked at after the step, each in a sentence. */
      held: z.array(z.string()),
    }),
  ),
  /** At the end, after months of the chain's time. */
  end: z.array(z.string()),
});
export type RunbookResult = z.infer<typeof resultShape>;
