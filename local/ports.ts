/**
 * TCP ports on loopback: free ones for servers that cannot choose by themselves, and a clear word when a chosen one is taken.
 */
import { connect, createServer } from 'node:net';
import { InputError } from '../errors.ts';
import { codeOf } from './error-codes.ts';

/** Where every server of the local stack listens. */
export const LOOPBACK = '127.0.0.1';

const bind = (port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => {
      const address = server.address();
      const bound = address !== null && typeof address === 'object' ? address.port : 0;
      server.close(() => resolve(bound));
    });
  });

/**
 * A port that was free a moment ago. Another process may take it before it is used; whoever starts a server on it
 * tries again with another one (see {@link withPort}).
 */
export const findFreePort = (): Promise<number> => bind(0);

/**
 * @throws InputError if something listens on the port already, or the port is not one.
 */
export const checkPortIsFree = async (port: number, whatFor: string): Promise<void> => {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new InputError(
      `Port ${port} for ${whatFor} is not a port. Give a whole number from 1 to 65535, or none for any free port.`,
    );
  }
  try {
    await bind(port);
  } catch (thrown) {
    if (codeOf(thrown) === 'EACCES') {
      throw new InputError(
        `Port ${port} for ${whatFor} needs more rights than you have. Choose one above 1023, or give none for any free port.`,
      );
    }
    throw new InputError(
      `Port ${port} for ${whatFor} is in use. Stop what listens there, choose another port, or give none for any free port.`,
    );
  }
};

/** Whether something accepts connections on a loopback port. */
export const isPortOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: LOOPBACK });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/** How often a server is started again, on other free ports, after it lost one to somebody else. */
const ATTEMPTS = 3;

/**
 * Runs `start`, and again while `lostAPort` says of a failure that somebody else took a port meanwhile.
 * @throws what the last attempt threw.
 */
export const startAgainOnClash = async <T>(
  start: () => Promise<T>,
  lostAPort: (thrown: unknown) => Promise<boolean>,
): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start();
    } catch (thrown) {
      if (attempt === ATTEMPTS || !(await lostAPort(thrown))) throw thrown;
    }
  }
};

/**
 * Runs `start` on the port that was asked for, or on a free one, again with another free one if it fails there.
 * @throws InputError if the port that was asked for is in use; else what the last attempt threw.
 */
export const withPort = async <T>(
  port: number | undefined,
  whatFor: string,
  start: (port: number) => Promise<T>,
): Promise<T> => {
  if (port !== undefined) {
    await checkPortIsFree(port, whatFor);
    return await start(port);
  }
  let free = 0;
  return await startAgainOnClash(
    async () => start((free = await findFreePort())),
    // Then somebody else now listens there.
    () => isPortOpen(free),
  );
};
