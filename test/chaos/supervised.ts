/**
 * One process of the stack and the supervisor that every operator has (systemd, a container platform): a process that is gone is
 * started again. Faults hit it with real signals.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningProcess } from '../../local/processes.ts';

/** How often a start is tried again while what it needs is away, too. */
const RESTART_EVERY_MS = 1_000;

type Startable = Pick<RunningProcess, 'pid' | 'exited' | 'stop'>;

export class Supervised {
  readonly name: string;
  /** How often it ended without being told to: no fault of itself, but to be seen in the result. */
  endedByItself = 0;
  readonly #start: () => Promise<Startable>;
  readonly #say: (line: string) => void;
  #running: Startable | null = null;
  #wanted = false;
  #starting: Promise<void> | null = null;

  constructor(name: string, start: () => Promise<Startable>, say: (line: string) => void) {
    this.name = name;
    this.#start = start;
    this.#say = say;
  }

  get isUp(): boolean {
    return this.#running !== null;
  }

  /** Starts it and keeps it running; resolves when it is ready. Throws if the first start fails and `patient` is false. */
  async up(patient = true): Promise<void> {
    this.#wanted = true;
    this.#starting ??= this.#startUntilUp(patient).finally(() => (this.#starting = null));
    await this.#starting;
  }

  async #startUntilUp(patient: boolean): Promise<void> {
    while (this.#wanted && this.#running === null) {
      try {
        const running = await this.#start();
        this.#running = running;
        void running.exited.then(() => this.#gone(running));
      } catch (thrown) {
        if (!patient) throw thrown;
        this.#say(`${this.name} did not start: ${String(thrown).split('\n')[0]}`);
        await sleep(RESTART_EVERY_MS);
      }
    }
    // Told to go while it was starting.
    if (!this.#wanted) await this.down();
  }

  #gone(running: Startable): void {
    if (this.#running !== running) return;
    this.#running = null;
    if (!this.#wanted) return;
    this.endedByItself += 1;
    this.#say(`${this.name} ended by itself`);
    void this.up();
  }

  #signal(signal: NodeJS.Signals): void {
    const pid = this.#running?.pid;
    if (pid === undefined) return;
    try {
      // The whole group: a process that is frozen or killed takes its children with it.
      process.kill(-pid, signal);
    } catch {
      // Gone already.
    }
  }

  /** `kill -9`; it stays away until {@link up}. */
  async kill(): Promise<void> {
    this.#wanted = false;
    await this.#starting?.catch(() => undefined);
    const running = this.#running;
    this.#signal('SIGKILL');
    this.#running = null;
    await running?.exited;
  }

  freeze(): void {
    this.#signal('SIGSTOP');
  }

  thaw(): void {
    this.#signal('SIGCONT');
  }

  /** Ends it as an operator does. */
  async down(): Promise<void> {
    this.#wanted = false;
    const running = this.#running;
    this.#running = null;
    this.#signal('SIGCONT');
    await running?.stop();
  }
}
