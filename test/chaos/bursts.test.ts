/**
 * The bursts in a size for every commit; `npm run bursts` makes them in full. A further one, of 2,000 signals to one workflow, is
 * in test/workflows/by-hand.test.ts.
 */
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../decisions/search-attributes.ts';
import { connectToLocalTemporal } from '../../local/local-clients.ts';
import { startTemporalServer } from '../../local/temporal-server.ts';
import { stopAfterTests, temporaryFolder } from '../support/servers.ts';
import { workflowBundle } from '../workflows/support/bundle.ts';
import { burstOfMany, burstOfOne, type BurstStage } from './bursts.ts';

/** Above the number of signals after which a run continues as new, as the real cap of 10,000 is. */
const CAP = 2_100;

let stage: BurstStage;
beforeAll(async () => {
  const { address, stop } = await startTemporalServer({
    logFile: join(await temporaryFolder(), 'temporal.log'),
    searchAttributes: SEARCH_ATTRIBUTES,
    settings: [`history.maximumSignalsPerExecution=${CAP}`],
  });
  stopAfterTests(stop);
  const connection = await connectToLocalTemporal(address);
  stopAfterTests(() => connection.close());
  stage = { client: new Client({ connection }), address, workflowBundle: await workflowBundle() };
}, 90_000);

test('a burst of events for many labeling jobs while the worker is away loses none (I4)', async () => {
  const result = await burstOfMany(stage, { jobs: 60, each: 10 });
  expect(result).toEqual({ jobs: 60, events: 600, lost: 0, unheard: [] });
});

test('more events for one job than a run takes: the queue keeps the rest until the workflow has continued as new (I4)', async () => {
  const result = await burstOfOne(stage, { cap: CAP, beyond: 40 });
  expect(result).toMatchObject({ lost: 0, unheard: [] });
  expect(result.perRun[0]).toBe(CAP);
  expect(result.perRun.length).toBeGreaterThan(1);
  expect(result.refusedAtCap).toBeGreaterThan(0);
});
