/**
 * What a person gave the chain while it ran and that holds from its next job on: an amended spec (its files are copied),
 * further objects, new attempts for set-aside ones. A file that has gone bad since the checks is an attention, not a failure.
 */
import { call } from './calls.ts';
import type { ChainRun } from './chain-run.ts';
import { blockOf } from './person.ts';

/** Copies the category file and the UI template into the chain's folder; jobs use the copies. Repeated for what is amended meanwhile. */
export const copyAssets = async (run: ChainRun): Promise<void> => {
  for (;;) {
    run.carried.pending = { ...run.carried.pending, copyAssets: false };
    const { spec } = run.state;
    try {
      const job = await call('copyAssets', "Copy the category file and the UI template into the chain's folder", {
        spec,
      });
      if (run.carried.pending.copyAssets) continue;
      run.set({ ...run.state, spec: { ...run.state.spec, job } });
      return;
    } catch (error) {
      run.carried.pending = { ...run.carried.pending, copyAssets: true };
      throw error;
    }
  }
};

/** Does what is pending. Fails where a file cannot be used: a bad manifest is then taken off the list, the rest stays. */
export const applyPending = async (run: ChainRun): Promise<void> => {
  if (run.carried.pending.copyAssets) await copyAssets(run);
  for (;;) {
    const [manifestUri] = run.carried.pending.manifestUris;
    const { spec, dataset } = run.state;
    if (manifestUri === undefined || dataset === null) break;
    const done = (): void => {
      run.carried.pending = { ...run.carried.pending, manifestUris: run.carried.pending.manifestUris.slice(1) };
    };
    try {
      const added = await call('addObjects', `Add the objects of ${manifestUri}`, { spec, dataset, manifestUri });
      run.set({ ...run.state, dataset: added.dataset, manifestUris: [...run.state.manifestUris, manifestUri] });
      done();
    } catch (error) {
      // Nothing of it was added; amended again, once it is mended, it is read again.
      if (blockOf(error)?.reason === 'unusable-input') done();
      throw error;
    }
  }
  const { spec, dataset } = run.state;
  if (run.carried.pending.retrySetAside && dataset !== null) {
    const retried = await call('retrySetAside', 'Give set-aside objects new attempts', { spec, dataset });
    run.set({ ...run.state, dataset: retried });
    run.carried.pending = { ...run.carried.pending, retrySetAside: false };
  }
};
