/**
 * The control API of a simulator whose only part is its clock.
 */
import { createServer } from 'node:http';
import { z } from 'zod';

/** A clock that can be moved over HTTP. */
export type FakeClock = { endpoint: string; now: () => number; stop: () => Promise<void> };

const Body = z.object({ ms: z.number() });

/** Starts a clock at a fixed time. */
export const startFakeClock = async (): Promise<FakeClock> => {
  let nowMs = Date.UTC(2026, 0, 1);
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'POST') nowMs += Body.parse(JSON.parse(Buffer.concat(chunks).toString('utf8'))).ms;
      response.end(JSON.stringify({ nowMs }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    now: () => nowMs,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
