/**
 * Very many open chains whose jobs are some days old, as open chains are, and how long it takes after their worker was killed until an event for each is
 * handled. Their days take long, so this part runs only when it is asked for.
 */
import type { Part } from '../figures.ts';
import { addOlder, measureKilled, onStage } from '../killed-workers.ts';

/** See the head of this file. */
export const run: Part = ({ quick, directory }) =>
  onStage(directory, async (stage) => {
    const [count, sample] = quick ? [100, 40] : [10_000, 500];
    await addOlder(stage, 0, count);
    const { compared } = await measureKilled(stage, {
      name: `older-chains: ${count.toLocaleString('en')} of some days`,
      count,
      sample,
    });
    return [{ ...compared, note: `${compared.note}; measured ${new Date().toISOString().slice(0, 10)}` }];
  });
