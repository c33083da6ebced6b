import fc from 'fast-check';
import { IdentityQueues } from '../../manifests/identity-queues.ts';

/** Few different first words, so that many digests want the same place. */
const digestOf = (identity: number): string =>
  String.fromCharCode(identity % 3, 0, 0, 0, identity % 256, identity >> 8, ...Array.from({ length: 10 }, () => 7));

type Step = { identity: number; kind: 'add' | 'take' | 'peek' };

/** What the queues answer, and what plain lists would. */
const answers = (steps: readonly Step[]): { given: (number | null)[]; expected: (number | null)[] } => {
  const given: (number | null)[] = [];
  const expected: (number | null)[] = [];
  const compare = (one: number | null, other: number | null): void => {
    given.push(one);
    expected.push(other);
  };
  const queues = new IdentityQueues();
  const lists = new Map<number, number[]>();
  steps.forEach(({ identity, kind }, number) => {
    const list = lists.get(identity) ?? [];
    lists.set(identity, list);
    switch (kind) {
      case 'add':
        queues.add(digestOf(identity), number);
        list.push(number);
        break;
      case 'take':
        compare(queues.take(digestOf(identity)), list.shift() ?? null);
        break;
      case 'peek':
        compare(queues.peek(digestOf(identity)), list[0] ?? null);
    }
  });
  for (const [identity, list] of lists) {
    for (const number of list) compare(queues.take(digestOf(identity)), number);
    compare(queues.take(digestOf(identity)), null);
  }
  return { given, expected };
};

describe('the queues of identities', () => {
  it('give each identity its numbers in their order, whatever comes and goes beside it (I1)', () => {
    const step = fc.record({
      identity: fc.nat(25),
      kind: fc.constantFrom('add' as const, 'take' as const, 'peek' as const),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { given, expected } = answers(steps);
        expect(given).toEqual(expected);
      }),
    );
  });

  it('keep every number while the table grows and shrinks (I1)', () => {
    const adds = Array.from({ length: 3_000 }, (_, identity): Step => ({ identity, kind: 'add' }));
    const takes = adds
      .filter(({ identity }) => identity % 4 > 0)
      .map(({ identity }): Step => ({ identity, kind: 'take' }));
    const { given, expected } = answers([...adds, ...takes, ...adds]);
    expect(given).toEqual(expected);
  });
});
