/**
 * The health endpoints of a process, for whatever supervises it: `/livez` says that it answers at all, `/readyz` that
 * every part of it takes work. Nothing else is served, and nothing in an answer is secret.
 */
import { createServer, type Server } from 'node:http';
import { InputError, messageOf } from '../errors.ts';

/** Each part with whether it takes work now, by its name. */
export type Readiness = Record<string, boolean>;

export type HealthServer = {
  /** The one that was asked for, or the free one that was found for 0. */
  port: number;
  close: () => Promise<void>;
};

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, () => {
      server.off('error', reject);
      resolve();
    });
  });

/**
 * Serves on every address of the machine, as probes come from outside a container.
 * @throws InputError if the port cannot be had.
 */
export const startHealthServer = async (port: number, readiness: () => Readiness): Promise<HealthServer> => {
  const server = createServer((request, response) => {
    request.resume();
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : JSON.stringify(body));
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, { error: 'only GET and HEAD' });
    switch (request.url?.split('?')[0] ?? '') {
      case '/livez':
        return answer(200, { live: true });
      case '/readyz': {
        const parts = readiness();
        const ready = Object.values(parts).every(Boolean);
        return answer(ready ? 200 : 503, { ready, parts });
      }
      default:
        return answer(404, { error: 'there are /livez and /readyz' });
    }
  });
  try {
    await listen(server, port);
  } catch (thrown) {
    throw new InputError(
      `the health endpoints cannot be served on port ${port} (${messageOf(thrown)}); set LABEL_RELAY_HEALTH_PORT to a free port`,
      { cause: thrown },
    );
  }
  const address = server.address();
  return {
    port: address === null || typeof address === 'string' ? port : address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
