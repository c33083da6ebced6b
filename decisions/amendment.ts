/** An amendment as it reaches the workflow of a chain, and what it does there. How changes are read stands in amend.ts. */
import { generationOf, withGeneration, type ChainState } from './chain-state.ts';
import type { Spec } from './spec.ts';

/** What reaches the workflow: the whole new spec, already checked, and a manifest of further objects. Plain JSON. */
export type Amendment = {
  spec: Spec | null;
  manifestUri: string | null;
  /** The spec from which the new one was made; absent from a client before this was told. */
  basis?: Spec;
};

/** Why a chain does not take an amendment; null if it does. */
export const amendmentRefusal = (
  { chain, spec }: ChainState,
  { basis, manifestUri, ...amended }: Amendment,
): string | null => {
  if (manifestUri !== null && spec.streaming) return streamingTakesNoManifest(chain);
  // The new spec is a whole one: what somebody else changed meanwhile would be undone without a word.
  if (amended.spec !== null && basis !== undefined && JSON.stringify(basis) !== JSON.stringify(spec))
    return `the spec of the chain ${chain} changed meanwhile; see what it is now (label-relay show ${chain}), and amend again`;
  return null;
};

export const streamingTakesNoManifest = (chain: string): string =>
  `the chain ${chain} labels what its SNS topic brings: it takes no manifest; send further objects to the topic`;

/** The chain with its new spec. Of a job that is decided and not created, it is noted that its request was made before. */
export const withSpec = (state: ChainState, spec: Spec): ChainState => {
  const { phase } = state;
  const job = phase.kind === 'job' ? generationOf(state, phase.generation) : null;
  const amended = { ...state, spec };
  return job === null || job.arn !== null ? amended : withGeneration(amended, job.generation, { amendedSince: true });
};
