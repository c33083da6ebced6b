/** I1 on the ledger of the simulator, which is written when a worker acts. */
import type { World } from './world.ts';

/** Nobody was sent an object whose label could be read when the job was created. */
export const expectNothingPaidTwice = (world: World, chain: string): void => {
  const readable = new Set<string>();
  const identities = new Map<string, string>();
  const createdReadable = new Map<string, Set<string>>();
  const twice: string[] = [];
  for (const record of world.simulator.ledger()) {
    if (!record.job.startsWith(`${chain}-`)) continue;
    if (record.kind === 'created') createdReadable.set(record.job, new Set(readable));
    if (record.kind === 'sent') {
      for (const { index, identity } of record.objects) {
        identities.set(`${record.job}/${index}`, identity);
        if (createdReadable.get(record.job)?.has(identity) === true) twice.push(identity);
      }
    }
    if (record.kind === 'published') {
      for (const index of record.newlyReadable) readable.add(identities.get(`${record.job}/${index}`) ?? '');
    }
  }
  expect(twice).toEqual([]);
};
