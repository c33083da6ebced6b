/** Inputs from outside, made up by chance: 5,000 for each reader here, any number with `npm run fuzz -- --runs N`. */
import fc from 'fast-check';
import { PROPERTIES } from './properties.ts';

const RUNS = 5_000;

test.each(PROPERTIES.map(({ name, property }) => [name, property] as const))(
  '%s',
  async (_name, property) => {
    const details = await fc.check(property, { numRuns: RUNS });
    if (details.failed) throw new Error(fc.defaultReportMessage(details));
    expect(details.numRuns).toBe(RUNS);
  },
  1_200_000,
);
