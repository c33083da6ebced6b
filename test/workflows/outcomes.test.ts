/** Every row of the outcome table, with real workflows and activities against the simulator. */
import { timeSkippingServer } from '../support/servers.ts';
import { World } from './support/world.ts';

let world: World;
beforeAll(async () => {
  world = await World.open(await timeSkippingServer(), { followsTemporal: true, sendsEvents: false });
}, 60_000);
afterEach(() => world.clear());

test('a job that labels everything: the chain is labeled and every object is in the final manifest once (I2)', async () => {
  const handle = await world.start('all');
  const result = await handle.result();
  expect(result).toMatchObject({ status: 'labeled', reason: 'all 10 objects are labeled' });
  const lines = (world.s3.store.text(result.finalManifest ?? '') ?? '').trim().split('\n');
  expect(new Set(lines.map((line) => JSON.parse(line)['source-ref'])).size).toBe(10);
});

test('expired as Failed: the next job gets what is unlabeled', async () => {
  const handle = await world.start('expired-failed', {
    jobs: [{ workers: { ratePerHour: 0.005 } }],
    policy: { handOver: 'off' },
  });
  expect(await handle.result()).toMatchObject({ status: 'labeled' });
  const state = await world.state('expired-failed');
  expect(state.generations.map(({ outcome }) => outcome)).toEqual(['expired', 'labeled']);
});

test('a stop from outside asks a person and starts nothing', async () => {
  await world.start('outside', { jobs: [{ workers: { ratePerHour: 0.5 }, stop: { after: '5h' } }] });
  const state = await world.untilAttention('outside');
  expect(state.attention?.reason).toBe('stopped-outside');
  expect(world.jobNames('outside')).toHaveLength(1);
});
