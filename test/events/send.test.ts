import { Readable } from 'node:stream';
import fc from 'fast-check';
import { sendEvents, splitEvents } from '../../events/send.ts';
import { fakeTemporal, grpcFailure, notFound } from './fake-temporal.ts';
import { believed, stateChangeEvent, taskEvent } from './recorded-events.ts';

const split = async (...chunks: string[]) => {
  const bodies = [];
  for await (const body of splitEvents(Readable.from(chunks))) bodies.push(body);
  return bodies;
};

describe('events are read from', () => {
  const [first, second] = [stateChangeEvent('a'), stateChangeEvent('b')];
  const both = [first, second];
  test.each([
    ['JSON Lines', `${JSON.stringify(first)}\n${JSON.stringify(second)}\n`, [1, 2]],
    ['JSON Lines of Windows', `${JSON.stringify(first)}\r\n\r\n${JSON.stringify(second)}`, [1, 3]],
    ['one document after another', both.map((event) => JSON.stringify(event, null, 2)).join('\n'), [1, 16]],
    ['values without anything between', both.map((event) => JSON.stringify(event)).join(''), [1, 1]],
    ['an array', JSON.stringify(both, null, 2), [2, 17]],
  ])('%s', async (_name, text, lines) => {
    const bodies = await split(text);
    expect(bodies.map(({ line }) => line)).toEqual(lines);
    expect(bodies.map(({ body }): unknown => JSON.parse(body))).toEqual(both);
  });

  test('whatever is in their strings and however the stream is cut', async () => {
    const values = fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        values,
        fc.constantFrom('', '\n', ' ', ',\n'),
        fc.integer({ min: 1, max: 50 }),
        async (objects, between, size) => {
          const bytes = Buffer.from(objects.map((object) => JSON.stringify(object)).join(between));
          const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
            bytes.subarray(n * size, (n + 1) * size),
          );
          const bodies = [];
          for await (const { body } of splitEvents(Readable.from(chunks, { objectMode: false })))
            bodies.push(JSON.parse(body));
          expect(bodies).toEqual(objects.map((object): unknown => JSON.parse(JSON.stringify(object))));
        },
      ),
    );
  });
});

test('a line that is cut off or no JSON at all does not swallow the ones after it', async () => {
  const good = JSON.stringify(stateChangeEvent('a'));
  const bodies = await split(`${good}\n${good.slice(0, 40)}\n${good}\nhello {\n${good}`);
  expect(bodies.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5]);
  expect(bodies.filter(({ body }) => body === good).map(({ line }) => line)).toEqual([1, 3, 5]);
});

test('the report counts each outcome and names the lines that were refused (I4)', async () => {
  const { client, sent } = fakeTemporal(({ workflowId }) => {
    if (workflowId.endsWith(':gone')) throw notFound('workflow not found for ID: x');
  });
  const lines = [
    stateChangeEvent('a'),
    stateChangeEvent('gone'),
    stateChangeEvent('b', 'Completed', { account: '999999999999' }),
    taskEvent('a', 'Submitted'),
    stateChangeEvent('c', 'Completed', { source: 'aws.s3' }),
  ].map((event) => JSON.stringify(event));
  const report = await sendEvents(Readable.from([`${lines.join('\n')}\nnonsense\n`]), { client, believed });
  expect(report).toEqual({
    counts: { delivered: 1, 'nobody-follows': 1, poison: 2, counted: 1, 'not-ours': 1 },
    problems: [
      { line: 3, kind: 'poison', why: 'wrong-account' },
      { line: 6, kind: 'poison', why: 'not-json' },
    ],
    complete: true,
  });
  expect(sent).toHaveLength(2);
});

test('an outage ends the sending after its batch, and the report says so', async () => {
  const { client, sent } = fakeTemporal(() => {
    throw grpcFailure(14, 'refused');
  });
  const lines = Array.from({ length: 200 }, (_, n) => JSON.stringify(stateChangeEvent(`job-${n}`)));
  const report = await sendEvents(Readable.from([lines.join('\n')]), { client, believed });
  expect(report.complete).toBe(false);
  expect(report.problems[0]).toEqual({ line: 1, kind: 'outage', why: 'UNAVAILABLE' });
  expect(sent).toHaveLength(50);
});

test('a file from a person may hold any account and region, and still no name that AWS forbids', async () => {
  const { client, sent } = fakeTemporal();
  const anywhere = { accounts: 'any', regions: 'any' } as const;
  const lines = [stateChangeEvent('a'), stateChangeEvent('b', 'Completed', { resources: ['arn:aws:s3:::x'] })];
  const report = await sendEvents(Readable.from([lines.map((event) => JSON.stringify(event)).join('\n')]), {
    client,
    believed: anywhere,
  });
  expect(report.counts).toEqual({ delivered: 1, poison: 1 });
  expect(sent).toHaveLength(1);
});

test('an empty file is no mistake', async () => {
  const { client } = fakeTemporal();
  expect(await sendEvents(Readable.from(['\n']), { client, believed })).toEqual({
    counts: {},
    problems: [],
    complete: true,
  });
});
