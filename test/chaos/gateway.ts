/**
 * A way to one AWS service that can be closed: an HTTP proxy between our processes and the emulator. It knows nothing of
 * the service; it only decides, request by request, whether and how one gets through.
 */
import { Agent, createServer, request as requestOf, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * `open`: everything passes. `refused`: the connection is cut before anything happens. `unavailable`: the service answers 503.
 * `cut-after`: it happens, and the connection is cut before the answer. `silent`: nothing is answered until the gate changes.
 */
export const GATE_MODES = ['open', 'refused', 'unavailable', 'cut-after', 'silent'] as const;
export type GateMode = (typeof GATE_MODES)[number];

/** A running gateway. */
export type Gateway = {
  endpoint: string;
  setMode: (mode: GateMode) => void;
  /** Requests that did not get through as they should, since the start. */
  disturbed: () => number;
  close: () => Promise<void>;
};

/** As each of them answers when it is overloaded: S3 in XML, SQS in JSON. The SDKs try such calls again. */
const answerUnavailable = (incoming: IncomingMessage, response: ServerResponse): void => {
  const isJson = incoming.headers['x-amz-target'] !== undefined;
  response.writeHead(503, { 'content-type': isJson ? 'application/x-amz-json-1.0' : 'application/xml' });
  response.end(
    isJson
      ? '{"__type":"ServiceUnavailable","message":"Please try again."}'
      : '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
  );
};

/** Starts a gateway to an endpoint on loopback. */
export const startGateway = async (target: string): Promise<Gateway> => {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const held = new Set<IncomingMessage>();
  let mode: GateMode = 'open';
  let disturbed = 0;

  const forward = (incoming: IncomingMessage, response: ServerResponse, answers: boolean): void => {
    const { method = 'GET', url = '/', headers } = incoming;
    const outgoing = requestOf({ hostname, port, method, path: url, headers, agent }, (answer) => {
      if (!answers) {
        answer.resume().on('end', () => incoming.socket.destroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.on('error', () => incoming.socket.destroy());
    });
    outgoing.on('error', () => incoming.socket.destroy());
    incoming.on('aborted', () => outgoing.destroy());
    incoming.pipe(outgoing);
  };

  const server = createServer((incoming, response) => {
    incoming.on('error', () => undefined);
    response.on('error', () => undefined);
    if (mode !== 'open') disturbed += 1;
    switch (mode) {
      case 'open':
        return forward(incoming, response, true);
      case 'refused':
        incoming.socket.destroy();
        return;
      case 'unavailable':
        incoming.resume().on('end', () => answerUnavailable(incoming, response));
        return;
      case 'cut-after':
        return forward(incoming, response, false);
      case 'silent':
        held.add(incoming.resume());
        incoming.on('close', () => held.delete(incoming));
    }
  });
  // The SDKs announce large bodies and wait to be asked for them.
  server.on('checkContinue', (incoming: IncomingMessage, response: ServerResponse) => {
    if (mode === 'open' || mode === 'cut-after') response.writeContinue();
    server.emit('request', incoming, response);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const release = (): void => {
    for (const incoming of held) incoming.socket.destroy();
    held.clear();
  };
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    setMode: (next) => {
      mode = next;
      if (mode !== 'silent') release();
    },
    disturbed: () => disturbed,
    close: async () => {
      release();
      agent.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
};
