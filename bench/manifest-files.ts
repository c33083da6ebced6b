/**
 * Manifests of any size for the benchmark, made once into files. It owns their content: lines of about 300 bytes as
 * image data sets have them, and labels of about 190 bytes as Ground Truth writes them.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { ByteSink, ByteSource } from '../manifests/byte-streams.ts';

/** The label attribute of every manifest here. */
export const LABEL = 'species';

/** A file as the manifest operations read it. */
export const fileSource =
  (path: string): ByteSource =>
  () =>
    createReadStream(path);

/** Bytes counted and dropped: what a disk or a network costs is no part of a merge. */
export class CountingSink implements ByteSink {
  bytes = 0;

  write(chunk: Uint8Array): Promise<void> {
    this.bytes += chunk.length;
    return Promise.resolve();
  }
}

const hex = (number: number): string => ((number * 2_654_435_761) >>> 0).toString(16).padStart(8, '0');

/** The attributes of one object; no two are equal. */
export const objectOf = (ordinal: number): Record<string, unknown> => ({
  'source-ref': `s3://example-images/${hex(ordinal)}/frame-${String(ordinal).padStart(9, '0')}.jpg`,
  site: `reserve ${ordinal % 17}, north “gate”`,
  camera: { id: `cam-${ordinal % 240}`, lens: '50mm' },
  'captured-at': `2026-0${1 + (ordinal % 9)}-1${ordinal % 10}T0${ordinal % 10}:15:30Z`,
  width: 1920,
  height: 1080,
  tags: ['dawn', 'infrared', `batch-${ordinal % 1000}`],
});

/** What Ground Truth adds to a labeled line. */
export const labelOf = (ordinal: number, generation: number): Record<string, unknown> => ({
  [LABEL]: ordinal % 12,
  [`${LABEL}-metadata`]: {
    'class-name': `species ${ordinal % 12}`,
    'job-name': `labeling-job/birds-4f2a1-00${generation}`,
    confidence: 0.5 + (ordinal % 50) / 100,
    type: 'groundtruth/image-classification',
    'creation-date': '2026-03-01T12:00:00.000000',
  },
});

/** JSON as another program writes it: a space after commas and colons, escapes for what is not ASCII, names in another order. */
export const reserialised = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(reserialised).join(', ')}]`;
  if (typeof value !== 'object' || value === null) {
    const text = JSON.stringify(value);
    return text.replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  }
  const members = Object.entries(value).toReversed();
  return `{${members.map(([name, each]) => `${JSON.stringify(name)}: ${reserialised(each)}`).join(', ')}}`;
};

/** Writes one line for each number, in the order given. */
export const writeLines = async (
  path: string,
  numbers: Iterable<number>,
  lineOf: (number: number) => string,
): Promise<void> => {
  const file = await open(path, 'w');
  try {
    let lines = '';
    for (const number of numbers) {
      lines += `${lineOf(number)}\n`;
      if (lines.length < 1 << 20) continue;
      await file.write(lines);
      lines = '';
    }
    await file.write(lines);
  } finally {
    await file.close();
  }
};

/** 0 to count − 1. */
export function* upTo(count: number): Generator<number> {
  for (let number = 0; number < count; number += 1) yield number;
}

/** 0 to count − 1 in an order that looks like chance and is the same every time. */
export const shuffled = (count: number): Uint32Array => {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  let seed = 12_345;
  for (let index = count - 1; index > 0; index -= 1) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    const other = Math.floor((seed / 2 ** 32) * (index + 1));
    const moved = order[index] ?? 0;
    order[index] = order[other] ?? 0;
    order[other] = moved;
  }
  return order;
};
