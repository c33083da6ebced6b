/**
 * The search attributes of our workflows, in one place: whoever registers, sets or checks them reads this. Pure data.
 * A server that lacks one wedges the workflow task that sets it for ever, without an error to the caller.
 */

/** Temporal's types, as the CLI and `temporal operator search-attribute create` spell them. */
export type SearchAttributeTypeName = 'Keyword' | 'Int' | 'Datetime';

/** Name → type. Set at start, updated at state changes and at most daily (DESIGN 8). */
export const SEARCH_ATTRIBUTES = {
  LabelingChain: 'Keyword',
  LabelingJobName: 'Keyword',
  LabelingJobStatus: 'Keyword',
  LabelingAttention: 'Keyword',
  LabelingGeneration: 'Int',
  LabelingRemaining: 'Int',
  /** When the job that is followed ends at the latest, on the service's clock (never on a workflow's). */
  LabelingDeadline: 'Datetime',
} as const satisfies Record<string, SearchAttributeTypeName>;

/** The name of one of our search attributes. */
export type SearchAttributeName = keyof typeof SEARCH_ATTRIBUTES;

/**
 * The types' numbers in Temporal's API (temporal/api/enums/v1/common.proto, IndexedValueType): what
 * `operatorService.addSearchAttributes` takes.
 */
export const INDEXED_VALUE_TYPES = { Keyword: 2, Int: 3, Datetime: 6 } as const satisfies Record<
  SearchAttributeTypeName,
  number
>;

/** What two open chains must not share: a manifest under a label attribute. */
export const datasetKey = (manifestUri: string, labelAttributeName: string): string =>
  JSON.stringify([manifestUri, labelAttributeName]);

/** What a chain's workflow has in its memo: read with the list of chains, searched by us. Small on purpose. */
export const CHAIN_MEMO = {
  /** The manifest and the label attribute, as one text: two open chains must not share them. */
  dataset: 'dataset',
  /** Of the manifests that were added to the chain (amend), such texts; absent: none. */
  furtherDatasets: 'furtherDatasets',
  /** The ARN of the work team of the latest request. */
  workTeam: 'workTeam',
  /** How the chain ended (`EndStatus`), also while it stays open for its late look; null again after a resume. */
  end: 'end',
} as const;
