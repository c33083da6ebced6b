/** Search attributes as typed pairs, from the one list in decisions/. */
import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import type { SEARCH_ATTRIBUTES, SearchAttributeName } from '../decisions/search-attributes.ts';

type Values = Partial<{
  [Name in SearchAttributeName]: (typeof SEARCH_ATTRIBUTES)[Name] extends 'Keyword'
    ? string
    : (typeof SEARCH_ATTRIBUTES)[Name] extends 'Int'
      ? number
      : Date;
}>;

const keyword = (name: SearchAttributeName, value: string): SearchAttributePair => ({
  key: defineSearchAttributeKey(name, 'KEYWORD'),
  value,
});

/** Only what is given is set; the rest keeps its value. */
export const searchAttributes = (values: Values): SearchAttributePair[] => {
  const pairs: SearchAttributePair[] = [];
  for (const name of ['LabelingChain', 'LabelingJobName', 'LabelingJobStatus', 'LabelingAttention'] as const) {
    const value = values[name];
    if (value !== undefined) pairs.push(keyword(name, value));
  }
  for (const name of ['LabelingGeneration', 'LabelingRemaining'] as const) {
    const value = values[name];
    if (value !== undefined) pairs.push({ key: defineSearchAttributeKey(name, 'INT'), value });
  }
  if (values.LabelingDeadline !== undefined) {
    pairs.push({ key: defineSearchAttributeKey('LabelingDeadline', 'DATETIME'), value: values.LabelingDeadline });
  }
  return pairs;
};
