import fc from 'fast-check';
import { StatesReader, StatesWriter, untouchedState, type ObjectState } from '../../manifests/object-states.ts';
import { MemorySink, sourceOf } from './streams.ts';

const generations = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 3 });
const state: fc.Arbitrary<ObjectState> = fc.record({
  label: fc.option(fc.nat(30)),
  attempts: generations,
  forgiven: generations,
  lastReason: fc.option(fc.string({ unit: 'grapheme' })),
  setAside: fc.boolean(),
  doubled: generations,
});

const write = async (runs: readonly (readonly [number, ObjectState])[]): Promise<MemorySink> => {
  const sink = new MemorySink();
  const writer = new StatesWriter(sink);
  for (const [count, each] of runs) writer.add(count, each);
  await writer.finish();
  return sink;
};

const readEach = async (bytes: Uint8Array | string): Promise<ObjectState[]> => {
  const reader = new StatesReader(sourceOf(bytes, [3, 50]));
  const states: ObjectState[] = [];
  for (let run = await reader.take(2); run !== null; run = await reader.take(2)) {
    for (let index = 0; index < run.count; index += 1) states.push(run.state);
  }
  return states;
};

describe('the object states file', () => {
  it('I2: gives back every state that was written', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), state)), async (runs) => {
        const sink = await write(runs);
        expect(await readEach(sink.bytes)).toEqual(
          runs.flatMap(([count, each]) => Array.from({ length: count }, () => each)),
        );
      }),
    );
  });

  it('holds one line for objects in the same state', async () => {
    const labeled = { ...untouchedState, label: 1 };
    const sink = await write([
      [4, labeled],
      [1, { ...labeled }],
      [2, untouchedState],
    ]);
    expect(sink.text).toBe('{"objects":[0,4],"label":1}\n{"objects":[5,6]}\n');
  });

  it('numbers reasons anew when there are more than 256', async () => {
    const runs = Array.from(
      { length: 700 },
      (_, index) => [1, { ...untouchedState, lastReason: `reason ${(index * 37) % 600}` }] as const,
    );
    expect(await readEach((await write(runs)).bytes)).toEqual(runs.map(([, each]) => each));
  });

  it.each([
    ['a gap', '{"objects":[0,1]}\n{"objects":[3,4],"label":1}\n', 2],
    ['a start that is not 0', '{"objects":[1,2]}\n', 1],
    ['a cut line', '{"objects":[0,1]}\n{"objects":[2,', 2],
    ['an unknown reason', '{"objects":[0,1],"reason":3}\n', 1],
    ['an unknown field', '{"objects":[0,1],"labels":3}\n', 1],
  ])('is refused when damaged: %s', async (_title, text, line) => {
    await expect(readEach(text)).rejects.toThrow(`the object states file is damaged at line ${line}`);
  });
});
