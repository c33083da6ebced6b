/** The judge of chains must see what is wrong, and must not call wrong what is right: hand-made ledgers. */
import { checkLedger, doubledLabels, identityOf, wrongDoubled } from '../../demo/ledger-check.ts';
import type { LedgerRecord } from '../../simulator/ledger.ts';

const bird = '{"source-ref":"s3://b/1.jpg"}';
const other = '{"source-ref":"s3://b/2.jpg"}';
const labeled = (line: string): string => line.replace('}', ',"species":1}');

const created = (job: string): LedgerRecord => ({
  kind: 'created',
  atMs: 0,
  job,
  arn: '',
  ordinal: 1,
  labelAttribute: 'species',
  inputManifestUri: null,
  outputManifestUri: '',
  tags: [],
});
const sent = (job: string, lines: string[]): LedgerRecord => ({
  kind: 'sent',
  atMs: 0,
  job,
  batch: 1,
  objects: lines.map((line, index) => ({ index, sha256: '', identity: identityOf(line, 'species') })),
});
const published = (job: string, newlyReadable: number[]): LedgerRecord => ({
  kind: 'published',
  atMs: 0,
  job,
  uri: '',
  lines: 0,
  newlyReadable,
});
const over = (job: string): LedgerRecord => ({
  kind: 'status',
  atMs: 0,
  job,
  from: 'InProgress',
  to: 'Completed',
  reason: null,
});

const broken = (
  ledger: LedgerRecord[],
  manifest: string[],
  finalManifest: string[],
  leftovers: number[] = [],
): string[] =>
  checkLedger({
    ledger,
    labelAttribute: 'species',
    manifest: manifest.join('\n'),
    finalManifest: finalManifest.join('\n'),
    leftoverReport: leftovers.map((line) => JSON.stringify({ line })).join('\n'),
  })
    .filter(({ holds }) => !holds)
    .map(({ invariant }) => invariant);

test('I1: an object whose label could be read is not sent again', () => {
  const ledger = [created('a'), sent('a', [bird, other]), published('a', [0]), over('a'), created('b')];
  expect(
    broken([...ledger, sent('b', [other]), published('b', [0])], [bird, other], [labeled(bird), labeled(other)]),
  ).toEqual([]);
  expect(broken([...ledger, sent('b', [bird, other])], [bird, other], [labeled(bird), other], [2])).toEqual(['I1']);
});

test('I1: an object that was given with its label is never sent', () => {
  expect(broken([created('a'), sent('a', [bird])], [labeled(bird)], [labeled(bird)])).toEqual(['I1']);
});

test('I1: identical lines are separate objects: two labels for one of them leave the other to be sent', () => {
  const ledger = [
    created('a'),
    sent('a', [bird, bird]),
    over('a'),
    created('b'),
    sent('b', [bird, bird]),
    // Both jobs labeled the first of the two; the label of job a came late.
    published('a', [0]),
    published('b', [0]),
    over('b'),
    created('c'),
  ];
  const manifest = [bird, bird];
  expect(broken([...ledger, sent('c', [bird])], manifest, [labeled(bird), bird], [2])).toEqual([]);
  expect(broken([...ledger, sent('c', [bird, bird])], manifest, [labeled(bird), bird], [2])).toEqual(['I1']);
  // If the output of job b came in another order, its label may as well be that of the second.
  expect(doubledLabels(ledger, manifest.join('\n'), 'species')).toEqual({ least: 0, most: 1 });
});

test('identical objects of which one failed: it may be set aside, so two jobs may have labeled the same other one, or both', () => {
  const failed: LedgerRecord = { kind: 'object-failed', atMs: 0, job: 'a', objectIndex: 0, reason: 'declined' };
  const sentTwice = (failures: LedgerRecord[]): LedgerRecord[] => [
    created('a'),
    sent('a', [bird, bird]),
    ...failures,
    over('a'),
    created('b'),
    sent('b', [bird]),
    published('b', [0]),
    over('b'),
    // The other one's label came late.
    published('a', [1]),
  ];
  const manifest = [bird, bird];
  expect(broken(sentTwice([failed]), manifest, [bird, labeled(bird)], [1])).toEqual([]);
  expect(broken(sentTwice([failed]), manifest, [labeled(bird), labeled(bird)])).toEqual([]);
  expect(broken(sentTwice([failed]), manifest, [bird, bird], [1, 2])).toEqual(['I2']);
  expect(broken([...sentTwice([failed]), created('c'), sent('c', [bird, bird])], manifest, manifest, [1, 2])).toEqual([
    'I1',
    'I2',
  ]);
  expect(doubledLabels(sentTwice([failed]), manifest.join('\n'), 'species')).toEqual({ least: 0, most: 1 });
  // Nothing failed: the first was sent, and the second has its own label.
  expect(broken(sentTwice([]), manifest, [bird, labeled(bird)], [1])).toEqual(['I2']);
  expect(doubledLabels(sentTwice([]), manifest.join('\n'), 'species')).toEqual({ least: 0, most: 0 });
});

test('I1: a second label for an object that has no copy is doubled, and any other count is wrong', () => {
  const ledger = [created('a'), sent('a', [bird]), over('a'), created('b'), sent('b', [bird])];
  const both = [...ledger, published('a', [0]), published('b', [0])];
  const doubled = doubledLabels(both, bird, 'species');
  expect(doubled).toEqual({ least: 1, most: 1 });
  expect(wrongDoubled(1, doubled)).toBeNull();
  expect(wrongDoubled(0, doubled)).toBe('0 labels are counted as doubled, the ledger says 1');
  expect(wrongDoubled(undefined, { least: 0, most: 1 })).toMatch(/the ledger says 0 to 1$/);
});

test('I2: a label that could be read, or was given, is in the final manifest; every object is there once', () => {
  const ledger = [created('a'), sent('a', [bird]), published('a', [0])];
  expect(broken(ledger, [bird], [bird], [1])).toEqual(['I2']);
  expect(broken([], [labeled(bird)], [bird], [1])).toEqual(['I2']);
  expect(broken([], [bird], [bird])).toEqual(['I2']);
  expect(broken(ledger, [bird], [labeled(bird)], [1])).toEqual(['I2']);
  expect(broken([], [bird, other], [other, bird], [1, 2])).toEqual(['I2']);
});

test('I3: two jobs are not live together', () => {
  expect(broken([created('a'), created('b')], [bird], [bird], [1])).toEqual(['I3']);
  expect(broken([created('a'), over('a'), created('b')], [bird], [bird], [1])).toEqual([]);
});
