/** What a labeling job needs of the account it runs in. */
import type { Agenda } from './agenda.ts';
import type { Ledger } from './ledger.ts';
import type { BusEvent } from './ports.ts';
import type { Draw } from './random.ts';

export type JobEnvironment = {
  account: string;
  region: string;
  agenda: Agenda;
  ledger: Ledger;
  draw: Draw;
  /** The virtual clock. */
  nowMs: () => number;
  /** Null if there is no such object. */
  read: (uri: string) => Promise<Uint8Array | null>;
  /** Writes an object before anything else happens. */
  write: (uri: string, body: () => Uint8Array) => void;
  /** Puts an event on the bus before anything else happens. */
  emit: (event: BusEvent) => void;
};
