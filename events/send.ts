/**
 * Sends events of an archive or a file to the workflows that follow their jobs: the consumer's own handling, without a
 * queue and without AWS credentials. Owns the reading of a stream of events in the forms that archives come in.
 */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Client } from '@temporalio/client';
import { BODY_MAX_BYTES, type Believed } from './envelope.ts';
import { dispositionOf, handleBodies, type OutcomeKind, type WorkerEvent } from './handling.ts';

/** One event's text and the line, from 1, on which it begins. */
export type NumberedBody = { line: number; body: string };

/** An event that was not delivered, though it should have been. `why` is one of our own words or a gRPC status name. */
export type SendProblem = { line: number; kind: OutcomeKind; why: string };

/** What came of a file. `complete` is false if an outage ended the sending: what came after the last problem was not sent. */
export type SendReport = {
  counts: Partial<Record<OutcomeKind, number>>;
  problems: SendProblem[];
  complete: boolean;
};

/** Events that are signalled side by side. */
const BATCH_SIZE = 50;

/**
 * Handles every event of the stream, in its order, a batch at a time. An outage ends it after its batch; sending the
 * whole file again costs nothing twice (DESIGN, law 1).
 */
export const sendEvents = async (
  input: Readable,
  handling: { client: Client; believed: Believed; onWorkerEvent?: (event: WorkerEvent) => void },
): Promise<SendReport> => {
  const report: SendReport = { counts: {}, problems: [], complete: true };
  const handle = async (batch: readonly NumberedBody[]): Promise<void> => {
    const outcomes = await handleBodies(
      batch.map(({ body }) => body),
      handling,
    );
    for (const [index, outcome] of outcomes.entries()) {
      report.counts[outcome.kind] = (report.counts[outcome.kind] ?? 0) + 1;
      if (dispositionOf(outcome.kind) === 'delete') continue;
      const why = 'why' in outcome ? outcome.why : outcome.kind;
      report.problems.push({ line: batch[index]?.line ?? 0, kind: outcome.kind, why });
      if (outcome.kind === 'outage') report.complete = false;
    }
  };

  let batch: NumberedBody[] = [];
  for await (const numbered of splitEvents(input)) {
    batch.push(numbered);
    if (batch.length < BATCH_SIZE) continue;
    await handle(batch);
    batch = [];
    if (!report.complete) return report;
  }
  await handle(batch);
  return report;
};

/**
 * Splits a stream into the JSON values at its top level: one document, JSON Lines, values one after another, or one
 * array of them. What is no JSON comes out as it is, a line at a time, for the handling to refuse; one broken line does
 * not swallow the lines after it.
 */
export async function* splitEvents(input: Readable): AsyncGenerator<NumberedBody> {
  let line = 0;
  let value: OpenValue | null = null;
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1;
    if (value !== null && text.startsWith('{') && isJson(text)) {
      yield { line: value.line, body: value.body };
      value = null;
    }
    let at = 0;
    while (at < text.length) {
      if (value === null) {
        between.lastIndex = at;
        between.test(text);
        const start = between.lastIndex;
        if (start === text.length) break;
        if (text[start] !== '{') {
          yield { line, body: text.slice(start) };
          break;
        }
        value = { line, body: '', depth: 0, inString: false };
        at = start;
      }
      at = consume(value, text, at);
      if (value.depth > 0) continue;
      yield { line: value.line, body: value.body };
      value = null;
    }
    if (value !== null) keep(value, '\n');
  }
  if (value !== null) yield { line: value.line, body: value.body };
}

/** What may stand between two values; matches always, from where it is told to begin. */
const between = /[\s,[\]]*/y;

/** An object whose closing brace has not been met. */
type OpenValue = NumberedBody & { depth: number; inString: boolean };

/** Reads on from `at` until the value closes or the text ends; returns where it stopped. */
const consume = (value: OpenValue, text: string, at: number): number => {
  const marks = /["\\{}]/g;
  marks.lastIndex = at;
  for (let mark = marks.exec(text); mark !== null; mark = marks.exec(text)) {
    if (value.inString) {
      if (mark[0] === '\\') marks.lastIndex += 1;
      else if (mark[0] === '"') value.inString = false;
      continue;
    }
    if (mark[0] === '"') value.inString = true;
    else if (mark[0] === '{') value.depth += 1;
    else if (mark[0] === '}') value.depth -= 1;
    if (value.depth === 0) {
      keep(value, text.slice(at, mark.index + 1));
      return mark.index + 1;
    }
  }
  keep(value, text.slice(at));
  return text.length;
};

/** Beyond the size cap a body is refused whatever else it holds, so no more of it is kept in memory. */
const keep = (value: OpenValue, text: string): void => {
  if (value.body.length <= BODY_MAX_BYTES) value.body += text;
};

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};
