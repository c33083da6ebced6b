/** The health endpoints by themselves. */
import { startHealthServer, type HealthServer } from '../../telemetry/health.ts';

let server: HealthServer;
let parts: Record<string, boolean>;

beforeEach(async () => {
  parts = { workflows: true, events: true };
  server = await startHealthServer(0, () => parts);
});

afterEach(() => server.close());

const ask = (path: string, method = 'GET'): Promise<Response> =>
  fetch(`http://127.0.0.1:${server.port}${path}`, { method });

test('a process with a part that takes no work is live and not ready, and says which part', async () => {
  parts = { workflows: true, events: false };
  expect((await ask('/livez')).status).toBe(200);
  const ready = await ask('/readyz?verbose');
  expect(ready.status).toBe(503);
  expect(await ready.json()).toEqual({ ready: false, parts: { workflows: true, events: false } });
  parts = { workflows: true, events: true };
  expect((await ask('/readyz')).status).toBe(200);
});

test('nothing else is served, and nothing can be sent', async () => {
  expect((await ask('/')).status).toBe(404);
  expect((await ask('/readyz', 'POST')).status).toBe(405);
  expect(await (await ask('/readyz', 'HEAD')).text()).toBe('');
});

test('a port that is taken is bad input, and names the variable', async () => {
  await expect(startHealthServer(server.port, () => parts)).rejects.toThrow(/LABEL_RELAY_HEALTH_PORT/);
});
