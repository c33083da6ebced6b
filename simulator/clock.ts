/** The relation between the simulator's time and the machine's. */

export type ClockMode = 'real' | 'stopped';

/** Milliseconds since the epoch, in the simulated world. */
export class Clock {
  readonly mode: ClockMode;
  /** `real`: simulated minus machine time; `stopped`: the simulated time itself. */
  #baseMs: number;

  constructor(mode: ClockMode, baseMs: number) {
    this.mode = mode;
    this.#baseMs = baseMs;
  }

  /** A clock that shows `startMs` now. */
  static startingAt(mode: ClockMode, startMs: number): Clock {
    return new Clock(mode, mode === 'real' ? startMs - Date.now() : startMs);
  }

  get baseMs(): number {
    return this.#baseMs;
  }

  nowMs(): number {
    return this.mode === 'real' ? Date.now() + this.#baseMs : this.#baseMs;
  }

  advance(ms: number): void {
    this.#baseMs += ms;
  }
}
