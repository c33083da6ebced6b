/**
 * How long one attempt of a call to AWS may take. Without this, one whose packets are dropped hangs for minutes, past the end of
 * its activity, and may be carried out when the network is back, after everybody gave it up (I3, I5).
 */

/** For the configuration of a client; `answerWithinMs`: from the start of an attempt to its answer's first byte, in milliseconds. */
export const timeouts = (answerWithinMs: number) =>
  ({
    requestHandler: { connectionTimeout: 5_000, requestTimeout: answerWithinMs, throwOnRequestTimeout: true },
  }) as const;

/** One read or write of a control plane. Three attempts and the waits between them end within a minute. Milliseconds. */
export const CONTROL_MS = 15_000;
/** The upload of a part of a manifest may take longer. Milliseconds. */
export const STORAGE_MS = 60_000;
/** Longer than the longest poll of SQS (20 s). Milliseconds. */
export const RECEIVE_MS = 30_000;
