/** Reads a job's input manifest the way Ground Truth does (guide: sms-input-data-input-manifest, input-data-limits). */
import { createHash } from 'node:crypto';
import type { SentObject } from './ledger.ts';

type JsonObject = Readonly<Record<string, unknown>>;

export type InputLine = {
  /** The line's own text, without its line end. */
  text: string;
  /** `source-ref` or `source`. */
  source: string;
  /** The label attribute's key is there, with whatever value. A leftover `<label>-metadata` alone is no label. */
  labeled: boolean;
  /** `retry-count` of the leftover metadata of a failed object; 0 without one. */
  retryCount: number;
};

/** The manifest, or why AWS would not take it. */
export type InputManifest = { kind: 'read'; lines: InputLine[] } | { kind: 'refused'; reason: string };

const LINE_MAX_CHARACTERS = 100_000;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The line as JSON; null if it is no JSON object. */
const parseLine = (text: string): JsonObject | null => {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
};

const retryCountOf = (metadata: unknown): number => {
  const count = isObject(metadata) ? metadata['retry-count'] : undefined;
  return typeof count === 'number' ? count : 0;
};

const readLine = (text: string, labelAttribute: string): InputLine | string => {
  if (text.length > LINE_MAX_CHARACTERS) return `is longer than ${LINE_MAX_CHARACTERS} characters`;
  const object = parseLine(text);
  if (object === null) return 'is not a JSON object';
  const source = object['source-ref'] ?? object['source'];
  if (typeof source !== 'string') return 'has neither "source-ref" nor "source"';
  return {
    text,
    source,
    labeled: Object.hasOwn(object, labelAttribute),
    retryCount: retryCountOf(object[`${labelAttribute}-metadata`]),
  };
};

/** Reads the manifest's bytes. */
export const readInputManifest = (body: Uint8Array, labelAttribute: string): InputManifest => {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return { kind: 'refused', reason: 'ClientError: The manifest file is not valid UTF-8.' };
  }
  const texts = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  while (texts.at(-1) === '') texts.pop();
  if (texts.length === 0) return { kind: 'refused', reason: 'ClientError: The manifest file is empty.' };
  const lines: InputLine[] = [];
  for (const lineText of texts) {
    const line = readLine(lineText, labelAttribute);
    if (typeof line === 'string') {
      return {
        kind: 'refused',
        reason: `ClientError: The manifest file is not valid. Line ${lines.length + 1} ${line}.`,
      };
    }
    lines.push(line);
  }
  return { kind: 'read', lines };
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const sortKeys = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
};

/** How the ledger names an object. */
export const identifyObject = (line: InputLine, index: number, labelAttribute: string): SentObject => {
  const { [labelAttribute]: _label, [`${labelAttribute}-metadata`]: _metadata, ...rest } = parseLine(line.text) ?? {};
  return { index, sha256: sha256(line.text), identity: sha256(JSON.stringify(sortKeys(rest))) };
};
