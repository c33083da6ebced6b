/** `/_simulator/…`: the clock, the ledger, the script and the jobs, for other processes. README.md shows each. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { LedgerRecord } from './ledger.ts';
import { ScriptError } from './script.ts';
import type { SimulatorCore } from './simulator.ts';

type ControlRequest = { method: string; pathname: string; searchParams: URLSearchParams };

const RECORDS_PER_CHUNK = 1000;

const advanceSchema = z.object({ ms: z.number().min(0) });

const readText = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (chunk instanceof Buffer) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

const send = (response: ServerResponse, status: number, body: unknown): void => {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json');
  response.end(`${JSON.stringify(body)}\n`);
};

const refuse = (response: ServerResponse, message: string): void => send(response, 400, { message });

/** In chunks, because a ledger can be longer than the longest string. */
const sendLedger = (response: ServerResponse, records: readonly LedgerRecord[], wanted: URLSearchParams): void => {
  const job = wanted.get('job');
  const kind = wanted.get('kind');
  response.setHeader('Content-Type', 'application/json');
  const fits = records.filter(
    (record) => (job === null || record.job === job) && (kind === null || record.kind === kind),
  );
  response.write('[');
  for (let first = 0; first < fits.length; first += RECORDS_PER_CHUNK) {
    const chunk = fits.slice(first, first + RECORDS_PER_CHUNK).map((record) => JSON.stringify(record));
    response.write(`${first === 0 ? '' : ',\n'}${chunk.join(',\n')}`);
  }
  response.end(']\n');
};

const describeJobs = (simulator: SimulatorCore): object[] =>
  simulator.groundTruth.jobs.map((job) => ({
    name: job.name,
    arn: job.arn,
    ordinal: job.ordinal,
    status: job.status,
    counters: job.counters(),
    createdMs: job.createdMs,
    tags: Object.fromEntries(job.tags),
    rules: job.rules,
  }));

/** Answers one request. */
export const answerControl = async (
  simulator: SimulatorCore,
  { method, pathname, searchParams }: ControlRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const body = method === 'GET' ? '' : await readText(request);
  try {
    switch (`${method} ${pathname}`) {
      case 'GET /_simulator/clock':
        return send(response, 200, { nowMs: simulator.clock.nowMs() });
      case 'GET /_simulator/clock/next':
        return send(response, 200, { nextMs: simulator.clock.nextMs() });
      case 'POST /_simulator/clock/advance':
        return send(response, 200, { nowMs: await simulator.advance(advanceSchema.parse(JSON.parse(body)).ms) });
      case 'GET /_simulator/ledger':
        return sendLedger(response, simulator.ledger(), searchParams);
      case 'PUT /_simulator/script':
        await simulator.script(JSON.parse(body));
        return send(response, 200, {});
      case 'GET /_simulator/jobs':
        return send(response, 200, describeJobs(simulator));
      default:
        return send(response, 404, { message: `There is no ${method} ${pathname}; see simulator/README.md.` });
    }
  } catch (error) {
    if (error instanceof ScriptError) return refuse(response, error.message);
    if (error instanceof SyntaxError) return refuse(response, `The request is not JSON: ${error.message}`);
    if (error instanceof z.ZodError) return refuse(response, 'Expected {"ms": <milliseconds, 0 or more>}.');
    throw error;
  }
};
