/** One of several processes that share the seeds of a run: takes blocks of seeds from its parent, gives back what came of each. */
import { z } from 'zod';
import type { SeedOutcome } from './result.ts';
import { openMachinery, runSeed } from './simulation.ts';

/** Seeds `first` to `last`, both included. */
export type Block = { first: number; last: number };

export type BlockDone = { block: Block; outcomes: SeedOutcome[] };

const blockSchema = z.object({ first: z.int(), last: z.int() });

const machinery = await openMachinery();

const live = async (block: Block): Promise<void> => {
  const outcomes: SeedOutcome[] = [];
  for (let seed = block.first; seed <= block.last; seed += 1) {
    const { violations, counts } = await runSeed(seed, machinery);
    outcomes.push({ seed, violations, counts });
  }
  process.send?.({ block, outcomes } satisfies BlockDone);
};

process.on('message', (message) => void live(blockSchema.parse(message)));
process.on('disconnect', () => void machinery.close().then(() => process.exit(0)));
process.send?.('ready');
