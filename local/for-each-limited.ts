/** Work on many things, a limited number of them at once. */

/** Enough to hide what each call waits, and no burden to a server on the same machine. */
const AT_ONCE = 20;

/**
 * Runs `work` for every item, a limited number at once. After a failure no further item is begun; what is under way
 * is awaited before the failure goes on.
 */
export const forEachLimited = async <T>(
  items: Iterable<T>,
  work: (item: T) => Promise<unknown>,
  atOnce = AT_ONCE,
): Promise<void> => {
  const queue = [...items].values();
  const failures: unknown[] = [];
  const runLane = async () => {
    for (const item of queue) {
      if (failures.length > 0) return;
      try {
        await work(item);
      } catch (thrown) {
        failures.push(thrown);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, runLane));
  if (failures.length > 0) throw failures[0];
};
