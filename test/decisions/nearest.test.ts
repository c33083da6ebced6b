/** The name that a person probably meant. */
import { nearest } from '../../decisions/nearest.ts';

test.each([
  ['brids', ['birds', 'fish'], 'birds'],
  ['birds', ['birds', 'bird'], 'birds'],
  ['bird', ['fish', 'birds'], 'birds'],
  ['kitten', ['sitting'], null],
  ['kitten', ['sittens'], 'sittens'],
  ['a', ['b'], 'b'],
  ['a', ['bc'], null],
  ['birds', ['fishes', 'mammals'], null],
  ['birds', [], null],
  ['', ['a'], 'a'],
  ['abcdef', ['abcxyz'], null],
  ['abcdef', ['abcdxy'], 'abcdxy'],
])('for "%s" among %j: %s', (name, known, expected) => {
  expect(nearest(name, known)).toBe(expected);
});
