/** Following a chain from outside: every change as it comes, through outages. */
import { although } from '../errors.ts';
import { pause, type ClientContext } from './context.ts';
import { readChain, type ChainReading } from './reading.ts';
import type { ChainDetail, WatchOptions } from './types.ts';

const POLL_MS = 1_000;
const OUTAGE_MS = 5 * 60_000;

/** A chain that has ended changes no more, but for a late look. */
const goesOn = ({ document }: ChainDetail): boolean => document.status === 'running' || document.status === 'attention';

/** Null as soon as the signal aborts: what is asked may wait for a worker for a minute. */
const unlessAborted = <Result>(asked: Promise<Result>, signal: AbortSignal | undefined): Promise<Result | null> => {
  if (signal === undefined) return asked;
  return new Promise((resolve, reject) => {
    const abort = (): void => resolve(null);
    signal.addEventListener('abort', abort, { once: true });
    asked.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
};

/** Yields the chain now (or, with `after`, once it differs from that) and after every change, until it has ended. */
export async function* watchChain(
  context: ClientContext,
  chain: string,
  { signal, pollMs = POLL_MS, after, outageMs = OUTAGE_MS }: WatchOptions,
): AsyncGenerator<ChainDetail> {
  let last = after === undefined ? '' : JSON.stringify(after);
  let reading: ChainReading | null = null;
  let answeredMs: number | null = null;
  while (signal?.aborted !== true) {
    try {
      reading = await unlessAborted(readChain(context, chain, reading), signal);
      if (reading === null) return;
      const { detail }: ChainReading = reading;
      answeredMs = Date.now();
      const now = JSON.stringify(detail);
      if (now !== last) yield detail;
      last = now;
      if (!goesOn(detail)) return;
    } catch (thrown) {
      // Before the first answer the caller has it wrong; afterwards the server or the workers may be away for a while.
      if (answeredMs === null) throw thrown;
      if (Date.now() - answeredMs > outageMs) although(`${chain} goes on`)(thrown);
    }
    await pause(pollMs, signal);
  }
}
