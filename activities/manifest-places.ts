/**
 * Where the manifests of a chain lie, and how they are read. Every result lies in a folder whose name holds a hash of what
 * it was made from: a repeated try writes the same bytes to the same keys.
 */
import { createHash } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Dataset } from '../decisions/chain-state.ts';
import type { Spec } from '../decisions/spec.ts';
import type { ByteSource } from '../manifests/byte-streams.ts';
import type { StateCounts } from '../manifests/object-states.ts';
import { beat } from './heartbeat.ts';
import { chainFolder } from './records.ts';
import { objectSource, readAhead, under } from './s3-objects.ts';

/** What the manifest activities work with. */
export type ManifestDependencies = {
  s3: (region: string) => S3Client;
  /** An existing folder for what does not fit into memory. */
  temporaryDirectory: string;
};

/** Ten characters that stand for everything a result is made from. */
export const shortHash = (...parts: unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 10);

/** The files of one version of a chain's dataset. */
export const datasetUris = (spec: Spec, version: number, hash: string) => {
  const folder = under(chainFolder(spec), 'datasets', `${String(version).padStart(4, '0')}-${hash}`);
  return {
    dataset: under(folder, 'dataset.manifest'),
    states: under(folder, 'object-states.jsonl'),
    unmatched: under(folder, 'unmatched.jsonl'),
    doubled: under(folder, 'doubled.jsonl'),
    tally: under(folder, 'tally.json'),
  };
};

/** A dataset as the chain knows it. */
export const datasetOf = (
  version: number,
  uris: { dataset: string; states: string },
  counts: StateCounts,
): Dataset => ({
  version,
  manifestUri: uris.dataset,
  statesUri: uris.states,
  total: counts.total,
  labeled: counts.labeled,
  remaining: counts.remaining,
  setAside: counts.setAside,
  doubled: counts.doubled,
});

/** Reads objects, from now on ({@link readAhead}), with a sign of life for each chunk. */
export const manifestReader =
  ({ s3 }: ManifestDependencies) =>
  (spec: Spec, uri: string, etag: string | null = null): ByteSource =>
    readAhead(objectSource(s3(spec.region), uri, etag, beat));
