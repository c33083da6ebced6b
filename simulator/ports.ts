/** What Ground Truth needs of the rest of AWS: a place for objects and a bus for events; and both of them in memory. */

/** Objects by `s3://bucket/key`. */
export type ObjectStore = {
  /** The object's bytes; null if there is no such object or bucket, or it may not be read. Rejects on an outage. */
  get(uri: string): Promise<Uint8Array | null>;
  /** Rejects on an outage; the write is then tried again before anything else happens. */
  put(uri: string, body: Uint8Array): Promise<void>;
};

/** An EventBridge event as rules and targets see it. */
export type BusEvent = {
  version: '0';
  id: string;
  'detail-type': string;
  source: 'aws.sagemaker';
  account: string;
  /** ISO 8601, whole seconds. */
  time: string;
  region: string;
  resources: readonly string[];
  detail: Readonly<Record<string, string>>;
};

export type EventBus = { put(events: readonly BusEvent[]): Promise<void> };

/** Objects in memory. */
export class MemoryStore implements ObjectStore {
  readonly objects = new Map<string, Uint8Array>();

  get(uri: string): Promise<Uint8Array | null> {
    return Promise.resolve(this.objects.get(uri) ?? null);
  }

  put(uri: string, body: Uint8Array): Promise<void> {
    this.objects.set(uri, body);
    return Promise.resolve();
  }

  /** An object as text; null if it does not exist. */
  text(uri: string): string | null {
    const body = this.objects.get(uri);
    return body === undefined ? null : new TextDecoder().decode(body);
  }

  /** Writes text under a URI. */
  write(uri: string, text: string): void {
    this.objects.set(uri, new TextEncoder().encode(text));
  }
}

/** A bus that keeps what was put on it. */
export class MemoryBus implements EventBus {
  readonly events: BusEvent[] = [];

  put(events: readonly BusEvent[]): Promise<void> {
    this.events.push(...events);
    return Promise.resolve();
  }
}
