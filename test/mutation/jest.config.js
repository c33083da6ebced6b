/**
 * Only the tests of one part of the decisions, named by MUTATION_TESTS, and nothing that they do not need: StrykerJS runs
 * them once for each mutant.
 */
import base from '../../jest.config.js';

const { globalSetup: _, reporters: __, ...rest } = base;
const names = (process.env.MUTATION_TESTS ?? '*').split(',');

export default {
  ...rest,
  rootDir: '../..',
  roots: ['<rootDir>/test/decisions'],
  testMatch: names.map((name) => `**/${name}.test.ts`),
  maxWorkers: 1,
};
