/**
 * A running simulator: the account of ground-truth.ts behind HTTP, on a clock, with its state kept in a file if one is
 * named. Everything that touches the account goes through one queue, so that nothing happens in between.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createEventBridgeBus, createS3Store } from './aws-ports.ts';
import { Clock, type ClockMode } from './clock.ts';
import { GroundTruth, type ApiAnswer } from './ground-truth.ts';
import { createRequestListener } from './http-server.ts';
import { Journal, journaledPorts, readJournal, type JournalEntry } from './journal.ts';
import type { LedgerRecord } from './ledger.ts';
import { MemoryBus, MemoryStore, type EventBus, type ObjectStore } from './ports.ts';
import { parseScript, type ScriptSource } from './script.ts';

export type SimulatorOptions = {
  /** 0 or absent: any free port. Always on 127.0.0.1. */
  port?: number;
  account?: string;
  region?: string;
  /** The same seed, script and calls give the same labels, times and ledger. */
  seed?: number;
  /** `real`: time passes by itself and can also be advanced; `stopped`: only `advance` moves it. Default: stopped. */
  clock?: ClockMode;
  /** The simulated time at the start, in milliseconds since the epoch. Default: the machine's. */
  startMs?: number;
  script?: ScriptSource;
  /** Where jobs, tags, ledger and clock survive a kill. What it holds overrides the other settings. */
  stateFile?: string;
  /** An S3 endpoint, or a store of one's own. Default: memory. */
  s3?: { endpoint: string } | ObjectStore;
  /** An EventBridge endpoint, or a bus of one's own. Default: memory. */
  events?: { endpoint: string } | EventBus;
  /** For what a person should see. Default: nothing is written. */
  log?: (line: string) => void;
};

export type Simulator = {
  /** `http://127.0.0.1:<port>` */
  endpoint: string;
  clock: { nowMs(): number; /** Null if nothing will happen by itself. */ nextMs(): number | null };
  ledger(): readonly LedgerRecord[];
  /** Replaces the script; throws ScriptError. */
  script(source: ScriptSource): Promise<void>;
  /** Moves the clock; when it resolves, everything due is done, written and put. Resolves with the time. */
  advance(ms: number): Promise<number>;
  /** One call of the API without HTTP. */
  call(operation: string, input: unknown): Promise<ApiAnswer>;
  groundTruth: GroundTruth;
  close(): Promise<void>;
};

/** What the HTTP side needs of a simulator. */
export type SimulatorCore = Omit<Simulator, 'endpoint' | 'close'>;

const isEndpoint = (value: object): value is { endpoint: string } => 'endpoint' in value;

/** Starts a simulator. Rejects with ScriptError, JournalError or the error of listening. */
export const startSimulator = async (options: SimulatorOptions = {}): Promise<Simulator> => {
  const { port = 0, stateFile, log = () => {} } = options;
  const entries = stateFile === undefined ? [] : readJournal(stateFile);
  const journal = new Journal(stateFile ?? null);
  const opened = entries.find((entry) => entry.kind === 'opened') ?? openJournal(options, journal);
  const { account, region, seed, startMs } = opened;
  const { s3 = new MemoryStore(), events = new MemoryBus() } = options;
  const ports = journaledPorts(
    {
      store: isEndpoint(s3) ? createS3Store(s3.endpoint, region, log) : s3,
      bus: isEndpoint(events) ? createEventBridgeBus(events.endpoint, region) : events,
    },
    journal,
    entries,
  );
  const groundTruth = new GroundTruth({ account, region, seed, startMs, ...ports, script: parseScript(opened.script) });
  const clock = new Clock(opened.clock, entries.findLast((entry) => entry.kind === 'clock')?.baseMs ?? opened.baseMs);
  await replay(groundTruth, entries);

  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let queue: Promise<unknown> = Promise.resolve();
  /** Lets time catch up, then does one thing. */
  const inOrder = <T>(work: () => T | Promise<T>): Promise<T> => {
    const result = queue.then(async () => {
      await groundTruth.advanceTo(clock.nowMs());
      return work();
    });
    queue = result.then(planWake, planWake);
    return result;
  };
  const planWake = (failure?: unknown): void => {
    if (failure instanceof Error) log(`waiting for S3 or EventBridge: ${failure.message}`);
    clearTimeout(timer);
    if (closed || clock.mode === 'stopped' || groundTruth.nextMs === null) return;
    const waitMs = failure instanceof Error ? OUTAGE_RETRY_MS : groundTruth.nextMs - clock.nowMs();
    timer = setTimeout(wake, Math.min(Math.max(waitMs, 0), LONGEST_TIMER_MS)).unref();
  };
  const wake = (): void => {
    inOrder(() => {}).catch(() => {
      // Said by planWake, which also tries again.
    });
  };

  const core: SimulatorCore = {
    clock: { nowMs: () => clock.nowMs(), nextMs: () => groundTruth.nextMs },
    groundTruth,
    ledger: () => groundTruth.ledger.records,
    script: (source) => {
      const script = parseScript(source);
      return inOrder(() => {
        journal.append({ kind: 'script', atMs: groundTruth.nowMs, script: source });
        groundTruth.setScript(script);
      });
    },
    advance: (ms) =>
      inOrder(async () => {
        clock.advance(ms);
        journal.append({ kind: 'clock', baseMs: clock.baseMs });
        await groundTruth.advanceTo(clock.nowMs());
        return clock.nowMs();
      }),
    call: (operation, input) =>
      inOrder(() => {
        journal.append({ kind: 'call', atMs: groundTruth.nowMs, operation, input });
        return groundTruth.call(operation, input);
      }),
  };

  const server = createServer(createRequestListener(core, log));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  // What fell due while no simulator ran; an outage of the ports does not keep it from starting.
  await inOrder(() => {}).catch(() => {});
  return {
    ...core,
    endpoint: `http://127.0.0.1:${addressOf(server.address()).port}`,
    async close() {
      closed = true;
      clearTimeout(timer);
      const stopped = new Promise((resolve) => {
        server.close(resolve);
      });
      server.closeAllConnections();
      await stopped;
      await queue.catch(() => {});
    },
  };
};

/** setTimeout takes 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const OUTAGE_RETRY_MS = 1000;

const addressOf = (address: AddressInfo | string | null): AddressInfo => {
  if (address === null || typeof address === 'string') throw new Error('the server listens on no TCP port');
  return address;
};

const openJournal = (options: SimulatorOptions, journal: Journal): Extract<JournalEntry, { kind: 'opened' }> => {
  const startMs = options.startMs ?? Date.now();
  const mode = options.clock ?? 'stopped';
  const opened = {
    kind: 'opened',
    version: 1,
    account: options.account ?? '123456789012',
    region: options.region ?? 'us-east-1',
    seed: options.seed ?? 1,
    startMs,
    clock: mode,
    baseMs: Clock.startingAt(mode, startMs).baseMs,
    script: options.script ?? {},
  } as const;
  parseScript(opened.script);
  journal.append(opened);
  return opened;
};

/** Does again what the journal says, up to the last thing that came from outside. */
const replay = async (groundTruth: GroundTruth, entries: readonly JournalEntry[]): Promise<void> => {
  for (const entry of entries) {
    switch (entry.kind) {
      case 'call':
        await groundTruth.advanceTo(entry.atMs);
        await groundTruth.call(entry.operation, entry.input);
        break;
      case 'script':
        await groundTruth.advanceTo(entry.atMs);
        groundTruth.setScript(parseScript(entry.script));
        break;
      case 'opened':
      case 'clock':
      case 'read':
      case 'done':
        break;
    }
  }
};
