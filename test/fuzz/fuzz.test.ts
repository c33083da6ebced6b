/** Inputs from outside, made up by chance: a small number here, any number with `npm run fuzz -- --runs N`. */
import fc from 'fast-check';
import { PROPERTIES } from './properties.ts';

test.each(PROPERTIES.map(({ name, property }) => [name, property] as const))('%s', async (_name, property) => {
  const details = await fc.check(property, { numRuns: 500 });
  if (details.failed) throw new Error(fc.defaultReportMessage(details));
  expect(details.numRuns).toBe(500);
});
