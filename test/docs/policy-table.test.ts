/** The table of policy fields in docs/start-and-steer.md is the schema's list, with the defaults that the code fills in. */
import { readFile } from 'node:fs/promises';
import { formatDuration, parseDurationMs } from '../../decisions/durations.ts';
import { policySchema, resolvePolicy } from '../../decisions/policy-schema.ts';

/** Field → the word for its default, or null where the table sums several up or says it in words. */
const rows = async (): Promise<Map<string, string | null>> => {
  const page = await readFile('docs/start-and-steer.md', 'utf8');
  const table = /^\| `policy\.`[\s\S]*?\n\n/m.exec(page)?.[0] ?? '';
  const found = new Map<string, string | null>();
  for (const line of table.split('\n').slice(2)) {
    const [, names = '', defaults = ''] = line.split('|').map((cell) => cell.trim());
    const fields = [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name ?? '');
    const values = defaults.split(',').map((value) => value.trim());
    for (const [index, field] of fields.entries())
      found.set(field, values.length === fields.length ? (values[index] ?? null) : null);
  }
  return found;
};

test('every field of the policy has its place in the table, and nothing else has', async () => {
  const fields = Object.keys(policySchema.shape);
  expect(fields.length).toBeGreaterThan(15);
  expect([...(await rows()).keys()].toSorted()).toEqual(fields.toSorted());
});

test('a default that is a number, a word or a duration is the one that the code fills in', async () => {
  const policy: Record<string, unknown> = resolvePolicy({}, { taskType: null, hasAlgorithms: false });
  const written: Record<string, unknown> = {};
  const filledIn: Record<string, unknown> = {};
  for (const [field, value] of await rows()) {
    const text = /^`"(.+)"`$/.exec(value ?? '')?.[1] ?? value ?? '';
    const isWord = value !== null && value !== text;
    if (parseDurationMs(text) === null && !/^\d+$/.test(text) && !isWord) continue;
    written[field] = parseDurationMs(text) ?? (isWord ? text : Number(text));
    filledIn[field] = policy[`${field}Ms`] ?? policy[field];
  }
  expect(Object.keys(written).length).toBeGreaterThan(13);
  expect(filledIn).toEqual(written);
  expect(formatDuration(policy['lateLabelsMs'] as number)).toBe('1d');
});
