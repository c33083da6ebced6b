/** What a labeling job needs before it may exist: its input, and the record that holds it. */
import { jobDecided } from '../decisions/after-job.ts';
import type { ChainState, JobInput } from '../decisions/chain-state.ts';
import type { JobOrder } from '../decisions/next-order.ts';
import { datasetActivities } from './datasets.ts';
import type { ManifestDependencies } from './manifest-places.ts';
import { recordActivities, type ChainRecord, type WriteRecordResult } from './records.ts';

export const decidedJobActivities = (dependencies: ManifestDependencies) => {
  const { writeJobInput } = datasetActivities(dependencies);
  const { writeRecord } = recordActivities(dependencies);

  return {
    /**
     * Writes both in one turn of the workflow; a repeated try writes the same input to the same key. `input` is null for a
     * streaming job, which takes its objects from a topic. Fails as `writeJobInput` and `writeRecord` do.
     */
    writeInputAndRecord: async ({
      state,
      order,
      pending,
      sequence,
      isToldOfReset = false,
    }: {
      /** As it was when the job was ordered; the record holds the state with the job. */
      state: ChainState;
      order: JobOrder;
      pending: ChainRecord['pending'];
      sequence: number;
      isToldOfReset?: boolean;
    }): Promise<{ input: JobInput | null; record: WriteRecordResult }> => {
      const { spec, dataset } = state;
      const input = spec.streaming || dataset === null ? null : await writeJobInput({ spec, dataset, order });
      const record = await writeRecord({
        state: jobDecided(state, order, input),
        pending,
        sequence,
        isToldOfReset,
      });
      return { input, record };
    },
  };
};
