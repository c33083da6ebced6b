/**
 * Stops receiving while Temporal cannot be reached (DESIGN 7: 30 s, 2, 10, 60 min, 6 h between probes). Owns the times
 * of an outage: when to ask again, and for how long a message that could not be signalled stays away.
 */

/** Waits between two probes of one outage; the last one repeats. Milliseconds. */
export const PROBE_WAITS_MS = [30_000, 120_000, 600_000, 3_600_000, 21_600_000] as const;

/**
 * A consumer that has not heard from the service for this long asks before it receives: an outage is then noticed while
 * the queue is idle or at start, and costs no message one of its receives. Milliseconds.
 */
export const TRUST_MS = 60_000;

/**
 * For how long a message stays away after its n-th receive (from 1) met an outage: the waits of the probes. Five
 * receives of the same outage thus take more than an hour, however many consumers meet it or restart in it.
 */
export const outageVisibilityS = (receiveCount: number): number => waitAt(receiveCount - 1) / 1000;

const waitAt = (index: number): number =>
  PROBE_WAITS_MS[Math.min(Math.max(index, 0), PROBE_WAITS_MS.length - 1)] ?? PROBE_WAITS_MS[0];

/** Thrown by {@link Breaker.pass} when the consumer stops while it waits. */
export class BreakerStopped extends Error {
  override readonly name = 'BreakerStopped';
}

/** The one question before each receive, and the two answers that each batch gives. */
export type Breaker = {
  /** Resolves when receiving makes sense. Throws BreakerStopped after `stop`. */
  pass(): Promise<void>;
  /** The service answered. */
  answered(): void;
  /** The service did not: the next `pass` waits for a probe. */
  trip(): void;
  /** Ends any waiting; nothing passes any more. */
  stop(): void;
  isOpen(): boolean;
};

export type BreakerOptions = {
  /** Asks the service; true if it answered. Never throws. */
  probe: () => Promise<boolean>;
  /** Told once when receiving stops and once when it goes on. */
  onChange?: (change: { kind: 'opened' } | { kind: 'closed'; openForMs: number }) => void;
  /** Rejects when the signal aborts. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  now?: () => number;
};

export const createBreaker = ({ probe, onChange = () => {}, sleep, now = Date.now }: BreakerOptions): Breaker => {
  const stopping = new AbortController();
  let openedAtMs: number | null = null;
  let answeredAtMs = Number.NEGATIVE_INFINITY;

  const answered = (): void => {
    answeredAtMs = now();
    if (openedAtMs === null) return;
    const openForMs = answeredAtMs - openedAtMs;
    openedAtMs = null;
    onChange({ kind: 'closed', openForMs });
  };
  const trip = (): void => {
    if (openedAtMs !== null) return;
    openedAtMs = now();
    onChange({ kind: 'opened' });
  };
  const isStopped = (): boolean => stopping.signal.aborted;

  /** Asks until the service answers; one caller's asking is everybody's. */
  const askUntilAnswered = async (): Promise<void> => {
    for (let failures = 0; !isStopped(); failures++) {
      if (openedAtMs !== null) {
        try {
          await sleep(waitAt(failures), stopping.signal);
        } catch (cause) {
          throw new BreakerStopped('stopped', { cause });
        }
      }
      if (await probe()) return answered();
      if (openedAtMs === null) {
        trip();
        failures = -1; // The first wait of the outage is still to come.
      }
    }
  };
  let asking: Promise<void> | null = null;

  return {
    answered,
    trip,
    stop: () => stopping.abort(),
    isOpen: () => openedAtMs !== null,
    async pass() {
      for (;;) {
        if (isStopped()) throw new BreakerStopped('stopped');
        if (openedAtMs === null && now() - answeredAtMs < TRUST_MS) return;
        asking ??= askUntilAnswered().finally(() => (asking = null));
        await asking;
      }
    },
  };
};
