/**
 * Ports that were asked for, and ports that were lost to somebody else.
 */
import { type AddressInfo, createServer } from 'node:net';
import { InputError } from '../../errors.ts';
import { checkPortIsFree, findFreePort, isPortOpen, withPort } from '../../local/ports.ts';

const listen = async (port = 0) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('It has no port.');
  return { port: address.port, close: () => new Promise((resolve) => server.close(resolve)) };
};

test('a port in use is named, with what to do', async () => {
  const { port, close } = await listen();
  await expect(checkPortIsFree(port, 'the Temporal server')).rejects.toThrow(
    new InputError(
      `Port ${port} for the Temporal server is in use. Stop what listens there, choose another port, or give none for any free port.`,
    ),
  );
  await close();
  await expect(checkPortIsFree(port, 'the Temporal server')).resolves.toBeUndefined();
});

test.each([0, -1, 65_536, 1.5, Number.NaN])('%d is not a port', async (port) => {
  await expect(checkPortIsFree(port, 'the Temporal server')).rejects.toThrow(/is not a port\. Give a whole number/);
});

test('a free port that somebody else takes meanwhile is replaced by another one', async () => {
  const taken: Awaited<ReturnType<typeof listen>>[] = [];
  const port = await withPort(undefined, 'the server', async (free) => {
    if (taken.length === 0) {
      taken.push(await listen(free));
      throw new Error('address already in use');
    }
    return free;
  });
  expect(port).not.toBe(taken[0]?.port);
  await taken[0]?.close();
});

test('a server that fails for another reason is not started again', async () => {
  let starts = 0;
  const failing = withPort(undefined, 'the server', () => {
    starts += 1;
    return Promise.reject(new Error('another reason'));
  });
  await expect(failing).rejects.toThrow('another reason');
  expect(starts).toBe(1);
  expect(await isPortOpen(await findFreePort())).toBe(false);
});
