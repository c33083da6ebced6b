import { NumberColumn } from '../../manifests/number-column.ts';

/** The first chunk grows, the second begins at 16,384. */
const LENGTHS = [0, 1, 63, 64, 65, 128, 129, 16_383, 16_384, 16_385, 32_769];

const holding = (length: number): NumberColumn => {
  const column = new NumberColumn();
  for (let index = 0; index < length; index += 1) column.push(index * 0.5 - 3);
  return column;
};

describe('a column of numbers', () => {
  test.each(LENGTHS)('holds %i numbers in the order in which they were pushed, and 0 beyond them', (length) => {
    const column = holding(length);
    expect(column.length).toBe(length);
    const held = Array.from({ length: length + 1 }, (_, index) => column.get(index));
    expect(held).toEqual([...Array.from({ length }, (_, index) => index * 0.5 - 3), 0]);
  });

  test('takes another value at a place that was pushed, also after it has grown', () => {
    const column = holding(10);
    column.set(7, 2 ** 53);
    for (let more = 0; more < 20_000; more += 1) column.push(more);
    column.set(16_390, -1);
    expect([column.get(6), column.get(7), column.get(8), column.get(16_390), column.get(16_391)]).toEqual([
      0,
      2 ** 53,
      1,
      -1,
      16_381,
    ]);
  });
});
