import { writeLeftovers } from '../../manifests/leftovers.ts';
import { ChainFiles } from './chain-files.ts';
import { MemorySink, sourceOf } from './streams.ts';

const report = async (dataset: string, states: string): Promise<string> => {
  const to = new MemorySink();
  const jobName = (generation: number): string => `birds-4kq2z-00${generation}`;
  await writeLeftovers({ dataset: sourceOf(dataset), states: sourceOf(states), jobName, to });
  return to.text;
};

describe('the leftover report', () => {
  it('I2: names every object without a label once, with its bytes as they are', async () => {
    const dataset = '{"source":"a","L":0}\r\n {"source":"caf\\u00e9" , "n":1.0}\t\r\n{"source":"c"}';
    const states = [
      '{"objects":[0,0],"label":1}',
      '{"reason":0,"text":"Cannot \\"read\\""}',
      '{"objects":[1,1],"attempts":[2],"forgiven":[1],"reason":0,"setAside":true}',
      '{"objects":[2,2]}',
    ];
    expect(await report(dataset, states.join('\n'))).toBe(
      '{"line":2,"object":{"source":"caf\\u00e9" , "n":1.0},"attempts":2,"lastReason":"Cannot \\"read\\"","jobs":["birds-4kq2z-001","birds-4kq2z-002"],"setAside":true}\n' +
        '{"line":3,"object":{"source":"c"},"attempts":0,"lastReason":null,"jobs":[],"setAside":false}\n',
    );
  });

  it('is empty when everything is labeled', async () => {
    const files = new ChainFiles();
    await files.start('{"source":"a","L":null}\n');
    expect(await files.leftovers()).toEqual([]);
  });

  it.each([
    ['{"source":"a"}\n', '{"objects":[0,1]}'],
    ['{"source":"a"}\n{"source":"b"}\n', '{"objects":[0,0]}'],
    ['{"source":"a"\n', '{"objects":[0,0]}'],
  ])('refuses a dataset %j with states %j', async (dataset, states) => {
    await expect(report(dataset, states)).rejects.toThrow(/do not belong together|damaged/);
  });
});
