/**
 * The simulator's clock as other processes see it: read it, move it.
 */
import { z } from 'zod';
import { InputError, OperationError, messageOf } from '../errors.ts';

const ClockAnswer = z.object({ nowMs: z.number() });

/** Moving the clock makes the simulator do everything that was due in between, so it may take a while. */
const TIMEOUT_MS = 120_000;

/** The simulator's time, in milliseconds since the epoch. */
export type SimulatorClock = {
  now: () => Promise<number>;
  /** Moves it forward; resolves with the new time when everything that was due has happened. */
  advance: (durationMs: number) => Promise<number>;
};

type FailureClass = typeof InputError | typeof OperationError;

/**
 * @param endpoint of the simulator, as in LABEL_RELAY_LOCAL_SIMULATOR. If nobody answers there, `now` throws InputError (nothing
 * was changed), `advance` OperationError.
 */
export const simulatorClock = (endpoint: string): SimulatorClock => {
  const ask = async (path: string, init: RequestInit, Failure: FailureClass): Promise<number> => {
    let answer: unknown;
    try {
      const response = await fetch(new URL(path, endpoint), { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (!response.ok) throw new Error(`HTTP ${response.status}: ${(await response.text()).slice(0, 200)}`);
      answer = await response.json();
    } catch (thrown) {
      const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
      throw new Failure(
        `The simulator's clock at ${endpoint} does not answer (${messageOf(cause)}). Start a stack with \`label-relay local\` and use the variables that it prints.`,
        { cause: thrown },
      );
    }
    const parsed = ClockAnswer.safeParse(answer);
    if (!parsed.success) {
      throw new Failure(`${endpoint} is not the simulator of a local stack: it has no clock to move.`);
    }
    return parsed.data.nowMs;
  };
  return {
    now: () => ask('/_simulator/clock', {}, InputError),
    advance: (durationMs) =>
      ask(
        '/_simulator/clock/advance',
        { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ms: durationMs }) },
        OperationError,
      ),
  };
};
