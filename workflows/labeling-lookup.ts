/** What AWS knows of a labeling job that a person wants to adopt, as a short workflow on the worker. Changes nothing. */
import { setCurrentDetails } from '@temporalio/workflow';
import type { LookedUpJob } from '../activities/adoption.ts';
import { call } from './calls.ts';

export async function labelingLookup(input: { region: string; name: string }): Promise<LookedUpJob> {
  const found = await call('lookUpLabelingJob', `Look at the labeling job ${input.name}`, input);
  setCurrentDetails(
    found.kind === 'found' ? `\`${found.name}\` is **${found.status}**.` : `No such labeling job: ${found.message}`,
  );
  return found;
}
