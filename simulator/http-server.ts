/** The simulator's HTTP side: AWS JSON 1.1 for SageMaker's operations, and the control API under `/_simulator/`. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { ApiError } from './api-error.ts';
import { answerControl } from './control-api.ts';
import type { SimulatorCore } from './simulator.ts';

const TARGET_PREFIX = 'SageMaker.';

const readBody = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (chunk instanceof Buffer) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return text === '' ? {} : JSON.parse(text);
};

const sendJson = (response: ServerResponse, status: number, body: object): void => {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/x-amz-json-1.1');
  response.end(JSON.stringify(body));
};

const sendError = (response: ServerResponse, error: ApiError): void =>
  sendJson(response, error.httpStatus, { __type: error.name, message: error.message });

const answerOperation = async (
  simulator: SimulatorCore,
  target: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  let input: unknown;
  try {
    input = await readBody(request);
  } catch {
    return sendError(response, new ApiError('SerializationException', 'The request is not JSON.'));
  }
  const answer = await simulator.call(target.slice(TARGET_PREFIX.length), input);
  // The service's own clock: clients that care for time read it here.
  response.setHeader('Date', new Date(simulator.clock.nowMs()).toUTCString());
  switch (answer.kind) {
    case 'ok':
      return sendJson(response, 200, answer.body);
    case 'error':
      return sendError(response, answer.error);
    case 'dropped':
      request.socket.destroy();
  }
};

const answerRequest = async (
  simulator: SimulatorCore,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  response.sendDate = false;
  response.setHeader('Date', new Date(simulator.clock.nowMs()).toUTCString());
  response.setHeader('x-amzn-RequestId', randomUUID());
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
  if (pathname.startsWith('/_simulator/')) {
    await answerControl(simulator, { method: request.method ?? 'GET', pathname, searchParams }, request, response);
    return;
  }
  const target = request.headers['x-amz-target'];
  if (request.method !== 'POST' || typeof target !== 'string' || !target.startsWith(TARGET_PREFIX)) {
    sendError(response, new ApiError('UnknownOperationException', 'Expected POST / with X-Amz-Target: SageMaker.…'));
    return;
  }
  await answerOperation(simulator, target, request, response);
};

/** The listener for one server. Whatever goes wrong inside answers 500 and is logged. */
export const createRequestListener =
  (simulator: SimulatorCore, log: (line: string) => void): RequestListener =>
  (request, response) => {
    answerRequest(simulator, request, response).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      log(`${request.method} ${request.url}: ${message}`);
      if (response.headersSent) response.destroy();
      else sendError(response, new ApiError('InternalFailure', message));
    });
  };
