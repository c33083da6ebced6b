/**
 * The files of one chain for the merge parts, and the merge itself. Two shapes: `late`, the dataset of a second job, nine of ten
 * lines labeled and every tenth in the output; and `first`, no label yet and every line in the output.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { selectInput } from '../manifests/job-input.ts';
import { LineReader } from '../manifests/lines.ts';
import { mergeOutputs } from '../manifests/merge.ts';
import { FileSink } from './file-sink.ts';
import {
  CountingSink,
  fileSource,
  LABEL,
  labelOf,
  objectOf,
  reserialised,
  shuffled,
  upTo,
  writeLines,
} from './manifest-files.ts';

/** How the output lies: as AWS wrote the input, or in another order and written by another program. */
export const ORDERS = ['in-order', 'shuffled'] as const;
export type Order = (typeof ORDERS)[number];
export type Shape = 'late' | 'first';

export const sentEvery = (shape: Shape): number => (shape === 'late' ? 10 : 1);

/** The files that {@link makeChainFiles} writes. */
export const chainFilePaths = (directory: string) => ({
  dataset: join(directory, 'dataset.jsonl'),
  states: join(directory, 'states.jsonl'),
  input: join(directory, 'input.jsonl'),
  ordinals: join(directory, 'ordinals.jsonl'),
  'in-order': join(directory, 'in-order.jsonl'),
  shuffled: join(directory, 'shuffled.jsonl'),
});

/** Writes all files of a chain of so many objects into a directory. */
export const makeChainFiles = async (directory: string, objects: number, shape: Shape): Promise<void> => {
  await mkdir(directory, { recursive: true });
  const files = chainFilePaths(directory);
  const every = sentEvery(shape);
  await writeLines(files.dataset, upTo(objects), (ordinal) =>
    JSON.stringify(ordinal % every === 0 ? objectOf(ordinal) : { ...objectOf(ordinal), ...labelOf(ordinal, 1) }),
  );
  await writeLines(files.states, upTo(shape === 'first' ? 1 : objects / every), (index) => {
    const first = index * every;
    if (shape === 'first') return `{"objects":[0,${objects - 1}]}`;
    return `{"objects":[${first},${first}]}\n{"objects":[${first + 1},${first + every - 1}],"label":1}`;
  });
  const to = { manifest: await FileSink.create(files.input), ordinals: await FileSink.create(files.ordinals) };
  await selectInput({
    label: LABEL,
    dataset: fileSource(files.dataset),
    states: fileSource(files.states),
    mode: 'unlabeled',
    maxObjects: null,
    to,
  });
  await to.manifest.close();
  await to.ordinals.close();
  const answered = (index: number): Record<string, unknown> => ({
    ...objectOf(index * every),
    ...labelOf(index * every, 2),
  });
  const sent = objects / every;
  await writeLines(files['in-order'], upTo(sent), (index) => JSON.stringify(answered(index)));
  await writeLines(files.shuffled, shuffled(sent), (index) => reserialised(answered(index)));
};

/** The baseline: the least that a program with a JSON parser does to know the dataset. */
export const parseEveryLine = async (directory: string): Promise<void> => {
  const lines = new LineReader(fileSource(chainFilePaths(directory).dataset));
  for (;;) {
    const line = lines.nextNow() ?? (await lines.next());
    if (line === null) break;
    JSON.parse(line.toString('utf8'));
  }
};

/** Merges one output of these files. Throws if a label was lost: a merge that is fast because it is wrong must not look good. */
export const mergeFiles = async (directory: string, order: Order): Promise<void> => {
  const files = chainFilePaths(directory);
  const result = await mergeOutputs({
    label: LABEL,
    dataset: fileSource(files.dataset),
    states: fileSource(files.states),
    sources: [
      {
        generation: 2,
        jobName: 'job-2',
        input: fileSource(files.input),
        labeledInput: false,
        ordinals: fileSource(files.ordinals),
        output: fileSource(files[order]),
        late: false,
      },
    ],
    countsAttempt: () => true,
    maxAttempts: 3,
    temporaryDirectory: directory,
    to: {
      dataset: new CountingSink(),
      states: new CountingSink(),
      unmatched: new CountingSink(),
      doubled: new CountingSink(),
    },
  });
  if (result.kind !== 'merged' || result.tally.remaining > 0 || result.tally.doubled > 0)
    throw new Error(`the merge is wrong: ${JSON.stringify(result)}`);
};
