/** The life of a job in memory, one row per thing that Ground Truth does. */
import { MINUTE, openAccount } from './support/fixtures.ts';

describe('a job that goes well', () => {
  test('is Initializing for a minute or two, then InProgress, then Completed with every object labeled once (I2)', async () => {
    const account = openAccount();
    await account.create();
    expect((await account.describe()).LabelingJobStatus).toBe('Initializing');
    await account.advance(2 * MINUTE);
    expect((await account.describe()).LabelingJobStatus).toBe('InProgress');
    await account.advance(15 * MINUTE);
    const described = await account.describe();
    expect(described).toMatchObject({
      LabelingJobStatus: 'Completed',
      LabelCounters: { TotalLabeled: 20, Unlabeled: 0 },
    });
    expect(account.output().every((line) => 'species' in line)).toBe(true);
    expect(
      account
        .records('labeled')
        .map(({ objectIndex }) => objectIndex)
        .toSorted((a, b) => a - b),
    ).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });
});
