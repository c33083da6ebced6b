/** The output manifest: one line for each input line (guide: sms-data-output). */
import type { Draw } from './random.ts';
import type { InputLine } from './input-manifest.ts';
import type { Label } from './labels.ts';

/** What became of an object. Objects without a result are copied unchanged. */
export type ObjectResult = { kind: 'labeled'; label: Label } | { kind: 'failed'; reason: string };

export type Serialization = 'bytes' | 'compact' | 'spaced';

/** AWS's text for tasks that nobody finished in time and for tasks that everybody declined: the two look the same. */
export const TASKS_EXPIRED =
  'ClientError: Annotation tasks expired.  Probable Reasons are 1) TaskAvailabilityLifetimeInSeconds parameter is too small.  2) Reward is too low for workers to work on the task.  3) If you use a custom html template, your template may be broken.  4) Data (image/video/text) sent for annotation is broken or too big, preventing completion.  5) All workers declined the tasks.';

/** JSON with a blank after each comma and colon, as Python writes it. */
const stringifySpaced = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(stringifySpaced).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}: ${stringifySpaced(inner)}`);
  return `{${members.join(', ')}}`;
};

const stringifyAs = (serialization: Serialization, value: unknown): string =>
  serialization === 'spaced' ? stringifySpaced(value) : JSON.stringify(value);

/** An unlabeled object's line. */
const renderUntouched = (line: InputLine, serialization: Serialization): string =>
  serialization === 'bytes' ? line.text : stringifyAs(serialization, JSON.parse(line.text));

/** The line of an object with a result. Its label and metadata replace what stood there; other keys pass through. */
export const renderResult = (
  line: InputLine,
  result: ObjectResult,
  labelAttribute: string,
  serialization: Serialization,
): string => {
  const metadataKey = `${labelAttribute}-metadata`;
  const added: Record<string, unknown> =
    result.kind === 'labeled'
      ? { [labelAttribute]: result.label.value, [metadataKey]: result.label.metadata }
      : {
          [metadataKey]: {
            'retry-count': line.retryCount + 1,
            'failure-reason': result.reason,
            'human-annotated': 'true',
          },
        };
  const object: Record<string, unknown> = JSON.parse(line.text);
  if (serialization !== 'bytes' || Object.hasOwn(object, metadataKey)) {
    delete object[metadataKey];
    return stringifyAs(serialization, { ...object, ...added });
  }
  const body = line.text.slice(0, line.text.lastIndexOf('}')).trimEnd();
  return `${body}, ${stringifySpaced(added).slice(1)}`;
};

export type OutputFaults = { serialization: Serialization; shuffled: boolean; short: number };

/** Which input lines the manifest holds and in which order. */
export const arrangeLines = (count: number, faults: OutputFaults, draw: Draw, job: string): number[] => {
  const indices = Array.from({ length: count }, (_, index) => index);
  if (faults.shuffled) {
    for (let last = count - 1; last > 0; last--) {
      const other = Math.floor(draw('shuffle', job, last) * (last + 1));
      const [a, b] = [indices[last], indices[other]];
      if (a === undefined || b === undefined) break;
      indices[last] = b;
      indices[other] = a;
    }
  }
  return indices.slice(0, Math.floor(count * faults.short));
};

/** The manifest's bytes. `rendered` holds the lines of objects with a result, by index. */
export const renderManifest = (
  lines: readonly InputLine[],
  rendered: ReadonlyMap<number, string>,
  order: readonly number[],
  serialization: Serialization,
): Uint8Array => {
  const texts = order.map((index) => {
    const line = lines[index];
    return rendered.get(index) ?? (line === undefined ? '' : renderUntouched(line, serialization));
  });
  return Buffer.from(texts.length === 0 ? '' : `${texts.join('\n')}\n`);
};
