import { Findings } from '../../manifests/findings.ts';
import { TemporaryDirectory } from './chain-files.ts';

describe('the findings of a merge', () => {
  it('come back by ordinal and then as added, also those that did not fit into memory (law 2)', () => {
    const directory = new TemporaryDirectory();
    const findings = new Findings(directory.path);
    // 40 MB: three stretches.
    const objects = 40;
    const label = (ordinal: number, source: number): Buffer => Buffer.alloc(500_000, ordinal * 2 + source);
    for (const source of [0, 1]) {
      for (let index = 0; index < objects; index += 1) {
        const ordinal = (index * 17) % objects;
        if (ordinal % 5 === 0) findings.addFailure(ordinal, source, `reason ${ordinal % 2}`);
        else findings.addLabel(ordinal, source, label(ordinal, source));
      }
    }
    const all = [...findings.inOrder()];
    expect(all.map(({ ordinal, source }) => [ordinal, source])).toEqual(
      Array.from({ length: 2 * objects }, (_, index) => [Math.floor(index / 2), index % 2]),
    );
    const isRight = all.map(({ kind, ordinal, source, bytes }) =>
      ordinal % 5 === 0
        ? kind === 'failure' && bytes.toString() === `reason ${ordinal % 2}`
        : kind === 'label' && bytes.equals(label(ordinal, source)),
    );
    expect(isRight).not.toContain(false);
    findings.close();
    directory.close();
  });
});
