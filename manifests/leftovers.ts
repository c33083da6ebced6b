/**
 * The leftover report: every object without a label, exactly once (I2). It owns the report's format, JSON Lines:
 * `{"line":7,"object":{…},"attempts":3,"lastReason":"…","jobs":["birds-4kq2z-001"],"setAside":true}`.
 */
import { OperationError } from '../errors.ts';
import { readObjectLine } from './attributes.ts';
import { GatheringSink, type ByteSink, type ByteSource } from './byte-streams.ts';
import { LineReader } from './lines.ts';
import { StatesReader } from './object-states.ts';

export type LeftoversRequest = {
  dataset: ByteSource;
  states: ByteSource;
  /** The name of a generation's labeling job. */
  jobName: (generation: number) => string;
  to: ByteSink;
};

const OPEN = 0x7b;
const CLOSE = 0x7d;

/**
 * Writes the report. `line` is the 1-based line in the dataset, `object` its bytes as they are, `attempts` and `jobs` are those that
 * counted, forgiven ones included.
 */
export const writeLeftovers = async (request: LeftoversRequest): Promise<{ objects: number; setAside: number }> => {
  const lines = new LineReader(request.dataset);
  const states = new StatesReader(request.states);
  const report = new GatheringSink(request.to);
  const counts = { objects: 0, setAside: 0 };
  for (let raw = await lines.next(); raw !== null; raw = await lines.next()) {
    const run = await states.take(1);
    if (run === null)
      throw new OperationError('the object states end before the dataset; the two files do not belong together');
    const { label, attempts, forgiven, lastReason, setAside } = run.state;
    if (label !== null) continue;
    const generations = [...forgiven, ...attempts];
    const rest = JSON.stringify({
      attempts: generations.length,
      lastReason,
      jobs: generations.map((generation) => request.jobName(generation)),
      setAside,
    });
    if (readObjectLine(raw).kind === 'fault') {
      throw new OperationError(
        `line ${lines.lines} of the dataset is damaged; restore that version of it and try again`,
      );
    }
    const object = raw.subarray(raw.indexOf(OPEN), raw.lastIndexOf(CLOSE) + 1);
    await report.write(
      Buffer.concat([Buffer.from(`{"line":${lines.lines},"object":`), object, Buffer.from(`,${rest.slice(1)}\n`)]),
    );
    counts.objects += 1;
    if (setAside) counts.setAside += 1;
  }
  if ((await states.take(1)) !== null) {
    throw new OperationError('the object states go on after the dataset; the two files do not belong together');
  }
  await report.finish();
  return counts;
};
