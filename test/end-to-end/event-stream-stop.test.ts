/** A consumer that is asked to end in the middle of its work, as a container platform does it: SIGTERM to the process. */
import { MINUTE_MS } from '../../decisions/durations.ts';
import { eventually, openStreamStack, stateChange, type StreamStack } from './event-stream-stack.ts';

let world: StreamStack;
let job: string;

/** What a container platform gives a process by default before it kills it. Milliseconds. */
const GRACE_MS = 30_000;

beforeAll(async () => {
  world = await openStreamStack({ without: ['consumer'] });
  await world.script({ slow: { workers: { ratePerHour: 1 } } });
  await world.startChain('slow');
  await world.advance(6 * MINUTE_MS, MINUTE_MS);
  job = (await world.relay.get('slow')).jobs.at(-1)?.name ?? '';
}, 180_000);

test('SIGTERM with messages in flight loses none: each is delivered or back in the queue, and the rest is delivered by the next consumer (I4)', async () => {
  const statuses = Array.from({ length: 200 }, (_, n) => `Event-${n}`);
  await world.send(statuses.map((status) => stateChange(job, status, world.facts)));
  const first = await world.startWorkerProcess();
  await eventually(async () => (await world.depth()).taken > 0 || (await world.depth()).waiting < statuses.length);
  const askedMs = performance.now();
  first.child.kill('SIGTERM');
  expect(await first.exited).toBe(0);
  expect(performance.now() - askedMs).toBeLessThan(GRACE_MS);

  const { waiting, taken } = await world.depth();
  const arrived = async (): Promise<Set<string>> => new Set(await world.arrived(job));
  // A queue and a signal are both at least once: a repeat is allowed, a loss is not. The server shows signals that came
  // during a workflow task when that task is done.
  await eventually(async () => (await arrived()).size + waiting >= statuses.length);
  expect(taken).toBe(0);
  expect((await arrived()).size).toBeGreaterThan(0);
  expect(waiting).toBeGreaterThan(0);
  const { received, ...outcomes } = first.counts();
  expect(outcomes).toEqual({ delivered: received });

  const second = await world.startWorkerProcess();
  await eventually(async () => (await arrived()).size === statuses.length);
  second.child.kill('SIGTERM');
  expect(await second.exited).toBe(0);
  expect(await arrived()).toEqual(new Set(statuses));
});

test('SIGTERM to a consumer that waits for messages ends it in the time that containers get', async () => {
  const idle = await world.startWorkerProcess();
  const askedMs = performance.now();
  idle.child.kill('SIGTERM');
  expect(await idle.exited).toBe(0);
  expect(performance.now() - askedMs).toBeLessThan(GRACE_MS);
});
