/** The JSON Schema of the spec is what the code reads with. */
import { readFile } from 'node:fs/promises';
import { SPEC_SCHEMA_PATH, specSchemaText } from '../../scripts/spec-schema.ts';

test('docs/schema/spec.schema.json is up to date; if not: npm run schema', async () => {
  expect(await readFile(SPEC_SCHEMA_PATH, 'utf8')).toBe(specSchemaText());
});

test('it describes what a person writes: durations are texts, only chain and job are needed', () => {
  const schema: unknown = JSON.parse(specSchemaText());
  expect(schema).toMatchObject({
    required: ['chain', 'job'],
    additionalProperties: false,
    properties: { policy: { properties: { lifetime: { type: 'string' }, handOver: { type: 'string' } } } },
  });
});
